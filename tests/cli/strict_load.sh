# A tuned network loads in PyTorch, every name and no other, and says the same.
. "$ROOT/tests/cli_helpers.sh"
needs_training
needs_python "torch, torchvision, h5py, PIL"
toy pictures 4
for arch in resnet18 squeezenet1_1; do
    quietly finetune $arch pictures -o $arch.safetensors -m scratch -e 1 -b 8 --input 64 --resize 64 -q
    quietly extract $arch.safetensors pictures -o $arch.h5 --layers logits --pool flat --exact -q
done
cat >load.py <<'P'
import json, struct, sys
import h5py, numpy as np, torch, torchvision
from PIL import Image
from torchvision import transforms

torch.set_num_threads(1)
for arch in sys.argv[1:]:
    data = open(arch + ".safetensors", "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    state = {}
    for name, e in header.items():
        if name != "__metadata__":
            first, end = (8 + size + o for o in e["data_offsets"])
            kind = {"F32": np.float32, "I64": np.int64}[e["dtype"]]
            state[name] = torch.from_numpy(np.frombuffer(data[first:end], kind).reshape(e["shape"]).copy())
    with h5py.File(arch + ".h5") as f:
        ours, paths = f["features"][:], [p.decode() for p in f["images/path"][:]]
    net = getattr(torchvision.models, arch)(weights=None, num_classes=ours.shape[1])
    net.load_state_dict(state, strict=True)
    prepare = transforms.Compose([transforms.Resize(64), transforms.CenterCrop(64), transforms.ToTensor(),
                                  transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
    x = torch.stack([prepare(Image.open("pictures/" + p).convert("RGB")) for p in paths])
    with torch.no_grad():
        theirs = net.eval()(x).numpy()
    error = np.abs(ours - theirs).max() / np.abs(theirs).max()
    print(arch, "the same" if error <= 1e-5 and np.abs(theirs).max() > 0 else "differs by %g" % error)
P
"$python" load.py resnet18 squeezenet1_1
