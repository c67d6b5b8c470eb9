# The tables behind --help, and what happens to words that nobody knows.
. "$ROOT/tests/cli_helpers.sh"
try --help
"$LAYERCUT" >alone.txt; "$LAYERCUT" --help >help.txt; same alone.txt help.txt
for command in run layers info cut verify extract merge export sweep train evaluate predict bench; do
    try $command --help
done
awk 'length > 80 { print "wider than 80 columns: " $0 }' help.txt
for command in run layers info cut verify extract merge export sweep train evaluate predict bench; do
    "$LAYERCUT" $command --help | awk 'length > 80 { print "wider than 80 columns: " $0 }'
done
"$LAYERCUT" --version | sed 's/ .*//' | head -n 1
