# Ants and bees: SqueezeNet's taps, averaged, l2, linear SVM, C in 2^-5..2^15 by 5 folds. The same C as scikit-learn's
# search on PyTorch's features, and on the 153 pictures of val within one picture (tap, accuracy, C below). The
# reference's features.0 saw the ReLU behind it, which PyTorch does in place: here that is features.1.
. "$ROOT/tests/cli_helpers.sh"
weights=$LC_SHARED/assets/weights/squeezenet1_0.onnx
pictures=$LC_SHARED/assets/images/hymenoptera
[ -n "$LC_SHARED" ] && [ -e "$weights" ] || skip "no photographs and weights (LC_SHARED)"
quietly extract "$weights" "$pictures" -o f.h5 \
    --layers features.1,features.3,features.5,features.7,features.8,features.9,features.10,features.12,classifier.3
"$LAYERCUT" info f.h5 | grep '^pictures'

# number KEY FILE: the last number of that name in a result.
number() { sed -n 's/^ *"'"$1"'": \([0-9.]*\),*$/\1/p' "$2" | tail -n 1; }

while read -r tap reference c; do
    quietly train f.h5 -o "$tap.h5" --layer "$tap" --json "$tap.train.json"
    quietly evaluate "$tap.h5" f.h5 --json "$tap.json"
    echo "$(number accuracy "$tap.json") $reference" | awk -v tap="$tap" '{ d = ($1 - $2) * 153; if (d < 0) d = -d
        print tap, (d < 1.5 ? "within one picture" : "IS " $1 ", REFERENCE " $2) }'
    ours=$(number c "$tap.train.json" | sed 's/\.0$//')
    [ "$ours" = "$c" ] || echo "$tap: C $ours, REFERENCE $c"
done <<END
features.1 .6536 2048
features.3 .7451 2048
features.5 .7843 2048
features.7 .7908 128
features.8 .8627 512
features.9 .8431 512
features.10 .9085 32
features.12 .9216 8
classifier.3 .9150 2
END
quietly predict features.12.h5 "$pictures/val/ants" --json p.json
grep -c '"label": "ants"' p.json | awk '{ print ($1 > 55 ? "most ants are ants" : "only " $1 " ants") }'
# The stock program on the exported model and data: as many right as evaluate counts.
quietly export features.12.h5 --format libsvm -o stock --with f.h5 --split val
if command -v svm-predict >/dev/null; then
    stock=$(svm-predict stock.val.libsvm stock.model stock.txt | sed -n 's/.*(\([0-9]*\)\/153).*/\1/p')
    ours=$(number correct features.12.json)
    [ "$stock" = "$ours" ] || echo "svm-predict: $stock right, evaluate: $ours"
fi
