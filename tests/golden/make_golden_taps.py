#!/usr/bin/python3
"""Golden values of every tap of the five networks and of the small ones in ../corpus/onnx, by ONNX Runtime: a few samples
per tap into taps_<network>.txt.

usage: NODE_PATH=.../node_modules make_golden_taps.py [KEEP_DIR]
The networks with their .input_*.f32 are found under $LC_SHARED, default ../shared. KEEP_DIR, if given, keeps every value
of every tap, for LC_TAPS_DIR=KEEP_DIR build/tests/test_graph, which then compares all of them.
Needs python3-onnx, and node with the npm package onnxruntime-node.
"""
import glob, json, os, re, subprocess, sys, tempfile
import numpy as np, onnx

SAMPLES = 16
NETWORKS = {'squeezenet1_0': 2, 'mobilenet_v2': 2, 'cifar_resnet20': 2, 'cifar_resnet56': 2, 'mnist': 1,
            'residual': 2, 'pools': 1, 'depthwise': 3, 'attention': 1, 'shapes': 1, 'gates': 2, 'stored': 2,
            'sequences': 2}
DRAWN = {'mnist': (1, 28, 28, 1), 'residual': (3, 8, 8, 100), 'pools': (1, 8, 8, 100), 'depthwise': (3, 8, 8, 100),
         'attention': (3, 8, 8, 100), 'shapes': (3, 8, 8, 100), 'gates': (3, 8, 8, 100),
         'stored': (3, 8, 8, 100), 'sequences': (3, 8, 8, 100)}  # C, H, W, divisor
HERE = os.path.dirname(os.path.abspath(__file__))

def draw(n, c, h, w, divisor):
    """Pictures by a formula that the test repeats."""
    i, k, y, x = np.mgrid[0:n, 0:c, 0:h, 0:w]
    return ((x * 37 + y * 91 + x * y * 13 + k * 71 + i * 29) % 256 / divisor).astype('f')

weights = os.environ.get('LC_SHARED', f'{HERE}/../../../shared') + '/assets/weights'
for name, n in NETWORKS.items():
    folder = f'{HERE}/../corpus/onnx' if name in DRAWN and name != 'mnist' else weights
    model = onnx.load(f'{folder}/{name}.onnx')
    given = {o.name for o in model.graph.output}
    pictures = {model.graph.input[0].name}  # what is computed from them; the rest are constants, no taps
    for node in model.graph.node:
        if node.op_type != 'Shape' and pictures & set(node.input):
            pictures.update(node.output)
        model.graph.output.extend(onnx.ValueInfoProto(name=o) for o in node.output if o in pictures - given)
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(sys.argv[1], name) if len(sys.argv) > 1 else scratch
        os.makedirs(out, exist_ok=True)
        onnx.save(model, f'{scratch}/all.onnx')
        if name in DRAWN:
            c, h, w, divisor = DRAWN[name]
            source = f'{scratch}/input.f32'
            draw(n, c, h, w, divisor).tofile(source)
        else:
            source = glob.glob(f'{weights}/{name}.input_*.f32') or glob.glob(f'{weights}/{name.split("_")[0]}.input_*.f32')
            source = source[0]
            c, h, w = map(int, re.search(r'input_\d+x(\d+)x(\d+)x(\d+)', source).groups())
        subprocess.run(['node', f'{HERE}/run_onnxruntime.js', f'{scratch}/all.onnx', source, *map(str, (n, c, h, w)), out], check=True)
        lines = []
        index = json.load(open(f'{out}/index.json'))
        for i, value in enumerate(index):
            v = np.fromfile(f'{out}/{i}.f32', 'f')
            at = (np.arange(SAMPLES, dtype=np.uint64) * 2654435761 + 7919 * i) % v.size
            lines.append(' '.join([value['name'], str(v.size), f'{np.abs(v).max():.9g}', *(f'{x:.9g}' for x in v[at])]))
        open(f'{HERE}/taps_{name}.txt', 'w').write('\n'.join(lines) + '\n')
        print(name, len(lines), 'taps')
