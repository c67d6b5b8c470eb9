#!/bin/sh
# The whole path on pictures that are drawn here: demo.sh BINARY FOLDER (replaced).
set -e
binary=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
draw=$(dirname "$binary")/draw_toy
folder=$2
begun=$(date +%s)
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

# Shows a command as one would type it, then runs it.
try() {
    printf '\n$ layercut'
    for word in "$@"; do printf ' %s' "$word"; done
    printf '\n'
    "$binary" "$@"
}

echo "A small picture set, drawn here:"
"$draw" pictures

echo
echo "1. What can be tapped?"
try layers embedded --layers @block
echo
echo "2. Pictures -> activations of every block, in one pass:"
try extract embedded pictures -o features.h5 --layers @block
try info features.h5
echo
echo "3. A classifier on the deepest layer, C by cross-validation:"
try train features.h5 -o classifier.h5
echo
echo "4. How good is it on pictures it has not seen?"
try evaluate classifier.h5 features.h5
echo
echo "5. New pictures:"
try predict classifier.h5 pictures/test/dots/000.ppm pictures/test/rings/000.ppm --top 2
echo
echo "6. The same features for other programs:"
try export features.h5 --format npy -o features --split test

cat <<END

Drawn, extracted, trained, judged and predicted in $(($(date +%s) - begun)) s. All of it lies in
  $folder
The network 'embedded' has random filters; a trained one does much better.
Try next:
  layercut train features.h5 -o rbf.h5 --kernel rbf
  layercut extract resnet18.onnx YOUR_PICTURES -o yours.h5 --layers @block
END
