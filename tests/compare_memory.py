#!/usr/bin/python3
"""What `train --dry-run` says of memory beside the peak of the run itself, for every classifier and kind of training, on made-up rows.
usage: compare_memory.py LAYERCUT [ROWS DIM CLASSES [NAME...]]   prints a line each; exit code 1 when a run took more than was said."""
import json, os, subprocess, sys
sys.dont_write_bytecode = True
try:
    import h5py, numpy as np
except ImportError as e:
    print('skipped:', e)
    sys.exit(77)
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from store_of import write_store

layercut = sys.argv[1]
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
r = np.random.default_rng(7)
W, C = r.standard_normal((64, d)).astype('f'), r.standard_normal((k, 64)).astype('f')
y = r.integers(0, k, n)
X = np.maximum((C[y] + 1.6 * r.standard_normal((n, 64)).astype('f')) @ W / 8, 0).astype('f4')
write_store('one.h5', X, y)
write_store('several.h5', X, (y[:, None] == np.arange(k)) | (r.random((n, k)) < 0.05))
bad = 0
for name, options in cases.items():
    if sys.argv[5:] and name not in sys.argv[5:]:
        continue
    words = [layercut, 'train', 'several.h5' if name.startswith('several') else 'one.h5', '-o', 'c.h5', '--quiet', '--threads', '2', *options]
    subprocess.run([*words, '--dry-run', '--json', 'plan.json'], check=True, stdout=subprocess.DEVNULL)
    said = json.load(open('plan.json'))['bytes'] / 2 ** 20
    subprocess.run([*words, '--json', 'run.json'], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = json.load(open('run.json'))['peak_bytes'] / 2 ** 20
    bad += peak > said
    print(f'{name:28s} {said:8.0f} MiB said, {peak:8.0f} MiB at its peak: {said / peak:.2f}{"" if peak <= said else "  MORE"}', flush=True)
sys.exit(bad > 0)
