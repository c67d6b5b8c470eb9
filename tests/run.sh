#!/bin/sh
# Everything `make test` runs, after the build: run.sh O. One line per test that passes, all the output of one that
# fails, the reason of one that is skipped; the last line counts.
cd "$(dirname "$0")/.." || exit 1
O=$1
passed=0 failed=0 skipped=0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
log=$scratch/log

seconds() { date +%s.%N; }

# verdict STATUS NAME START: counts and prints; 77 is "skipped, the reason is in the log".
verdict() {
    took=$(echo "$3 $(seconds)" | awk '{ printf "%.1f", $2 - $1 }')
    case $1 in
        0) passed=$((passed + 1)); echo "ok      $2 ($took s)" ;;
        77) skipped=$((skipped + 1)); echo "skipped $2: $(tail -n 1 "$log")" ;;
        *) failed=$((failed + 1)); echo "FAILED  $2 ($took s), exit $1:"; sed 's/^/    /' "$log" ;;
    esac
}

# Tables of what was measured.
measured() { grep -E '^[a-z_0-9]+ +[0-9]+ taps, worst error|^[a-z_0-9]+ onnx skipped' "$log" | sed 's/^/          /'; }

start=$(seconds)
sh tests/check_rooms.sh >"$log" 2>&1
verdict $? rooms "$start"

for test in "$O"/tests/test_*; do
    case $test in *.o | *.d | *'*') continue ;; esac
    start=$(seconds)
    "$test" >"$log" 2>&1
    verdict $? "${test##*/}" "$start"
    measured
    # Single cases that were skipped inside a program that passed, with what they said before.
    grep -i 'skip' "$log" | grep -vE '^\[ *(RUN|OK) *\]|0 skipped' | sed 's/^/          /'
done

if [ -n "$LC_TEST_FULL" ]; then
    start=$(seconds)
    python=${PYTHON:-/usr/bin/python3} peers=${LC_SHARED:-../shared}/peers
    if [ ! -x "$(command -v "$python")" ] || [ ! -e "$peers/export_onnx.py" ]; then
        echo "needs $python and $peers/export_onnx.py (PYTHON, LC_SHARED)" >"$log"
        status=77
    else
        "$python" tests/golden/compare_torchvision.py "$peers" "$O/tests/test_arch" "$scratch/networks" >"$log" 2>&1
        status=$?
    fi
    verdict "$status" "torchvision's networks" "$start"
    measured
    start=$(seconds)
    if [ "$status" != 77 ]; then
        "$python" tests/golden/compare_cut.py "$peers" "$O/layercut" "$scratch/cut" >"$log" 2>&1
        status=$?
    fi
    verdict "$status" "torchvision's networks, cut" "$start"
    measured
fi

for replay in "$O"/tests/fuzz_*.replay; do
    [ -x "$replay" ] || continue
    reader=${replay##*/fuzz_}
    reader=${reader%.replay}
    [ -d "tests/corpus/$reader" ] || continue
    start=$(seconds)
    "$replay" "tests/corpus/$reader" >"$log" 2>&1
    verdict $? "replay of corpus/$reader" "$start"
done

for script in tests/cli/*.sh; do
    start=$(seconds)
    sh tests/run_cli.sh "$O" "$script" >"$log" 2>&1
    verdict $? "cli/${script##*/}" "$start"
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
