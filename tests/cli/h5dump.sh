# Features files as other programs read them: h5dump, h5py; MATLAB's rules (plain types, no filters but shuffle and gzip).
. "$ROOT/tests/cli_helpers.sh"
command -v h5dump >/dev/null || skip "no h5dump here"
needs_python h5py
toy pictures 3
quietly extract embedded pictures -o plain.h5 --layers @block,flatten
quietly extract embedded pictures -o half.h5 --layers @block,flatten --dtype f16
quietly extract embedded pictures -o packed.h5 --layers @block,flatten --compress
quietly extract embedded pictures -o p1.h5 --layers @block,flatten --shard 1/2
quietly extract embedded pictures -o p2.h5 --layers @block,flatten --shard 2/2
quietly merge p1.h5 p2.h5 -o virtual.h5 --virtual
for name in plain half packed virtual; do
    h5dump -p -H -d /layers/layer3.1 $name.h5 >$name.txt || echo "h5dump failed on $name.h5"
    h5dump -d /features -y -w 1 $name.h5 | sed -n '/DATA {/,/}/p' | tr -d ' ,\n' | cksum >$name.sum
    echo "$name: $(grep -cE 'DEFLATE|SHUFFLE' $name.txt) filters," \
        "$(grep -oE 'H5T_IEEE_F32LE|16-bit little-endian' $name.txt | head -n 1)," \
        "$(grep -oE 'CONTIGUOUS|CHUNKED|VIRTUAL' $name.txt | head -n 1)"
done
cmp plain.sum packed.sum && cmp plain.sum virtual.sum && echo "h5dump prints the same numbers"
"$python" - <<'END2'
import h5py
import numpy
files = {name: h5py.File(name + '.h5') for name in ('plain', 'half', 'packed', 'virtual')}
plain = files['plain']
kinds = set()
for name, f in files.items():
    same = True
    for layer, rows in plain['layers'].items():
        want = rows[:].astype(numpy.float16) if name == 'half' else rows[:]
        same &= numpy.array_equal(want, f['layers'][layer][:])
    for field in plain['images']:
        same &= numpy.array_equal(plain['images'][field][:], f['images'][field][:])
    print(name, 'equal' if same else 'DIFFERENT', f['features'].dtype)
    f.visititems(lambda path, o: kinds.add((o.dtype.kind, o.dtype.itemsize if o.dtype.kind != 'O' else 0, o.compression))
                 if isinstance(o, h5py.Dataset) else None)
print(sorted(map(str, kinds)))
END2
