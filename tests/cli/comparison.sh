# The whole comparison by one command: rows, what they rest on, kept rows, nested subsets, break-even.
. "$ROOT/tests/cli_helpers.sh"
needs_training
toy pictures 8
size="--input 16 --resize 16"
quietly finetune cifar_resnet20 pictures -o net.safetensors -m scratch -e 1 -b 16 $size -q
all="compare net.safetensors pictures -o out $size --epochs 1 --train=--folds=2"
quietly $all --json one.json --keep
sed -n 's/^ *"mode": "\(.*\)",/\1/p' one.json
grep -c '"peak_bytes": [1-9]' one.json
grep -c '"trained_parameters": [1-9]' one.json
grep -c '"pictures_seen": [1-9]' one.json
ls out | grep safetensors
awk 'length > 80' try.out
ls out/*.jsonl | sed 's/-s[0-9]*//'

# Every row is what its own command gives: the same options and seed, the same bytes.
seed=$(sed -n 's/^ *"seed": \([0-9]*\),*$/\1/p' one.json | head -1)
quietly finetune net.safetensors out/pictures.csv -o head.safetensors -m head -e 1 $size --seed "$seed" -q
same head.safetensors out/head-1-s"$seed".safetensors

# Rows that are there are kept; one that is missing is made again, as it was.
cp out/head-1-s"$seed".json before.json
touch -d 2001-01-01 out/*.json
rm out/head-1-s"$seed".json
quietly $all --json two.json
find out -name '*.json' -newermt 2002-01-01 | sed 's/s[0-9]*\.json/sN.json/'
grep -vE 'seconds|bytes' before.json >a.txt
grep -vE 'seconds|bytes' out/head-1-s"$seed".json >b.txt
same a.txt b.txt
expect 2 'of another work' compare net.safetensors pictures -o out $size --epochs 2 --train=--folds=2

# Fractions of the labels: each lies in the larger one, for every class; means over seeds.
quietly $all --modes svm,head --seeds 2 --label-fractions 1,0.25,0.5 --json three.json
grep -E 'beat' try.out | sed 's/from about.*/from about/; s/(.*//'
grep -c '"p"' three.json
for f in 0.25 0.5; do
    grep -c ',train' out/pictures-$f-s"$seed".csv
    cut -d, -f2,3 out/pictures-$f-s"$seed".csv | grep train | sort | uniq -c | awk '{ print $1 }' | sort -u
done
grep train out/pictures-0.25-s"$seed".csv | grep -vxFf out/pictures-0.5-s"$seed".csv
cmp -s out/pictures-0.5-s"$seed".csv out/pictures-0.5-s"$((seed + 1))".csv || echo "another seed, other pictures"

# Without splits a fifth is held back.
quietly compare net.safetensors pictures/train -o held $size --epochs 1 --modes svm,none --train=--folds=2
cut -d, -f3 held/pictures.csv | sort | uniq -c | awk '{ print $2, $1 }'

# An ONNX file is tuned as one.
quietly cut net.safetensors --at logits -o net.onnx -q
quietly compare net.onnx pictures -o exported $size --epochs 1 --modes svm,head --train=--folds=2 --keep
ls exported | grep -c 'head.*onnx$'

expect 2 'no number above 0' compare net.safetensors pictures -o x --label-fractions 0.5,2
expect 2 'MODEL IMAGES' compare one.json -o x
expect 2 'no mode' compare net.safetensors pictures -o y $size --modes none,middle
[ -e x ] || echo "nothing made"

# The same files beside each other by hand: the same numbers, and the same test.
"$LAYERCUT" compare out/svm-1-s"$seed".json out/svm-1-s"$seed".train.json out/features.json out/head-1-s"$seed".json --json hand.json >hand.txt
for key in accuracy seconds peak_bytes p; do
    a=$(sed -n "s/^ *\"$key\": \([0-9.e-]*\),*$/\1/p" hand.json | sort | tr '\n' ' ')
    b=$(awk '/"mode": "from/ { exit } { print }' two.json | sed -n "s/^ *\"$key\": \([0-9.e-]*\),*$/\1/p" | sort | tr '\n' ' ')
    [ "$a" = "$b" ] && echo "the same $key" || echo "$key: $a, not $b"
done
awk 'length > 80' hand.txt
