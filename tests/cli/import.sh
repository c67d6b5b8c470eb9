# layercut import: idx files, CIFAR's binary files, lists; what is damaged is refused, and nothing half-written stays.
. "$ROOT/tests/cli_helpers.sh"

# bytes OCTAL...: those bytes.
bytes() { printf "$(printf '\\%s' "$@")"; }

# idx FILE LABELS: N pictures of 2 x 2, picture i all of the byte i, and their labels.
idx() {
    n=$(echo "$2" | wc -w)
    { bytes 0 0 10 3 0 0 0 "$(printf %o "$n")" 0 0 0 2 0 0 0 2
      for i in $(seq "$n"); do o=$(printf %o "$i"); bytes "$o" "$o" "$o" "$o"; done; } >"$1-images-idx3-ubyte"
    # shellcheck disable=SC2086
    bytes 0 0 10 1 0 0 0 "$(printf %o "$n")" $2 >"$1-labels-idx1-ubyte"
}

# cifar FILE LABEL_BYTES...: one record per word, its pixels the colours 1, 2, 3.
cifar() {
    file=$1
    shift
    for labels in "$@"; do
        # shellcheck disable=SC2046
        bytes $(echo "$labels" | tr , ' ')
        for colour in 1 2 3; do head -c 1024 /dev/zero | tr '\0' "\\$colour"; done
    done >"$file"
}

listing() { (cd "$1" && find . -type f | LC_ALL=C sort | tr '\n' ' '); echo; }

echo "idx:"
mkdir digits
idx digits/train "0 1 2 1 12"
idx digits/t10k "0 2"
gzip digits/t10k-images-idx3-ubyte
try import digits -o out
listing out
od -An -c out/test/02/00001.pgm
try import digits -o out
try import digits -o few --per-class 1 --quiet
listing few
printf 'zero\none\ntwo\n' >names
try import digits -o named --classes names
printf 'zero\none\ntwo\n3\n4\n5\n6\n7\n8\n9\nten\n' >names
try import digits -o named --classes names --json - | grep -A 6 '"pictures"'
listing named
printf 'a\nb\na\n' >names
try import digits -o twice --classes names
printf 'a\n../b\n' >names
try import digits -o above --classes names
mv digits/t10k-labels-idx1-ubyte digits/t10k-labels
try import digits -o unlabelled | cat
rm digits/t10k-*
cp digits/train-labels-idx1-ubyte whole
printf x >>digits/train-labels-idx1-ubyte
try import digits -o longer
head -c 10 whole >digits/train-labels-idx1-ubyte
try import digits -o shorter
cp digits/train-images-idx3-ubyte digits/train-labels-idx1-ubyte
try import digits -o same
cp whole digits/train-labels-idx1-ubyte
gzip digits/train-images-idx3-ubyte
head -c 30 digits/train-images-idx3-ubyte.gz >half
mv half digits/train-images-idx3-ubyte.gz
try import digits -o cut
ls

echo "CIFAR:"
mkdir ten hundred python empty
cifar ten/data_batch_1.bin 0 1
cifar ten/data_batch_2.bin 1
cifar ten/test_batch.bin 1
printf 'cat\ndog\n\n' >ten/batches.meta.txt
try import ten -o ten_out
listing ten_out
od -An -t u1 ten_out/train/dog/00002.ppm | sed -n '1,2p'
cifar hundred/train.bin 7,0 7,1
cifar hundred/test.bin 7,1
printf 'apple\nbear\n' >hundred/fine_label_names.txt
printf 'fruit\n' >hundred/coarse_label_names.txt
try import hundred -o hundred_out
listing hundred_out
try import hundred -o hundred_one --split val --quiet
printf x >>hundred/test.bin
try import hundred -o hundred_bad
touch python/batches.meta python/data_batch_1
try import python -o python_out
try import empty -o empty_out
try import nowhere -o x
touch block
try import ten -o block/x
mkdir left.part
try import ten -o left

echo "lists:"
mkdir -p pictures/n01 "pictures/n0 2"
for i in 1 2 3; do cp out/train/00/00000.pgm pictures/n01/$i.pgm; done
cp out/test/00/00000.pgm "pictures/n0 2/x, y.pgm"
printf 'n01/1.pgm 0\nn01/2.pgm\t0\r\nn0 2/x, y.pgm 1\n\n' >train.txt
printf 'n01/3.pgm 0\n' >val.txt
printf 'tench\ngoldfish\n' >names
try import train.txt val.txt -o list.csv --pictures pictures --classes names
sed "s|$(pwd -P)|HERE|" list.csv
try extract embedded list.csv -o f.h5 --quiet | grep pictures
"$LAYERCUT" import val.txt -o missing.csv 2>&1
printf '490\n361\n\n171\n' >ILSVRC2012_validation_ground_truth.txt
"$LAYERCUT" import ILSVRC2012_validation_ground_truth.txt -o kit.csv --quiet >/dev/null 2>&1
sed "s|$(pwd -P)|HERE|" kit.csv
try import train.txt -o list.txt
for bad in 'a.jpg' 'a.jpg 1\n7' '7\na.jpg 1' '0' 'a.jpg 99999999999' 'a.jpg -1' '' 'a.jpg1'; do
    # shellcheck disable=SC2059
    printf "$bad" >bad.txt
    try import bad.txt -o bad.csv
done
try import train.txt -o list.csv --classes val.txt
printf 'tench\n' >names
try import train.txt -o list.csv --classes names
[ ! -e bad.csv ] || echo 'bad.csv was written'

