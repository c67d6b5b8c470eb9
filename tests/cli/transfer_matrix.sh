# Yosinski's protocol on drawn pictures: which networks are trained, and what of them is whose.
. "$ROOT/tests/cli_helpers.sh"
needs_training
toy pictures 6
size="--input 16 --resize 16"
all="transfer-matrix cifar_resnet20 pictures -o out --cuts layer3,logits --epochs 1 --finetune=--train-batch=8 $size"
quietly $all --json one.json
sed -n '/^cut/p' try.out
sed -n 's/^each accuracy is known to about +-0\.[0-9]*/each +-/p' try.out
ls out/*.json | sed 's/-s[0-9]*\.json//'
awk 'length > 80' try.out
# Two halves, every class in one of them.
for half in A B; do
    sed 1d out/$half-s*.csv | cut -d, -f2 | sort -u >$half.txt
    wc -l <$half.txt | tr -d ' '
done
cat A.txt B.txt | sort | uniq -d
# Copied and frozen, or trained on; what begins anew does not begin as the base did.
for kind in BnB BnB+ AnB AnB+ random; do
    sed -n "s/^ *\"trained_parameters\": \([0-9]*\),*/$kind \1/p" out/$kind-layer3-s*.json
done
# Again: nothing is trained twice, and the numbers are the same.
touch -d 2001-01-01 out/*.json
quietly $all --json two.json
find out -name '*.json' -newermt 2002-01-01
same one.json two.json
if command -v gnuplot >/dev/null 2>&1; then
    quietly $all --plot transfer.svg && grep -oE '(base B|two halves of 5 classes, 1 seed)<' transfer.svg | sort -u | wc -l | tr -d ' '
else
    echo 2
fi
# Computed otherwise it is another work.
expect 2 'settings.txt is of another work' $all --exact
expect 2 'no architecture' transfer-matrix resnet19 pictures -o x
mkdir few
cp -r pictures/train/dots pictures/train/rings few
expect 2 'least' transfer-matrix cifar_resnet20 few -o x
expect 2 'there are BnB' transfer-matrix cifar_resnet20 pictures -o x --kinds CnB
[ -e x ] || echo "nothing made"
