#!/bin/sh
# How stable the choice of a cut is: sweep_stability.sh LAYERCUT F.h5 [SEEDS [OPTIONS OF SWEEP...]]. Sweeps with the folds of
# seeds 1..SEEDS (20) and prints how often each cut was chosen, and the regret: the accuracy on the split held back that
# the chosen cut lacks against the best cut in hindsight.
layercut=$1 features=$2 seeds=${3:-20}
[ $# -ge 2 ] || { sed -n '2,4s/^# //p' "$0"; exit 2; }
shift 2
[ $# -eq 0 ] || shift
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
seed=1
while [ "$seed" -le "$seeds" ]; do
    "$layercut" sweep "$features" --seed "$seed" --quiet --json "$scratch/sweep.json" "$@" >/dev/null || exit 1
    awk -F'": ' '
        { value = $2; sub(/,$/, "", value); gsub(/"/, "", value) }
        /^ *"name":/ { name = value }
        /^ *"test_accuracy":/ { test[name] = value; if (best == "" || value > best) best = value }
        /^  "chosen":/ { chosen = value }
        /^  "test_rows":/ { rows = value }
        END { print chosen, test[chosen], best - test[chosen], rows }' "$scratch/sweep.json" >>"$scratch/choices"
    seed=$((seed + 1))
done
awk '
    { count[$1]++; test += $2; regret += $3; worst = $3 > worst ? $3 : worst; none += $3 == 0; rows = $4 }
    END {
        if (rows == "") { print "nothing was held back: no split val or test"; exit 1 }
        for (cut in count) printf "%-20s chosen %d of %d\n", cut, count[cut], NR | "sort -k3,3nr -k1,1"
        close("sort -k3,3nr -k1,1")
        printf "accuracy of the choice %.4f on %d rows; regret %.4f on average, %.4f at worst, none in %d of %d\n",
            test / NR, rows, regret / NR, worst, none, NR
    }' "$scratch/choices"
