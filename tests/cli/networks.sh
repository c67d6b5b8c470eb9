# A network from a file: found again by predict wherever it was given from, refused when it is another one.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 4
mkdir nets
cp "$ROOT/tests/cli/tiny.onnx" nets
try layers nets/tiny.onnx
quietly extract nets/tiny.onnx pictures -o f.h5 --resize 20
quietly train f.h5 -o c.h5 -c 10
mkdir elsewhere
(cd elsewhere && "$LAYERCUT" predict ../c.h5 ../pictures/test/dots/000.ppm | cut -f 1)
"$LAYERCUT" predict c.h5 pictures/test/dots >before.txt
mv nets/tiny.onnx moved.onnx
expect 1 "--model PATH" predict c.h5 pictures/test/dots
"$LAYERCUT" predict c.h5 pictures/test/dots --model moved.onnx >after.txt
same before.txt after.txt
quietly train f.h5 -o m.h5 -c 10 --model moved.onnx
"$LAYERCUT" predict m.h5 pictures/test/dots >again.txt
same before.txt again.txt
# One picture alone and among others: the same scores.
"$LAYERCUT" predict m.h5 pictures/test/dots/002.ppm >alone.txt
grep 002.ppm before.txt >among.txt
same alone.txt among.txt
# The same network with a comment is another file: its features might differ.
cp moved.onnx other.onnx
printf '\062\001x' >>other.onnx
expect 4 "sha256" predict c.h5 pictures/test/dots --model other.onnx
expect 4 "network" extract other.onnx pictures -o f.h5 --resize 20
# Its own head, whose five outputs are the five class folders.
quietly evaluate moved.onnx pictures --json e.json
grep -E '"(schema|split)"' e.json; grep '"rows"' e.json | head -n 1
"$LAYERCUT" predict moved.onnx pictures/test/dots/000.ppm --top 9 | awk -F'\t' '{ print $1, NF }'
expect 2 "goes with a classifier" predict moved.onnx pictures --model nets
# Names of the outputs in the file itself, in another order than the folders: predict says them, evaluate goes by them.
cp moved.onnx named.onnx
printf '\162\053\012\007classes\022\040stripes,rings,dots,checks,bricks' >>named.onnx
"$LAYERCUT" predict moved.onnx pictures/test/dots/000.ppm | cut -f 2 | sed 's/0/stripes/; s/1/rings/; s/2/dots/; s/3/checks/; s/4/bricks/'
"$LAYERCUT" predict named.onnx pictures/test/dots/000.ppm | cut -f 2
mkdir -p two/rings two/dots; cp pictures/test/rings/* two/rings; cp pictures/test/dots/* two/dots
quietly evaluate named.onnx two
mv two/rings two/squares
expect 2 "class folder 'squares' is not among named.onnx" evaluate named.onnx two
