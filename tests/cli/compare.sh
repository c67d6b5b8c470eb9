# Results in one table: numbers of evaluate, seconds of train, and McNemar's test where rows are there.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 8
quietly extract embedded pictures -o f.h5
quietly train f.h5 -o svm.h5 -c 1 --json svm.train.json
quietly train f.h5 -o knn.h5 --classifier knn -k 3 -t 0
quietly evaluate svm.h5 f.h5 --predictions svm.csv --json svm.json
quietly evaluate knn.h5 f.h5 --predictions knn.csv --json knn.json
quietly evaluate knn.h5 f.h5 --json bare.json
quietly evaluate knn.h5 f.h5 --split train --predictions x.csv --json train.json
"$LAYERCUT" compare svm.json svm.train.json knn.json bare.json train.json --json c.json >table.txt
awk '$2 ~ /^[01][.]/ { print $1, ($2 > 0 && $2 <= 1), ($6 > 0), ($7 == "-") }' table.txt
grep -c 'McNemar' table.txt
grep 'no test' table.txt
# The test's numbers are those of the CSV files.
ours=$(sed -n 's/.*"only_first_right": \([0-9]*\).*/\1/p' c.json)
rows=$(paste -d '|' svm.csv knn.csv | awk -F'|' 'NR > 1 { split($1, a, "\""); split($2, b, "\""); n += a[4] == a[6] && b[4] != b[6] } END { print n + 0 }')
[ "$ours" = "$rows" ] && echo "the same rows"
echo '{}' >empty.json
expect 2 "no result of evaluate" compare empty.json
expect 2 "no result of evaluate or finetune among" compare svm.train.json
expect 1 "none.json" compare none.json
