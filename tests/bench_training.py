"""make bench-training: a training step of ResNet-18 (batch 16 of 224 x 224, SGD) beside PyTorch's. usage: bench_training.py LAYERCUT

NET=densenet121: another network. MODES='full;full, checkpointing': not all rows. ROUNDS=3, PICTURES=64, THREADS.

Both begin with the same seeded weights and take turns, each in a process of its own; pictures are random, two classes.
layercut's seconds are those of its history (the second and third pass over the pictures: loading, mirroring, forward,
backward, update), PyTorch's those of the same number of steps on one batch that is in memory. Best of each turn, then
medians over the rounds. Peak memory is each process's own. 'cached': without augmentation what is frozen is computed once.
'checkpointing': layercut's --checkpointing beside PyTorch as it is.
"""
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile

import numpy as np

ROUNDS, PICTURES, BATCH = int(os.environ.get('ROUNDS', 3)), int(os.environ.get('PICTURES', 64)), 16
THREADS = int(os.environ.get('THREADS', os.cpu_count()))
NET = os.environ.get('NET', 'resnet18')
MODES = {'head': ['head', 'flip'], 'head, cached': ['head', 'none'], 'from layer4': ['from:layer4', 'flip'], 'full': ['full', 'flip'],
         'full, checkpointing': ['full', 'flip', '--checkpointing']}
WANTED = os.environ.get('MODES', ';'.join(MODES)).split(';')


def torch_turn(mode):
    import time
    import torch
    import torchvision
    torch.set_num_threads(THREADS)
    net = getattr(torchvision.models, NET)(weights=None, num_classes=2).train()
    for name, p in net.named_parameters():
        p.requires_grad = mode == 'full' or name.startswith(('fc', 'classifier')) or (mode == 'from:layer4' and name.startswith('layer4'))
    optimiser = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=.001, momentum=.9)
    x, y = torch.randn(BATCH, 3, 224, 224), torch.randint(0, 2, (BATCH,))

    def steps():
        start = time.perf_counter()
        for _ in range(PICTURES // BATCH):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(x), y).backward()
            optimiser.step()
        return time.perf_counter() - start

    steps()
    print(min(steps(), steps()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def layercut_turn(program, folder, mode, augment, *options):
    history = os.path.join(folder, 'history.jsonl')
    if os.path.exists(history):
        os.remove(history)
    process = subprocess.Popen([program, 'finetune', os.path.join(folder, 'network.pth'), os.path.join(folder, 'pictures'), '-o',
                                os.path.join(folder, 'tuned.safetensors'), '--mode', mode, '--augment', augment, '-e', '3', '-b', str(BATCH),
                                '--lr', '0.001', '--threads', str(THREADS), '--history', history, '-q', *options], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit('finetune failed')
    seconds = [json.loads(line)['seconds'] for line in open(history)]
    return min(seconds[1:]), usage.ru_maxrss


def main():
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        import torch
        import torchvision
        torch.manual_seed(0)
        torch.save(getattr(torchvision.models, NET)(weights=None).state_dict(), os.path.join(folder, 'network.pth'))
        pixels = np.random.default_rng(0)
        for i in range(PICTURES):
            place = os.path.join(folder, 'pictures', 'train', 'ab'[i % 2])
            os.makedirs(place, exist_ok=True)
            with open(os.path.join(place, f'{i}.ppm'), 'wb') as f:
                f.write(b'P6 224 224 255\n' + pixels.integers(0, 256, (224, 224, 3), dtype=np.uint8).tobytes())
        place = os.path.join(folder, 'pictures', 'test', 'a')
        os.makedirs(place)
        os.link(os.path.join(folder, 'pictures', 'train', 'a', '0.ppm'), os.path.join(place, '0.ppm'))
        print(f'{NET}, batch {BATCH}, {THREADS} threads, milliseconds per picture and peak MB; medians of {ROUNDS} rounds\n')
        print(f'{"trained":19}  layercut     MB   PyTorch     MB   times as long')
        for label in WANTED:
            mode = MODES[label][0]
            ours, theirs, memory, their_memory = [], [], 0, 0
            for _ in range(ROUNDS):
                seconds, peak = layercut_turn(program, folder, *MODES[label])
                ours.append(seconds / PICTURES * 1e3)
                memory = max(memory, peak)
                out = subprocess.run([sys.executable, __file__, '--torch', mode], capture_output=True, text=True, check=True).stdout.split()
                theirs.append(float(out[0]) / PICTURES * 1e3)
                their_memory = max(their_memory, int(out[1]))
            ratios = [b / a for a, b in zip(ours, theirs)]
            print(f'{label:19}  {statistics.median(ours):8.2f}  {memory / 1e3:5.0f}  {statistics.median(theirs):8.1f}  {their_memory / 1e3:5.0f}'
                  f'   {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})', flush=True)


if sys.argv[1] == '--torch':
    torch_turn(sys.argv[2])
else:
    main()
