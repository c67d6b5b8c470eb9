#!/usr/bin/python3
"""torchvision's networks with seeded random weights, for tests/bench.sh.

usage: bench_networks.py export FOLDER NAME     writes FOLDER/NAME.onnx
       bench_networks.py turns THREADS NAME     reads batch sizes, one a line; answers each with PyTorch's milliseconds per
                                                picture (frozen TorchScript) of a third of a second after a first pass
The statistics of batch norms are drawn at random as well, so that folding them is real work.
"""
import os
import sys
import time
import warnings

import torch
import torchvision

warnings.filterwarnings('ignore')


def build(name):
    torch.manual_seed(0)
    net = getattr(torchvision.models, name)(weights=None)
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(layer.running_mean, 0, 0.1)
            torch.nn.init.uniform_(layer.running_var, 0.75, 1.25)
            torch.nn.init.uniform_(layer.weight, 0.75, 1.25)
            torch.nn.init.normal_(layer.bias, 0, 0.1)
    return net.eval()


def export(folder, name):
    path = f'{folder}/{name}.onnx'
    torch.onnx.export(build(name), torch.zeros(1, 3, 224, 224), f'{path}.part', opset_version=13, input_names=['input'],
                      output_names=['output'], dynamic_axes={'input': {0: 'N'}, 'output': {0: 'N'}})
    os.rename(f'{path}.part', path)


def turns(threads, name):
    torch.set_num_threads(int(threads))
    frozen, inputs = {}, {}
    with torch.no_grad():
        for line in sys.stdin:
            batch = int(line)
            if batch not in inputs:
                # A network for each: TorchScript compiles for the first shape it sees, and is slow at others.
                frozen[batch], inputs[batch] = torch.jit.freeze(torch.jit.script(build(name))), torch.randn(batch, 3, 224, 224)
                for _ in range(3):
                    frozen[batch](inputs[batch])
            net = frozen[batch]
            net(inputs[batch])
            passes, start = 0, time.perf_counter()
            while passes == 0 or time.perf_counter() - start < 0.3:
                net(inputs[batch])
                passes += 1
            print(f'{(time.perf_counter() - start) / passes / batch * 1e3:.4f}', flush=True)


{'export': export, 'turns': turns}[sys.argv[1]](*sys.argv[2:])
