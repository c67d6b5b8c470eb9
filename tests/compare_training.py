"""Training steps of whole networks against PyTorch: gradients of every parameter, and losses over steps.

    compare_training.py tape_steps FOLDER network:size:batch:train|frozen...

Weights are begun as torchvision begins them, seeded, norms somewhat off; one seeded batch; both sides see the same. The reference is PyTorch
in float64 at the same decisions (see decide_alike). Ours may be off by 1e-4 - of the largest number of a parameter's gradient, of each of
ten losses - or, where the problem itself is worse than that, by what PyTorch's own float32 is off. Prints three lines per network; a miss
makes the exit code 1.
"""
import json
import struct
import subprocess
import sys
import os

import numpy as np
import torch
import torchvision
import torchvision.models.feature_extraction

GRADIENT, LOSS, STEPS = 1e-4, 1e-4, 10
SGD, ADAMW = ("1e-3", "1e-4"), ("1e-4", "1e-2")  # rate, weight decay


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


class Decided(torch.autograd.Function):
    """A ReLU or clip whose side is given by another forward pass: passes on what stands strictly inside."""

    @staticmethod
    def forward(ctx, x, inside):
        ctx.save_for_backward(inside)
        return x

    @staticmethod
    def backward(ctx, d):
        return d * ctx.saved_tensors[0], None


def decide_alike(net, decisions):
    """The network with our decisions: which side of a kink a number is on, which of a window is the largest.

    A number within rounding of a kink may fall on either side, in our float32 as in PyTorch's, and the gradient jumps there: one of them
    changes a whole column of a gradient by parts in a hundred, and later losses by parts in a thousand. With the decisions given, gradients
    and losses are smooth functions. decisions: a dict of (N,H,W,C) by the name of the node, read at each forward pass.
    """
    tracer = torchvision.models.feature_extraction.NodePathTracer()
    graph = tracer.trace(net)
    names = {n: q for n, q in tracer.node_to_qualname.items()}
    root = dict(net.named_modules())
    for node in list(graph.nodes):
        name = names.get(node)
        if name not in decisions:
            continue
        module = root.get(node.target) if node.op == "call_module" else torch.nn.ReLU()

        def call(x, name=name, module=module):
            ours = torch.from_numpy(decisions[name].copy())
            ours = ours.permute(0, 3, 1, 2).contiguous() if ours.ndim == 4 else ours
            if isinstance(module, torch.nn.MaxPool2d):
                at = torch.nn.functional.max_pool2d(ours, module.kernel_size, module.stride, module.padding, ceil_mode=module.ceil_mode,
                                                    return_indices=True)[1]
                return x.flatten(2).gather(2, at.flatten(2)).view(at.shape)
            six = isinstance(module, torch.nn.ReLU6)
            y = torch.nn.functional.relu6(x) if six else torch.relu(x)
            return y.detach() + Decided.apply(x - x.detach(), (ours > 0) & (ours < 6) if six else ours > 0)

        with graph.inserting_after(node):
            other = graph.call_function(call, (node.args[0],))
        node.replace_all_uses_with(other)
        graph.erase_node(node)
    return torch.fx.GraphModule(net, graph)


def prepare(net, frozen):
    net.train()
    if frozen:
        for m in net.modules():
            if isinstance(m, torch.nn.BatchNorm2d):
                m.eval()
    return net


def steps_of(net, x, y, optimizer, decisions):
    """Losses of the steps, and the gradients of the first, at our decisions of each step."""
    now = dict(decisions[0])
    net = decide_alike(net, now)
    if optimizer == "sgd":
        o = torch.optim.SGD(net.parameters(), lr=float(SGD[0]), momentum=0.9, weight_decay=float(SGD[1]))
    else:
        o = torch.optim.AdamW(net.parameters(), lr=float(ADAMW[0]), weight_decay=float(ADAMW[1]))
    losses, gradients = [], None
    for step in decisions:
        now.update(step)
        o.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        losses.append(loss.item())
        gradients = gradients or {n: p.grad.clone().double().numpy() for n, p in net.named_parameters()}
        o.step()
    return np.array(losses), gradients


def scale_of(name, exact):
    """What an error is relative to: the largest number of the tensor; where that is 0 but for rounding (a bias before a batch norm, which
    takes it out again), that of the weights beside it."""
    own, beside = np.abs(exact[name]).max(), exact.get(name.replace(".bias", ".weight"), exact[name])
    return own if own > 1e-6 * np.abs(beside).max() else np.abs(beside).max()


def errors_of(gradients, exact):
    return {n: np.abs(gradients[n].reshape(g.shape) - g).max() / scale_of(n, exact) for n, g in exact.items()}


def compare(program, folder, word):
    parts = word.split(":")
    name, size, batch, bn = parts[0], int(parts[1]), int(parts[2]), parts[3]
    y = torch.arange(batch) % 10
    x = torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(3))
    model, data, out, decided = (os.path.join(folder, f) for f in ("model.safetensors", "batch.safetensors", "out.safetensors", "decided.safetensors"))
    write(model, {k: v.numpy() for k, v in build(name, torch.float32).state_dict().items() if "num_batches" not in k})
    write(data, {"input": x.permute(0, 2, 3, 1).numpy(), "labels": y.numpy().astype(np.float32)})
    good = True
    for optimizer, (rate, decay) in (("sgd", SGD), ("adamw", ADAMW)):
        command = [program, model, data, out, optimizer, str(STEPS), rate, decay, bn]
        subprocess.run(command + [decided], check=True)
        ours, found = read(out), read(decided)
        subprocess.run(command, check=True)
        alone = read(out)
        if any(ours[n].tobytes() != alone[n].tobytes() for n in ours):
            print(f"{name:14} {bn:6} {optimizer:6} watching changes bytes")
            good = False
        decisions = [{n.split("/", 1)[1]: t for n, t in found.items() if n.startswith(f"{s}/")} for s in range(STEPS)]
        results = {t: steps_of(prepare(build(name, t), bn == "frozen"), x.to(t), y, optimizer, decisions) for t in (torch.float64, torch.float32)}
        losses, exact = results[torch.float64]
        off, single = (np.abs(v / losses - 1).max() for v in (ours["losses"], results[torch.float32][0]))
        fits = off <= max(LOSS, single)
        good = good and fits
        if optimizer == "sgd":
            mine, theirs = errors_of(ours, exact), errors_of(results[torch.float32][1], exact)
            worst = max(mine, key=mine.get)
            wrong = [n for n in mine if mine[n] > max(GRADIENT, theirs[n])]
            over = sum(e > GRADIENT for e in mine.values())
            good = good and not wrong
            print(f"{name:14} {bn:6} gradients {mine[worst]:.1e} ({worst}); PyTorch's float32 {max(theirs.values()):.1e}; {len(mine)} tensors, over "
                  f"{GRADIENT:g} {over}, PyTorch's {sum(e > GRADIENT for e in theirs.values())}  {'DIFFER ' + ' '.join(wrong) if wrong else 'ok'}", flush=True)
        print(f"{name:14} {bn:6} {optimizer:6} {STEPS} losses {off:.1e}; PyTorch's float32 {single:.1e}  {'ok' if fits else 'DIFFER'}", flush=True)
    return good


torch.set_num_threads(1)  # beside other tests, spinning threads cost more than they bring
results = [compare(sys.argv[1], sys.argv[2], w) for w in sys.argv[3:]]
sys.exit(0 if all(results) else 1)
