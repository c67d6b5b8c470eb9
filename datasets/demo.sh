#!/bin/sh
# The first minute, on pictures that are drawn here: demo.sh BINARY FOLDER (replaced).
set -e
binary=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
draw=$(dirname "$binary")/draw
folder=$2
begun=$(date +%s)
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

# Shows a command as one would type it, then runs it.
try() {
    printf '\n$ layercut'
    for word in "$@"; do case $word in *' '*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac; done
    printf '\n'
    "$binary" "$@"
}

# The table and the curve; what follows stands in report.txt.
curve() {
    try run embedded "$1" -o "$1-out" -c 10,100,1000 -q >curve.txt
    sed '/^ *precision /,$d' curve.txt
    echo "The whole report: $1-out/report.txt"
}

echo "1. Two sets of pictures, drawn here. Every picture shows an object before a"
echo "   surface, in random colours. In 'textures' the surface is the class, in"
echo "   'scenes' the object is:"
"$draw" textures textures
"$draw" scenes scenes

echo
echo "2. A small network that is built in, trained on other pictures (CIFAR-10)."
echo "   Where can it be cut?"
try layers embedded --layers @block

echo
echo "3. Textures: features of every block, an SVM on each, the best cut, judged once:"
curve textures

echo
echo "4. Scenes: the same network, another question, another cut:"
curve scenes

echo
echo "5. Pictures it has not seen:"
try predict scenes-out/classifier.h5 scenes/test/boat/000.ppm scenes/test/fish/000.ppm scenes/test/house/000.ppm --top 2

echo
echo "6. Would training the network itself do better? An SVM on its frozen features"
echo "   beside fine-tuning its last layer, and all of it:"
try compare embedded scenes -o compare-out --modes svm,head,full --layer layer3.0 -e 8 --finetune='--lr 0.05 -b 16' -q

cat <<END

All of it in $(($(date +%s) - begun)) s; it lies in
  $folder
with the curves as pictures, where gnuplot is: textures-out/sweep.svg and
scenes-out/sweep.svg. Try next, on your own pictures (a folder for each class):
  layercut run embedded YOUR_PICTURES -o out
  sh datasets/fetch.sh resnet18 && layercut run resnet18 YOUR_PICTURES -o out
  layercut compare resnet18 YOUR_PICTURES -o compared
END
