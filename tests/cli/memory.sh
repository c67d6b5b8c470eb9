# What --dry-run says of memory is at least what the run then takes, for every way of training; of some only unless LC_TEST_FULL.
. "$ROOT/tests/cli_helpers.sh"
needs_python h5py
sanitized && skip "a sanitizer has memory of its own"
set -- 1500 384 6
[ -n "$LC_TEST_FULL" ] || set -- 1500 384 6 "svm, rbf, a norm per fold" linear "logreg, one fit" ridge knn draws "several labels, logreg"
compare compare_memory.py "$LAYERCUT" "$@"
