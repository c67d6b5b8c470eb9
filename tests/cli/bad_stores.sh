# Damaged features and classifier files: exit 4 with what differs, never a number from them.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 4
quietly extract embedded pictures -o good.h5
quietly train good.h5 -o c.h5 -c 1
size=$(wc -c <good.h5)
for part in 4 2; do
    head -c $((size / part)) good.h5 >truncated.h5
    expect 4 "truncated.h5" info truncated.h5
    expect 4 "truncated.h5" train truncated.h5 -o d.h5
    expect 4 "truncated.h5" evaluate c.h5 truncated.h5
    expect 4 "truncated.h5" export truncated.h5 --format npy -o x
    expect 4 "truncated.h5" extract embedded pictures -o truncated.h5
done
: >nothing.h5
expect 4 "nothing.h5" info nothing.h5
echo words >words.h5
expect 4 "words.h5" train words.h5 -o d.h5
cp good.h5 newer.h5
"$O/tests/break_store" newer.h5 version 2
expect 4 "version" info newer.h5
expect 4 "version" train newer.h5 -o d.h5
layer=$("$LAYERCUT" info good.h5 --json - | sed -n 's/^ *"id": "\(.*\)",$/\1/p' | tail -n 1)
cp good.h5 nan.h5
"$O/tests/break_store" nan.h5 nan "$layer" 22
expect 4 "nan.h5" train nan.h5 -o d.h5
expect 4 "nan.h5" export nan.h5 --format npy -o x
size=$(wc -c <c.h5)
head -c $((size / 2)) c.h5 >half.h5
expect 4 "half.h5" predict half.h5 pictures
expect 4 "half.h5" evaluate half.h5 good.h5
[ ! -e d.h5 ] && [ ! -e x.npy ] && echo "nothing was made of them"
cp c.h5 newer_c.h5
"$O/tests/break_store" newer_c.h5 version 3
expect 4 "newer_c.h5: format_version 3" predict newer_c.h5 pictures
expect 4 "newer_c.h5: format_version 3" evaluate newer_c.h5 good.h5
