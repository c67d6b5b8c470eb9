# verify: a good file passes, every kind of damage is named and makes exit 4.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 4
quietly extract embedded pictures -o f.h5 --layers layer2.1,flatten
try verify f.h5
try verify f.h5 --sample 1000 --json v.json
grep -E '"(schema|rows|ok|problems|sampled|equal)"' v.json
try verify f.h5 --no-pictures
quietly extract embedded pictures -o half.h5 --dtype f16 --compress --layers layer2.1,flatten
try verify half.h5 --sample 50

mv pictures elsewhere
try verify f.h5 --sample 0 | tail -n +1 | grep -E '^(pictures|exit|layercut verify)'
try verify f.h5 --images elsewhere
mv elsewhere pictures
echo >>pictures/test/dots/001.ppm
expect 4 "picture 'test/dots/001.ppm' is another than its row" verify f.h5
rm pictures/test/dots/002.ppm
expect 4 "picture 'test/dots/002.ppm' cannot be read" verify f.h5 --sample 0
expect 4 "f.h5: 2 problems" verify f.h5 --sample 0

cp f.h5 nan.h5
"$O/tests/break_store" nan.h5 nan layer2.1 3
expect 4 "layer 'layer2.1', row 3 .*number 0 is NaN" verify nan.h5 --no-pictures
cp f.h5 value.h5
"$O/tests/break_store" value.h5 value flatten 5
expect 4 "row 5 .* computed again differs by" verify value.h5 --sample 1000
cp f.h5 link.h5
"$O/tests/break_store" link.h5 link /features
expect 4 "/features is not a soft link" verify link.h5 --no-pictures
cp f.h5 pending.h5
"$O/tests/break_store" pending.h5 pending 7
expect 4 "unfinished: 1 of [0-9]* pictures pending" verify pending.h5 --no-pictures
echo words >words.h5
expect 4 "words.h5" verify words.h5
cp "$ROOT/tests/cli/tiny.onnx" tiny.onnx
expect 4 "the file was made with" verify f.h5 --model tiny.onnx --sample 1
expect 1 "nowhere.*--model says where.*|--model says where.*nowhere" verify f.h5 --model nowhere.onnx
expect 2 "without their pictures" verify f.h5 --no-pictures --sample 3
expect 2 "wants a number of rows" verify f.h5 --sample many
