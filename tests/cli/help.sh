# The tables behind --help, and what happens to words that nobody knows.
. "$ROOT/tests/cli_helpers.sh"
needs_training
commands=$(sed -n 's/_/-/g; s/^LC-COMMAND(\(.*\))/\1/p' "$ROOT/tools/command_list.inc")
try --help
"$LAYERCUT" >alone.txt; "$LAYERCUT" --help >help.txt; same alone.txt help.txt
for command in $commands; do
    try $command --help
done
awk 'length > 80 { print "wider than 80 columns: " $0 }' help.txt
for command in $commands; do
    "$LAYERCUT" $command --help | awk 'length > 80 { print "wider than 80 columns: " $0 }'
done
"$LAYERCUT" --version | sed 's/ .*//' | head -n 1
