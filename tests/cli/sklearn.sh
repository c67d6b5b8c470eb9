# Every classifier against scikit-learn, where that and h5py are installed.
. "$ROOT/tests/cli_helpers.sh"
python=${PYTHON:-/usr/bin/python3}
[ -x "$(command -v "$python")" ] || skip "$python is not installed"
OPENBLAS_NUM_THREADS=1 "$python" "$ROOT/tests/compare_sklearn.py" "$LAYERCUT" 2>warnings.txt
code=$?
[ "$code" = 77 ] && skip "scikit-learn or h5py is not installed"
[ "$code" = 0 ] || cat warnings.txt >&2
echo "exit $code"
OPENBLAS_NUM_THREADS=1 "$python" "$ROOT/tests/compare_labels.py" "$LAYERCUT" 2>>warnings.txt
echo "several labels: exit $?"
