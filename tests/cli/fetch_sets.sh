# datasets/fetch.sh for picture sets: stand-ins with the layout of the real archives, from a folder and over loopback HTTP.
. "$ROOT/tests/cli_helpers.sh"
for tool in curl unzip python3 sha256sum; do
    command -v $tool >/dev/null 2>&1 || skip "$tool is not installed"
done
LAYERCUT_HOME=home
LAYERCUT_SETS_TABLE=$PWD/sets.tsv
LAYERCUT_MIRROR=file://$PWD/mirror
no_proxy=127.0.0.1
export LAYERCUT_HOME LAYERCUT_SETS_TABLE LAYERCUT_MIRROR LAYERCUT no_proxy

get() {
    echo "\$ fetch.sh $*"
    sh "$ROOT/datasets/fetch.sh" "$@" >get.out 2>&1
    get_code=$?
    sed -e "s|$(pwd -P)|HERE|g; s|$PWD|HERE|g" -e 's/could not be fetched: .*/could not be fetched: .../' \
        -e 's|http://127.0.0.1:[0-9]*|SERVER|' get.out
    [ "$get_code" = 0 ] || echo "exit $get_code"
}

counts() { (cd "$1" && find . -type f | sed 's|^\./||; s|/[^/]*$||' | sort | uniq -c | sed 's/^ *//' | head -n "${2:-20}"); }

# publish SET FILE HASH: a row of the table, for the archive on the mirror.
publish() {
    printf '%s\t%s\t%s\thttps://sets.invalid/a/%s https://other.invalid/b/%s\n' "$1" "$2" "$3" "$2" "$2" >>sets.tsv
}

mkdir mirror
python3 - <<'END'
import gzip, io, tarfile, zipfile

picture = b"P5\n1 1\n255\n\0"

with zipfile.ZipFile("mirror/hymenoptera_data.zip", "w") as z:
    for split, n in (("train", 3), ("val", 2)):
        for kind in ("ants", "bees"):
            for i in range(n):
                z.writestr(f"hymenoptera_data/{split}/{kind}/{i}.jpg", picture)
    z.writestr("hymenoptera_data/train/ants/imageNotFound.gif", b"GIF")

def tar(names):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        for name, data in names:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            t.addfile(entry, io.BytesIO(data))
    return out.getvalue()

objects = tar((f"101_ObjectCategories/{kind}/image_{i:04d}.jpg", picture)
              for kind, n in (("accordion", 31), ("yin_yang", 33), ("BACKGROUND_Google", 2)) for i in range(1, n + 1))
with zipfile.ZipFile("mirror/caltech-101.zip", "w") as z:
    z.writestr("caltech-101/101_ObjectCategories.tar.gz", objects)
    z.writestr("caltech-101/show_annotation.m", b"")

open("mirror/17flowers.tgz", "wb").write(tar((f"jpg/image_{i:04d}.jpg", picture + bytes([i // 256, i % 256]))
                                             for i in range(1, 1361)))

record = b"\1" + bytes(3072)
open("mirror/cifar-10-binary.tar.gz", "wb").write(tar(
    [("cifar-10-batches-bin/batches.meta.txt", b"airplane\nautomobile\n"), ("cifar-10-batches-bin/readme.html", b"")] +
    [(f"cifar-10-batches-bin/data_batch_{i}.bin", record) for i in range(1, 6)] +
    [("cifar-10-batches-bin/test_batch.bin", record * 2)]))

for split, n in (("train", 4), ("t10k", 2)):
    for kind, data in (("images-idx3", b"\0\0\10\3" + bytes([0, 0, 0, n, 0, 0, 0, 1, 0, 0, 0, 1] + [9] * n)),
                       ("labels-idx1", b"\0\0\10\1" + bytes([0, 0, 0, n] + [7] * n))):
        open(f"mirror/{split}-{kind}-ubyte.gz", "wb").write(gzip.compress(data))
END
sha() { sha256sum <"mirror/$1" | cut -c 1-64; }
publish ants-bees hymenoptera_data.zip zip
for file in train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1; do
    publish mnist $file-ubyte.gz "$(sha $file-ubyte.gz)"
done
publish cifar10 cifar-10-binary.tar.gz "$(sha cifar-10-binary.tar.gz)"
publish caltech101 caltech-101.zip "$(sha caltech-101.zip)"
publish flowers17 17flowers.tgz "md5:$(md5sum <mirror/17flowers.tgz | cut -c 1-32)"

for set in ants-bees mnist cifar10 caltech101 flowers17; do
    get $set
    counts home/sets/$set
done
# Bluebells are numbers 241 to 320; the first of their test pictures is the 61st, 301 = 256 + 45.
od -An -t u1 -j 12 home/sets/flowers17/test/bluebell/image_0301.jpg
get mnist
ls home/sets

echo "wrong files, one found by SHA-256, one by MD5, one by its own checksums:"
rm -r home
mkdir good
cp mirror/caltech-101.zip mirror/17flowers.tgz mirror/hymenoptera_data.zip good
for file in caltech-101.zip 17flowers.tgz; do printf x >>mirror/$file; done
head -c 300 good/hymenoptera_data.zip >mirror/hymenoptera_data.zip
get caltech101 | sed 's/SHA-256 [0-9a-f]*, published [0-9a-f]*/SHA-256 ..., published .../'
get flowers17 | sed 's/MD5 [0-9a-f]*, published [0-9a-f]*/MD5 ..., published .../'
get ants-bees
echo "put there by hand, a wrong one and the right one:"
cp mirror/caltech-101.zip home/sets/
get caltech101 | sed 's/SHA-256 [0-9a-f]*, published [0-9a-f]*/SHA-256 ..., published .../'
cp good/caltech-101.zip home/sets/
get caltech101
ls home/sets

echo "right file, other contents:"
: >sets.tsv
python3 -c "
import zipfile
zipfile.ZipFile('mirror/hymenoptera_data.zip', 'w').writestr('other/a.jpg', b'x')"
publish ants-bees hymenoptera_data.zip zip
get ants-bees 2>&1 | grep -v '^mv:'
ls home/sets

echo "no server; then one that hangs up half-way, and the mirror's mirror:"
rm -r home
unset LAYERCUT_MIRROR
cp good/* mirror
cat >server.py <<'END'
import http.server, os, re

class Handler(http.server.BaseHTTPRequestHandler):
    """/broken/F: half of what was asked from the start; /gone/F: 404; else the file; all know ranges."""

    def do_GET(self):
        kind, name = self.path.split("/")[1:3]
        if kind == "gone":
            return self.send_error(404)
        data = open("mirror/" + name, "rb").read()
        asked = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(asked.group(1)) if asked else 0
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (first, len(data) - 1, len(data)))
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        self.wfile.write(data[first:len(data) // 2 if kind == "broken" and not first else len(data)])
END
serve
rows() { printf '%s\t%s\t%s\t%s\n' flowers17 17flowers.tgz "md5:$(md5sum <mirror/17flowers.tgz | cut -c 1-32)" "$1" >sets.tsv; }
rows "$address/broken/17flowers.tgz"
get flowers17 | sed 's/[0-9]* bytes/N bytes/'
get flowers17 | sed 's/[0-9]* bytes/N bytes/'
rm -r home
rows "$address/gone/17flowers.tgz $address/broken/17flowers.tgz $address/whole/17flowers.tgz"
get flowers17 | sed 's/[0-9]* bytes/N bytes/'
counts home/sets/flowers17 1
kill $server
wait $server 2>/dev/null
trap - EXIT
rm -r home
get flowers17 | sed 's/[0-9]* bytes/N bytes/'

echo "the table that ships:"
awk -F '\t' '/^#/ { next }
    NF != 4 || $3 !~ /^([0-9a-f]+|md5:[0-9a-f]+|zip)$/ || ($3 ~ /^[0-9a-f]+$/ && length($3) != 64) ||
        ($3 ~ /^md5:/ && length($3) != 36) { print "row: " $0 }
    { n = split($4, urls, " "); for (i = 1; i <= n; i++) if (substr(urls[i], length(urls[i]) - length($2)) != "/" $2) print "address: " urls[i] }' \
    "$ROOT/datasets/sets.tsv"
for set in $(awk -F '\t' '!/^#/ { print $1 }' "$ROOT/datasets/sets.tsv" | uniq); do
    grep -q "^unpack_$(echo "$set" | tr - _)()" "$ROOT/datasets/unpack.sh" || echo "nothing unpacks $set"
done
