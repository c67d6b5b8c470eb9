#!/usr/bin/python3
"""Seconds of `layercut train` beside scikit-learn and svm-train on the same made-up rows, in turns, in the current folder.
usage: bench_classifier.py LAYERCUT [grid|grid_ours|grid_low|grid_high|fit|fit_sklearn|fit_libsvm|svm|linear|logreg_small|logreg|logreg_peer|memory ...]
default: grid fit
What would take scikit-learn too long is measured in part, and the line says which part. logreg takes minutes alone; logreg_peer
is scikit-learn's part of it."""
import json, re, resource, subprocess, sys, time, warnings
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import SVC, LinearSVC
from store_of import classes_of_rows, write_store

layercut = sys.argv[1]


def seconds(f):
    start = time.time()
    f()
    return time.time() - start


def ours(*options):
    return seconds(lambda: subprocess.run([layercut, 'train', 'bench.h5', '-o', 'bench.clf.h5', '--quiet', *options], check=True,
                                          stdout=subprocess.DEVNULL))


def line(what, mine, theirs, of):
    print(f'{what}: {mine:.2f} s, {of} {theirs:.1f} s: {theirs / mine:.1f} x', flush=True)


GRID = [.1, 1, 10, 100]


def grid_rows():
    X, y = classes_of_rows(2000, 512, 10)
    g = float(1 / (512 * X.var()))
    return X, y, [g / 4, g, 4 * g]


def grid_ours():
    X, y, gammas = grid_rows()
    write_store('bench.h5', X, y)
    return min(ours('--norm', 'none', '--kernel', 'rbf', '-c', ','.join(map(str, GRID)), '-g', ','.join(map(repr, gammas)))
               for _ in range(2))


def grid_peer(costs):
    X, y, gammas = grid_rows()
    search = GridSearchCV(SVC(cache_size=1000), {'C': costs, 'gamma': gammas}, cv=5, n_jobs=2, refit=False)
    return seconds(lambda: search.fit(X.astype('d'), y))


def grid():
    line('rbf grid 4 x 3, 5 folds, 2000 x 512', grid_ours(), grid_peer(GRID), 'GridSearchCV(n_jobs=2)')


def grid_low():
    """The peer's half, as grid_high is the other, for machines that may be kept to themselves for a minute only."""
    return grid_peer(GRID[:2])


def grid_high():
    return grid_peer(GRID[2:])


def fit_rows():
    X, y = classes_of_rows(10000, 512, 10)
    write_store('bench.h5', X, y)
    g = float(1 / (512 * X.var()))
    return X, y, g, min(ours('--norm', 'none', '--kernel', 'rbf', '-c', '10', '-g', repr(g)) for _ in range(2))


def fit_sklearn():
    X, y, g, mine = fit_rows()
    line('rbf fit, 10000 x 512', mine, seconds(lambda: SVC(C=10, gamma=g, cache_size=2000).fit(X.astype('d'), y)), 'SVC')


def fit_libsvm():
    _, _, g, mine = fit_rows()
    subprocess.run([layercut, 'export', 'bench.h5', '--format', 'libsvm', '-o', 'bench', '--quiet'], check=True,
                   stdout=subprocess.DEVNULL)
    line('rbf fit, 10000 x 512', mine, seconds(lambda: subprocess.run(
        ['svm-train', '-q', '-c', '10', '-g', repr(g), '-m', '2000', 'bench.libsvm', 'bench.model'], check=True)), 'svm-train')


def fit():
    fit_sklearn()
    fit_libsvm()


def svm():
    X, y = classes_of_rows(10000, 2048, 10)
    write_store('bench.h5', X, y)
    mine = ours('--norm', 'l2')
    X = X.astype('d') / np.linalg.norm(X, axis=1)[:, None]
    seen, held = next(StratifiedKFold(5).split(X, y))
    part = [seconds(lambda: SVC(C=c, kernel='linear', cache_size=2000).fit(X[seen], y[seen]).predict(X[held]))
            for c in (2.0 ** -5, 2.0 ** 5)]
    line('svm, linear kernel, grid 11, 5 folds, 10000 x 2048', mine, sum(part) / 2 * 55 / 2,
         'SVC (the mean of 2 of 55 fits, on two processes)')


def linear():
    """The same 11 values of C for both: log2 -15,5,2."""
    X, y = classes_of_rows(10000, 2048, 10)
    write_store('bench.h5', X, y)
    mine = ours('--norm', 'l2', '--classifier', 'linear')
    X = X.astype('d') / np.linalg.norm(X, axis=1)[:, None]
    seen, held = next(StratifiedKFold(5).split(X, y))
    part = [seconds(lambda: LinearSVC(C=c).fit(X[seen], y[seen]).predict(X[held])) for c in (2.0 ** -15, 2.0 ** -5, 2.0 ** 5)]
    line('linear, grid 11, 5 folds, 10000 x 2048', mine, sum(part) / 3 * 55 / 2,
         'LinearSVC (C 2^-15 %.1f s, 2^-5 %.1f s, 2^5 %.1f s: 3 of 55 fits, on two processes)' % tuple(part))


def logreg_peer_seconds(n, classes, iterations):
    """Seconds of scikit-learn's 225 fits on two processes, from the first iterations of one, and how that was found."""
    X, y = classes_of_rows(n, 2048, classes)
    X /= np.linalg.norm(X, axis=1)[:, None]
    part = LogisticRegression(C=1, max_iter=iterations)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        one = seconds(lambda: part.fit(X[:n * 4 // 5], y[:n * 4 // 5]))
    return (one / iterations * 100 * 225 / 2,
            f'LogisticRegression ({iterations} iterations {one:.1f} s; its limit of 100 in each of 225 fits, on two processes)')


def logreg_small():
    write_store('bench.h5', *classes_of_rows(10000, 2048, 10))
    mine = ours('--classifier', 'logreg', '--norm', 'l2')
    line('logreg grid 45, 5 folds, 10000 x 2048, 10 classes', mine, *logreg_peer_seconds(10000, 10, 10))


def logreg():
    """Seconds of CPU beside those of the clock, which count what else runs; and what was found."""
    write_store('bench.h5', *classes_of_rows(50000, 2048, 100))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = ours('--classifier', 'logreg', '--norm', 'l2', '--json', 'bench.json')
    after, found = resource.getrusage(resource.RUSAGE_CHILDREN), json.load(open('bench.json'))
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f'logreg grid 45, 5 folds, 50000 x 2048, 100 classes: {took:.0f} s, {cpu:.0f} s of CPU, peak {found["peak_bytes"] / 2 ** 30:.2f} GiB; '
          f'{found["parameters"]}, {found["cv_accuracy"]:.4f} in cross-validation', flush=True)


def logreg_peer():
    took, how = logreg_peer_seconds(50000, 100, 2)
    print(f'logreg grid 45, 5 folds, 50000 x 2048, 100 classes: {how}: {took:.0f} s', flush=True)


def memory():
    """Peak of the process beside what --dry-run said."""
    X, y = classes_of_rows(20000, 512, 10)
    write_store('bench.h5', X, y)
    words = ['--norm', 'none', '--kernel', 'rbf', '-g', repr(float(1 / (512 * X.var())))]
    for what, c in ('one fit', ['-c', '10']), ('search', ['-c', '1,10']):
        plan = subprocess.run([layercut, 'train', 'bench.h5', '-o', 'bench.clf.h5', *words, *c, '--dry-run'], check=True,
                              capture_output=True, text=True).stdout
        ours(*words, *c, '--json', 'bench.json')
        peak = json.load(open('bench.json'))['peak_bytes'] / 2 ** 30
        said = re.search(r'memory: (.*) at its peak', plan).group(1)
        print(f'rbf {what}, 20000 x 512: peak {peak:.2f} GiB, --dry-run said {said}', flush=True)


for name in sys.argv[2:] or ['grid', 'fit']:
    found = globals()[name]()
    if found is not None:
        print(f'{name}: {found:.2f} s')
