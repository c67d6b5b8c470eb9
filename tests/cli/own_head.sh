# A network's own last layer, with and without names for its outputs.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 3
outputs=$("$LAYERCUT" layers embedded --layers logits | awk '$1 ~ /^[0-9]+$/ { print $4; exit }' | sed 's/x.*//')
{ echo bricks; echo checks; echo dots; echo rings; echo stripes; i=5; while [ $i -lt "$outputs" ]; do echo "other$i"; i=$((i + 1)); done; } >names.txt
quietly evaluate embedded pictures --classes names.txt --json e.json
grep -E '"(schema|split)"' e.json
"$LAYERCUT" predict embedded pictures/test/dots/000.ppm --classes names.txt --top 3 | awk -F'\t' '{ print $1, NF }'
"$LAYERCUT" predict embedded pictures/test/dots/000.ppm | awk -F'\t' '{ print $1, NF }'
sed 's/dots/dodos/' names.txt >wrong.txt
expect 2 "class folder 'dots' is not among wrong.txt; nearest: do" evaluate embedded pictures --classes wrong.txt
head -n 3 names.txt >short.txt
expect 2 "short.txt names 3 classes, but embedded has $outputs outputs" evaluate embedded pictures --classes short.txt
mkdir -p two/a two/b; cp pictures/test/dots/000.ppm two/a; cp pictures/test/dots/001.ppm two/b
expect 2 "class folder .a. is not among embedded; nearest: " evaluate embedded two
expect 2 "split wants train, val, test or all, not 'none'" evaluate embedded pictures --split none --classes names.txt
{ head -n $((outputs - 1)) names.txt; echo dots; } >twice.txt
expect 2 "class folder 'dots' stands 2 times in twice.txt" evaluate embedded pictures --classes twice.txt
expect 2 "no labelled pictures" evaluate embedded pictures --split val --classes names.txt
