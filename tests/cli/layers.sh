# The network that ships with the program, and selectors.
. "$ROOT/tests/cli_helpers.sh"
try layers embedded
try layers embedded --layers @block
try layers embedded --layers penultimate,logits
try layers embedded --layers layer1.0,logits --aliases
try info embedded
expect 2 "no.*'layer9'|'layer9'" layers embedded --layers layer9
cat try.err
try layers embedded --layers @block --input 3x96x128
"$LAYERCUT" layers embedded --input 40 --layers '#0' --json - | grep -A 3 -e bytes_per_1000 -e '"input"'
for size in 0 64x 64x0 x64 1x64x64 3x64x64x1 big; do
    expect 2 "input $size: wants a size" layers embedded --input $size
done
"$LAYERCUT" layers embedded | awk 'length > 80 { print "wider than 80 columns: " $0 }'
expect 2 "nosuch" layers nosuch
