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
"$draw" toy

echo
echo "1. What can be tapped?"
try layers embedded --layers @block
echo
echo "2. Pictures -> activations of every block, in one pass:"
try extract embedded toy -o features.h5 --layers @block
try info features.h5
echo
echo "3. A classifier on one of them, C by cross-validation (random filters lose"
echo "   more with every block, so not the deepest):"
try train features.h5 -o svm.h5 --layer layer2.1
echo
echo "4. How good is it on pictures it has not seen?"
try evaluate svm.h5 features.h5
echo
echo "5. New pictures:"
try predict svm.h5 toy/test/dots/000.ppm toy/test/rings/000.ppm --top 2
echo
echo "6. The same features for other programs:"
try export features.h5 --format npy -o features --split test

cat <<END

Drawn, extracted, trained, judged and predicted in $(($(date +%s) - begun)) s. All of it lies in
  $folder
Guessing would be right in 0.20 of five classes; the network 'embedded' has
random filters, a trained one does much better. Try next:
  layercut train features.h5 -o deepest.h5
  layercut train features.h5 -o rbf.h5 --layer layer2.1 --kernel rbf
  layercut extract squeezenet1_0.onnx YOUR_PICTURES -o yours.h5
END
