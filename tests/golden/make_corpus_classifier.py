#!/usr/bin/python3
"""Makes tests/golden/classifier_{svm,linear,...}.h5, the whole files that tests/fuzz_classifier.c damages, and tests/corpus/classifier, where
its fuzzing starts.   usage: make_corpus_classifier.py   from anywhere; needs h5py and the program ($LAYERCUT, default build/layercut)"""
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(here))
from store_of import write_store

layercut = os.path.abspath(os.environ.get('LAYERCUT', os.path.join(here, '../../build/layercut')))
quiet = ['--quiet', '--threads', '1']
recipes = {
    'svm': ['rows.h5', '--kernel', 'rbf', '-c', '1', '-g', '0.5', '--norm', 'zscore'],
    'linear': ['rows.h5', '--classifier', 'linear', '-c', '1', '--norm', 'minmax,pca:3'],
    'knn': ['rows.h5', '--classifier', 'knn', '-k', '3', '-t', '0.07', '--norm', 'l2'],
    'calibrated': ['rows.h5', '--kernel', 'poly', '-c', '1,10', '--multiclass', 'ovr', '--probability', 'platt', '--norm', 'l2,whiten:3'],
    'svm_labels': ['several.h5', '--kernel', 'rbf', '-c', '0.1,1,10', '-g', '0.5', '--norm', 'power', '--class-weight', '*:2'],
    'linear_labels': ['several.h5', '--classifier', 'linear', '-c', '0.1,10', '--norm', 'l2,nystroem:4'],
    'bundle': ['maps.h5', '--classifier', 'centroid', '--bundle'],
    'bundle_labels': ['several_maps.h5', '--preset', 'voc07-svm', '-c', '0.1,1', '--folds', '2', '--bundle'],
}
order = list(recipes)
groups = ['/model', '/transform', '/layers', '/parameters', '/attachment', '/']
ATTRIBUTE, MISSING, SHAPE, SEALED = 200, 220, 230, 0x80


def value(group, name, place, number):
    return struct.pack('<BBHd', groups.index(group), name, place, number)


def attribute(name, word):
    return struct.pack('<BBBxd', ATTRIBUTE, name, word, 0)


def of_group(least, group):
    return next(least + i for i in range(len(groups)) if (least + i) % len(groups) == groups.index(group))


def missing(group, name):
    return struct.pack('<BBHd', of_group(MISSING, group), name, 0, 0)


def shape(group, name, rows, columns, kind):
    return struct.pack('<BBBBB7x', of_group(SHAPE, group), name, rows - 1, columns, kind)


# Names are numbered in byte order within their group, attributes and words as fuzz_classifier.c lists them.
corpus = {
    **{'whole_' + name: (name, b'') for name in order},
    'svm_labels': ('svm', value('/model', 2, 0, 7)),
    'svm_counts': ('svm', value('/model', 4, 1, 1e9)),
    'transform_scale': ('svm', value('/transform', 0, 2, 0)),
    'parameter': ('svm', value('/parameters', 0, 0, -1)),
    'layer_dims': ('svm', value('/layers', 0, 0, 1e18)),
    'many': ('svm', value('/model', 0, 1, 1e300) + value('/model', 1, 1, -1e300) + value('/model', 3, 0, np.inf)),
    'linear_nan': ('linear', value('/model', 2, 3, np.nan)),
    'knn_k': ('knn', value('/parameters', 0, 0, 1e300)),
    'knn_label': ('knn', value('/model', 0, 5, 99)),
    'calibration': ('calibrated', value('/', 0, 0, -1)),
    'class_value': ('svm_labels', value('/', 1, 1, 0)),
    'class_values_missing': ('linear_labels', missing('/', 1)),
    'class_values_long': ('linear_labels', shape('/', 1, 9, 0, 1)),
    'landmarks': ('linear_labels', value('/transform', 0, 0, -1)),
    'other_classifier': ('svm_labels', attribute(0, 2)),
    'other_kernel': ('svm', attribute(1, 9)),
    'other_norm': ('linear', attribute(2, 18)),
    'huge_norm': ('linear', attribute(2, 21)),
    'weights_shape': ('linear', shape('/model', 2, 2, 5, 0)),
    'bundle_byte': ('bundle', value('/attachment', 0, 100, 7)),
    'bundle_dims': ('bundle', value('/layers', 0, 0, 1e9)),
    'bundle_empty': ('bundle_labels', missing('/attachment', 0)),
    'bundle_sealed': ('bundle', value('/attachment', 0, 100, 7), SEALED),
    'bundle_cut_sealed': ('bundle_labels', shape('/attachment', 0, 20, 0, 4), SEALED),
}
r = np.random.default_rng(1)
y = np.arange(24) % 3
X = np.maximum(r.standard_normal((3, 6))[y] + r.standard_normal((24, 6)), 0).astype('f4')
Y = np.stack([y == 0, y != 1, np.arange(24) % 4 == 0], 1).astype('u1')


def run(*words):
    subprocess.run([layercut, *words, *quiet], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, 'SOURCE_DATE_EPOCH': '1700000000', 'LC_ISA': 'generic'})


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    write_store('rows.h5', X, y)
    write_store('several.h5', X, Y)
    with open(os.path.join(here, '../cli/tiny.onnx'), 'rb') as f, open('tiny.onnx', 'wb') as g:
        g.write(f.read())
    with open('list.csv', 'w') as several:
        print('path,label', file=several)
        for k in 'ab':
            os.makedirs(f'pictures/{k}')
            for i in range(4):
                with open(f'pictures/{k}/{i}.ppm', 'wb') as f:
                    f.write(b'P6 8 8 255 ' + r.integers(0, 256, 192, dtype='u1').tobytes())
                print(f'pictures/{k}/{i}.ppm,{k}' + (';c' if i % 2 else ''), file=several)
    run('extract', 'tiny.onnx', 'pictures', '-o', 'maps.h5')
    run('extract', 'tiny.onnx', 'list.csv', '-o', 'several_maps.h5')
    for name, (rows, *options) in recipes.items():
        out = f'classifier_{name}.h5'
        run('train', rows, '-o', out, *options)
        with open(out, 'rb') as f, open(os.path.join(here, out), 'wb') as g:
            g.write(f.read())
    for name, (whole, edits, *sealed) in corpus.items():
        with open(os.path.join(here, '../corpus/classifier', name), 'wb') as f:
            f.write(bytes([order.index(whole) | (sealed[0] if sealed else 0)]) + edits)
