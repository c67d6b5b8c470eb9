"""What compare_sklearn.py and compare_stock.py share: made-up stores, and the decisions of saved machines. Wants h5py."""
import h5py, numpy as np
from comparing import layercut


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


def trained(*options):
    """The arrays of the classifier file c.h5, trained on store.h5, by their names."""
    layercut('train', 'store.h5', '-o', 'c.h5', *options)
    arrays = {}
    with h5py.File('c.h5', 'r') as f:
        f.visititems(lambda name, item: arrays.update({name: item[()]} if isinstance(item, h5py.Dataset) else {}))
    return arrays


def linear_decisions(arrays, X):
    return X @ arrays['model/weights'].T.astype('d') + arrays['model/bias']


def kernels(g):
    """Name: function of two sets of rows."""
    square = lambda a, b: np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T, 0)
    return {'linear': lambda a, b: a @ b.T, 'rbf': lambda a, b: np.exp(-g * square(a, b)),
            'poly': lambda a, b: (g * a @ b.T + 1) ** 3}


def pairs(K, counts, coef, rho):
    """Decisions of all pairs, as svm_predict_values computes them, from kernels K (rows, support vectors)."""
    start = np.concatenate([[0], np.cumsum(counts)])
    out, p = [], 0
    for a in range(len(counts)):
        for b in range(a + 1, len(counts)):
            A, B = slice(start[a], start[a + 1]), slice(start[b], start[b + 1])
            out.append(K[:, A] @ coef[b - 1, A] + K[:, B] @ coef[a, B] - rho[p])
            p += 1
    return np.array(out).T


def pairs_of(arrays, X, kernel):
    """The same of a classifier file."""
    sv, coef, rho, centre = (arrays['model/' + k].astype('d') for k in ('support_vectors', 'coefficients', 'rho', 'centre'))
    return pairs(kernel(X - centre, sv - centre), arrays['model/support_counts'], coef, rho)


def votes(decisions, k):
    v, p = np.zeros((len(decisions), k)), 0
    for a in range(k):
        for b in range(a + 1, k):
            v[:, a] += decisions[:, p] > 0
            v[:, b] += decisions[:, p] <= 0
            p += 1
    return v.argmax(1)
