# Options of train, on drawn pictures: what each says, and that its file evaluates. Accuracies are not compared.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 8
quietly extract embedded pictures -o f.h5
for k in linear logreg ridge lda centroid knn nusvm; do
    quietly train f.h5 -o $k.h5 --classifier $k --norm l2 --json $k.json
    quietly evaluate $k.h5 f.h5 --json e.json
    grep -c '"balanced_accuracy"' e.json
done
quietly train f.h5 -o p.h5 -c 1 --norm power,l2 --pca 8 --multiclass ovr --probability platt --class-weight balanced
"$LAYERCUT" info p.h5 | grep -E '^(classifier|parameters|probabilities)'
quietly evaluate p.h5 f.h5 --predictions rows.csv --json p.json
grep -cE '"(kappa|matthews|calibration_error|mean_average_precision)"' p.json
head -n 1 rows.csv
tail -n +2 rows.csv | wc -l | tr -d ' '
# Groups: of a column of a list, or the folder.
{ echo "path,label,take"; "$LAYERCUT" export f.h5 --format csv -o all >/dev/null; tail -n +2 all.csv | cut -d , -f 1,2 | awk -F, '{ print $1 "," $2 "," NR % 12 }'; } >list.csv
"$LAYERCUT" train f.h5 -o g.h5 -c 1,10 --group-by list.csv:take --repeats 2 | grep search
expect 2 "no column 'shot'" train f.h5 -o x.h5 --group-by list.csv:shot
head -n 3 list.csv >few.csv
expect 2 "does not list" train f.h5 -o x.h5 --group-by few.csv:take
expect 2 "9 folds of" train f.h5 -o x.h5 --group-by folder --folds 9
"$LAYERCUT" train f.h5 -o x.h5 --dry-run | grep -oE 'would train on .* folds'
[ -e x.h5 ] || echo "nothing written"
expect 2 "nosuch" train f.h5 -o x.h5 --classifier nosuch
expect 2 "only svm" train f.h5 -o x.h5 --classifier knn --multiclass ovr
expect 2 "pca" train f.h5 -o x.h5 --pca 100000
# Few rows per class; presets, and what wins over them.
"$LAYERCUT" train f.h5 -o d.h5 --train-per-class 3 --repeats 4 -c 1 --json d.json | grep -E '^(2|4) draws|^wrote'
"$LAYERCUT" info d.h5 | grep -E '^(classifier|parameters)'
grep -cE '"(accuracy|accuracy_deviation|balanced_accuracy|balanced_accuracy_deviation)"' d.json
"$LAYERCUT" train f.h5 -o d2.h5 --preset low-shot --repeats 4 --train-per-class 3 --threads 1 --json d2.json >/dev/null
grep -A 5 draws d.json >1.txt; grep -A 5 draws d2.json >2.txt
same 1.txt 2.txt
"$LAYERCUT" train f.h5 -o d3.h5 --preset low-shot 2>&1 | sed -E 's/( +[0-9.]+){4}$/ X/'
expect 2 "whole numbers from 1 on, not '0'" train f.h5 -o x.h5 --train-per-class 1,0
expect 2 "drawing 8 of them leaves none" train f.h5 -o x.h5 --train-per-class 8,16
expect 2 "drawing 8 of them leaves none" train f.h5 -o x.h5 --train-per-class 8
expect 2 "do not keep groups" train f.h5 -o x.h5 --train-per-class 2 --group-by folder
for p in voc07-svm libsvm-easy kornblith-lr dino-knn; do
    "$LAYERCUT" train f.h5 -o x.h5 --preset $p --dry-run 2>&1 | grep -oE 'classes: .*|^preset.*'
done
"$LAYERCUT" train f.h5 -o x.h5 --preset libsvm-easy --classifier linear -c 1 --dry-run | grep -oE 'classes: .*'
expect 2 "no preset 'low-shoot'; nearest: low-shot" train f.h5 -o x.h5 --preset low-shoot
# Weights of linear models, and of none else.
"$LAYERCUT" export logreg.h5 --format npy -o w
head -c 10 w.weights.npy | tail -c 9 | tr -d '\1\0\166' && echo
expect 1 "'knn' has no weights" export knn.h5 --format npy -o w
# Nested folds: the outer ones judge, the file is the same without them.
"$LAYERCUT" train f.h5 -o n.h5 -c 1,10 --folds 3 --nested 4 --json n.json | grep -oE 'nested: .*'
sed -n '/"nested"/,/}/p' n.json | grep -cE '(accuracy|deviation)"'
SOURCE_DATE_EPOCH=0 "$LAYERCUT" evaluate n.h5 f.h5 | tail -n +2 >1.txt
quietly train f.h5 -o m.h5 -c 1,10 --folds 3
"$LAYERCUT" evaluate m.h5 f.h5 | tail -n +2 >2.txt
same 1.txt 2.txt
expect 2 "100 outer folds of 40 rows" train f.h5 -o x.h5 -c 1 --nested 100
"$LAYERCUT" train f.h5 -o x.h5 -c 1,10 --folds 2 --nested 3 --group-by list.csv:take | grep -E '^(nested|search)'
