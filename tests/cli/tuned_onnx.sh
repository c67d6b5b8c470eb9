# A tuned ONNX network is written back as one, and ONNX Runtime says of the pictures what we say.
. "$ROOT/tests/cli_helpers.sh"
needs_training
weights=$LC_SHARED/assets/weights
[ -f "$weights/mobilenet_v2.onnx" ] || skip "no ../shared/assets"
NODE_PATH=${ORT_NODE_MODULES:-$NODE_PATH}
export NODE_PATH
node -e 'require("onnxruntime-node")' 2>/dev/null || skip "node finds no onnxruntime-node (ORT_NODE_MODULES or NODE_PATH)"
needs_python "h5py, PIL"
toy pictures 2

cat >input.py <<'P'
"""input.py STORE INPUT RESIZE MEAN STD...: the pictures of a features file as a network reads them, (N,3,INPUT,INPUT), into STORE.f32."""
import sys
import h5py, numpy as np
from PIL import Image

store, size, resize = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
mean, std = (np.array([float(v) for v in t.split(',')], np.float32) for t in sys.argv[4:6])
x = []
for path in h5py.File(store + '.h5')['images/path'][:]:
    picture = Image.open('pictures/' + path.decode()).convert('RGB').resize((resize, resize), Image.BILINEAR)
    first = (resize - size) // 2
    picture = picture.crop((first, first, first + size, first + size))
    x.append(((np.asarray(picture, np.float32) / 255 - mean) / std).transpose(2, 0, 1))
np.stack(x).astype('<f4').tofile(store + '.f32')
print(len(x))
P
cat >compare.py <<'P'
import sys
import h5py, numpy as np

ours = h5py.File(sys.argv[1] + '.h5')['features'][:]
theirs = np.fromfile('0.f32', '<f4').reshape(ours.shape)
error = np.abs(ours - theirs).max() / np.abs(theirs).max()
print(sys.argv[1], 'the same' if error <= 1e-5 and theirs.std(0).max() > 0 else 'differs by %g' % error)
P

# check NAME INPUT RESIZE MEAN STD OPTIONS
check() {
    name=$1 input=$2 resize=$3 mean=$4 std=$5
    shift 5
    quietly finetune "$weights/$name.onnx" pictures -o "$name.onnx" -m full -e 1 -b 5 --augment flip -q "$@"
    cmp -s "$name.onnx" "$weights/$name.onnx" && echo "$name is as it was"
    quietly extract "$name.onnx" pictures -o "$name.h5" --layers logits --pool flat --exact -q
    n=$("$python" input.py "$name" "$input" "$resize" "$mean" "$std")
    node "$ROOT/tests/golden/run_onnxruntime.js" "$name.onnx" "$name.f32" "$n" 3 "$input" "$input" . && "$python" compare.py "$name"
}

check cifar_resnet20 32 32 0.485,0.456,0.406 0.229,0.224,0.225 --input 32 --resize 32
check mobilenet_v2 224 256 0.50196078,0.50196078,0.50196078 0.50196078,0.50196078,0.50196078 --mean 128/255 --std 128/255
