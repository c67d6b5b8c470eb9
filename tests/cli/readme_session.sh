# Sessions of the READMEs, run as they stand there: each command exits 0 and prints what the README shows, but for numbers.
. "$ROOT/tests/cli_helpers.sh"
needs_training
assets=$LC_SHARED/assets
[ -n "$LC_SHARED" ] && [ -e "$assets/weights/squeezenet1_0.onnx" ] || skip "no photographs and weights (LC_SHARED)"
# What the sessions call their files.
ln -s "$assets/images/hymenoptera" ants-bees
for file in squeezenet1_0.onnx squeezenet1_0.pth cifar_resnet20.onnx; do
    ln -s "$(find "$assets/weights" -name "${file%.*}*.${file##*.}" | sort | head -n 1)" $file
done
mkdir cifar10
tar xf "$assets/images/cifar10_lossless.tar" -C cifar10
[ -d cifar10/test ] || mv cifar10/*/* cifar10/
"$O/draw" textures textures >draw.txt
"$O/draw" scenes scenes >draw.txt
mkdir bin blocks
ln -s "$LAYERCUT" bin/layercut
PATH=$PWD/bin:$PATH
# A command begins with "$ " and four blanks and goes on behind a backslash; what it prints goes on to the next one, or to a
# line that is not indented.
(cd "$ROOT" && git ls-files '*README.md' 2>/dev/null || echo README.md) >readmes.txt
while read -r readme; do
    rm -f blocks/*
    awk 'more         { print substr($0, 5) >(name ".command"); more = /\\$/; next }
         /^    \$ /  { name = sprintf("blocks/%03d", ++n); print substr($0, 7) >(name ".command"); printf "" >(name ".expected")
                       more = /\\$/; next }
         /^[^ ]/     { name = "" }
         name != ""  { print substr($0, 5) >(name ".expected") }' "$ROOT/$readme"
    for command in blocks/*.command; do
        [ -e "$command" ] || continue
        sh "$command" >actual.txt 2>said.txt
        code=$?
        shape=$(awk -f "$ROOT/tests/session_shape.awk" "${command%.command}.expected" actual.txt)
        echo "$readme: $([ $code = 0 ] && [ -z "$shape" ] && echo ok || echo "NOT AS THERE, exit $code"): $(cat "$command")"
        [ $code = 0 ] || cat said.txt
        [ -z "$shape" ] || echo "$shape"
    done
done <readmes.txt
