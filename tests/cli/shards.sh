# Parts of a job and their merging: the bytes of a single run; what does not belong is refused by name.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 6
echo "not a picture" >pictures/test/dots/zzz.jpg
layers="layer1.0 layer3.1 flatten"
all=layer1.0,layer3.1,flatten
# rows FILE NAME: every layer and everything about the pictures, as text and bytes.
rows() {
    for layer in $layers; do quietly export "$1" --format npy -o "$2.$layer" --layer $layer; done
    "$LAYERCUT" info "$1" --failed >"$2.failed"
    "$LAYERCUT" info "$1" --json - | grep -vE '"(file|created_utc|command|layout)"' >"$2.info"
}
"$LAYERCUT" extract embedded pictures -o one.h5 --layers $all -q >/dev/null
rows one.h5 one
for i in 1 2 3 4; do
    "$LAYERCUT" extract embedded pictures -o part$i.h5 --layers $all --shard $i/4 -q 2>/dev/null | head -n 1
done
try merge part3.h5 part1.h5 part4.h5 part2.h5 -o merged.h5 --json merged.json
grep -E '"(schema|parts|rows|failed)"' merged.json
quietly merge part[1-4].h5 -o virtual.h5 --virtual
[ "$(wc -c <virtual.h5)" -lt "$(wc -c <merged.h5)" ] && echo "the virtual file is smaller"
for name in merged virtual; do
    rows $name.h5 $name
    for layer in $layers; do same one.$layer.npy $name.$layer.npy; done
    same one.failed $name.failed
    same one.info $name.info
done
"$LAYERCUT" info virtual.h5 | grep '^stored'
"$LAYERCUT" info part2.h5 | grep -E '^(stored|part) '
quietly train virtual.h5 -o c.h5 -c 1
quietly evaluate c.h5 merged.h5
# In another folder, seen from another folder.
mkdir -p deep/parts
mv part1.h5 part2.h5 deep/parts
quietly merge part3.h5 part4.h5 deep/parts/part1.h5 deep/parts/part2.h5 -o deep/virtual.h5 --virtual
(cd deep/parts && "$LAYERCUT" export ../virtual.h5 --format npy -o ../../deep -q >/dev/null)
same one.flatten.npy deep.npy
mv deep/parts/part1.h5 deep/parts/part2.h5 .
expect 4 "virtual.h5: its part deep/parts/part1.h5 is not there" info deep/virtual.h5
expect 4 "virtual.h5: its part deep/parts/part1.h5 is not there" train deep/virtual.h5 -o d.h5

expect 4 "1 of 4 parts missing: 3/4" merge part1.h5 part2.h5 part4.h5 -o x.h5
expect 4 "2 of 4 parts missing: 2/4, 3/4" merge part1.h5 part4.h5 -o x.h5
cp part2.h5 twice.h5
expect 4 "part 2/4 is there twice: part2.h5 and twice.h5" merge part[1-4].h5 twice.h5 -o x.h5
expect 4 "one.h5 is no part" merge part1.h5 one.h5 -o x.h5
"$LAYERCUT" extract embedded pictures -o foreign.h5 --layers $all --shard 2/4 --interpolation bicubic -q >/dev/null 2>&1
expect 4 "part1.h5 and foreign.h5 are of different jobs.*interpolation" merge part1.h5 foreign.h5 part3.h5 part4.h5 -o x.h5
"$LAYERCUT" extract embedded pictures -o layers.h5 --layers flatten --shard 2/4 -q >/dev/null 2>&1
expect 4 "part1.h5 and layers.h5 are of different jobs.*layer" merge part1.h5 layers.h5 part3.h5 part4.h5 -o x.h5
cp pictures/test/dots/000.ppm pictures/test/dots/more.ppm
"$LAYERCUT" extract embedded pictures -o other.h5 --layers $all --shard 2/4 -q >/dev/null 2>&1
expect 4 "other.h5 is a part of other pictures" merge part1.h5 other.h5 part3.h5 part4.h5 -o x.h5
head -c 20000 part2.h5 >cut.h5
expect 4 "cut.h5" merge part1.h5 cut.h5 part3.h5 part4.h5 -o x.h5
expect 2 "merged.h5 exists" merge part[1-4].h5 -o merged.h5
expect 2 "wants I/N" extract embedded pictures -o x.h5 --shard 5/4
expect 2 "wants I/N" extract embedded pictures -o x.h5 --shard 0/4
expect 2 "wants I/N" extract embedded pictures -o x.h5 --shard 1
expect 2 "part 1 of 100000 has no pictures" extract embedded pictures -o x.h5 --shard 1/100000
rm pictures/test/dots/more.ppm
expect 4 "shard differs: none \(this run\), 1/4 of" extract embedded pictures -o part1.h5 --layers $all
expect 4 "shard differs: 2/4 of [0-9]* pictures \(this run\), 1/4 of" extract embedded pictures -o part1.h5 --layers $all --shard 2/4
ls x.h5* ./*.new 2>/dev/null
exit 0
