#!/bin/sh
# Regularisers side by side: finetune_table.sh BINARY MODEL IMAGES MODE [options of finetune]. IMAGES is a folder of
# train|val/class/picture; of its training pictures each class keeps FRACTIONS (in percent), drawn by SEEDS. Prints accuracy on val, one
# row per regulariser and fraction, a column per seed, and the mean.
#
#   FRACTIONS="15 100" SEEDS="0 1 2" sh tests/finetune_table.sh build/layercut squeezenet1_0.pth ants-bees from:features.12 --epochs 10
layercut=$1 model=$2 images=$(cd "$3" && pwd) mode=$4
shift 4
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# list PERCENT SEED: as a list file, every class with its share of train (at least one picture), and all of val.
list() {
    echo path,label,split
    (cd "$images" && find train val -type f | sort) | awk -F/ -v part="$1" -v seed="$2" -v root="$images" '
        BEGIN { srand(seed + 1) }
        $1 == "val" { print root "/" $0 "," $2 ",val"; next }
        { n[$2]++; path[$2, n[$2]] = $0 }
        END { for (c in n) {
            keep = int(n[c] * part / 100 + 0.5)
            keep = keep < 1 ? 1 : keep
            for (i = 1; i <= keep; i++) {
                j = i + int(rand() * (n[c] - i + 1))
                p = path[c, j]; path[c, j] = path[c, i]
                print root "/" p "," c ",train" } } }'
}

printf '%-9s %6s' regulariser labels
for seed in ${SEEDS:-0}; do printf '  seed %-3s' "$seed"; done
echo '    mean'
for fraction in ${FRACTIONS:-15 100}; do
    for kind in ${REGULARIZERS:-none l2 l2sp ewc delta bss cotuning lwf}; do
        printf '%-11s %4s %%' "$kind" "$fraction"
        [ "$kind" = none ] && option= || option="--regularizer $kind"
        sum=0 count=0
        for seed in ${SEEDS:-0}; do
            list "$fraction" "$seed" >"$scratch/list.csv"
            # shellcheck disable=SC2086
            "$layercut" finetune "$model" "$scratch/list.csv" --mode "$mode" --seed "$seed" -o "$scratch/tuned.safetensors" $option "$@" \
                -q --json - >"$scratch/result.json" 2>"$scratch/err" || { cat "$scratch/err" >&2; exit 1; }
            accuracy=$(sed -n 's/^ *"accuracy": *\([0-9.e-]*\),*$/\1/p' "$scratch/result.json" | head -1)
            printf '  %8s' "$(printf %.4f "$accuracy")"
            sum=$(echo "$sum $accuracy" | awk '{ print $1 + $2 }') count=$((count + 1))
        done
        echo "$sum $count" | awk '{ printf "  %.4f\n", $1 / $2 }'
    done
done
