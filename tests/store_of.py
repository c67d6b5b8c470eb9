#!/usr/bin/python3
"""Makes up rows, and writes rows as a features file, for tests and benchmarks. Wants h5py."""
import hashlib, json
import h5py, numpy as np


def classes_of_rows(n, d, k):
    """X (n,d) float32, 0 or more as activations are, and y (n), k classes that overlap."""
    r = np.random.default_rng(7)
    W, C = r.standard_normal((64, d)).astype('f'), r.standard_normal((k, 64)).astype('f')
    y = r.integers(0, k, n)
    return np.maximum((C[y] + 1.6 * r.standard_normal((n, 64)).astype('f')) @ W / 8, 0).astype('f4'), y


def write_store(path, X, y, split=None):
    """X (N,D) float32, y (N) class numbers 0..K-1 or (N,K) 0 and 1, split (N) 0 none, 1 train, 2 val, 3 test."""
    n = len(X)
    several, classes = (y, y.shape[1]) if y.ndim == 2 else (None, int(y.max()) + 1)
    y = y if several is None else np.where(y.any(axis=1), y.argmax(axis=1), -1)
    text = h5py.string_dtype()
    recipe = json.dumps({'network': 'made up'})
    with h5py.File(path, 'w', libver='earliest') as f:
        for name, value in {'format': 'layercut-features', 'tool_version': '0', 'created_utc': '', 'command': '',
                            'recipe': recipe, 'recipe_sha256': hashlib.sha256(recipe.encode()).hexdigest(),
                            'model_name': 'made-up', 'model_sha256': '0' * 64, 'model_path': '', 'source_root': ''}.items():
            f.attrs[name] = value
        f.attrs['format_version'] = np.int64(1)
        f.attrs['complete'] = np.int64(1)
        f.create_dataset('images/path', data=[f'{i:07d}.jpg' for i in range(n)], dtype=text)
        f['images/label'] = y.astype('i4')
        if several is not None:
            f['images/labels'] = several.astype('u1')
        f['images/split'] = np.zeros(n, 'u1') if split is None else split.astype('u1')
        f['images/status'] = np.ones(n, 'u1')
        f.create_dataset('images/error', (n,), dtype=h5py.string_dtype('utf-8', 160))
        f['images/sha256'] = np.zeros((n, 32), 'u1')
        f['images/width'] = np.zeros(n, 'i4')
        f['images/height'] = np.zeros(n, 'i4')
        f.create_dataset('classes', data=[f'class{k:03d}' for k in range(classes)], dtype=text)
        d = f.create_dataset('layers/made', data=X.astype('f4'))
        d.attrs['name'] = 'made'
        d.attrs['op'] = 'none'
        d.attrs['pool'] = 'flat'
        d.attrs['shape'] = np.array([X.shape[1], 1, 1], 'i8')
        d.attrs['index'] = np.int64(0)
        f['features'] = h5py.SoftLink('/layers/made')
        f['labels'] = h5py.SoftLink('/images/label')
