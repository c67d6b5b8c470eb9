#!/usr/bin/python3
"""What `train --dry-run` says of memory beside the peak of the run itself, for every classifier and kind of training, on made-up rows.
usage: compare_memory.py LAYERCUT [ROWS DIM CLASSES [NAME...]]   prints a line each; exit code 1 when a run took more than was said. Wants h5py."""
import sys
import numpy as np
from comparing import check, told, verdict
from store_of import classes_of_rows, write_store

n, d, k = map(int, sys.argv[2:5]) if len(sys.argv) > 4 else (4000, 768, 20)
cases = {
    'svm, linear kernel': [],
    'svm, one fit': ['-c', '10'],
    'svm, rbf': ['--kernel', 'rbf', '-c', '1,10'],
    'svm, rbf, one fit': ['--kernel', 'rbf', '-c', '10', '-g', '1'],
    'svm, rbf, a norm per fold': ['--kernel', 'rbf', '-c', '1,10', '--norm', 'zscore'],
    'svm, chi2': ['--kernel', 'chi2', '-c', '10', '-g', '1'],
    'svm, one-vs-rest': ['--multiclass', 'ovr', '-c', '1,10'],
    'svm, probabilities': ['--kernel', 'rbf', '-c', '10', '-g', '1', '--probability', 'platt'],
    'svm, repeats': ['-c', '0.1,1,10', '--repeats', '4'],
    'svm, whitened': ['-c', '1', '--norm', f'l2,whiten:{d // 2}'],
    'nusvm': ['--classifier', 'nusvm', '--nu', '0.1'],
    'linear': ['--classifier', 'linear', '-c', '0.1,1,10'],
    'linear, large C': ['--classifier', 'linear', '-c', '1000'],
    'linear, nystroem': ['--classifier', 'linear', '-c', '1,10', '--norm', f'l2,nystroem:{n // 3}'],
    'linear, pca': ['--classifier', 'linear', '-c', '1,10', '--norm', f'l2,pca:{d // 2}'],
    'logreg': ['--classifier', 'logreg', '--lambda', '0.1,1,10'],
    'logreg, one fit': ['--classifier', 'logreg', '--lambda', '1'],
    'ridge': ['--classifier', 'ridge'],
    'ridge, folds': ['--classifier', 'ridge', '--folds', '5'],
    'lda': ['--classifier', 'lda'],
    'centroid': ['--classifier', 'centroid'],
    'knn': ['--classifier', 'knn'],
    'draws': ['--preset', 'caltech-30', '--repeats', '2'],
    'nested': ['--kernel', 'rbf', '-c', '1,10', '--nested', '3'],
    'several labels, svm': ['-c', '1,10'],
    'several labels, svm, rbf': ['--kernel', 'rbf', '-c', '1,10'],
    'several labels, linear': ['--classifier', 'linear', '-c', '0.1,1,10'],
    'several labels, logreg': ['--classifier', 'logreg', '--lambda', '0.1,1,10'],
}
X, y = classes_of_rows(n, d, k)
write_store('one.h5', X, y)
write_store('several.h5', X, (y[:, None] == np.arange(k)) | (np.random.default_rng(8).random((n, k)) < 0.05))
for name, options in cases.items():
    if sys.argv[5:] and name not in sys.argv[5:]:
        continue
    words = ['train', 'several.h5' if name.startswith('several') else 'one.h5', '-o', 'c.h5', '--threads', 2, *options]
    said, peak = told(*words, '--dry-run')['bytes'] / 2 ** 20, told(*words)['peak_bytes'] / 2 ** 20
    print(f'{name:28s} {said:8.0f} MiB said, {peak:8.0f} MiB at its peak: {said / peak:.2f}', flush=True)
    check(name + ', the peak over what was said', peak / said, 1)
verdict()
