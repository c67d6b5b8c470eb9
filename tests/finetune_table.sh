#!/bin/sh
# Regularisers side by side: finetune_table.sh BINARY MODEL IMAGES OUT MODE [options of finetune]. IMAGES is a folder of
# train|val/class/picture; of its training pictures each class keeps FRACTIONS (in percent), drawn by SEEDS; val is judged once, by the
# network as training ended. Results stand in OUT, so that a stopped run goes on with what is missing, and a finished one is printed again.
# Prints accuracy, a row per regulariser and fraction, a column per seed; the mean over seeds with its Wilson interval (of the pictures of
# val, as if judged once); and how many predictions, of all seeds together, are not those of none.
#
#   FRACTIONS="15 100" SEEDS="0 1 2" sh tests/finetune_table.sh build/layercut squeezenet1_0.pth ants-bees out full --epochs 10
layercut=$1 model=$2 images=$(cd "$3" && pwd) out=$4 mode=$5
shift 5
mkdir -p "$out" || exit 1
fractions=${FRACTIONS:-15 100} seeds=${SEEDS:-0 1 2} kinds=${REGULARIZERS:-none l2 l2sp ewc delta bss cotuning lwf}
case $model in *.onnx) tuned=$out/tuned.onnx ;; *) tuned=$out/tuned.safetensors ;; esac

# list PERCENT SEED: as a list file, every class with its share of train (at least one picture), and all of val.
list() {
    echo path,label,split
    (cd "$images" && find train val -type f | sort) | awk -F/ -v part="$1" -v seed="$2" -v root="$images" '
        BEGIN { srand(seed + 1) }
        $1 == "val" { print root "/" $0 "," $2 ",test"; next }
        { n[$2]++; path[$2, n[$2]] = $0 }
        END { for (c in n) {
            keep = int(n[c] * part / 100 + 0.5)
            keep = keep < 1 ? 1 : keep
            for (i = 1; i <= keep; i++) {
                j = i + int(rand() * (n[c] - i + 1))
                p = path[c, j]; path[c, j] = path[c, i]
                print root "/" p "," c ",train" } } }'
}

# train FRACTION KIND SEED: unless it was done. A run that diverged has a result too.
train() {
    result=$out/$1-$2-$3.json
    [ ! -e "$result" ] || return 0
    [ "$2" = none ] && option= || option="--regularizer $2"
    list "$1" "$3" >"$out/list.csv"
    # shellcheck disable=SC2086
    "$layercut" finetune "$model" "$out/list.csv" --mode "$mode" --seed "$3" -o "$tuned" $option $options -q --json "$result" >/dev/null ||
        [ -e "$result" ]
}

# predictions FRACTION KIND: of all seeds, one a line.
predictions() {
    for seed in $seeds; do sed -n 's/^ *"prediction": *\[\(.*\)\],*$/\1/p' "$out/$1-$2-$seed.json"; done | tr ',' '\n'
}

# number NAME FILE
number() {
    sed -n "s/^ *\"$1\": *\([0-9.e-]*\),*\$/\1/p" "$2" | head -1
}

row() {
    printf '%-11s %4s %%' "$2" "$1"
    for seed in $seeds; do
        accuracy=$(number accuracy "$out/$1-$2-$seed.json")
        [ "$accuracy" ] || { echo '  diverged'; return; }
        printf '  %8.4f' "$accuracy"
    done
    for seed in $seeds; do number accuracy "$out/$1-$2-$seed.json"; done | awk -v n="$(predictions "$1" "$2" | wc -l)" '
        { sum += $1 }
        END { p = sum / NR; n /= NR; z = 1.959964; d = 1 + z * z / n; c = (p + z * z / (2 * n)) / d
              h = z / d * sqrt(p * (1 - p) / n + z * z / (4 * n * n)); printf "  %.4f (%.3f to %.3f)", p, c - h, c + h }'
    predictions "$1" none >"$out/none.txt"
    predictions "$1" "$2" | paste "$out/none.txt" - | awk -F '\t' '$1 != $2 { n++ } END { printf "  %5d\n", n }'
}

options=$*
for fraction in $fractions; do
    for seed in $seeds; do
        for kind in $kinds; do train "$fraction" "$kind" "$seed" || exit 1; done
    done
done
printf '%-9s %6s' regulariser labels
for seed in $seeds; do printf '  seed %-3s' "$seed"; done
echo '    mean                    changed'
for fraction in $fractions; do
    for kind in $kinds; do row "$fraction" "$kind"; done
done
