#!/usr/bin/python3
"""Small files of weights in every form that is read, and some that are refused: seeds of fuzz_safetensors and
fuzz_torch, and the cases of test_weights.

usage: make_corpus_weights.py     (writes ../corpus/safetensors, ../corpus/torch and weights.txt; needs PyTorch)

weights.txt: file, tensor, type, shape, then the values as float32, in hexadecimal.
"""
import argparse, collections, io, json, os, pickle, struct, zipfile
import numpy as np, torch

HERE = os.path.dirname(os.path.abspath(__file__))
TORCH, SAFE = (os.path.join(HERE, '..', 'corpus', kind) for kind in ('torch', 'safetensors'))
NAMES = {torch.float32: 'F32', torch.float64: 'F64', torch.float16: 'F16', torch.bfloat16: 'BF16', torch.int64: 'I64',
         torch.int32: 'I32', torch.int16: 'I16', torch.int8: 'I8', torch.uint8: 'U8', torch.bool: 'BOOL'}
lines = []

def note(file, tensors):
    for name, t in tensors.items():
        shape = 'x'.join(map(str, t.shape)) or '-'
        lines.append(' '.join([file, name, NAMES[t.dtype], shape] + [float(v).hex() for v in t.float().flatten()]))

def save(file, what, tensors=None, **options):
    torch.save(what, os.path.join(TORCH, file), **options)
    note('torch/' + file, what if tensors is None else tensors)

def raw(folder, file, data):
    with open(os.path.join(folder, file), 'wb') as f:
        f.write(data)

def tensor(*shape, scale=.25, dtype=torch.float32):
    return ((torch.arange(int(np.prod(shape))) - 5).float() * scale).reshape(shape).to(dtype)

os.makedirs(TORCH, exist_ok=True)
os.makedirs(SAFE, exist_ok=True)
O = collections.OrderedDict

# What a type can hold: the halves' smallest, largest, infinities.
half = torch.tensor([0, -0., 1 / 3, -2, 65504, 6e-8, -6e-5, 6.2e-5, float('inf'), -float('inf')])
halves = torch.float16, torch.bfloat16
types = O((NAMES[t].lower(), half.to(t) if t in halves else tensor(11, dtype=t)) for t in NAMES)
types['f64'] = torch.tensor([1 / 3, 1e-50, 1e300, -2.5], dtype=torch.float64)
types['i64'] = torch.tensor([2 ** 40 + 1, -7], dtype=torch.int64)
save('types.pth', types)
save('types.th', types, _use_new_zipfile_serialization=False)

base = tensor(6, 5)
views = O(whole=base, row=base[2], column=base[:, 3], block=base[1:5:2, 1:4], transposed=base.t(),
          permuted=tensor(2, 3, 2, 4).permute(0, 3, 1, 2),
          last=tensor(2, 3, 4, 5).contiguous(memory_format=torch.channels_last))
save('views.pth', views)
save('views.th', views, _use_new_zipfile_serialization=False)
save('shapes.pth', O(scalar=torch.tensor(2.5), none=torch.zeros(3, 0, 2), one=torch.ones(1, 1, 1, 1, 1, 1),
                     num=torch.tensor(12345)))
save('repeated.pth', O(r=torch.ones(1).expand(1000)), {})
save('rank7.pth', O(r=torch.ones(1, 1, 1, 1, 1, 1, 1)), {})

model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), torch.nn.BatchNorm2d(2))
with torch.no_grad():
    for p in model.state_dict().values():
        p.copy_(tensor(*p.shape, scale=.5) if p.shape else torch.tensor(9))
state = model.state_dict()
save('modules.pth', state)
save('modules_protocol4.pth', state, pickle_protocol=4)
save('modules_protocol4.th', state, pickle_protocol=4, _use_new_zipfile_serialization=False)
save('modules_parameters.pth', O(model.named_parameters()))
save('wrapped.pth', O(('module.' + k, v) for k, v in state.items()), state)
save('wrapped_twice.pth', O(('_orig_mod.module.' + k, v) for k, v in state.items()), state)
save('partly_wrapped.pth', O({'module.a': base[0], 'b': base[1]}))

# Checkpoints as training scripts write them.
sgd = torch.optim.SGD(model.parameters(), lr=.1, momentum=.9)
model(torch.ones(2, 1, 3, 3)).sum().backward()
sgd.step()
state = O((k, v.detach().clone()) for k, v in model.state_dict().items())
schedule = torch.optim.lr_scheduler.MultiStepLR(sgd, [30, 60])
save('checkpoint.pth', {'epoch': 3, 'arch': 'x', 'best_prec1': torch.tensor(92.5), 'optimizer': sgd.state_dict(),
     'state_dict': O(('module.' + k, v) for k, v in state.items())}, state)
save('checkpoint.th', {'state_dict': state, 'best_prec1': 92.5}, state, _use_new_zipfile_serialization=False)
save('reference.pth', {'model': state, 'optimizer': sgd.state_dict(), 'lr_scheduler': schedule.state_dict(),
     'epoch': 2 ** 35, 'args': argparse.Namespace(lr=.1, names=['a', 'b'], pair=(1, None)), 'best': np.float64(.5),
     'set': {1, 2}}, state)
save('deeper.pth', {'net': {'state_dict': {'w': base}}}, {'w': base})
save('no_state.pth', {'epoch': 3, 'optimizer': sgd.state_dict()}, {})
save('module.pth', torch.nn.Linear(1, 1), {})
save('complex.pth', O(c=torch.zeros(2, dtype=torch.complex64)), {})

# The same archive packed.
with zipfile.ZipFile(os.path.join(TORCH, 'modules.pth')) as stored, \
        zipfile.ZipFile(os.path.join(TORCH, 'packed.pth'), 'w', zipfile.ZIP_DEFLATED) as packed:
    for name in stored.namelist():
        packed.writestr(zipfile.ZipInfo(name), stored.read(name), zipfile.ZIP_DEFLATED)
note('torch/packed.pth', model_state := torch.load(os.path.join(TORCH, 'modules.pth')))

# Pickles that would run a command, as the classic protocol and as the newer ones spell it.
classic = b'\x80\x02cos\nsystem\nq\x00X\x04\x00\x00\x00trueq\x01\x85q\x02Rq\x03.'
class Hostile:
    def __reduce__(self):
        return os.system, ('true',)
newer = pickle.dumps({'w': Hostile()}, protocol=4)
for name, data in ('os_system', classic), ('os_system_protocol4', newer):
    with zipfile.ZipFile(os.path.join(TORCH, name + '.pth'), 'w') as z:
        z.writestr(zipfile.ZipInfo('archive/data.pkl'), data)
stream = io.BytesIO()
torch.save(O(), stream, _use_new_zipfile_serialization=False)
empty = pickle.dumps(O(), protocol=2)
assert stream.getvalue().count(empty) == 1
raw(TORCH, 'os_system.th', stream.getvalue().replace(empty, classic))

def safe(file, tensors, metadata=None, change=lambda header: None, pad=8):
    header, data = {}, b''
    if metadata:
        header['__metadata__'] = metadata
    for name, t in tensors.items():
        part = t.contiguous().view(torch.uint8 if t.shape else t.dtype).numpy().tobytes()
        header[name] = {'dtype': NAMES[t.dtype], 'shape': list(t.shape), 'data_offsets': [len(data), len(data) + len(part)]}
        data += part
    change(header)
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % pad)
    raw(SAFE, file, struct.pack('<Q', len(text)) + text + data)
    return file

note('safetensors/' + safe('types.safetensors', types, {'format': 'pt', 'note': 'a "quoted" \u00e9'}), types)
note('safetensors/' + safe('modules.safetensors', model_state, pad=1), model_state)
wrapped = O(('module.' + k, v) for k, v in model_state.items())
safe('wrapped.safetensors', wrapped)
note('safetensors/wrapped.safetensors', model_state)
safe('empty.safetensors', {})
safe('float8.safetensors', {'a': tensor(4, dtype=torch.uint8)}, change=lambda h: h['a'].update(dtype='F8_E4M3'))
pair = O(a=tensor(2, 3), b=tensor(4))
safe('gap.safetensors', pair, change=lambda h: h['a'].update(shape=[2, 2], data_offsets=[0, 16]))
safe('overlap.safetensors', pair, change=lambda h: h['b'].update(data_offsets=[20, 36]))
safe('twins.safetensors', O(a=tensor(4), b=tensor(4)), change=lambda h: h['a'].update(data_offsets=[16, 32]))
safe('beyond.safetensors', pair, change=lambda h: h['b'].update(shape=[5], data_offsets=[24, 44]))
safe('shape.safetensors', pair, change=lambda h: h['a'].update(shape=[2, 4]))
safe('huge.safetensors', pair, change=lambda h: h['a'].update(shape=[2 ** 40, 2 ** 40]))
safe('negative.safetensors', pair, change=lambda h: h['a'].update(shape=[-2, -3]))

with open(os.path.join(HERE, 'weights.txt'), 'w') as f:
    f.write('\n'.join(lines) + '\n')
