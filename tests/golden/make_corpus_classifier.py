#!/usr/bin/python3
"""Makes tests/golden/classifier_{svm,linear,knn,bundle}.h5, the whole files that tests/fuzz_classifier.c damages.
usage: make_corpus_classifier.py      from anywhere; needs h5py and the program ($LAYERCUT, default build/layercut)"""
import os
import subprocess
import sys
import tempfile

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(here))
from store_of import write_store

layercut = os.path.abspath(os.environ.get('LAYERCUT', os.path.join(here, '../../build/layercut')))
recipes = {
    'svm': ['--kernel', 'rbf', '-c', '1', '-g', '0.5', '--norm', 'zscore'],
    'linear': ['--classifier', 'linear', '-c', '1', '--norm', 'minmax,pca:3'],
    'knn': ['--classifier', 'knn', '-k', '3', '-t', '0.07', '--norm', 'l2'],
}
r = np.random.default_rng(1)
y = np.arange(24) % 3
X = np.maximum(r.standard_normal((3, 6))[y] + r.standard_normal((24, 6)), 0).astype('f4')


def train(rows, name, *options):
    out = f'classifier_{name}.h5'
    subprocess.run([layercut, 'train', rows, '-o', out, '--quiet', '--threads', '1', *options], check=True,
                   stdout=subprocess.DEVNULL, env={**os.environ, 'SOURCE_DATE_EPOCH': '1700000000', 'LC_ISA': 'generic'})
    with open(out, 'rb') as f, open(os.path.join(here, out), 'wb') as g:
        g.write(f.read())


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    write_store('rows.h5', X, y)
    for name, options in recipes.items():
        train('rows.h5', name, *options)
    os.mkdir('pictures')
    for k in 'ab':
        os.mkdir(f'pictures/{k}')
        for i in range(4):
            with open(f'pictures/{k}/{i}.ppm', 'wb') as f:
                f.write(b'P6 8 8 255 ' + r.integers(0, 256, 192, dtype='u1').tobytes())
    with open(os.path.join(here, '../cli/tiny.onnx'), 'rb') as f, open('tiny.onnx', 'wb') as g:
        g.write(f.read())
    subprocess.run([layercut, 'extract', 'tiny.onnx', 'pictures', '-o', 'maps.h5', '--quiet', '--threads', '1'], check=True,
                   stdout=subprocess.DEVNULL)
    train('maps.h5', 'bundle', '--classifier', 'centroid', '--bundle')
