#!/usr/bin/python3
"""Trains svm and linear on five made-up stores and on those given, and LIBSVM's (to the same tolerance) and LIBLINEAR's own programs (to
1e-7) on the exported rows: labels are equal, decisions agree to 1e-3 of their scale; svm-predict reads our machine alike. On made-up
rows, normalised and not, linear is also held to the minimum itself for C from 2^-5 to 2^15, where LIBLINEAR does not get; with LC_TEST_FULL
so are its searches, which must choose the same C.
usage: compare_stock.py LAYERCUT [STORE.h5...]   prints what is off; exit code 1 when something is. Wants those programs, h5py and scipy."""
import csv, os, shutil, subprocess, sys
import h5py, numpy as np
from scipy.optimize import nnls
from comparing import check, check_decisions, layercut, told, verdict
from machines import kernels, linear_decisions, pairs, pairs_of, stores, trained
from store_of import write_store


def run(*words):
    subprocess.run([str(w) for w in words], check=True, stdout=subprocess.DEVNULL)


def read_rows(path, dim):
    """LIBSVM text -> X, y."""
    y, X = [], []
    for line in open(path):
        words = line.split()
        y.append(int(words[0]))
        X.append(np.zeros(dim))
        for word in words[1:]:
            i, value = word.split(':')
            X[-1][int(i) - 1] = float(value)
    return np.array(X), np.array(y)


def stock_pairs(path, X, kernel, k):
    """Decisions of svm-train's model, its pairs put into the order of class numbers."""
    head = {}
    with open(path) as f:
        for line in f:
            words = line.split()
            if words == ['SV']:
                break
            head[words[0]] = words[1:]
        labels, present = list(map(int, head['label'])), int(head['nr_class'][0])
        sv, coef = [], []
        for line in f:
            words = line.split()
            coef.append(list(map(float, words[:present - 1])))
            sv.append(np.zeros(X.shape[1]))
            for word in words[present - 1:]:
                i, value = word.split(':')
                sv[-1][int(i) - 1] = float(value)
    theirs = pairs(kernel(X, np.array(sv)), list(map(int, head['nr_sv'])), np.array(coef).T, list(map(float, head['rho'])))
    order, p = {}, 0
    for a in range(present):
        for b in range(a + 1, present):
            order[labels[a], labels[b]] = theirs[:, p]
            order[labels[b], labels[a]] = -theirs[:, p]
            p += 1
    return np.array([order[a, b] for a in range(k) for b in range(a + 1, k)]).T


def numbers(path):
    return np.array([int(float(line.split()[0])) for line in open(path)])


def our_labels():
    """What evaluate says, as class numbers."""
    layercut('evaluate', 'c.h5', 'store.h5', '--split', 'all', '--predictions', 'p.csv')
    names = {name: int(n) for n, name in (line.rstrip('\n').split('\t') for line in open('e.classes.txt'))}
    return np.array([names[row['prediction']] for row in csv.DictReader(open('p.csv'))])


def minimum(X, y, k, C):
    """Decisions of the squared hinge's minimum: its dual is a least squares problem of positive unknowns (Lawson and Hanson)."""
    X = np.hstack([X, np.ones((len(X), 1))])
    lower, target, out = np.eye(len(X)) / np.sqrt(2 * C), np.r_[np.zeros(X.shape[1]), np.full(len(X), np.sqrt(2 * C))], []
    for c in range(k):
        signed = np.where(y == c, 1.0, -1.0)[:, None] * X
        out.append(X @ (signed.T @ nnls(np.vstack([signed.T, lower]), target, 100 * len(X))[0]))
    return np.array(out).T


def compare_minimum(name, X, y):
    """Gradients say little of decisions where C is large, so LIBLINEAR at 1e-7 is off by up to 0.9 of their scale at 2^15."""
    X, k = X.astype('d'), y.max() + 1
    for norm in 'none', 'l2':
        x = X if norm == 'none' else X / np.maximum(np.linalg.norm(X, axis=1), 1e-30)[:, None]
        for C in 2.0 ** -5, 1, 2.0 ** 5, 2.0 ** 10, 2.0 ** 15:
            ours = linear_decisions(trained('--classifier', 'linear', '--norm', norm, '-c', C), x)
            check_decisions(f'{name}, linear, {norm}, C {C}, minimum', ours, minimum(x, y, k, C), 1e-3)


def found_of(key, *words):
    return told('train', 'store.h5', '-o', 'c.h5', '--classifier', 'linear', *words, '--folds', 5)[key]


def compare_search(name):
    """A search of linear stops where LIBLINEAR's default would; the same folds, each solved to its minimum (--nested), choose the same C."""
    costs = 2.0 ** np.arange(-5, 16, 2)
    for norm in 'none', 'l2':
        ours = np.array([p['accuracy'] for p in found_of('search', '--norm', norm, '-log2c', '-5,15,2')])
        exact = np.array([found_of('nested', '--norm', norm, '-c', c, '--nested', 5)['accuracy'] for c in costs])
        chosen, best = costs[np.argmax(ours.round(10))], costs[np.argmax(exact.round(10))]
        check(f'{name}, linear, {norm}: the search chose C {chosen}, minima {best}, apart', abs(chosen - best), 0)
        check(f'{name}, linear, {norm}: accuracies of the search from those of minima', np.abs(ours - exact).max(), 0.02)


def compare(name):
    store = h5py.File('store.h5', 'r')
    x, k = store['features'][:].astype('d'), len(store['classes'])
    seen = store['images/split'][:] == 1
    seen = seen if seen.any() else np.ones(len(x), bool)
    store.close()
    x /= np.maximum(np.linalg.norm(x, axis=1), 1e-30)[:, None]
    g = float(1 / (x.shape[1] * x.var()))
    options = {'linear': ['-c', 10], 'rbf': ['-c', 10, '-g', repr(g)], 'poly': ['-c', 1, '-g', repr(g), '-r', 1, '-d', 3]}
    for t, kernel in enumerate(('linear', 'poly', 'rbf')):  # as svm-train numbers them
        function = kernels(g)[kernel]
        machine = trained('--kernel', kernel, *options[kernel])
        layercut('export', 'c.h5', '--format', 'libsvm', '-o', 'e', '--with', 'store.h5', '--split', 'all')
        lines = open('e.all.libsvm').readlines()
        open('seen.libsvm', 'w').writelines(line for line, s in zip(lines, seen) if s)
        run('svm-train', '-q', '-t', t, *options[kernel], '-e', 1e-4, 'seen.libsvm', 'stock.model')
        run('svm-predict', 'e.all.libsvm', 'stock.model', 'stock.txt')
        run('svm-predict', 'e.all.libsvm', 'e.model', 'ours.txt')
        X, _ = read_rows('e.all.libsvm', x.shape[1])
        mine = our_labels()
        check_decisions(f'{name}, svm {kernel}', pairs_of(machine, X, function), stock_pairs('stock.model', X, function, k), 1e-3,
                        [(mine, numbers('stock.txt')), (mine, numbers('ours.txt'))])
    for c in 0.1, 10:
        ours = linear_decisions(trained('--classifier', 'linear', '-c', c), X)
        run('liblinear-train', '-q', '-s', 2, '-B', 1, '-c', c, '-e', 1e-7, 'seen.libsvm', 'stock.model')
        run('liblinear-predict', 'e.all.libsvm', 'stock.model', 'stock.txt')
        text = open('stock.model').read().split('\nw\n')
        order = [line.split()[1:] for line in text[0].splitlines() if line.startswith('label')][0]
        W = np.array([line.split() for line in text[1].splitlines()], 'd')
        theirs = X @ W[:X.shape[1]] + W[X.shape[1]]
        theirs = np.hstack([theirs, -theirs]) if k == 2 else theirs
        theirs = theirs[:, [order.index(str(i)) for i in range(k)]]
        check_decisions(f'{name}, linear, C {c}', ours, theirs, 1e-3, [(our_labels(), numbers('stock.txt'))])


for name, (X, y) in stores():
    write_store('store.h5', X, y)
    compare(name)
    compare_minimum(name, X, y)
    if os.environ.get('LC_TEST_FULL'):
        compare_search(name)
for path in sys.argv[2:]:
    shutil.copy(path, 'store.h5')
    compare(os.path.basename(path))
verdict()
