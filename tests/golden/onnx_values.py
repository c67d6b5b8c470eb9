"""Every value of an ONNX file that depends on its picture, computed node by node with PyTorch.

An interpreter of the operators that torch.onnx.export writes for classification networks, opset 13. What it says of a
network's output is to be compared with the network's own, which shows that it reads the file right.
"""
import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper


def ints(t):
    return [int(v) for v in t.reshape(-1)]


def sides(pads):
    """ONNX's begins and ends -> torch.nn.functional.pad's pairs, last dimension first."""
    half = len(pads) // 2
    return [p for i in reversed(range(half)) for p in (pads[i], pads[i + half])]


def conv(x, w, b=None, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1, kernel_shape=None):
    return F.conv2d(F.pad(x, sides(pads)), w, b, strides, 0, dilations, group)


def maxpool(x, kernel_shape, strides, pads=(0, 0, 0, 0), ceil_mode=0, dilations=(1, 1)):
    return F.max_pool2d(x, kernel_shape, strides, pads[:2], dilations, bool(ceil_mode))


def avgpool(x, kernel_shape, strides, pads=(0, 0, 0, 0), ceil_mode=0, count_include_pad=0):
    return F.avg_pool2d(x, kernel_shape, strides, pads[:2], bool(ceil_mode), bool(count_include_pad))


def gemm(a, b, c=None, alpha=1.0, beta=1.0, transA=0, transB=0):
    y = alpha * ((a.t() if transA else a) @ (b.t() if transB else b))
    return y if c is None else y + beta * c


def reshape(x, shape, allowzero=0):
    return x.reshape([x.shape[i] if d == 0 else d for i, d in enumerate(ints(shape))])


def slices(x, starts, ends, axes=None, steps=None):
    axes = range(starts.numel()) if axes is None else ints(axes)
    v = x.numpy()
    at = [slice(None)] * v.ndim
    for axis, first, end, step in zip(axes, ints(starts), ints(ends), ints(steps) if steps is not None else [1] * 9):
        at[axis] = slice(first, None if step < 0 and end < -v.shape[axis] else end, step)
    return torch.from_numpy(v[tuple(at)].copy())


def gather(x, indices, axis=0):
    return torch.from_numpy(np.asarray(np.take(x.numpy(), indices.numpy(), axis)))


def scatter_nd(x, indices, updates):
    y = x.numpy().copy()
    y[tuple(np.moveaxis(indices.numpy(), -1, 0))] = updates.numpy()
    return torch.from_numpy(y)


def unsqueeze(x, axes):
    y = x.numpy()
    return torch.from_numpy(np.expand_dims(y, tuple(ints(axes))).copy())


def squeeze(x, axes):
    return torch.from_numpy(np.squeeze(x.numpy(), tuple(ints(axes))).copy())


def divide(x, y):
    return torch.div(x, y) if x.is_floating_point() else torch.div(x, y, rounding_mode='trunc')


def pad(x, pads, value=None, mode=b'constant'):
    mode = {'constant': 'constant', 'reflect': 'reflect', 'edge': 'replicate'}[mode.decode()]
    return F.pad(x, sides(ints(pads)), mode, *([float(value)] if value is not None and mode == 'constant' else []))


def cast(x, to):
    return x.to({1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 11: torch.float64}[to])


def fill(shape, value=None):
    value = torch.zeros(1) if value is None else value
    return torch.full(ints(shape), value.item(), dtype=value.dtype)


OPERATORS = {
    'Add': torch.add, 'Sub': torch.sub, 'Mul': torch.mul, 'Div': divide, 'Pow': torch.pow, 'Sqrt': torch.sqrt,
    'Erf': torch.erf, 'MatMul': torch.matmul, 'Equal': torch.eq, 'Not': torch.logical_not, 'Where': torch.where,
    'Relu': F.relu, 'Sigmoid': torch.sigmoid, 'HardSwish': F.hardswish, 'Identity': lambda x: x, 'Conv': conv,
    'MaxPool': maxpool, 'AveragePool': avgpool, 'Gemm': gemm, 'Reshape': reshape, 'Slice': slices, 'Gather': gather,
    'ScatterND': scatter_nd, 'Unsqueeze': unsqueeze, 'Squeeze': squeeze, 'Pad': pad, 'Cast': cast, 'ConstantOfShape': fill,
    'BatchNormalization': lambda x, w, b, mean, var, epsilon, **_: F.batch_norm(x, mean, var, w, b, eps=epsilon),
    'Constant': lambda value: value,
    'HardSigmoid': lambda x, alpha=0.2, beta=0.5: torch.clamp(alpha * x + beta, 0, 1),
    'Clip': lambda x, low=None, high=None: torch.clamp(x, low, high),
    'GlobalAveragePool': lambda x: x.mean((2, 3), keepdim=True),
    'ReduceMean': lambda x, axes, keepdims=1: x.mean(tuple(axes), keepdim=bool(keepdims)),
    'Softmax': lambda x, axis=-1: F.softmax(x, axis),
    'Concat': lambda *x, axis: torch.cat(x, axis),
    'Transpose': lambda x, perm: x.permute(*perm),
    'Flatten': lambda x, axis=1: x.reshape(int(np.prod(x.shape[:axis])), -1),
    'Shape': lambda x: torch.tensor(x.shape),
    'Expand': lambda x, shape: x * torch.ones(ints(shape), dtype=x.dtype),
    'Mod': lambda x, y, fmod=0: torch.fmod(x, y) if fmod else torch.remainder(x, y),
    'Range': lambda first, end, step: torch.arange(first.item(), end.item(), step.item()),
    'Dropout': lambda x, *_: x,
    'Split': lambda x, sizes=None, axis=0: torch.split(x, ints(sizes), axis),
}

SLOPES = {'ReduceMean': 1, 'Sigmoid': 0.25}  # by how much at most a function passes on an error


def attribute(a):
    return torch.from_numpy(numpy_helper.to_array(a.t).copy()) if a.type == a.TENSOR else helper.get_attribute_value(a)


def run(path, x, use):
    """use(name, values in the file's order, scale) for every value made from the picture x; returns the output.

    The scale of an error is the largest value, or what an error of the largest value read becomes where that is more:
    of a normalised map's mean only rounding errors are left, and a sigmoid makes 1 of everything large.
    """
    graph = onnx.load(path).graph
    values = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
    last = {name: i for i, node in enumerate(graph.node) for name in node.input}
    values[graph.input[0].name] = x
    pictures = {graph.input[0].name}
    with torch.no_grad():
        for i, node in enumerate(graph.node):
            made = OPERATORS[node.op_type](*(values[name] if name else None for name in node.input),
                                           **{a.name: attribute(a) for a in node.attribute})
            made = made if isinstance(made, (tuple, list)) else [made]
            values.update(zip(node.output, made))
            if node.op_type != 'Shape' and pictures & set(node.input):
                pictures.update(node.output)
                for name, v in zip(node.output, made):
                    read = SLOPES.get(node.op_type, 0) * values[node.input[0]].abs().max()
                    use(name, v.contiguous().numpy().ravel(), float(max(v.abs().max(), read)))
            for name in node.input:
                if last.get(name) == i and name in pictures:
                    values.pop(name, None)
    return values[graph.output[0].name]
