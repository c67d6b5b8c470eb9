#!/usr/bin/python3
"""Cuts torchvision's networks with `layercut cut` and compares what comes out with what went in.

usage: compare_cut.py PEERS LAYERCUT FOLDER [NAME ...]
PEERS holds export_onnx.py, whose build(name) makes the networks, seeded random weights; FOLDER is for the files, which are
removed after each network. Per network:
  whole .onnx         accepted by ONNX's checker; ONNX Runtime (node, ORT_NODE_MODULES) gives PyTorch's outputs to 1e-5
  whole .safetensors  load_state_dict takes it as the network's own state dict
  penultimate layer   as .onnx and .safetensors: the bytes of features of the whole network's layer
Exit: 0 all equal; 1 not; 77 PyTorch is not here.
"""
import json, os, subprocess, sys, warnings
try:
    import h5py, numpy as np, onnx, torch
    from PIL import Image
except ImportError as missing:
    print(f'{sys.executable} has no {missing.name}')
    sys.exit(77)

warnings.filterwarnings('ignore')
here = os.path.dirname(os.path.abspath(__file__))
peers, program, folder = sys.argv[1:4]
sys.path.append(peers)
import export_onnx
NAMES = ('alexnet vgg11_bn resnet18 resnext50_32x4d squeezenet1_1 densenet121 mobilenet_v2 mobilenet_v3_small shufflenet_v2_x0_5 '
         'mnasnet0_5 googlenet inception_v3 efficientnet_b0 efficientnet_v2_s regnet_y_400mf regnet_x_400mf convnext_tiny').split()
modules = os.environ.get('ORT_NODE_MODULES')


def layercut(*words):
    done = subprocess.run([program, *words, '--quiet'], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(' '.join(words) + ': ' + done.stderr.strip())


def features(network, *options):
    store = f'{folder}/features.h5'
    layercut('extract', network, f'{folder}/pictures', '-o', store, *options)
    with h5py.File(store) as f:
        (layer,) = f['layers'].values()
        values = layer[:].tobytes()
    os.remove(store)
    return values


def read_safetensors(path):
    data = open(path, 'rb').read()
    size = int.from_bytes(data[:8], 'little')
    header = json.loads(data[8:8 + size])
    header.pop('__metadata__')
    return {name: torch.frombuffer(bytearray(data[8 + size:]), dtype=torch.float32, count=int(np.prod(e['shape'])),
                                   offset=e['data_offsets'][0]).reshape(e['shape']) for name, e in header.items()}


def onnxruntime(path, x):
    """The network's first output, by ONNX Runtime."""
    x.numpy().tofile(f'{folder}/input.f32')
    subprocess.run(['node', f'{here}/run_onnxruntime.js', path, f'{folder}/input.f32', *map(str, x.shape), folder], check=True,
                   env={**os.environ, 'NODE_PATH': modules})
    first = json.load(open(f'{folder}/index.json'))[0]
    return torch.from_numpy(np.fromfile(f'{folder}/0.f32', np.float32)).reshape(first['dims'])


def compare(name):
    net, size = export_onnx.build(name), 299 if name == 'inception_v3' else 224
    source, whole, bad = f'{folder}/{name}.pth', f'{folder}/whole', []
    torch.save(net.state_dict(), source)
    x = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        own = net(x)
    for ending in ('.onnx', '.safetensors'):
        layercut('cut', source, '--at', 'logits', '--input', str(size), '--resize', str(size), '-o', whole + ending)
    onnx.checker.check_model(onnx.load(whole + '.onnx'), full_check=True)
    error = float('nan')
    if modules:
        error = ((onnxruntime(whole + '.onnx', x) - own).abs().max() / own.abs().max()).item()
        if not error <= 1e-5:
            bad.append('ONNX Runtime')
    state = read_safetensors(whole + '.safetensors')
    lacking = [k for k in net.state_dict() if k not in state and not k.endswith('num_batches_tracked')
               and not k.startswith(('aux1.', 'aux2.', 'AuxLogits.'))]
    if lacking or any(not torch.equal(net.state_dict()[k], v) for k, v in state.items()):
        bad.append('state dict')
    # MNASNet takes only state dicts with PyTorch's own note of its version.
    if not lacking and not name.startswith('mnasnet') and len(state) + sum(k.endswith('num_batches_tracked') for k in net.state_dict()) == len(net.state_dict()):
        net.load_state_dict(state, strict=True)
    rows = features(source, '--layers', 'penultimate')
    for ending in ('.onnx', '.safetensors'):
        layercut('cut', source, '--at', 'penultimate', '-o', f'{folder}/part{ending}')
        if features(f'{folder}/part{ending}') != rows:
            bad.append(f'features of {ending}')
    print(f'{name}: ONNX Runtime off by {error:.1e};', 'differs: ' + ', '.join(bad) if bad else 'all else the same', flush=True)
    return not bad


os.makedirs(f'{folder}/pictures', exist_ok=True)
for i in range(2):
    pixels = np.random.default_rng(i).integers(0, 256, (32, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((400, 320), Image.BICUBIC).save(f'{folder}/pictures/{i}.png')
failed = []
for name in sys.argv[4:] or NAMES:
    try:
        if not compare(name):
            failed.append(name)
    except (RuntimeError, subprocess.CalledProcessError) as error:
        print(f'{name}: {error}', flush=True)
        failed.append(name)
    for f in os.listdir(folder):
        if f != 'pictures':
            os.remove(f'{folder}/{f}')
print(f'{len(failed)} networks failed', *failed)
sys.exit(bool(failed))
