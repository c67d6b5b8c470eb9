#!/usr/bin/python3
"""Trains every classifier on five made-up stores, and compares its decisions with scikit-learn's on the same rows.
usage: compare_sklearn.py LAYERCUT   prints what is off; exit code 1 when something is. Wants scikit-learn and h5py."""
import numpy as np
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier, RidgeCV
from sklearn.metrics import confusion_matrix
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.svm import SVC, LinearSVC
from comparing import check, check_decisions, layercut, told, verdict
from machines import kernels, linear_decisions, pairs_of, stores, trained, votes
from store_of import write_store


def columns(ours, theirs, X):
    """scikit-learn's decisions of two classes are one column."""
    z = theirs.decision_function(X)
    return ours, np.stack([-z, z], 1) if z.ndim == 1 else z


def differences(ours, theirs, X):
    """Scores that mean something only beside each other: those of two classes by their difference, of more from their mean."""
    z = theirs.decision_function(X)
    if z.ndim == 1:
        return ours[:, 1:] - ours[:, :1], z[:, None]
    return ours - ours.mean(1)[:, None], z - z.mean(1)[:, None]


def distances(ours, theirs, X):
    """Squared distances to the centroids, less what all have in common."""
    return ours, X @ theirs.centroids_.T - (theirs.centroids_ ** 2).sum(1) / 2


def compare_svm(name, X, y):
    k, g = y.max() + 1, float(1 / (X.shape[1] * X.var()))
    settings = {
        'linear': (['-c', 0.5], dict(C=0.5, kernel='linear')),
        'rbf': (['-c', 10, '-g', repr(g)], dict(C=10, gamma=g)),
        'poly': (['-c', 1, '-g', repr(g), '-r', 1, '-d', 3], dict(C=1, kernel='poly', gamma=g, coef0=1, degree=3)),
    }
    for kernel, (options, keywords) in settings.items():
        ours = pairs_of(trained('--norm', 'none', '--kernel', kernel, *options), X, kernels(g)[kernel])
        theirs = SVC(decision_function_shape='ovo', tol=1e-4, **keywords).fit(X, y)
        want = theirs.decision_function(X)
        check_decisions(f'{name}, svm {kernel}', ours, -want[:, None] if k == 2 else want, 1e-3, [(votes(ours, k), theirs.predict(X))])


def compare_linear(name, X, y):
    """Each classifier that is a matrix and a bias: its options, scikit-learn's, which of their decisions to compare, to how much of their scale."""
    for what, options, theirs, comparable, most in (
            ('logreg', ['--lambda', 1], LogisticRegression(C=1, tol=1e-8, max_iter=100000), differences, 1e-3),
            ('ridge', ['--lambda', 3], RidgeClassifier(alpha=3), columns, 1e-4),
            ('lda', ['--shrinkage', 0.2], LinearDiscriminantAnalysis(solver='lsqr', shrinkage=0.2), differences, 1e-4),
            ('centroid', [], NearestCentroid(), distances, 1e-5),
            ('linear', ['-c', 0.01], LinearSVC(C=0.01, dual=False, tol=1e-8, max_iter=100000), columns, 1e-3)):
        ours = linear_decisions(trained('--norm', 'none', '--classifier', what, *options), X)
        theirs.fit(X, y)
        check_decisions(f'{name}, {what}', *comparable(ours, theirs, X), most, [(ours.argmax(1), theirs.predict(X))])
    layercut('export', 'c.h5', '--format', 'npy', '-o', 'w')
    check_decisions(f'{name}, exported weights', X @ np.load('w.weights.npy').T.astype('d') + np.load('w.bias.npy'), ours, 1e-12)


def compare_knn(name, X, y):
    for t in 0, 0.07:
        trained('--norm', 'none', '--classifier', 'knn', '-k', 7, '-t', t)
        weights = (lambda d: np.exp((1 - d) / t)) if t else 'uniform'
        theirs = KNeighborsClassifier(7, metric='cosine', algorithm='brute', weights=weights).fit(X, y)
        confusion = np.array(told('evaluate', 'c.h5', 'store.h5', '--split', 'all')['metrics']['confusion'])
        # Duplicates are equally near: which of them comes in is nobody's to say.
        check_decisions(f'{name}, knn, t {t}', confusion, confusion_matrix(y, theirs.predict(X)), 0.02 if 'duplicates' in name else 1e-9)


def compare_pca(name, X, y):
    f = trained('--norm', 'none', '--classifier', 'centroid', '--pca', 5)
    ours = (X - f['transform/1_shift']) @ f['transform/1_matrix'].T.astype('d')
    check_decisions(f'{name}, pca', np.abs(ours), np.abs(PCA(5, svd_solver='full').fit(X).transform(X)), 1e-4)


def compare_leave_one_out(name, X, y):
    alphas = [0.01, 1, 100]
    found = told('train', 'store.h5', '-o', 'c.h5', '--norm', 'none', '--classifier', 'ridge', '--lambda', ','.join(map(str, alphas)))['search']
    Y = np.where(y[:, None] == np.arange(y.max() + 1), 1.0, -1.0)
    for alpha, point in zip(alphas, found):
        values = RidgeCV(alphas=[alpha], store_cv_values=True, scoring=None).fit(X, Y).cv_values_
        fitted = RidgeCV(alphas=[alpha]).fit(X, Y).predict(X)
        # cv_values_ are squared leave-one-out errors; their signs are those of the residuals.
        left_out = Y - np.sign(Y - fitted) * np.sqrt(values[:, :, 0])
        want = (left_out.argmax(1) == y).mean()
        check(f'{name}, ridge leave-one-out, alpha {alpha}', abs(point['accuracy'] - want) / want, 1e-9)


for name, (X, y) in stores():
    write_store('store.h5', X, y)
    for compare in compare_svm, compare_linear, compare_knn, compare_pca, compare_leave_one_out:
        compare(name, X.astype('d'), y)
verdict()
