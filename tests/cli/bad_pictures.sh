# Each bad picture costs its row, the rest goes on: exit 3, the list at the end, never read as data.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 3
mkdir -p set/a set/b
cp pictures/train/dots/*.ppm set/a
cp pictures/train/rings/*.ppm set/b
: >set/a/empty.jpg
echo "not a picture at all, only words" >set/a/text.jpg
base64 -d "$ROOT/tests/cli/gradient.jpg.base64" >set/b/whole.jpg
head -c 700 set/b/whole.jpg >set/a/truncated.jpg
printf 'P6\n0 0\n255\n' >set/a/zero.ppm
printf 'P6\n65535 65535\n255\nxxx' >set/a/huge.ppm
head -c 3000 set/a/000.ppm >set/b/short.ppm
ln -s nowhere.ppm set/b/dangling.ppm
bad=7
if [ "$(id -u)" != 0 ]; then
    cp set/a/000.ppm set/b/secret.ppm
    chmod 000 set/b/secret.ppm
    bad=8
fi
"$LAYERCUT" extract embedded set -o f.h5 >out.txt 2>err.txt
echo "exit $?"
"$LAYERCUT" info f.h5 --failed | cut -f 1 | grep -v secret
[ "$("$LAYERCUT" info f.h5 --failed | grep -cE '	.+')" = "$bad" ] && echo "each with its reason"
grep -c 'pictures failed' err.txt
for name in empty text truncated zero huge short dangling; do grep -q "$name" err.txt || echo "$name is not in the list at the end"; done
"$LAYERCUT" extract embedded set -o f.h5 --strict >out.txt 2>err.txt
echo "exit $?"
# Failed rows never become data.
"$LAYERCUT" train f.h5 -o c.h5 -c 1 -q 2>err.txt | head -n 1
grep -qE "left out: $bad rows" err.txt && echo "as many rows are left out"
"$LAYERCUT" predict c.h5 set/a/text.jpg set/a/000.ppm >out.txt 2>err.txt
echo "exit $?"
cut -f 1 out.txt
grep -c text.jpg err.txt
"$LAYERCUT" predict c.h5 set/a/text.jpg --strict >out.txt 2>err.txt
echo "exit $?"
