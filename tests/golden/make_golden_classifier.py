#!/usr/bin/python3
"""Makes tests/golden/classifier_metrics.json: predictions, and what scikit-learn says of them.
usage: make_golden_classifier.py      from anywhere; needs numpy and scikit-learn (Debian: python3-sklearn)"""
import json
import os
import warnings

import numpy as np
from sklearn import metrics as sk

warnings.filterwarnings('ignore')  # classes that are never predicted


def case(name, rows, classes, seed, probabilities, absent=(), names=None):
    r = np.random.default_rng(seed)
    truth = r.integers(0, classes, rows)
    truth[np.isin(truth, absent)] = [k for k in range(classes) if k not in absent][0]
    logits = np.round(r.standard_normal((rows, classes)) * 2, 1)  # rounded: ties
    logits[np.arange(rows), truth] += 1
    scores = logits.astype('f4')
    if probabilities:
        scores = (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).astype('f4')
        scores[0] = np.eye(classes)[(truth[0] + 1) % classes]  # a sure and wrong one, which log loss clips
    predicted = scores.argmax(1)
    labels = list(range(classes))
    occurring = sorted(set(truth) | set(predicted))
    names = names or [f'class{k}' for k in labels]
    report = sk.classification_report(truth, predicted, labels=occurring, zero_division=0, output_dict=True)
    s = scores.astype('f8')
    want = {
        'accuracy': sk.accuracy_score(truth, predicted), 'balanced_accuracy': sk.balanced_accuracy_score(truth, predicted),
        'macro_precision': report['macro avg']['precision'], 'macro_recall': report['macro avg']['recall'],
        'macro_f1': report['macro avg']['f1-score'], 'weighted_precision': report['weighted avg']['precision'],
        'weighted_recall': report['weighted avg']['recall'], 'weighted_f1': report['weighted avg']['f1-score'],
        'top5': sk.top_k_accuracy_score(truth, s, k=5, labels=labels) if classes > 5 else None, 'roc_auc': None, 'log_loss': None,
        'kappa': sk.cohen_kappa_score(truth, predicted), 'matthews': sk.matthews_corrcoef(truth, predicted),
        'mean_average_precision': None, 'calibration_error': None,
    }
    if classes == 2:
        want['roc_auc'] = sk.roc_auc_score(truth, s[:, 1])
    elif not absent:  # its multi_class="ovr" wants rows that sum to 1; the mean over classes is the same number
        want['roc_auc'] = np.mean([sk.roc_auc_score(truth == k, s[:, k]) for k in labels])
    if not absent:
        want['mean_average_precision'] = np.mean([sk.average_precision_score(truth == k, s[:, k]) for k in labels])
    if probabilities:
        confidence, right = s[np.arange(rows), predicted], truth == predicted
        bins = np.clip(np.ceil(confidence * 10) - 1, 0, 9)
        want['calibration_error'] = sum(abs(right[bins == b].sum() - confidence[bins == b].sum()) for b in range(10)) / rows
        want['log_loss'] = sk.log_loss(truth, s, labels=labels)
    per_class = sk.precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    return {
        'name': name, 'rows': rows, 'names': names, 'probabilities': probabilities, 'truth': truth.tolist(),
        'predicted': predicted.tolist(), 'scores': [float(f'{v:.9g}') for v in scores.ravel()], 'want': want,
        'precision': per_class[0].tolist(), 'recall': per_class[1].tolist(), 'f1': per_class[2].tolist(),
        'confusion': sk.confusion_matrix(truth, predicted, labels=labels).ravel().tolist(),
        'report': sk.classification_report(truth, predicted, labels=occurring, target_names=[names[k] for k in occurring],
                                           digits=4, zero_division=0),
    }


here = os.path.dirname(os.path.abspath(__file__))
cases = [
    case('two classes', 40, 2, 1, True, names=['ants', 'bees']),
    case('two classes, votes', 30, 2, 2, False),
    case('three classes, one absent', 25, 3, 3, True, absent=(1,)),
    case('seven classes', 60, 7, 4, True),
    case('nine classes, votes', 50, 9, 5, False),
]
with open(os.path.join(here, 'classifier_metrics.json'), 'w') as f:
    f.write('[\n' + ',\n'.join(json.dumps(c) for c in cases) + '\n]\n')
