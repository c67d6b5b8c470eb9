# Forms of options, and wrong ones: exit 2, the nearest names, where the help is.
. "$ROOT/tests/cli_helpers.sh"
expect 2 "no command 'trian'; nearest: train" trian
expect 2 "no command '--verson'; nearest: --version" --verson
expect 2 "unknown option '--layrs'; nearest: --layers.*layercut extract --help" extract embedded x -o y.h5 --layrs all
expect 2 "unknown option '-x'" layers embedded -x
expect 2 "unknown option '--lay'" layers embedded --lay=all
expect 2 "--output F.h5 is missing" extract embedded x
expect 2 "--output wants a value" extract embedded x -o
expect 2 "--output wants a value" extract embedded x -o --strict
expect 2 "--threads wants a whole number" layers embedded --threads two
expect 2 "--threads wants a whole number" layers embedded --threads=-1
expect 2 "--quiet takes no value" layers embedded --quiet=1
expect 2 "too few operands" layers
expect 2 "too many operands" layers embedded resnet18
"$O/draw_toy" pictures >/dev/null
expect 2 "mean" extract embedded pictures -o y.h5 --mean 1,2
expect 2 "exif takes no value" extract embedded pictures -o y.h5 --exif=1
"$LAYERCUT" extract embedded pictures/test/dots -o y.h5 --exif --crop-mode squash -q
"$LAYERCUT" info y.h5 | grep -E 'exif|crop'
expect 2 "unknown option '-y'" layers embedded -y --
expect 2 "too many operands" layers embedded -- --help

# The same command four ways.
"$LAYERCUT" layers embedded --layers '#0' >1.txt
"$LAYERCUT" layers embedded --layers='#0' >2.txt
"$LAYERCUT" layers -l '#0' embedded >3.txt
"$LAYERCUT" layers -layers '#0' -- embedded >4.txt
same 1.txt 2.txt; same 1.txt 3.txt; same 1.txt 4.txt

# JSON in place of the text, and beside it.
"$LAYERCUT" layers embedded --layers '#0' --json - | head -n 2
"$LAYERCUT" layers embedded --layers '#0' --json l.json >5.txt
same 1.txt 5.txt
"$LAYERCUT" layers embedded --layers '#0' --json - >6.json
same l.json 6.json
