# Every classifier against scikit-learn, rows of one label and of several.
. "$ROOT/tests/cli_helpers.sh"
needs_python "h5py, sklearn"
compare compare_sklearn.py "$LAYERCUT"
compare compare_labels.py "$LAYERCUT"
