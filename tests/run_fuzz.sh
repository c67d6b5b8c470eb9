#!/bin/sh
# Every fuzz target under libFuzzer: run_fuzz.sh O SECONDS. Starts from tests/corpus/<reader>; finds stay in
# O/corpus/<reader>, crashing inputs are O/crash-<reader>-*.
cd "$(dirname "$0")/.." || exit 1
O=$1
failed=0
for target in "$O"/tests/fuzz_*.fuzz; do
    [ -x "$target" ] || continue
    reader=${target##*/fuzz_}
    reader=${reader%.fuzz}
    found=$O/corpus/$reader
    seeds=tests/corpus/$reader
    mkdir -p "$found"
    [ -d "$seeds" ] || seeds=
    echo "fuzz $reader, $2 s"
    # shellcheck disable=SC2086
    "$target" -max_total_time="$2" -timeout=20 -rss_limit_mb=2048 -artifact_prefix="$O/crash-$reader-" -print_final_stats=1 \
        "$found" $seeds >"$found.log" 2>&1 || { failed=$((failed + 1)); tail -n 40 "$found.log"; }
    grep -E 'stat::(number_of_executed_units|average_exec_per_sec)' "$found.log"
done
echo "$failed fuzz targets failed"
[ "$failed" = 0 ]
