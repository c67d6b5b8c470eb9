# What a command reads, and features that took hours, are not written over by accident.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 6
quietly extract embedded pictures -o features.h5 --layers layer2.1
cp features.h5 other.h5
quietly train features.h5 -o classifier.h5 -c 1
quietly evaluate classifier.h5 features.h5 --json result.json
quietly cut embedded --at layer2.1 -o small.onnx
printf 'dots\nstripes\n' >names.txt
for file in *.h5 *.json *.onnx *.txt; do cp "$file" "$file.kept"; done
expect 2 'output features.h5 would write over what is read' train features.h5 -o features.h5 -c 1
expect 2 'output ./features.h5 would write over what is read' train features.h5 -o ./features.h5 -c 1
expect 2 'output other.h5 would write over a features file' train features.h5 -o other.h5 -c 1
expect 2 'json other.h5 would write over a features file' evaluate classifier.h5 features.h5 --json other.h5
expect 2 'json classifier.h5 would write over what is read' evaluate classifier.h5 features.h5 --json classifier.h5
expect 2 'predictions features.h5 would write over' evaluate classifier.h5 features.h5 --predictions features.h5
expect 2 'plot other.h5 would write over a features file' sweep features.h5 -c 1 --plot other.h5
expect 2 'output small.onnx would write over what is read' cut small.onnx --at layer1.0 -o small.onnx
expect 2 'json result.json would write over what is read' compare result.json --json result.json
expect 2 'output features.h5 would write over what is read' merge features.h5 other.h5 -o features.h5
expect 2 'json names.txt would write over what is read' evaluate embedded pictures --classes names.txt --json names.txt
expect 2 'output small.onnx would write over what is read' train features.h5 -o small.onnx --model ./small.onnx
expect 2 'predictions and --json would both write new.csv' evaluate classifier.h5 features.h5 --predictions new.csv --json new.csv
expect 2 'output and --json would both write new.h5' train features.h5 -o new.h5 --json new.h5
ls new.* 2>/dev/null
for file in *.kept; do same "${file%.kept}" "$file"; done
# A classifier and a result may be made again.
quietly train features.h5 -o classifier.h5 -c 10
quietly evaluate classifier.h5 features.h5 --json result.json
# Meant otherwise: said before anything is done.
expect 2 "no mode 'most'" compare embedded pictures -o out --modes svm,most
expect 2 '-o DIR must say' compare embedded pictures
mkdir folder
expect 4 'folder: a folder, not a file' extract embedded pictures -o folder
expect 1 'features.h5 is no result in JSON' compare features.h5
[ -e out ] && ls out
exit 0
