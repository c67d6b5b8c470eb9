#!/usr/bin/python3
"""What the command-line tests cannot draw themselves: writes tests/cli/tiny.onnx and tests/cli/gradient.jpg.base64.

usage: make_golden_cli.py   (needs numpy, onnx, PIL)
"""
import base64
import io
import os

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli')


def tiny_onnx():
    """Convolution, ReLU, average, linear: 3 x 16 x 16 -> 5 outputs, random weights."""
    random = numpy.random.default_rng(1)

    def weights(name, *shape):
        return numpy_helper.from_array(random.standard_normal(shape).astype('f'), name)

    graph = helper.make_graph(
        [helper.make_node('Conv', ['input', 'conv.weight', 'conv.bias'], ['conv_out'], 'conv', pads=[1, 1, 1, 1]),
         helper.make_node('Relu', ['conv_out'], ['relu_out'], 'relu'),
         helper.make_node('GlobalAveragePool', ['relu_out'], ['pool_out'], 'pool'),
         helper.make_node('Flatten', ['pool_out'], ['flat_out'], 'flatten'),
         helper.make_node('Gemm', ['flat_out', 'fc.weight', 'fc.bias'], ['output'], 'fc', transB=1)],
        'tiny',
        [helper.make_tensor_value_info('input', TensorProto.FLOAT, ['N', 3, 16, 16])],
        [helper.make_tensor_value_info('output', TensorProto.FLOAT, ['N', 5])],
        [weights('conv.weight', 8, 3, 3, 3), weights('conv.bias', 8), weights('fc.weight', 5, 8), weights('fc.bias', 5)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], producer_name='make_golden_cli')
    model.ir_version = 7
    onnx.checker.check_model(model)
    onnx.save(model, os.path.join(HERE, 'tiny.onnx'))


def gradient_jpeg():
    picture = Image.new('RGB', (48, 40))
    picture.putdata([(x * 5, y * 6, x * y % 256) for y in range(40) for x in range(48)])
    out = io.BytesIO()
    picture.save(out, 'JPEG', quality=80)
    with open(os.path.join(HERE, 'gradient.jpg.base64'), 'wb') as f:
        f.write(base64.encodebytes(out.getvalue()))


tiny_onnx()
gradient_jpeg()
