# The features file as a Python user reads it.
. "$ROOT/tests/cli_helpers.sh"
needs_python h5py
toy pictures 3
echo "not a picture" >pictures/test/dots/zzz.jpg
"$LAYERCUT" extract embedded pictures -o f.h5 --layers @block,penultimate -q >/dev/null
"$LAYERCUT" export f.h5 --format npy -o f -q >/dev/null
"$python" - <<'END'
import json
import h5py
import numpy
f = h5py.File('f.h5')
paths = f['images/path'].asstr()[:]
print(len(paths), list(paths) == sorted(paths), paths[0])
print(list(f['classes'].asstr()[:]))
ok = f['images/status'][:] == 1
print(f['images/error'].asstr()[:][~ok].size, f['images/label'].dtype, f['images/split'].dtype, f['images/sha256'].shape[1])
for name, rows in f['layers'].items():
    assert rows.dtype == numpy.float32 and rows.ndim == 2 and len(rows) == len(paths)
    assert numpy.isfinite(rows[:][ok]).all() and set(rows.attrs) >= {'name', 'op', 'shape', 'pool'}
print(numpy.array_equal(f['features'][:][ok], numpy.load('f.npy')), numpy.array_equal(f['labels'][:], f['images/label'][:]))
print(f.attrs['format'], f.attrs['format_version'], f.attrs['complete'], sorted(json.loads(f.attrs['recipe']))[0])
END
