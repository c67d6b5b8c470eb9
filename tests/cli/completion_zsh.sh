# Completion in zsh: the file is zsh, and its answers on a terminal of zsh's own.
. "$ROOT/tests/cli_helpers.sh"
command -v zsh >zsh.txt || skip "no zsh"
"$LAYERCUT" help --completion zsh >_layercut
zsh -n _layercut
cat >complete.zsh <<'END'
# complete.zsh LINE: what zsh makes of the line when the tabulator key is pressed behind it.
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= RPS1=; autoload -U compinit; fpath=($PWD \$fpath); compinit -u -D; zstyle ':completion:*' list-colors ''"
zpty -w shell "unsetopt zle_bracketed_paste 2>/dev/null; layercut() { print -r -- \"GOT \${(j: :)argv}\" }"
zpty -w -n shell "$1"$'\t\n'
zpty -w shell 'exit'
while zpty -r shell line; do print -r -- $line; done
END
for line in 'layercut verif' 'layercut extract m d --dty' 'layercut extract m d --dtype f3' 'layercut train f.h5 --classifier centr' \
            'layercut layers embe' 'layercut help pred'; do
    echo "$line -> $(zsh -f complete.zsh "$line" | tr -d '\r' | sed -n 's/^.*GOT \([a-z].*\)$/\1/p' | tail -n 1)"
done
