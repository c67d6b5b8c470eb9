# layercut import on MNIST itself; a network that knows digits reads what came out.
. "$ROOT/tests/cli_helpers.sh"
mnist=$LC_SHARED/assets/images/mnist
[ -n "$LC_SHARED" ] && [ -d "$mnist" ] || skip "no MNIST (LC_SHARED)"
"$LAYERCUT" import "$mnist" -o digits --per-class 100 --quiet
echo "the first test pictures are 7 2 1 0 4:"
(cd digits/test && ls ./*/0000[0-4].pgm)
for i in 0 1 2 3 4 5 6 7 8 9; do echo $i; done >names
"$LAYERCUT" evaluate "$LC_SHARED/assets/weights/mnist.onnx" digits --classes names --mean 0 --std 1/255 --json result.json \
    --quiet >/dev/null
awk '/"accuracy"/ { a = $2 + 0; print (a > 0.97 ? "more than 0.97 of 1000 right" : "accuracy " a); exit }' result.json
