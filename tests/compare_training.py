"""Training steps of whole networks against PyTorch: gradients of every parameter, and losses over steps.

    compare_training.py tape_steps FOLDER network[:size[:batch[:train|frozen]]]...

Weights are seeded, batches too; both sides see the same. Prints one line per network; a miss makes the exit code 1.
"""
import json
import struct
import subprocess
import sys
import os

import numpy as np
import torch
import torchvision

GRADIENT, LOSS = 1e-4, 1e-4


def write(path, tensors):
    """safetensors"""
    header, blocks, at = {}, [], 0
    for name, t in tensors.items():
        b = np.ascontiguousarray(t, dtype=np.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [at, at + len(b)]}
        at += len(b)
        blocks.append(b)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blocks))


def read(path):
    with open(path, "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        header, data = json.loads(f.read(size)), f.read()
    out = {}
    for name, e in header.items():
        if name != "__metadata__":
            a, b = e["data_offsets"]
            out[name] = np.frombuffer(data[a:b], dtype=np.float32).reshape(e["shape"])
    return out


def build(name, dtype):
    torch.manual_seed(7)
    net = getattr(torchvision.models, name)(weights=None, num_classes=10)
    generator = torch.Generator().manual_seed(11)
    for m in net.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.weight.data.uniform_(0.5, 1.5, generator=generator)
            m.bias.data.uniform_(-0.2, 0.2, generator=generator)
            m.running_mean.uniform_(-0.2, 0.2, generator=generator)
            m.running_var.uniform_(0.5, 1.5, generator=generator)
        if isinstance(m, torch.nn.Dropout):
            m.p = 0.0  # our random numbers are others
    return net.to(dtype)


def steps_of(net, x, y, optimizer, count, frozen):
    net.train()
    if frozen:
        for m in net.modules():
            if isinstance(m, torch.nn.BatchNorm2d):
                m.eval()
    if optimizer == "sgd":
        o = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)
    else:
        o = torch.optim.AdamW(net.parameters(), lr=1e-4, weight_decay=1e-2)
    losses, gradients = [], {}
    for step in range(count):
        o.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            gradients = {n: p.grad.clone().double().numpy() for n, p in net.named_parameters()}
        o.step()
    return losses, gradients


def compare(program, folder, word):
    parts = word.split(":")
    name, size, batch = parts[0], int(parts[1]) if len(parts) > 1 else 64, int(parts[2]) if len(parts) > 2 else 8
    bn = parts[3] if len(parts) > 3 else "train"
    steps = 10
    x = torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(3))
    y = torch.arange(batch) % 10
    model, data, out = (os.path.join(folder, f) for f in ("model.safetensors", "batch.safetensors", "out.safetensors"))
    write(model, {k: v.numpy() for k, v in build(name, torch.float32).state_dict().items() if "num_batches" not in k})
    write(data, {"input": x.permute(0, 2, 3, 1).numpy(), "labels": y.numpy().astype(np.float32)})
    good = True
    for optimizer, rate, decay in (("sgd", "1e-3", "1e-4"), ("adamw", "1e-4", "1e-2")):
        subprocess.run([program, model, data, out, optimizer, str(steps), rate, decay, bn], check=True)
        ours = read(out)
        # Judged against PyTorch in float64: in float32 it has its own error, which a ReLU or a maximum that tips over makes 1e-4.
        losses, exact = steps_of(build(name, torch.float64), x.double(), y, optimizer, steps, bn == "frozen")
        single_losses, single = steps_of(build(name, torch.float32), x, y, optimizer, steps, bn == "frozen")
        worst, where, torch_worst = 0, "", 0
        # What a batch norm behind it makes 0 (a bias before it) is compared with the other gradients' size.
        floor = 1e-5 * max(np.abs(g).max() for g in exact.values())
        for n, g in exact.items():
            scale = max(np.abs(g).max(), floor)
            error = np.abs(ours[n].reshape(g.shape) - g).max() / scale
            torch_worst = max(torch_worst, np.abs(single[n] - g).max() / scale)
            if not error <= worst:
                worst, where = error, n
        off = np.abs(np.array(losses) / ours["losses"] - 1).max()
        torch_off = np.abs(np.array(single_losses) / np.array(losses) - 1).max()
        # A few pixels of a last map make batch norms ill-conditioned: there PyTorch's own float32 is the measure.
        ok = worst <= max(GRADIENT, 2 * torch_worst) and off <= max(LOSS, 2 * torch_off)
        good = good and ok
        print(f"{name:14} {bn:6} {optimizer:6} gradients {worst:.1e} ({where}; PyTorch's own {torch_worst:.1e})  losses {off:.1e} (PyTorch's own {torch_off:.1e})  "
              f"{'ok' if ok else 'DIFFER'}", flush=True)
    return good


results = [compare(sys.argv[1], sys.argv[2], w) for w in sys.argv[3:]]
sys.exit(0 if all(results) else 1)
