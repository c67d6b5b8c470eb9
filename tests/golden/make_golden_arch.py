#!/usr/bin/python3
"""Golden values of every tap of every architecture, by PyTorch: arch_<name>.txt, read by tests/test_arch.c.

usage: make_golden_arch.py [NAME ...]

Weights and pictures are formulas that the test repeats, so nothing has to be kept but the results:
    pictures SIZE RESIZE FILTER MEANS DEVIATIONS    of the default weights
    input HEIGHT WIDTH
    tensors COUNT HASH   of the state dict's names and shapes, in any order
    taps COUNT HASH      of the taps' names and numbers of elements, in any order
then for each tap, by name in byte order, 22 characters: the largest absolute value (bits of a float32 in 6 digits of
base 64), and 4 samples relative to it (24 bits, 4 digits each). arch_published.txt: the pictures of all published weights.
Needs python3-torch and python3-torchvision.
"""
import os, re, sys
import numpy as np, torch, torchvision.models as M
import torch_taps

SAMPLES = 4
DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_'
HERE = os.path.dirname(os.path.abspath(__file__))
U64 = np.uint64


def size_of(name):
    """Small, and not square."""
    if name in torch_taps.CIFAR:
        return 32, 32
    return (96, 112) if name in ('alexnet', 'inception_v3') else (64, 80)


def fnv(text):
    h = 14695981039346656037
    for c in text.encode():
        h = (h ^ c) * 1099511628211 % 2**64
    return h


def uniform(name, n):
    """n numbers in [0, 1): common/rng.h's mixing function of the name and the index."""
    out = np.empty(n)
    for first in range(0, n, 1 << 20):
        z = np.arange(first, min(n, first + (1 << 20)), dtype=U64) + U64(fnv(name))
        z += U64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> U64(30))) * U64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> U64(27))) * U64(0x94D049BB133111EB)
        z ^= z >> U64(31)
        out[first:first + len(z)] = (z >> U64(11)).astype(np.float64) * 2.0**-53
    return out


def weights(name, shape):
    u = uniform(name, int(np.prod(shape)))
    last = name.rsplit('.', 1)[-1]
    if last in ('bias', 'running_mean'):
        v = 0.2 * u - 0.1
    elif last == 'layer_scale' or len(shape) == 1:
        v = 0.5 * u + 0.75
    else:
        # He et al.'s scale; half of it for convolutions, many of which have no activation behind them, or a shortcut
        # beside them: gates want inputs near 0.
        gain = 3.0 if len(shape) == 4 else 6.0
        v = (2 * u - 1) * np.sqrt(gain / int(np.prod(shape[1:])))
    return v.astype(np.float32).reshape(shape)


def picture(height, width):
    c, y, x = np.mgrid[0:3, 0:height, 0:width]
    return (((x * 37 + y * 91 + x * y * 13 + c * 57) % 256) / 128 - 1).astype(np.float32)[None]


def pictures(name, wanted=None):
    """Of weights, or the default ones; the means that transform_input makes of ImageNet's where these weights have it."""
    if name in torch_taps.CIFAR:
        return 'pictures 32 32 bilinear 0.485 0.456 0.406 0.229 0.224 0.225'
    t = (wanted or M.get_model_weights(name).DEFAULT).transforms()
    numbers = [0.5] * 6 if name in ('googlenet', 'inception_v3') else t.mean + t.std
    return f'pictures {t.crop_size[0]} {t.resize_size[0]} {t.interpolation.value} ' + ' '.join(map(str, numbers))


def digits(value, n):
    return ''.join(DIGITS[value >> 6 * i & 63] for i in reversed(range(n)))


def main(name):
    net = torch_taps.make(name)
    state, names, count = net.state_dict(), 0, 0
    for key, tensor in state.items():
        if not torch_taps.idle(key):
            names = (names + fnv(key + ' ' + 'x'.join(map(str, tensor.shape)))) % 2**64
            count += 1
        if tensor.dtype == torch.float32:
            tensor.copy_(torch.from_numpy(weights(key, tuple(tensor.shape))))
    taps = {}
    torch_taps.run(net, torch.from_numpy(picture(*size_of(name))), taps.__setitem__)
    lines, hashed, row = [], 0, ''
    for i, tap in enumerate(sorted(taps)):
        v = taps[tap]
        hashed = (hashed + fnv(f'{tap} {v.size}')) % 2**64
        largest = np.abs(v).max()
        assert 1e-3 < largest < 1e7 and v.std() > 1e-3 * largest, (tap, largest, v.std())
        at = (np.arange(SAMPLES, dtype=U64) * U64(2654435761) + U64(7919 * i)) % U64(v.size)
        row += digits(int(np.float32(largest).view(np.uint32)), 6)
        row += ''.join(digits(int(round((float(x) / float(largest) + 1) / 2 * (2**24 - 1))), 4) for x in v[at])
        if len(row) == 110:
            lines.append(row)
            row = ''
    height, width = size_of(name)
    head = [pictures(name), f'input {height} {width}', f'tensors {count} {names:016x}', f'taps {len(taps)} {hashed:016x}']
    text = '\n'.join(head + lines + [row] * bool(row)) + '\n'
    open(f'{HERE}/arch_{name}.txt', 'w').write(text)
    print(name, count, 'tensors', len(taps), 'taps', len(text), 'bytes', flush=True)


def published():
    """Of all weights of torchvision: architecture, name, digits of the SHA-256, pictures."""
    rows = [f'{name} {w.name} {re.search("-([0-9a-f]{8})[0-9a-f]*.pth$", w.url)[1]} {pictures(name, w)}'
            for name in torch_taps.NAMES if name not in torch_taps.CIFAR for w in M.get_model_weights(name)]
    open(f'{HERE}/arch_published.txt', 'w').write('\n'.join(rows) + '\n')


torch.set_num_threads(2)
published()
for wanted in sys.argv[1:] or torch_taps.NAMES:
    main(wanted)
