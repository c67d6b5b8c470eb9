# datasets/drawn: both sets, the same bytes from the same seed, others from another; more pictures leave the first as they are.
. "$ROOT/tests/cli_helpers.sh"
for set in textures scenes; do
    "$O/draw" $set $set 1 3 2 2
    "$O/draw" $set again 1 4 0 2 >/dev/null
    "$O/draw" $set other 2 1 0 0 >/dev/null
    ls $set/train | tr '\n' ' '
    echo
    find $set -name '*.ppm' | sed 's|/[a-z]*/[0-9]*.ppm||' | sort | uniq -c | sed 's/^ *//'
    different=0
    for picture in $(cd $set && find train test -name '*.ppm'); do
        cmp -s "$set/$picture" "again/$picture" || different=$((different + 1))
    done
    echo "pictures that another number of pictures changed: $different"
    for picture in $(cd other && find . -name '*.ppm'); do
        ! cmp -s "$set/$picture" "other/$picture" || echo "not changed by the seed: $picture"
    done
    echo "pictures that are there twice: $(find $set -name '*.ppm' -exec cksum {} + | cut -d ' ' -f 1 | sort | uniq -d | wc -l)"
    rm -r again other
done
try extract embedded textures -o t.h5 --quiet | grep -v '^wrote'
"$O/draw" houses x 2>&1
echo "exit $?"
touch file
"$O/draw" scenes file/x 2>&1 | sed 's/: .*: /: ... /'
