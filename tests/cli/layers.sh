# The network that ships with the program, and selectors.
. "$ROOT/tests/cli_helpers.sh"
try layers embedded
try layers embedded --layers @block
try layers embedded --layers penultimate,logits
try layers embedded --layers layer1.0,logits --aliases
try info embedded
expect 2 "no.*'layer9'|'layer9'" layers embedded --layers layer9
cat try.err
"$LAYERCUT" layers embedded | awk 'length > 80 { print "wider than 80 columns: " $0 }'
expect 2 "nosuch" layers nosuch
