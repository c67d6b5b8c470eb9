# What --dry-run says of memory is at least what the run then takes, for every way of training; of some only unless LC_TEST_FULL.
. "$ROOT/tests/cli_helpers.sh"
python=${PYTHON:-/usr/bin/python3}
[ -x "$(command -v "$python")" ] || skip "$python is not installed"
set -- 1500 384 6
[ -n "$LC_TEST_FULL" ] || set -- 1500 384 6 "svm, rbf, a norm per fold" linear "logreg, one fit" ridge knn draws "several labels, logreg"
OPENBLAS_NUM_THREADS=1 "$python" "$ROOT/tests/compare_memory.py" "$LAYERCUT" "$@" >table.txt 2>warnings.txt
code=$?
[ "$code" = 77 ] && skip "h5py is not installed"
[ "$code" = 0 ] || cat table.txt warnings.txt
echo "exit $code"
