# Completion: what bash offers behind the words of a command line, the last of which is being typed.
. "$ROOT/tests/cli_helpers.sh"
command -v bash >bash.txt || skip "no bash"
"$LAYERCUT" help --completion bash >layercut.bash
bash -n layercut.bash
cat >complete.bash <<'END'
# complete.bash WORDS...: the answers, sorted.
. ./layercut.bash
compopt() { :; }
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_layercut
[ ${#COMPREPLY[@]} = 0 ] || printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort
END
complete() {
    echo "> $*"
    bash complete.bash "$@" | tr '\n' ' ' | fold -s -w 100
    echo
}
{ all_commands; echo --help; echo --version; } | LC_ALL=C sort >a.txt
bash complete.bash layercut '' >b.txt
same a.txt b.txt
complete layercut ex
complete layercut --v
complete layercut layers embedded --
complete layercut extract m d --dt
complete layercut extract m d --dtype ''
complete layercut extract m d --dtype = f3
complete layercut extract m d --dtype =
complete layercut extract m d -p a
complete layercut extract m d --batch ''
complete layercut train f.h5 --kernel ''
complete layercut bench --th
complete layercut help ev
complete layercut help --completion ''
# A network: files, and names of networks.
mkdir home
: >embers.onnx; : >'em two.onnx'; : >home/embryo.pth
LAYERCUT_HOME=$PWD/home complete layercut layers em
# Files are bash's own.
complete layercut info ''
complete layercut train f.h5 -o ''
# What is written by hand in tables of options against what the classifiers say of themselves.
"$LAYERCUT" train --help | sed -n '/^classifiers/,/^presets/s/^  \([a-z]\+\) .*/\1/p' | sort >a.txt
bash complete.bash layercut train f.h5 --classifier '' >b.txt
bash complete.bash layercut sweep f.h5 --classifier '' >c.txt
same a.txt b.txt; same a.txt c.txt
"$LAYERCUT" train --help | sed -n '/^classifiers/,/^presets/s/^    --kernel *//p' | tr ' ' '\n' | sort -u >a.txt
bash complete.bash layercut train f.h5 --kernel '' >b.txt
same a.txt b.txt
"$LAYERCUT" train --help | sed -n '/^presets/,/^example/s/^  \([a-z0-9-]\+\) .*/\1/p' | grep -v '^layercut' | sort >a.txt
bash complete.bash layercut train f.h5 --preset '' >b.txt
same a.txt b.txt
