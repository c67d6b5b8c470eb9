# Manual pages: every command has one, with all of its options, and groff has nothing to say about it.
. "$ROOT/tests/cli_helpers.sh"
"$LAYERCUT" help >list.txt; "$LAYERCUT" --help >help.txt; same list.txt help.txt
commands=$(all_commands)
for command in "" $commands; do
    # shellcheck disable=SC2086
    "$LAYERCUT" help --man $command >"layercut${command:+-$command}.1" || echo "exit $? of '$command'"
done
for command in $commands; do
    "$LAYERCUT" help "$command" >a.txt; "$LAYERCUT" "$command" --help >b.txt
    cmp -s a.txt b.txt || echo "help $command is not $command --help"
    sed '/^example:/,$d' a.txt | sed -n 's/^  \(-., \|    \)\(--[a-z0-9-]*\).*/\2/p' | sed 's/-/\\-/g' | while read -r option; do
        grep -qF -e "\\fB$option\\fR" "layercut-$command.1" || echo "layercut-$command.1 lacks $option"
    done
    grep -qF "layercut\\-$command" layercut.1 || echo "layercut.1 lacks $command"
done
sed -n '1,/^\.SH OPTIONS/p' layercut-extract.1
expect 2 "no command 'extrakt'; nearest: extract" help --man extrakt
expect 2 "no completion for 'fish'; there is one for bash and zsh" help --completion fish
expect 2 "stands alone" help extract --completion bash
command -v groff >groff.txt || skip "no groff: how the pages are set was not looked at"
for page in ./*.1; do
    groff -man -ww -Tutf8 -rLL=80n "$page" >set.txt 2>said.txt || echo "exit $? of groff $page"
    [ ! -s said.txt ] || { echo "$page"; cat said.txt; }
    sed 's/.\[[0-9;]*m//g; s/.\x08//g' set.txt | awk -v page="$page" 'length > 80 { print page " wider than 80 columns: " $0 }'
done
