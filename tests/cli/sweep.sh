# Which layer to cut at: table, choice, screens, fusion, several files, the floor of random weights; no plot program needed.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 8
quietly extract embedded pictures -o f.h5 --layers @block --input 32 --resize 32

try sweep f.h5 -c 0.1,1,10 | sed 's/  *$//'
try sweep f.h5 -c 1 --rule best --layer layer1.0,layer3.1 | sed 's/  *$//' | head -5
"$LAYERCUT" sweep f.h5 -c 1 --screen ridge,logme --keep 2 --json s.json -q | grep -cE 'kept$|weighted tau'
grep -c '"left_out": true' s.json
"$LAYERCUT" sweep f.h5 -c 1 --cka --json - -q >all.json
grep -c '"macs"' all.json
"$LAYERCUT" sweep f.h5 -c 1 --fuse layer1.0+layer2.0 -q | grep 'layer1.0 + layer2.0' | head -1 | awk '{ print $4 }'
"$LAYERCUT" sweep f.h5 --classifier ridge -q --threads 1 >one.txt
"$LAYERCUT" sweep f.h5 --classifier ridge -q --threads 3 >three.txt
same one.txt three.txt
head -1 three.txt

# The same pictures by two networks; the floor under one, kept beside the features.
cp f.h5 g.h5
"$LAYERCUT" sweep f.h5 g.h5 -c 1 -q | grep -c 'embedded:'
"$LAYERCUT" sweep f.h5 -c 1 --random-baseline -q --json r.json | grep -c random
"$LAYERCUT" info f.random.h5 | grep '^network'
grep -c random_accuracy r.json
"$LAYERCUT" sweep f.h5 -c 1 --random-baseline -q --json again.json >/dev/null
same r.json again.json
expect 4 'of another job or seed' sweep f.h5 -c 1 --random-baseline --seed 7

# Milliseconds are measured on request, and bound the choice.
"$LAYERCUT" sweep f.h5 -c 1 --rule cost:1e9 -q --json t.json | grep -c 'chosen by cost:1e9'
grep -c '"milliseconds": [0-9]' t.json
sed -n 's/.*"milliseconds": \([0-9.e-]*\).*/\1/p' t.json | awk '$1 < last { print "deeper, but faster" } { last = $1 }'
expect 2 'at most 1e-09 ms' sweep f.h5 -c 1 --rule cost:1e-9
expect 2 "no rule 'cheap'" sweep f.h5 --rule cheap
expect 2 "a plot is a .svg or a .png" sweep f.h5 --plot p.pdf
expect 2 'floor under one network' sweep f.h5 g.h5 --random-baseline
expect 2 "no layer 'layer9'; it has layer1.0" sweep f.h5 --layer layer9

# Without gnuplot there is a line that says how to get it, and everything else.
mkdir nothing
(PATH=$PWD/nothing; exec "$LAYERCUT" sweep f.h5 -c 1 --plot p.svg -q) >out.txt 2>err.txt
echo "exit $?"
grep -o 'apt-get install gnuplot-nox' err.txt
[ -e p.svg ] && echo "DREW WITHOUT GNUPLOT"
if command -v gnuplot >/dev/null; then
    quietly sweep f.h5 -c 1 --cka --plot p.svg -q
    quietly sweep f.h5 -c 1 --plot p.png -q
    [ "$(head -c 5 p.svg)" = '<?xml' ] && [ -s p.cka.svg ] && [ -s p.png ] || echo "no plots"
fi

# How stable the choice is, over two seeds of the folds.
sh "$ROOT/tests/sweep_stability.sh" "$LAYERCUT" f.h5 2 -c 1 --layer layer1.0 | sed 's/^layer/chosen: layer/'
