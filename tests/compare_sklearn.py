#!/usr/bin/python3
"""Trains every classifier on five made-up stores, and compares its decisions with scikit-learn's, LIBSVM's and LIBLINEAR's own
programs on the same rows. usage: compare_sklearn.py LAYERCUT   prints one line per comparison; exit code 1 when one is off,
77 without scikit-learn and h5py."""
import os, subprocess, sys
sys.dont_write_bytecode = True
try:
    import h5py, numpy as np
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LogisticRegression, RidgeClassifier, RidgeCV
    from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
    from sklearn.svm import SVC, LinearSVC
except ImportError as e:
    print('skipped:', e)
    sys.exit(77)
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from store_of import write_store

layercut = sys.argv[1]
bad = 0


def rows(n, d, k, seed, spread=1.6):
    r = np.random.default_rng(seed)
    W, C = r.standard_normal((16, d)), r.standard_normal((k, 16))
    y = np.concatenate([np.arange(k), np.arange(k), r.integers(0, k, n - 2 * k)])
    return np.maximum((C[y] + spread * r.standard_normal((n, 16))) @ W / 4, 0).astype('f4'), y


def stores():
    yield 'two classes', rows(200, 40, 2, 1)
    yield 'ten classes', rows(300, 60, 10, 2)
    X, y = rows(400, 30, 100, 3, 0.5)
    yield 'hundred classes', (X, y)
    X, y = rows(240, 50, 4, 4)
    X[:, 7] = 3
    X[:, 9] = 0
    X[100:130] = X[10:40]
    y = np.where(np.arange(240) % 3 > 0, 0, y)
    yield 'imbalanced, duplicates, constant features', (X, y)
    X, y = rows(150, 20, 3, 5)
    yield 'collinear', (np.hstack([X, X[:, :10] + X[:, 5:15], 2 * X]), y)


def train(name, *options):
    subprocess.run([layercut, 'train', 'store.h5', '-o', 'c.h5', '--quiet', '--norm', 'none', *options], check=True,
                   stdout=subprocess.DEVNULL)
    return h5py.File('c.h5', 'r')


def check(store, what, ours, theirs, tolerance, ours_labels=None, theirs_labels=None, near=None):
    """Decisions to `tolerance` of their scale; labels equal but where a decision is nearer to 0 than `near`."""
    global bad
    scale = np.abs(theirs).max()
    off = np.abs(ours - theirs).max() / scale
    wrong = 0 if ours_labels is None else int((ours_labels != theirs_labels).sum())
    ok = off <= tolerance and wrong == 0
    bad += not ok
    if not ok or os.environ.get('VERBOSE'):
        print(f'{store}, {what}: differ by {off:.1e} of the scale, {wrong} labels')


def linear_decisions(f, X):
    return X @ f['model/weights'][:].T.astype('d') + f['model/bias'][:]


def pairs_of(f, X, kernel):
    """Decisions of all pairs from a saved machine, as svm_predict_values computes them."""
    sv, coef, rho, centre = (f['model/' + k][:].astype('d') for k in ('support_vectors', 'coefficients', 'rho', 'centre'))
    counts = f['model/support_counts'][:]
    start = np.concatenate([[0], np.cumsum(counts)])
    K = kernel(X - centre, sv - centre)
    out, p = [], 0
    for a in range(len(counts)):
        for b in range(a + 1, len(counts)):
            A, B = slice(start[a], start[a + 1]), slice(start[b], start[b + 1])
            out.append(K[:, A] @ coef[b - 1, A] + K[:, B] @ coef[a, B] - rho[p])
            p += 1
    return np.array(out).T


def votes(decisions, k):
    v, p = np.zeros((len(decisions), k)), 0
    for a in range(k):
        for b in range(a + 1, k):
            v[:, a] += decisions[:, p] > 0
            v[:, b] += decisions[:, p] <= 0
            p += 1
    return v.argmax(1)


for name, (X, y) in stores():
    write_store('store.h5', X, y)
    D, k = X.astype('d'), int(y.max()) + 1
    g = 1 / (D.shape[1] * D.var())
    square = lambda a, b: np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T, 0)
    kernels = {
        'linear': (['-c', '0.5'], dict(C=0.5, kernel='linear'), lambda a, b: a @ b.T),
        'rbf': (['-c', '10', '-g', repr(g)], dict(C=10, gamma=g), lambda a, b: np.exp(-g * square(a, b))),
        'poly': (['-c', '1', '-g', repr(g), '-r', '1', '-d', '3'], dict(C=1, kernel='poly', gamma=g, coef0=1, degree=3),
                 lambda a, b: (g * a @ b.T + 1) ** 3),
    }
    for kernel, (options, keywords, function) in kernels.items():
        f = train(name, '--kernel', kernel, *options)
        theirs = SVC(decision_function_shape='ovo', **keywords).fit(D, y)
        want = theirs.decision_function(D)
        want = -want[:, None] if k == 2 else want
        ours = pairs_of(f, D, function)
        f.close()
        # Both stop within 1e-3 of the optimum: a label may hang on a decision that is nearer to 0 than that.
        safe = np.abs(want).min(1) > 2e-3
        check(name, 'svm ' + kernel, ours, want, 2e-3, votes(ours, k)[safe], theirs.predict(D)[safe])
    both = lambda z: np.stack([-z, z], 1) if z.ndim == 1 else z
    f = train(name, '--classifier', 'linear', '-c', '0.01')
    theirs = LinearSVC(C=0.01, dual=False, tol=1e-8, max_iter=100000).fit(D, y)
    ours = linear_decisions(f, D)
    f.close()
    check(name, 'linear', ours, both(theirs.decision_function(D)), 1e-3, ours.argmax(1), theirs.predict(D))
    f = train(name, '--classifier', 'logreg', '--lambda', '1')
    theirs = LogisticRegression(C=1, tol=1e-8, max_iter=100000).fit(D, y)
    ours, want = linear_decisions(f, D), theirs.decision_function(D)
    f.close()
    check(name, 'logreg', ours[:, 1:] - ours[:, :1] if k == 2 else ours - ours.mean(1)[:, None],
          want[:, None] if k == 2 else want - want.mean(1)[:, None], 1e-3, ours.argmax(1), theirs.predict(D))
    f = train(name, '--classifier', 'ridge', '--lambda', '3')
    theirs = RidgeClassifier(alpha=3).fit(D, y)
    ours = linear_decisions(f, D)
    f.close()
    check(name, 'ridge', ours, both(theirs.decision_function(D)), 1e-4, ours.argmax(1), theirs.predict(D))
    f = train(name, '--classifier', 'lda', '--shrinkage', '0.2')
    theirs = LinearDiscriminantAnalysis(solver='lsqr', shrinkage=0.2).fit(D, y)
    ours, want = linear_decisions(f, D), theirs.decision_function(D)
    f.close()
    check(name, 'lda', ours[:, 1:] - ours[:, :1] if k == 2 else ours - ours.mean(1)[:, None],
          want[:, None] if k == 2 else want - want.mean(1)[:, None], 1e-4, ours.argmax(1), theirs.predict(D))
    f = train(name, '--classifier', 'centroid')
    theirs = NearestCentroid().fit(D, y)
    ours = linear_decisions(f, D)
    want = D @ theirs.centroids_.T - (theirs.centroids_ ** 2).sum(1) / 2
    f.close()
    check(name, 'centroid', ours, want, 1e-5, ours.argmax(1), theirs.predict(D))
    for t in '0', '0.07':
        train(name, '--classifier', 'knn', '-k', '7', '-t', t).close()
        weights = 'uniform' if t == '0' else lambda d: np.exp((1 - d) / float(t))
        theirs = KNeighborsClassifier(7, metric='cosine', algorithm='brute', weights=weights).fit(D, y)
        subprocess.run([layercut, 'evaluate', 'c.h5', 'store.h5', '--split', 'all', '--json', 'e.json', '--quiet'], check=True,
                       stdout=subprocess.DEVNULL)
        import json
        confusion = np.array(json.load(open('e.json'))['metrics']['confusion'])
        want = np.zeros((k, k), int)
        np.add.at(want, (y, theirs.predict(D)), 1)
        # Duplicates are equally near: which of them comes in is nobody's to say.
        check(name, 'knn, t ' + t, confusion, want, 0.02 if 'duplicates' in name else 1e-9)
    f = train(name, '--classifier', 'centroid', '--pca', '5')
    V, m = f['transform/1_matrix'][:].astype('d'), f['transform/1_shift'][:]
    theirs = PCA(5, svd_solver='full').fit(D)
    ours, want = (D - m) @ V.T, theirs.transform(D)
    f.close()
    check(name, 'pca', np.abs(ours), np.abs(want), 1e-4)
    alphas = [0.01, 1, 100]
    subprocess.run([layercut, 'train', 'store.h5', '-o', 'c.h5', '--quiet', '--norm', 'none', '--classifier', 'ridge', '--lambda',
                    ','.join(map(str, alphas)), '--json', 'r.json'], check=True, stdout=subprocess.DEVNULL)
    accuracy = [p['accuracy'] for p in json.load(open('r.json'))['search']]
    Y = np.where(y[:, None] == np.arange(k), 1.0, -1.0)
    for alpha, got in zip(alphas, accuracy):
        values = RidgeCV(alphas=[alpha], store_cv_values=True, scoring=None).fit(D, Y).cv_values_
        fitted = RidgeCV(alphas=[alpha]).fit(D, Y).predict(D)
        # cv_values_ are squared leave-one-out errors; their signs are those of the residuals.
        left_out = Y - np.sign(Y - fitted) * np.sqrt(values[:, :, 0])
        want = (left_out.argmax(1) == y).mean()
        check(name, f'ridge leave-one-out, alpha {alpha}', np.array(got), np.array(want), 1e-9)
sys.exit(bad > 0)
