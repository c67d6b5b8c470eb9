#!/usr/bin/python3
"""Seconds of `layercut train` beside scikit-learn and svm-train on the same made-up rows, in turns, in the current folder.
usage: bench_classifier.py LAYERCUT [grid|fit|linear|logreg ...]   default: grid fit
What would take scikit-learn too long is measured in part, and the line says which part."""
import os, subprocess, sys, time
sys.dont_write_bytecode = True
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import SVC
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from store_of import write_store

layercut = sys.argv[1]


def rows(n, d, k=10):
    r = np.random.default_rng(7)
    W, C = r.standard_normal((64, d)).astype('f'), r.standard_normal((k, 64)).astype('f')
    y = r.integers(0, k, n)
    return np.maximum((C[y] + 1.6 * r.standard_normal((n, 64)).astype('f')) @ W / 8, 0).astype('f4'), y


def seconds(f):
    start = time.time()
    f()
    return time.time() - start


def ours(*options):
    return seconds(lambda: subprocess.run([layercut, 'train', 'bench.h5', '-o', 'bench.clf.h5', '--quiet', *options], check=True,
                                          stdout=subprocess.DEVNULL))


def line(what, mine, theirs, of):
    print(f'{what}: {mine:.2f} s, {of} {theirs:.1f} s: {theirs / mine:.1f} x', flush=True)


def grid():
    X, y = rows(2000, 512)
    write_store('bench.h5', X, y)
    g = 1 / (512 * X.var())
    gammas = [g / 4, g, 4 * g]
    mine = min(ours('--norm', 'none', '--kernel', 'rbf', '-c', '0.1,1,10,100', '-g', ','.join(map(repr, map(float, gammas))))
               for _ in range(2))
    search = GridSearchCV(SVC(cache_size=1000), {'C': [.1, 1, 10, 100], 'gamma': gammas}, cv=5, n_jobs=2)
    line('rbf grid 4 x 3, 5 folds, 2000 x 512', mine, seconds(lambda: search.fit(X.astype('d'), y)), 'GridSearchCV(n_jobs=2)')


def fit():
    X, y = rows(10000, 512)
    write_store('bench.h5', X, y)
    g = float(1 / (512 * X.var()))
    mine = min(ours('--norm', 'none', '--kernel', 'rbf', '-c', '10', '-g', repr(g)) for _ in range(2))
    line('rbf fit, 10000 x 512', mine, seconds(lambda: SVC(C=10, gamma=g, cache_size=2000).fit(X.astype('d'), y)), 'SVC')
    subprocess.run([layercut, 'export', 'bench.h5', '--format', 'libsvm', '-o', 'bench', '--quiet'], check=True,
                   stdout=subprocess.DEVNULL)
    line('rbf fit, 10000 x 512', mine, seconds(lambda: subprocess.run(
        ['svm-train', '-q', '-c', '10', '-g', repr(g), '-m', '2000', 'bench.libsvm', 'bench.model'], check=True)), 'svm-train')


def linear():
    X, y = rows(10000, 2048)
    write_store('bench.h5', X, y)
    mine = ours('--norm', 'l2')
    X = X.astype('d') / np.linalg.norm(X, axis=1)[:, None]
    seen, held = next(StratifiedKFold(5).split(X, y))
    part = [seconds(lambda: SVC(C=c, kernel='linear', cache_size=2000).fit(X[seen], y[seen]).predict(X[held]))
            for c in (2.0 ** -5, 2.0 ** 5)]
    line('linear svm grid 11, 5 folds, 10000 x 2048', mine, sum(part) / 2 * 55 / 2,
         'SVC (the mean of 2 of 55 fits, on two processes)')


def logreg():
    X, y = rows(50000, 2048, 100)
    write_store('bench.h5', X, y)
    mine = ours('--classifier', 'logreg', '--norm', 'l2')
    X /= np.linalg.norm(X, axis=1)[:, None]
    part = LogisticRegression(C=1, max_iter=5)
    line('logreg grid 45, 5 folds, 50000 x 2048, 100 classes', mine, seconds(lambda: part.fit(X[:40000], y[:40000])),
         'LogisticRegression, 5 iterations of one of 225 fits')


for name in sys.argv[2:] or ['grid', 'fit']:
    globals()[name]()
