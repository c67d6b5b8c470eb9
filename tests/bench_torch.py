#!/usr/bin/python3
"""Seconds that PyTorch + PIL take for the averaged activations of features.12. usage: bench_torch.py WEIGHTS FOLDER THREADS

As fast as the usual way is: pictures are decoded and resized by THREADS workers of a DataLoader while the frozen
TorchScript network runs on THREADS threads. Start of the interpreter and loading of the network do not count.
"""
import sys
import time
import warnings

import torch
import torchvision
from torchvision import transforms

warnings.filterwarnings('ignore')
weights, folder, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)


class Tap(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.features = net.features

    def forward(self, x):
        return self.features(x).mean(dim=(2, 3))


net = torchvision.models.squeezenet1_0(weights=None)
net.load_state_dict(torch.load(weights))
tap = torch.jit.freeze(torch.jit.script(Tap(net).eval()))
prepare = transforms.Compose([
    transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
    transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])


def pictures(part):
    return torchvision.datasets.ImageFolder(f'{folder}/{part}', prepare)


sets = torch.utils.data.ConcatDataset([pictures('train'), pictures('val')])
with torch.no_grad():
    for _ in range(3):
        tap(torch.zeros(16, 3, 224, 224))
    times = []
    for workers in (0, threads):
        start = time.perf_counter()
        rows = [tap(x) for x, _ in torch.utils.data.DataLoader(sets, batch_size=16, num_workers=workers)]
        times.append(time.perf_counter() - start)
assert torch.cat(rows).shape == (len(sets), 512)
print(f'{min(times):.3f}')
