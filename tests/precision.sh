#!/bin/sh
# What the ways of computing products change: precision.sh BINARY MODEL PICTURES LAYER. Worst difference of the layer's
# numbers from plain sums, in parts of the largest, and the accuracy of an SVM on them. The README's lines on bf16 are this of
# SqueezeNet 1.0, the photographs of ants and bees, features.12.
layercut=$1 model=$2 pictures=$3 layer=$4
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
for p in f32-exact f32 bf16; do
    "$layercut" extract "$model" "$pictures" -o "$scratch/$p.h5" --layers "$layer" --precision $p -q >/dev/null || exit 1
    "$layercut" export "$scratch/$p.h5" --format csv -o "$scratch/$p" -q >/dev/null || exit 1
    "$layercut" train "$scratch/$p.h5" -o "$scratch/$p.svm.h5" -q >/dev/null || exit 1
    accuracy=$("$layercut" evaluate "$scratch/$p.svm.h5" "$scratch/$p.h5" -q | grep '^accuracy')
    paste -d '\n' "$scratch/f32-exact.csv" "$scratch/$p.csv" | awk -F, -v p=$p -v accuracy="$accuracy" '
        function size(x) { return x < 0 ? -x : x }
        NR % 2 { split($0, exact, ","); next }
        NR > 2 { for (i = 3; i <= NF; i++) {
            d = size($i - exact[i]); worst = d > worst ? d : worst; d = size(exact[i]); largest = d > largest ? d : largest } }
        END { printf "%-10s worst difference %.1e of the largest value; %s\n", p, worst / largest, accuracy }'
done
