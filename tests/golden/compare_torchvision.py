#!/usr/bin/python3
"""Compares every tap of torchvision's networks, as .pth and .onnx with seeded random weights, with PyTorch's values.

usage: compare_torchvision.py PEERS PROGRAM FOLDER [NAME ...]
PEERS holds export_onnx.py, whose build(name) makes the networks; PROGRAM is build/tests/test_arch; FOLDER is for the
files, which are removed after each network. For development: too large and too slow for `make test`.

An exported batch norm behind a convolution is folded into it: then the convolution's name stands for both.
"""
import importlib.util, os, re, subprocess, sys, warnings
import torch
import torch_taps

warnings.filterwarnings('ignore')
peers, program, folder = sys.argv[1:4]
spec = importlib.util.spec_from_file_location('export_onnx', f'{peers}/export_onnx.py')
export_onnx = importlib.util.module_from_spec(spec)
spec.loader.exec_module(export_onnx)


def batchnorms(net):
    """Name of each batch norm -> the convolution whose output it reads."""
    tracer = torch_taps.NodePathTracer(leaf_modules=[], autowrap_functions=(torch_taps.channel_shuffle,))
    graph, kind = tracer.trace(net), dict(net.named_modules())
    module = lambda n: kind.get(n.target) if n.op == 'call_module' else None
    return {tracer.node_to_qualname[n]: tracer.node_to_qualname[n.args[0]] for n in graph.nodes
            if isinstance(module(n), torch.nn.BatchNorm2d) and isinstance(module(n.args[0]), torch.nn.Conv2d)}


for name in sys.argv[4:] or [n for n in torch_taps.NAMES if n not in torch_taps.CIFAR]:
    net = export_onnx.build(name)
    size = 299 if name == 'inception_v3' else 224
    os.makedirs(folder, exist_ok=True)
    torch.save(net.state_dict(), f'{folder}/{name}.pth')
    torch.onnx.export(net, torch.randn(1, 3, size, size), f'{folder}/{name}.onnx', opset_version=13, input_names=['input'],
                      output_names=['output'])
    x = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(1))
    x[0].permute(1, 2, 0).contiguous().numpy().tofile(f'{folder}/input.f32')
    at, taps = 0, {}
    with open(f'{folder}/taps.f32', 'wb') as f:
        def keep(tap, v):
            global at
            taps[tap] = (v.size, at)
            f.write(v.tobytes())
            at += v.size
        torch_taps.run(net, x, keep)
    folded = {conv: taps[bn] for bn, conv in batchnorms(net).items()}
    # Between ConvNeXt's permutations the file's order is (N,H,W,C), the values kept here are not. Of Inception's blocks
    # that end in concatenations of concatenations the exporter makes one.
    other = re.compile(r'block\.[2345]$' if name.startswith('convnext') else r'Mixed_7[bc]\.cat$')
    exported = {tap: v for tap, v in {**taps, **folded}.items() if not other.search(tap)}
    for kind, index in (('pth', taps), ('onnx', exported)):
        with open(f'{folder}/index.txt', 'w') as f:
            f.write(f'{name} {size} {len(taps)}\n')
            f.writelines(f'{tap} {n} {first}\n' for tap, (n, first) in index.items())
        env = {**os.environ, 'LC_ARCH_COMPARE': folder, 'LC_ARCH_FILE': f'{folder}/{name}.{kind}'}
        subprocess.run([program], env=env)
    for f in os.listdir(folder):
        os.remove(f'{folder}/{f}')
