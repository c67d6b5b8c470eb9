# Pictures of several labels: "dots;red" in a list, through the features file, training, evaluation, prediction.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 8
{ echo path,label,split
  for split in train test; do
      for picture in pictures/$split/*/*.ppm; do
          class=${picture%/*} number=${picture##*/00}
          echo "$picture,$(case ${number%.ppm} in [0246]) echo "even;${class##*/}";; 7) echo "${class##*/}";; *) echo "${class##*/};odd";; esac),$split"
      done
  done
  echo pictures/train/dots/000.ppm,,train; } >list.csv
quietly extract embedded list.csv -o f.h5
"$LAYERCUT" info f.h5 | sed -n '/^several/,$p'
quietly extract embedded list.csv -o f.h5
quietly verify f.h5
# What a list says otherwise is noticed; parts know the same labels as the whole.
sed 's/;odd/;even/' list.csv >other.csv
expect 4 "class differs: bricks;even .this run., bricks;odd" extract embedded other.csv -o f.h5
for i in 1 2 3; do quietly extract embedded list.csv -o part$i.h5 --shard $i/3; done
quietly merge part1.h5 part2.h5 part3.h5 -o merged.h5
quietly export f.h5 --format npy -o f
quietly export merged.h5 --format npy -o merged
same f.npy merged.npy
same f.labels.npy merged.labels.npy
quietly export f.h5 --format csv -o f
sed -n '2,4p' f.csv | cut -d , -f 1,2
# Any number of threads, the same bytes; every classifier that takes several labels.
export SOURCE_DATE_EPOCH=0
for k in svm linear logreg; do
    parameter=$([ $k = logreg ] && echo --lambda || echo -c)
    quietly train f.h5 -o c.h5 --classifier $k $parameter 0.1,10 --folds 3 --threads 1
    mv c.h5 one.h5
    quietly train f.h5 -o c.h5 --classifier $k $parameter 0.1,10 --folds 3 --threads 4
    "$LAYERCUT" evaluate one.h5 f.h5 --predictions one.csv >one.txt; "$LAYERCUT" evaluate c.h5 f.h5 --predictions four.csv >four.txt
    same one.csv four.csv
    same one.txt four.txt
done
"$LAYERCUT" train f.h5 -o c.h5 --preset voc07-svm --json t.json | grep -vE '^ +[0-9]|^fitted|^chosen'
grep -c '"class_parameters"' t.json
head -n 1 four.csv
"$LAYERCUT" evaluate c.h5 f.h5 --json e.json | grep -oE '^mean average precision|area|11 points, VOC2007'
grep -cE '"(mean_average_precision|mean_average_precision_11_point|exact_match|hamming_loss)"' e.json
"$LAYERCUT" info c.h5 | grep -E '^(labels|classes)'
"$LAYERCUT" predict c.h5 pictures/test/dots/000.ppm pictures/test/rings/001.ppm --top 2 | awk -F '\t' '{ print NF " columns" }'
"$LAYERCUT" predict c.h5 pictures/test |
    awk -F '\t' '{ for (i = 3; i <= NF; i += 2) bad += $i <= 0 } END { print NR " pictures, " bad + 0 " labels of 0 or less" }'
# A class of its own for a list with one label each; the features of such pictures can be judged too.
sed 's/;[a-z]*//' list.csv >single.csv
quietly extract embedded single.csv -o single.h5
"$LAYERCUT" evaluate c.h5 single.h5 | grep -c '^mean average'
quietly train single.h5 -o s.h5 -c 1
expect 1 "several labels" evaluate s.h5 f.h5
# What takes one label per row says so.
expect 1 "svm, linear and logreg take" train f.h5 -o x.h5 --classifier ridge
expect 1 "probability takes one label" train f.h5 -o x.h5 -c 1 --probability platt
expect 1 "ovo takes one label" train f.h5 -o x.h5 -c 1 --multiclass ovo
expect 1 "takes one label per row" train f.h5 -o x.h5 -c 1 --nested 3
expect 1 "takes one label per row" train f.h5 -o x.h5 -c 1 --train-per-class 2
expect 1 "a sweep takes one label" sweep f.h5
expect 1 "takes one label" export f.h5 --format libsvm -o x
expect 1 "judged on one label per" evaluate embedded list.csv
printf 'path,label\npictures/train/dots/000.ppm,"a;"\n' >bad.csv
expect 1 "bad.csv, line 2: an empty label" extract embedded bad.csv -o x.h5
