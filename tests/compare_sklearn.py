#!/usr/bin/python3
"""Trains every classifier on five made-up stores, and compares its decisions with scikit-learn's on the same rows. usage: compare_sklearn.py LAYERCUT   prints one line per comparison; exit code 1 when one is off,
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
from machines import kernels, pairs_of, stores, votes
from store_of import write_store

layercut = sys.argv[1]
bad = 0


def train(name, *options):
    subprocess.run([layercut, 'train', 'store.h5', '-o', 'c.h5', '--quiet', '--norm', 'none', *options], check=True,
                   stdout=subprocess.DEVNULL)
    return h5py.File('c.h5', 'r')


def check(store, what, ours, theirs, tolerance, ours_labels=None, theirs_labels=None):
    """Decisions to `tolerance` of their scale; labels equal."""
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


for name, (X, y) in stores():
    write_store('store.h5', X, y)
    D, k = X.astype('d'), int(y.max()) + 1
    g = 1 / (D.shape[1] * D.var())
    settings = {
        'linear': (['-c', '0.5'], dict(C=0.5, kernel='linear')),
        'rbf': (['-c', '10', '-g', repr(g)], dict(C=10, gamma=g)),
        'poly': (['-c', '1', '-g', repr(g), '-r', '1', '-d', '3'], dict(C=1, kernel='poly', gamma=g, coef0=1, degree=3)),
    }
    for kernel, (options, keywords) in settings.items():
        f = train(name, '--kernel', kernel, *options)
        theirs = SVC(decision_function_shape='ovo', tol=1e-4, **keywords).fit(D, y)
        want = theirs.decision_function(D)
        want = -want[:, None] if k == 2 else want
        ours = pairs_of(f, D, kernels(g)[kernel])
        f.close()
        check(name, 'svm ' + kernel, ours, want, 1e-3, votes(ours, k), theirs.predict(D))
    both = lambda z: np.stack([-z, z], 1) if z.ndim == 1 else z
    f = train(name, '--classifier', 'linear', '-c', '0.01')
    theirs = LinearSVC(C=0.01, dual=False, tol=1e-8, max_iter=100000).fit(D, y)
    ours = linear_decisions(f, D)
    f.close()
    subprocess.run([layercut, 'export', 'c.h5', '--format', 'npy', '-o', 'w', '--quiet'], check=True, stdout=subprocess.DEVNULL)
    check(name, 'exported weights', D @ np.load('w.weights.npy').T.astype('d') + np.load('w.bias.npy'), ours, 1e-12)
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
