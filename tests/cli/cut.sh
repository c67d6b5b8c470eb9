# Networks cut at a layer, and put into one file with a classifier.
. "$ROOT/tests/cli_helpers.sh"
toy pictures
mkdir test && cp -r pictures/test/* test

# compare MODEL LAYER SMALL: features of the small network are the whole one's, byte for byte.
compare() {
    quietly cut "$1" --at "$2" -o "$3"
    quietly extract "$1" test -o whole.h5 --layers "$2"
    quietly extract "$3" test -o small.h5
    for store in whole small; do
        quietly export $store.h5 --format csv -o $store
    done
    same whole.csv small.csv
    rm whole.h5 small.h5 whole.csv small.csv
}

try cut embedded --at layer2 -o layer2.onnx
try layers layer2.onnx --layers @block
"$LAYERCUT" info layer2.onnx | grep -v sha256
compare embedded layer2 layer2.onnx
compare embedded layer3.1.conv1 inner.onnx
compare layer2.onnx layer1.0 again.onnx
compare "$ROOT/tests/cli/tiny.onnx" '#1' tiny.onnx

# The preprocessing goes with it, and is not the source's any more.
quietly cut embedded --at layer1 --input 32 --mean 0.5 -o small.onnx
quietly extract small.onnx test -o s.h5
"$LAYERCUT" info s.h5 | grep -E 'input_size|mean|resize'

expect 1 'write .onnx' cut layer2.onnx --at layer1 -o layer1.safetensors
expect 2 'written as .onnx or .safetensors' cut embedded --at layer2 -o layer2.bin
expect 2 'nearest: ' cut embedded --at layer22 -o layer22.onnx
expect 1 'cannot create' cut embedded --at layer2 -o no/folder.onnx
ls *.onnx* *.safetensors 2>/dev/null | tr '\n' ' '
echo

# One file in place of two: the same labels, the same scores.
cp layer2.onnx moved.onnx
quietly extract moved.onnx pictures -o features.h5 --layers layer1,layer2
quietly train features.h5 -o two.h5 -c 1 --layer layer1
quietly train features.h5 -o both.h5 -c 1 --layer layer1,layer2
try train features.h5 -o one.h5 -c 1 --layer layer1 --bundle
quietly train features.h5 -o one_of_both.h5 -c 1 --layer layer1,layer2 --bundle
scores() { "$LAYERCUT" predict "$1" test --json - | sed -n '/"predictions"/,/^  \]/p'; }
scores two.h5 >two.json
scores both.h5 >both.json
rm moved.onnx
scores one.h5 >one.json
scores one_of_both.h5 >one_of_both.json
same two.json one.json
same both.json one_of_both.json
grep -c score one.json
"$LAYERCUT" info one.h5 | grep -E 'bundled|layers'
"$LAYERCUT" evaluate one.h5 features.h5 | grep '^accuracy '
expect 1 'moved.onnx' predict two.h5 test
expect 1 'moved.onnx' train features.h5 -o none.h5 -c 1 --bundle
expect 4 'sha256' train features.h5 -o none.h5 -c 1 --bundle --model embedded
ls *.h5* | tr '\n' ' '
echo
