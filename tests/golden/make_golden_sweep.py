#!/usr/bin/python3
"""Makes tests/golden/sweep.json: features with labels, and what numpy and scipy say of them by the published definitions.
usage: make_golden_sweep.py      from anywhere; needs numpy and scipy (Debian: python3-scipy)"""
import json
import os

import numpy as np
from scipy.stats import weightedtau


def logme(f, y):
    """You et al. 2021: evidence of Bayesian linear regression, maximised by MacKay's fixed point; with explicit matrices."""
    n, d = f.shape
    total = []
    for k in sorted(set(y)):
        t = (y == k).astype('f8')
        alpha = beta = 1.0
        for _ in range(1000):
            a = alpha * np.eye(d) + beta * f.T @ f
            m = beta * np.linalg.solve(a, f.T @ t)
            gamma = d - alpha * np.trace(np.linalg.inv(a))
            miss = ((f @ m - t) ** 2).sum()
            new = gamma / (m @ m), (n - gamma) / miss
            if abs(new[0] - alpha) <= 1e-10 * alpha and abs(new[1] - beta) <= 1e-10 * beta:
                break
            alpha, beta = new
        evidence = (n / 2 * np.log(beta) + d / 2 * np.log(alpha) - n / 2 * np.log(2 * np.pi) - beta / 2 * miss -
                    alpha / 2 * m @ m - np.linalg.slogdet(a)[1] / 2)
        total.append(evidence / n)
    return np.mean(total)


def hscore(f, y):
    """Bao et al. 2019, definition 2: tr(cov(f)^+ cov(E[f|y]))."""
    c = f - f.mean(0)
    g = np.zeros_like(c)
    for k in set(y):
        g[y == k] = c[y == k].mean(0)
    n = len(f)
    cov = c.T @ c / n
    return np.trace(np.linalg.pinv(cov, rcond=max(f.shape) * np.finfo('f8').eps, hermitian=True) @ (g.T @ g / n))


def cka(f, g):
    """Kornblith et al. 2019, equations 3 and 4."""
    n = len(f)
    h = np.eye(n) - 1 / n
    hsic = lambda k, l: np.trace(k @ h @ l @ h) / (n - 1) ** 2
    k, l = f @ f.T, g @ g.T
    return hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l))


def layer(rows, dim, classes, seed):
    r = np.random.default_rng(seed)
    y = r.integers(0, classes, rows)
    y[:classes] = range(classes)
    x = np.round(np.maximum(r.standard_normal((rows, dim)) + 0.8 * r.standard_normal((classes, dim))[y], 0), 2)
    return x.astype('f4').astype('f8'), y


def short(x):
    """Few digits that read back as the same float32."""
    return [round(float(v), 2) for v in x.ravel()]


cases = []
for rows, dim, classes, seed in [(40, 6, 3, 1), (30, 12, 2, 2), (14, 20, 3, 3), (24, 24, 4, 4)]:
    x, y = layer(rows, dim, classes, seed)
    other = layer(rows, dim // 2, classes, seed + 10)[0] + x[:, : dim // 2]
    other = np.round(other, 2).astype('f4').astype('f8')
    cases.append({'dim': dim, 'classes': classes, 'x': short(x), 'labels': y.tolist(),
                  'logme': logme(x, y), 'hscore': hscore(x, y),
                  'other': short(other), 'cka': cka(x, other)})
taus = []
r = np.random.default_rng(7)
for n, ties in [(2, False), (9, False), (12, True), (27, True)]:
    a, b = r.standard_normal(n), r.standard_normal(n)
    b = np.round(a + b, 0) if ties else a + b
    a = np.round(a, 1)
    taus.append({'a': a.tolist(), 'b': b.tolist(), 'tau': weightedtau(a, b).statistic
                 if hasattr(weightedtau(a, b), 'statistic') else weightedtau(a, b)[0]})
text = json.dumps({'layers': cases, 'taus': taus})
text = text.replace('}, {', '},\n{')
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'sweep.json'), 'w') as f:
    f.write(text + '\n')
