# An existing file brought up to date: what changed is computed, nothing else, and nothing of another recipe.
. "$ROOT/tests/cli_helpers.sh"
count() { "$LAYERCUT" extract embedded "$@" 2>err.txt | sed -n 's/^pictures *//p'; }
"$O/draw_toy" drawn >/dev/null
mkdir pictures
# 1 000 pictures: 400 drawn ones, and as many again that differ in a comment of the file.
i=0
find drawn -name '*.ppm' | LC_ALL=C sort >list
for copy in 1 2 3; do
    while read -r f; do
        [ $i -lt 1010 ] || break
        class=$(basename "$(dirname "$f")")
        mkdir -p pictures/$class
        { echo "P6"; echo "# copy $copy"; tail -n +2 "$f"; } >pictures/$class/$(printf %04d $i).ppm
        i=$((i + 1))
    done <list
done
mkdir later
find pictures -name '*.ppm' | LC_ALL=C sort | awk 'NR % 101 == 7' | while read -r f; do mv "$f" later; done
find pictures -name '*.ppm' | wc -l

echo "new:        $(count pictures -o f.h5)"
echo "again:      $(count pictures -o f.h5)"
for f in later/*.ppm; do cp "$f" pictures/dots; done
expect 4 "path differs.*--refresh keeps|number of pictures differs.*--refresh keeps" extract embedded pictures -o f.h5
echo "ten more:   $(count pictures -o f.h5 --refresh)"
mv pictures/rings pictures/hoops
mv pictures/hoops/0*1.ppm pictures/dots
echo "renamed:    $(count pictures -o f.h5 --refresh)"
rm pictures/dots/0*2.ppm
echo "removed:    $(count pictures -o f.h5 --refresh | sed 's/^[0-9]*: //; s/[0-9]* kept/N kept/')"
one=$(find pictures -name '*.ppm' | LC_ALL=C sort | sed -n 5p)
{ echo P6; echo "# changed"; tail -n +3 "$one"; } >new.ppm
mv new.ppm "$one"
expect 4 "has changed since its row was computed; --refresh" extract embedded pictures -o f.h5
echo "changed:    $(count pictures -o f.h5 --refresh | sed 's/^[0-9]*: //; s/[0-9]* kept/N kept/')"
expect 4 "recipe differs: resize 64 \(this run\), [0-9]* \(f.h5\)|recipe differs: resize 72" extract embedded pictures -o f.h5 --resize 72
expect 4 "recipe differs: resize 72" extract embedded pictures -o f.h5 --resize 72 --refresh
"$LAYERCUT" extract embedded pictures -o f.h5 --resize 72 --refresh 2>&1 | grep -c '^layercut'
expect 4 "pooling differs: max \(this run\), avg" extract embedded pictures -o f.h5 --pool max --refresh --layers layer1.0
expect 4 "dtype differs: f16 \(this run\), f32" extract embedded pictures -o f.h5 --dtype f16 --refresh
quietly extract embedded pictures -o whole.h5
quietly export f.h5 --format npy -o f
quietly export whole.h5 --format npy -o whole
same f.npy whole.npy

# Layers are added beside those that are there.
expect 4 "--refresh adds layers" extract embedded pictures -o f.h5 --layers layer1.0,view
echo "two layers: $(count pictures -o f.h5 --layers layer1.0,layer3.1 --refresh | sed 's/[0-9]* computed/N computed/; s/^[0-9]*/N/')"
echo "again:      $(count pictures -o f.h5 --layers layer1.0 --refresh | sed 's/[0-9]* kept/N kept/; s/^[0-9]*/N/')"
quietly extract embedded pictures -o three.h5 --layers layer1.0,layer3.1,view
for layer in layer1.0 layer3.1 view; do
    quietly export f.h5 --format npy -o f --layer $layer
    quietly export three.h5 --format npy -o three --layer $layer
    same f.npy three.npy
done
"$LAYERCUT" info f.h5 --json - | grep -E '"name": "(layer|view)'

# A compressed file is made of copies too; one that failed is tried again.
echo "not a picture" >pictures/dots/bad.jpg
quietly_code() { "$LAYERCUT" "$@" >try.out 2>try.err; echo "exit $?"; }
quietly_code extract embedded pictures -o f.h5 --refresh --compress
quietly_code extract embedded pictures -o f.h5 --layers layer1.0,layer3.1,view
grep pictures try.out | sed 's/[0-9]* kept/N kept/; s/^pictures *[0-9]*/N/'
quietly_code extract embedded pictures -o f.h5 --refresh --compress
rm pictures/dots/bad.jpg
quietly_code extract embedded pictures -o f.h5 --refresh
quietly export f.h5 --format npy -o f
same f.npy three.npy
ls ./*.new ./*.layers 2>/dev/null
exit 0
