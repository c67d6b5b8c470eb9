# --dry-run says what it comes to and writes nothing; what the disk has no room for is refused, by it and by the run.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 3
"$LAYERCUT" extract embedded pictures -o f.h5 --layers layer1.0,flatten --dry-run --json plan.json -q |
    sed 's/; .* are free/; X are free/; s/most [0-9.]*[kMG]* /most X /; s/about .*/about X/'
grep -oE '"(schema|rows|bytes|memory|measured|seconds)"' plan.json
grep '"bytes"' plan.json
"$LAYERCUT" extract embedded pictures -o f.h5 --layers layer1.0,flatten --dry-run --dtype f16 --json - -q | grep '"bytes"'
expect 1 "nowhere/f.h5" extract embedded pictures -o nowhere/f.h5 --dry-run
# Twice as many rows of 32 x 512 x 512 numbers as there is room for; the pictures need not exist for that.
free=$(df -Pk . | awk 'NR == 2 { print $4 }')
rows=$((free * 2 / 32768 + 2))
if [ $rows -lt 10000000 ]; then
    { echo path; yes p.png | head -n $rows; } >many.csv
    flat="--layers layer1.0 --pool flat --input 1024 --resize 1024"
    # shellcheck disable=SC2086
    for dry in "" --dry-run; do
        expect 1 "f.h5: the features take .* GB, its disk has .* GB left; fewer layers" extract embedded many.csv -o f.h5 $flat $dry
    done
else
    skip "a disk too large to be filled by a list of pictures"
fi
{ echo path; yes p.png | head -n 30; } >none.csv
expect 1 "none of the 30 pictures that were tried can be read: .*No such file" extract embedded none.csv -o f.h5 --dry-run
expect 2 "wants f32 or f16" extract embedded pictures -o f.h5 --dtype f64
expect 2 "wants seconds" extract embedded pictures -o f.h5 --flush 0
ls ./*.h5* 2>/dev/null
exit 0
