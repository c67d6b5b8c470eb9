#!/usr/bin/python3
"""Small ONNX files that use every operator and way of writing constants: seeds of fuzz_onnx and the reader's tests.

usage: make_corpus_onnx.py     (writes ../corpus/onnx; needs python3-onnx)
"""
import os
import numpy as np, onnx
from onnx import TensorProto as T, helper as h, numpy_helper as nh

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'corpus', 'onnx')
rng = np.random.default_rng(1)

def floats(name, *shape, raw=True):
    v = rng.standard_normal(shape).astype('f')
    return nh.from_array(v, name) if raw else h.make_tensor(name, T.FLOAT, shape, v.flatten().tolist())

def save(name, nodes, inits, output, channels=3, size=8, opset=13, metadata=None):
    graph = h.make_graph(nodes, name, [h.make_tensor_value_info('x', T.FLOAT, ['N', channels, size, size])],
                         [h.make_tensor_value_info(output, T.FLOAT, None)], inits)
    model = h.make_model(graph, opset_imports=[h.make_opsetid('', opset)], producer_name='')
    if metadata:
        h.set_model_props(model, metadata)
    onnx.save(model, os.path.join(OUT, name + '.onnx'))

os.makedirs(OUT, exist_ok=True)
n = h.make_node
save('residual', [
    n('Conv', ['x', 'w1', 'b1'], ['c1'], '/conv1/Conv', kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
    n('BatchNormalization', ['c1', 's', 't', 'm', 'v'], ['n1'], '/bn1/BatchNormalization', epsilon=1e-5, momentum=.9),
    n('Relu', ['n1'], ['r1'], '/relu/Relu'),
    n('Conv', ['r1', 'w2'], ['c2'], '/layer1/layer1.0/conv1/Conv', kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=2),
    n('Add', ['c2', 'r1'], ['a'], '/layer1/layer1.0/Add'),
    n('Relu', ['a'], ['r2'], '/layer1/layer1.0/relu_1/Relu'),
    n('Concat', ['r1', 'r2'], ['k'], '/Concat', axis=1),
    n('GlobalAveragePool', ['k'], ['g'], '/avgpool/GlobalAveragePool'),
    n('Flatten', ['g'], ['f'], '/Flatten', axis=1),
    n('Gemm', ['f', 'w3', 'b3'], ['y'], '/fc/Gemm', transB=1)],
    [floats('w1', 4, 3, 3, 3), floats('b1', 4), floats('s', 4), floats('t', 4), floats('m', 4),
     nh.from_array(np.ones(4, 'f'), 'v'), floats('w2', 4, 2, 3, 3), floats('w3', 3, 8), floats('b3', 3, raw=False)], 'y',
    metadata={'classes': 'a,b,c'})
save('pools', [
    n('Conv', ['x', 'w', ''], ['c'], 'c', auto_pad='SAME_UPPER', kernel_shape=[2, 2]),
    n('Clip', ['c', 'lo', 'hi'], ['k'], 'k'),
    n('MaxPool', ['k'], ['p'], 'p', kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    n('AveragePool', ['p'], ['q'], 'q', kernel_shape=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1),
    n('Dropout', ['q'], ['d'], 'd'), n('Identity', ['d'], ['i'], 'i'),
    n('Constant', [], ['shape'], 'shape', value=nh.from_array(np.array([0, -1], np.int64))),
    n('Reshape', ['i', 'shape'], ['r'], 'r'), n('Softmax', ['r'], ['y'], 'y', axis=1)],
    [floats('w', 2, 1, 2, 2), nh.from_array(np.float32(0), 'lo'), nh.from_array(np.float32(6), 'hi')], 'y', channels=1)
save('depthwise', [
    n('Conv', ['x', 'w'], ['c'], 'dw', kernel_shape=[3, 3], pads=[0, 0, 1, 1], strides=[2, 2], group=3),
    n('Clip', ['c'], ['y'], 'clip', min=0., max=6.)], [floats('w', 3, 1, 3, 3)], 'y', opset=9)
save('unknown_operator', [n('Einsum', ['x'], ['y'], 'strange', equation='nchw->nc')], [], 'y')
save('unknown_attribute', [n('Relu', ['x'], ['y'], 'strange', slope=2.)], [], 'y')
