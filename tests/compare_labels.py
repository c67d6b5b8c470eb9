#!/usr/bin/python3
"""Trains on made-up rows of several labels: average precisions and the other metrics equal scikit-learn's on the same scores to 1e-12,
decisions its machines' (the same value of C per class) to 1e-3 of their scale, the 11-point form its definition.
usage: compare_labels.py LAYERCUT   prints what is off; exit code 1 when something is. Wants scikit-learn and h5py."""
import csv
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, hamming_loss, precision_recall_curve
from sklearn.svm import SVC, LinearSVC
from comparing import check, check_decisions, told, verdict
from store_of import write_store


def eleven_points(truth, scores):
    precision, recall = (p[:-1] for p in precision_recall_curve(truth, scores)[:2])  # without its made-up last point
    return np.mean([max(precision[recall >= t / 10], default=0) for t in range(11)])


r = np.random.default_rng(3)
n, d, k = 500, 40, 6
X = np.maximum(r.standard_normal((n, d)), 0).astype('f')
Z = X @ r.standard_normal((d, k)) + 1.5 * r.standard_normal((n, k))
Y = np.array([z > np.quantile(z, q) for z, q in zip(Z.T, [.7, .8, .8, .9, .95, .5])]).T.astype('u1')
split = np.where(np.arange(n) % 3 == 0, 3, 1)
write_store('labels.h5', X, Y, split)
seen, held = Y.any(axis=1) & (split == 1), Y.any(axis=1) & (split == 3)
X = X / np.linalg.norm(X, axis=1)[:, None]
twice = {1: 2, 0: 1}
machines = {
    ('linear',): lambda c: LinearSVC(C=c, tol=1e-8, max_iter=100000, class_weight=twice),
    ('logreg',): lambda c: LogisticRegression(C=1 / c, tol=1e-8, max_iter=10000, class_weight=twice),
    ('svm',): lambda c: SVC(C=c, kernel='linear', tol=1e-5, class_weight=twice),
    ('svm', '--kernel', 'rbf', '-g', '0.7'): lambda c: SVC(C=c, gamma=.7, tol=1e-5, class_weight=twice),
}
for options, machine in machines.items():
    for values in '1', '0.1,1,10':
        what = ' '.join(options) + ', ' + values
        own = told('train', 'labels.h5', '-o', 'c.h5', '--classifier', *options, '--lambda' if 'logreg' in options else '-c', values,
                   '--class-weight', '*:2')['class_parameters']
        ours = told('evaluate', 'c.h5', 'labels.h5', '--predictions', 'p.csv')['metrics']
        S, T = np.array([row[3:] for row in list(csv.reader(open('p.csv')))[1:]], 'd').astype('f'), Y[held]
        ap = average_precision_score(T, S, average=None)
        check(what + ': average precision', max(abs(a - c['average_precision']) for a, c in zip(ap, ours['classes'])), 1e-12)
        check(what + ': its mean', abs(ap.mean() - ours['mean_average_precision']), 1e-12)
        check(what + ': 11 points', max(abs(eleven_points(T[:, j], S[:, j]) - c['average_precision_11_point'])
                                        for j, c in enumerate(ours['classes'])), 1e-12)
        check(what + ': macro F1', abs(f1_score(T, S > 0, average='macro') - ours['macro_f1']), 1e-12)
        check(what + ': micro F1', abs(f1_score(T, S > 0, average='micro') - ours['micro_f1']), 1e-12)
        check(what + ': exact match', abs(accuracy_score(T, S > 0) - ours['exact_match']), 1e-12)
        check(what + ': Hamming loss', abs(hamming_loss(T, S > 0) - ours['hamming_loss']), 1e-12)
        theirs = np.array([machine(own[f'class{j:03d}']).fit(X[seen], Y[seen, j]).decision_function(X[held]) for j in range(k)]).T
        check_decisions(what, S, theirs, 1e-3)
verdict()
