# All of it in one command; what is there is not computed again.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 8
try run embedded pictures -o out --input 32 --resize 32 -c 1,10 -q | grep -E '^(\$|embedded|pictures|[0-9]+ rows|chosen|split|accuracy [0-9.]+ \(|wrote)'
ls out | grep -v svg
grep -c '^chosen by' out/report.txt
"$LAYERCUT" run embedded pictures -o out --input 32 --resize 32 -c 1,10 2>&1 >/dev/null | grep -o 'for 0 pictures, 80 were there'
# The classifier is the one that train makes of the chosen layer, and predicts.
layer=$(sed -n 's/^  "chosen": "\(.*\)",$/\1/p' out/sweep.json)
quietly train out/features.h5 -o c.h5 --layer "$layer" -c 1,10
"$LAYERCUT" evaluate c.h5 out/features.h5 -q >a.txt
"$LAYERCUT" evaluate out/classifier.h5 out/features.h5 -q >b.txt
same a.txt b.txt
"$LAYERCUT" predict out/classifier.h5 pictures/test/* -q 2>/dev/null | grep -c .
# Pictures without splits: chosen, trained, nothing left to judge by.
mkdir flat
cp -r pictures/train/* flat/
"$LAYERCUT" run embedded flat -o flat_out --input 32 --resize 32 -c 1 -q | grep 'nothing was held back'
ls flat_out | grep -c .
# A network without blocks is cut behind its activations.
if [ -n "$LC_SHARED" ] && [ -e "$LC_SHARED/assets/weights/mnist.onnx" ]; then
    "$LAYERCUT" run "$LC_SHARED/assets/weights/mnist.onnx" pictures -o m_out -c 1 -q | grep -c '^  *[>a-zA-Z].*C 1' >many.txt
    [ "$(cat many.txt)" -ge 2 ] || echo "only $(cat many.txt) layers"
fi
expect 4 'recipe differs|layer differs|differs' run embedded pictures -o out --input 48 --resize 48 -c 1
expect 1 'nowhere: No such file' run embedded nowhere -o out2
