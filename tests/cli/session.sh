# The whole path on drawn pictures. Numbers that rest on the last bits of a sum are not compared.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 10
try extract embedded pictures -o f.h5 --layers @block
"$LAYERCUT" info f.h5 | grep -vE '^(model_sha256|created_utc|tool_version|recipe|source)'
try train f.h5 -o c.h5 --json train.json >train.txt
grep -E '^(rows|search|wrote)' train.txt
[ "$(grep -c '"accuracy"' train.json)" = 11 ] && echo "11 points searched"
try train f.h5 -o rbf.h5 --kernel rbf -log2c -1,3,2 -log2g=-3,1,2 -v 3 --norm zscore --class-weight balanced >rbf.txt
grep -cE '^ +(0.5|2|8) ' rbf.txt
try train f.h5 -o fixed.h5 -c 10 --layer layer1.0 |
    grep -v fitted
"$LAYERCUT" info c.h5 | grep -E '^(classes|layers|network)' | sed 's/ [0-9a-f]\{64\}//'
try evaluate c.h5 f.h5 --json e.json | head -n 3
grep -E '"(schema|split)"' e.json
grep -oE '"accuracy": [0-9.]+' e.json | awk '{ print ($2 > 0.3 ? "better than chance" : "accuracy " $2) }'
"$LAYERCUT" predict c.h5 pictures/test/dots pictures/test/rings/000.ppm --top 2 | awk -F'\t' '{ print $1, NF }'
"$LAYERCUT" predict c.h5 pictures/test/rings/000.ppm --json - | grep -cE '"(schema|path|label|class|score)"'
try export f.h5 --format csv -o rows --split test
try export f.h5 --format libsvm -o rows --split train
try export f.h5 --format npy -o rows
try export c.h5 --format libsvm -o stock --with f.h5 --split test
rm try.err
ls
expect 2 "neither a features file nor a classifier" export embedded --format npy -o x
expect 2 "format" export f.h5 --format xls -o x
expect 2 "features file" predict f.h5 pictures
expect 2 "comes first" evaluate f.h5 c.h5
expect 2 "no features file" evaluate c.h5 pictures
expect 2 "preprocessing" predict c.h5 pictures --resize 64
expect 2 "no layer 'nosuch'" train f.h5 -o x.h5 --layer nosuch
