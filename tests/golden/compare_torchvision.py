#!/usr/bin/python3
"""Compares every tap of torchvision's networks, as .pth and .onnx with seeded random weights, with PyTorch's values.

usage: compare_torchvision.py PEERS PROGRAM FOLDER [NAME ...]
PEERS holds export_onnx.py, whose build(name) makes the networks; PROGRAM is build/tests/test_arch; FOLDER is for the
files, which are removed after each network. `make test-full` runs it where PyTorch and PEERS are there: half an hour.

A .pth must have exactly the taps of torchvision's feature extraction. Of an .onnx every value is compared with what
PyTorch makes of its nodes one by one (onnx_values.py), and by torchvision's names with the network's own values.
Exit: 0 all equal; 1 not; 77 PyTorch is not here.
"""
import os, re, subprocess, sys, warnings
try:
    import torch, torchvision, onnx
    import onnx_values, torch_taps
except ImportError as missing:
    print(f'{sys.executable} has no {missing.name}')
    sys.exit(77)

warnings.filterwarnings('ignore')
peers, program, folder = sys.argv[1:4]
sys.path.append(peers)
import export_onnx

TRANSFORMERS = {'vit_b_16': 1e-4, 'swin_t': 1e-4}  # only as ONNX; the limit of their errors
RENAMED = (  # torchvision's names of functions, as exports call what those become
    (r'\.layer_norm$', ''),  # a module that became several operators is called so where its last one stands
    (r'channel_shuffle$', 'reshape_1'), (r'getitem(_1)?$', r'slice\1'), (r'^mean$', 'reduce_mean'))
TOO_LARGE = {'regnet_y_128gf'}  # its ONNX file would pass protobuf's 2 GB


def batchnorms(net):
    """Name of each batch norm -> the convolution whose output it reads, into which the exporter folds it."""
    tracer = torch_taps.NodePathTracer(leaf_modules=[], autowrap_functions=(torch_taps.channel_shuffle,))
    graph, kind = tracer.trace(net), dict(net.named_modules())
    module = lambda n: kind.get(n.target) if n.op == 'call_module' else None
    return {tracer.node_to_qualname[n]: tracer.node_to_qualname[n.args[0]] for n in graph.nodes
            if isinstance(module(n), torch.nn.BatchNorm2d) and isinstance(module(n.args[0]), torch.nn.Conv2d)}


class Values:
    """taps.f32, and of each tap how many numbers, where, and what the largest is."""
    def __init__(self):
        self.file, self.at, self.taps = open(f'{folder}/taps.f32', 'wb'), 0, {}

    def keep(self, tap, v, scale=None):
        self.taps[tap] = (v.size, self.at, abs(v).max() if scale is None else scale)
        self.file.write(v.tobytes())
        self.at += v.size

    def compare(self, name, kind, index, limit):
        self.file.flush()
        with open(f'{folder}/index.txt', 'w') as f:
            f.write(f'{name} {size} {limit}\n')
            f.writelines(f'{tap} {n} {first} {scale}\n' for tap, (n, first, scale) in index.items())
        env = {**os.environ, 'LC_ARCH_COMPARE': folder, 'LC_ARCH_FILE': f'{folder}/{name}.{kind}'}
        done = subprocess.run([program], env=env, capture_output=True, text=True)
        rows = [row for row in done.stdout.splitlines() if 'worst error' in row]
        print('\n'.join(rows) if done.returncode == 0 else done.stdout + done.stderr, flush=True)
        return done.returncode == 0


def exported(net, taps):
    """torchvision's names that an export has, with their values."""
    taps, norms = dict(taps), batchnorms(net)
    for norm, conv in norms.items():
        taps[conv] = taps.pop(norm)
    if isinstance(net, torchvision.models.Inception3):  # three concatenations in a row become one
        for block in ('Mixed_7b', 'Mixed_7c'):
            del taps[f'{block}.cat_1']
            taps[f'{block}.cat'] = taps.pop(f'{block}.cat_2')
    if 'mean' in taps:
        del taps['flatten']  # the same value
    for pattern, name in RENAMED:
        taps = {re.sub(pattern, name, tap): v for tap, v in taps.items()}
    return taps


def compare(name):
    net, values = export_onnx.build(name), Values()
    x = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(1))
    x[0].permute(1, 2, 0).contiguous().numpy().tofile(f'{folder}/input.f32')
    equal, known = True, {}
    if name not in TRANSFORMERS:
        torch.save(net.state_dict(), f'{folder}/{name}.pth')
        torch_taps.run(net, x, values.keep)
        equal = values.compare(name, 'pth', values.taps, 1e-5)
        known = exported(net, values.taps)
    if name in TOO_LARGE:
        print(f'{name} onnx skipped: more than the 2 GB of a protobuf', flush=True)
        return equal
    torch.onnx.export(net, x, f'{folder}/{name}.onnx', opset_version=13, input_names=['input'], output_names=['output'])
    values.taps = {}
    if name.startswith('convnext'):  # what the file has between its permutations is (N,H,W,C)
        torch_taps.run(net, x, values.keep, permuted=True)
        known.update((tap, v) for tap, v in values.taps.items() if re.search(r'block\.[2345]$', tap))
        values.taps = {}
    output = onnx_values.run(f'{folder}/{name}.onnx', x, values.keep)
    with torch.no_grad():
        own = net(x)
    if not (output - own).abs().max() <= 1e-5 * own.abs().max():
        print(f'{name}: onnx_values.py does not make of the file what the network makes')
        return False
    return values.compare(name, 'onnx', {**values.taps, **known}, TRANSFORMERS.get(name, 1e-5)) and equal


failed = []
os.makedirs(folder, exist_ok=True)
for name in sys.argv[4:] or [n for n in torch_taps.NAMES if n not in torch_taps.CIFAR] + list(TRANSFORMERS):
    size = 299 if name == 'inception_v3' else 224
    if not compare(name):
        failed.append(name)
    for f in os.listdir(folder):
        os.remove(f'{folder}/{f}')
print(f'{len(failed)} networks failed', *failed)
sys.exit(bool(failed))
