# Measuring: what is shown, not how fast it is. Numbers become N, runs of blanks one blank.
. "$ROOT/tests/cli_helpers.sh"
shape() { sed -E 's/[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?/N/g; s/  +/ /g; s/ $//'; }

"$LAYERCUT" bench --batch 1,3 --threads 1,2 --repeat 1 -q >table.txt
awk 'length > 80 { print "wider than 80 columns: " $0 }' table.txt
awk '{ print $1, NR == 1 ? $2 " " $3 : $2 " " $3 " " ($4 > 0 && $5 > 0 && $7 > 0 && $9 > 0) }' table.txt
sanitized || awk 'NR > 1 && $7 > $8 { print "more memory than promised: " $0 }' table.txt

# The steps are the layers of the network, each once, and their multiply-adds those of `layers`.
"$LAYERCUT" bench embedded --layers --batch 2 --threads 2 --repeat 2 -q --json profile.json >profile.txt
awk 'length > 80 { print "wider than 80 columns: " $0 }' profile.txt
shape <profile.txt | awk '/^kind/ { exit } 1'
sed -n '/^kind/,$p' profile.txt | awk '/^all/ { print "all", $2, $3; exit }'
"$LAYERCUT" layers embedded | tail -n 3 | head -n 1
grep -c '"macs"' profile.json

"$LAYERCUT" bench --exact --batch 2 --threads 2 --repeat 1 -q --json - | shape | sed '/"sha/d'
"$LAYERCUT" bench --once --batch 1 --threads 1 | shape
printf '2\n1\n' | "$LAYERCUT" bench --turns --batch 1,2 --threads 1 | shape
printf '5\n' >five.txt
expect 2 "'5' is no size that --batch names" bench --turns --batch 1,2 <five.txt

expect 2 "--batch wants whole numbers from 1 on, not '0'" bench --batch 1,0
expect 2 "--threads wants numbers, not ','" bench --threads ,
expect 2 "more than 16 numbers" bench --batch 1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8
expect 2 "a batch of 5000 pictures; 4096 are the most" bench --batch 5000
expect 2 "2000 threads; 1024 are the most" bench --threads 2000
expect 2 "--repeat 20000; 10000 are the most" bench --repeat 20000
expect 2 "one network" bench embedded embedded --once
expect 2 "one --threads" bench --turns --threads 1,2
expect 2 "nosuch" bench nosuch
LC_ISA=generic "$LAYERCUT" bench --batch 1 --threads 1 --repeat 1 -q | awk 'END { print $1, $2, $3 }'
