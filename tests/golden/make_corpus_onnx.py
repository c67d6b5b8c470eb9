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
def ints(name, *values):
    return nh.from_array(np.array(values, np.int64), name)

save('attention', [ # patches, a class token expanded by a chain on the shape, one head group of attention, both norms
    n('Conv', ['x', 'w'], ['p'], '/patches/Conv', kernel_shape=[2, 2], strides=[2, 2]),
    n('Shape', ['p'], ['ps'], 'ps'), n('Gather', ['ps', 'zero'], ['batch'], 'batch', axis=0), n('Unsqueeze', ['batch', 'zeros'], ['b1'], 'b1'),
    n('Concat', ['b1', 'rest'], ['to'], 'to', axis=0), n('ConstantOfShape', ['three'], ['ones'], 'ones', value=h.make_tensor('', T.INT64, [1], [1])),
    n('Mul', ['ones', 'minus'], ['unset'], 'unset'), n('Equal', ['to', 'unset'], ['is'], 'is'), n('Where', ['is', 'ones', 'to'], ['size'], 'size'),
    n('Expand', ['token', 'size'], ['tokens'], 'tokens'),
    n('Reshape', ['p', 'rows'], ['r'], '/Reshape'), n('Transpose', ['r'], ['t'], '/Transpose', perm=[0, 2, 1]),
    n('Concat', ['tokens', 't'], ['k'], '/Concat', axis=1), n('Add', ['k', 'position'], ['e'], '/Add'),
    n('LayerNormalization', ['e', 'g', 'b'], ['l'], '/ln', axis=-1, epsilon=1e-6), n('MatMul', ['l', 'qkv'], ['m'], '/qkv'),
    n('Reshape', ['m', 'heads'], ['h'], '/heads'), n('Transpose', ['h'], ['hs'], '/split', perm=[2, 0, 3, 1, 4]),
    n('Gather', ['hs', 'zero'], ['q'], '/q', axis=0), n('Gather', ['hs', 'one'], ['kk'], '/k', axis=0), n('Gather', ['hs', 'two'], ['v'], '/v', axis=0),
    n('Transpose', ['kk'], ['kt'], '/kt', perm=[0, 1, 3, 2]), n('MatMul', ['q', 'kt'], ['s'], '/scores'), n('Softmax', ['s'], ['a'], '/softmax', axis=-1),
    n('MatMul', ['a', 'v'], ['o'], '/mix'), n('Transpose', ['o'], ['ot'], '/merge', perm=[0, 2, 1, 3]), n('Reshape', ['ot', 'back'], ['f'], '/back'),
    n('ReduceMean', ['f'], ['mean'], '/mean', axes=[-1]), n('Sub', ['f', 'mean'], ['d'], '/sub'), n('Pow', ['d', 'square'], ['d2'], '/pow'),
    n('ReduceMean', ['d2'], ['var'], '/var', axes=[-1]), n('Add', ['var', 'eps'], ['ve'], '/eps'), n('Sqrt', ['ve'], ['sd'], '/sqrt'),
    n('Div', ['d', 'sd'], ['n'], '/norm'), n('Erf', ['n'], ['er'], '/erf'), n('Mul', ['n', 'er'], ['ge'], '/gelu'),
    n('Gather', ['ge', 'zero'], ['first'], '/first', axis=1), n('Gemm', ['first', 'w2'], ['y'], '/head')],
    [floats('w', 8, 3, 2, 2), floats('token', 1, 1, 8), floats('position', 1, 17, 8), floats('g', 8), floats('b', 8), floats('qkv', 8, 24),
     floats('w2', 8, 5), nh.from_array(np.array(0, np.int64), 'zero'), nh.from_array(np.array(1, np.int64), 'one'),
     nh.from_array(np.array(2, np.int64), 'two'), ints('zeros', 0), ints('rest', -1, -1), ints('three', 3),
     nh.from_array(np.array(-1, np.int64), 'minus'), ints('rows', 0, 8, -1), ints('heads', 1, 17, 3, 2, 4), ints('back', 0, 17, 8),
     nh.from_array(np.float32(2), 'square'), nh.from_array(np.float32(1e-5), 'eps')], 'y', opset=17)
save('shapes', [ # channel shuffle by shapes, Split, Slice, Pad, Resize, blocks
    n('Conv', ['x', 'w'], ['c'], 'c', kernel_shape=[1, 1]),
    n('Shape', ['c'], ['s'], 's'), n('Slice', ['s', 'two', 'four'], ['hw'], 'hw'), n('Concat', ['groups', 'hw'], ['to'], 'to', axis=0),
    n('Reshape', ['c', 'to'], ['g'], 'g'), n('Transpose', ['g'], ['t'], 't', perm=[0, 2, 1, 3, 4]), n('Reshape', ['t', 'back'], ['r'], 'r'),
    n('Split', ['r', 'parts'], ['a', 'b'], 'split', axis=1), n('Pad', ['a', 'pads', 'value'], ['ap'], 'ap'),
    n('Pad', ['b', 'pads'], ['bp'], 'bp', mode='reflect'), n('Concat', ['ap', 'bp'], ['k'], 'k', axis=1),
    n('Slice', ['k', 'from', 'end', 'axes', 'steps'], ['sl'], 'sl'), n('DepthToSpace', ['sl'], ['ds'], 'ds', blocksize=2),
    n('SpaceToDepth', ['ds'], ['sd'], 'sd', blocksize=2), n('Resize', ['sd', '', 'scales'], ['up'], 'up', mode='linear'),
    n('Resize', ['up', '', '', 'sizes'], ['down'], 'down', mode='nearest'), n('Tile', ['down', 'repeats'], ['ti'], 'ti'),
    n('ReduceMax', ['ti'], ['mx'], 'mx', axes=[2, 3], keepdims=0),
    n('ReduceL2', ['ti'], ['x0'], 'x0', axes=[3]), n('ReduceMin', ['x0'], ['x1'], 'x1', axes=[2]),
    n('Squeeze', ['x1', 'last'], ['sq'], 'sq'), n('Max', ['mx', 'sq'], ['y'], 'y')],
    [floats('w', 8, 3, 1, 1), ints('two', 2), ints('four', 4), ints('groups', 0, 2, 4), ints('back', 0, 8, 8, 8), ints('parts', 3, 5),
     ints('pads', 0, 0, 1, 2, 0, 0, 1, 0), nh.from_array(np.float32(.5), 'value'), ints('from', 0, -1), ints('end', 4, -2**63), ints('axes', 1, 3),
     ints('steps', 1, -1), nh.from_array(np.array([1, 1, 1.5, 2], 'f'), 'scales'), ints('sizes', 1, 4, 7, 9), ints('repeats', 1, 2, 1, 1),
     ints('last', 2, 3)], 'y')
save('gates', [ # functions, gates, constants of every kind
    n('DequantizeLinear', ['wq', 'scale', 'zp'], ['w'], 'dq', axis=0), n('Cast', ['b16'], ['bias'], 'cast', to=1),
    n('Conv', ['x', 'w', 'bias'], ['c'], 'c', kernel_shape=[3, 3], pads=[1, 1, 1, 1]), n('HardSwish', ['c'], ['h'], 'h'),
    n('GlobalAveragePool', ['h'], ['p'], 'p'), n('Conv', ['p', 'w64'], ['q'], 'q'), n('HardSigmoid', ['q'], ['hs'], 'hs', alpha=.3),
    n('Mul', ['h', 'hs'], ['g'], 'g'), n('PRelu', ['g', 'slope'], ['pr'], 'pr'), n('LeakyRelu', ['pr'], ['lr'], 'lr', alpha=.2), n('Elu', ['lr'], ['el'], 'el'),
    n('Sigmoid', ['el'], ['si'], 'si'), n('Mul', ['el', 'si'], ['sw'], 'sw'), n('LRN', ['sw'], ['ln'], 'ln', size=3, alpha=.1),
    n('InstanceNormalization', ['ln', 'four', 'bias'], ['in'], 'in'), n('Softplus', ['in'], ['sp'], 'sp'), n('Tanh', ['sp'], ['th'], 'th'),
    n('Sub', ['th', 'plane'], ['su'], 'su'), n('Div', ['su', 'four4'], ['dv'], 'dv'), n('Min', ['dv', 'one'], ['mi'], 'mi'),
    n('GlobalMaxPool', ['mi'], ['gm'], 'gm'), n('Flatten', ['gm'], ['fl'], 'fl'), n('LogSoftmax', ['fl'], ['y'], 'y')],
    [nh.from_array(rng.integers(-127, 127, (4, 3, 3, 3)).astype(np.int8), 'wq'), nh.from_array(np.array([.01, .02, .03, .04], 'f'), 'scale'),
     nh.from_array(np.array([0, 1, -2, 3], np.int8), 'zp'), nh.from_array(rng.standard_normal(4).astype(np.float16), 'b16'),
     nh.from_array(rng.standard_normal((4, 4, 1, 1)).astype('f'), 'w64'), floats('slope', 4, 1, 1), nh.from_array(np.ones(4, 'f') * .7, 'four'),
     floats('plane', 4, 8, 8), nh.from_array(np.arange(1, 5, dtype='f').reshape(4, 1, 1), 'four4'), nh.from_array(np.float32(.5), 'one')], 'y', opset=14)
def beside(t, offset):
    t.data_location = T.EXTERNAL
    with open(os.path.join(OUT, 'stored.weights'), 'r+b' if offset else 'wb') as f:
        f.seek(offset)
        f.write(t.raw_data)
    for key, value in (('location', 'stored.weights'), ('offset', str(offset)), ('length', str(len(t.raw_data)))):
        t.external_data.add(key=key, value=value)
    t.ClearField('raw_data')
    return t

save('stored', [ # weights in every form: a file beside, on and off a float's place, double, float16 as bytes and as a list
    n('Conv', ['x', 'w1', 'b1'], ['c1'], 'c1', kernel_shape=[3, 3]), n('Cast', ['w2'], ['w2f'], 'w2f', to=1),
    n('Conv', ['c1', 'w2f'], ['c2'], 'c2'), n('Cast', ['g'], ['gf'], 'gf', to=1), n('Mul', ['c2', 'gf'], ['m'], 'm'),
    n('Cast', ['h'], ['hf'], 'hf', to=1), n('Add', ['m', 'hf'], ['a'], 'a'), n('Flatten', ['a'], ['f'], 'f'),
    n('Gemm', ['f', 'w3', 'b3'], ['y'], 'y', transB=1)],
    [beside(floats('w1', 4, 3, 3, 3), 0), beside(floats('b1', 4), 433), nh.from_array(rng.standard_normal((2, 4, 1, 1)), 'w2'),
     nh.from_array(rng.standard_normal((2, 1, 1)).astype(np.float16), 'g'),
     h.make_tensor('h', T.FLOAT16, [2, 1, 1], [.25, -3.]), floats('w3', 3, 72), floats('b3', 3, raw=False)], 'y')
save('sequences', [ # convolution and pooling over (N,C,L): efficient channel attention, then a map's rows as sequences
    n('Conv', ['x', 'w'], ['c'], '/conv/Conv', kernel_shape=[3, 3]), n('GlobalAveragePool', ['c'], ['p'], '/eca/avg_pool/GlobalAveragePool'),
    n('Squeeze', ['p', 'last'], ['s'], '/eca/Squeeze'), n('Transpose', ['s'], ['t'], '/eca/Transpose', perm=[0, 2, 1]),
    n('Conv', ['t', 'w1'], ['e'], '/eca/conv/Conv', kernel_shape=[3], pads=[1, 1]), n('Transpose', ['e'], ['et'], '/eca/Transpose_1', perm=[0, 2, 1]),
    n('Unsqueeze', ['et', 'last'], ['u'], '/eca/Unsqueeze'), n('Sigmoid', ['u'], ['g'], '/eca/sigmoid/Sigmoid'), n('Mul', ['c', 'g'], ['m'], '/eca/Mul'),
    n('Reshape', ['m', 'rows'], ['r'], '/Reshape'),
    n('Conv', ['r', 'w2', 'b2'], ['d'], '/line/Conv', kernel_shape=[3], strides=[2], dilations=[2], pads=[2, 0], group=3), n('Relu', ['d'], ['dr'], '/relu/Relu'),
    n('MaxPool', ['dr'], ['mp'], '/max/MaxPool', kernel_shape=[3], strides=[2], pads=[1, 1]),
    n('AveragePool', ['mp'], ['ap'], '/avg/AveragePool', kernel_shape=[2], auto_pad='SAME_UPPER'),
    n('GlobalMaxPool', ['ap'], ['y'], '/top/GlobalMaxPool')],
    [floats('w', 6, 3, 3, 3), ints('last', -1), floats('w1', 1, 1, 3), ints('rows', 0, 6, -1), floats('w2', 9, 2, 3), floats('b2', 9)], 'y')
save('unknown_operator', [n('Einsum', ['x'], ['y'], 'strange', equation='nchw->nc')], [], 'y')
save('unknown_attribute', [n('Relu', ['x'], ['y'], 'strange', slope=2.)], [], 'y')
