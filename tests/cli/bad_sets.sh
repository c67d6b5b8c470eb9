# Sets that cannot be learned from: exit 2 with the numbers.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 4
mkdir empty notes; echo x >notes/readme.txt
expect 2 "empty" extract embedded empty -o f.h5
expect 2 "1" extract embedded notes -o f.h5
expect 1 "nosuch" extract embedded nosuch -o f.h5
mkdir -p one/dots; cp pictures/train/dots/*.ppm one/dots
quietly extract embedded one -o one.h5
expect 2 "class" train one.h5 -o c.h5
mkdir -p flat; cp pictures/train/dots/*.ppm flat
quietly extract embedded flat -o flat.h5
expect 2 "label" train flat.h5 -o c.h5
# Without labels it can still be handed on: an empty field, class number -1.
quietly export flat.h5 --format csv -o flat
cut -d , -f 1,2 flat.csv
quietly export flat.h5 --format npy -o flat
tail -c 16 flat.labels.npy | od -A n -t d4
expect 2 "no labelled row" export flat.h5 --format libsvm -o flat
mkdir -p few/dots few/rings; cp pictures/train/dots/*.ppm few/dots; cp pictures/train/rings/00[01].ppm few/rings
quietly extract embedded few -o few.h5
expect 0 "warning: .*fewer rows than the 5 folds.*'(dots|rings)': [24]" train few.h5 -o c.h5
quietly train few.h5 -o c.h5 --folds 2
expect 2 "test|val" evaluate c.h5 few.h5
quietly evaluate c.h5 few.h5 --split all
quietly extract embedded pictures -o all.h5
expect 4 "not trained on class 'bricks'" evaluate c.h5 all.h5
# Classes are matched by name: two of five, whose numbers are others, judged by a classifier of all five.
quietly train all.h5 -o five.h5 -c 1
quietly evaluate five.h5 few.h5 --split all
"$LAYERCUT" evaluate five.h5 few.h5 --split all | grep -E '^ *(dots|rings) .* [0-9]+$' | awk '{ print $1, $NF }'
quietly export five.h5 --format libsvm -o stock --with few.h5 --split all
cut -d ' ' -f 1 stock.all.libsvm | uniq -c
expect 2 "folds" train few.h5 -o d.h5 --folds 1
expect 2 "c=x" train few.h5 -o d.h5 -c x
expect 2 "kernel" train few.h5 -o d.h5 --kernel poly9
expect 2 "c=0: wants a positive number" train few.h5 -o d.h5 -c 0
expect 2 "99 folds of 6 rows" train few.h5 -o d.h5 --folds 99
rm few/rings/001.ppm
quietly extract embedded few -o lone.h5
expect 2 "class 'rings' has 1 training row; a search wants 2" train lone.h5 -o d.h5
quietly train lone.h5 -o d.h5 -c 1
# A split without rows; a class that has none in the split of training.
{ echo path,label,split; for p in few/dots/*; do echo "$p,dots,val"; done; echo few/rings/000.ppm,rings,val; } >val.csv
quietly extract embedded val.csv -o val.h5
expect 2 "val.h5 has no rows in split 'train'; it has train 0, val 5, test 0, none 0" train val.h5 -o d.h5
expect 2 "no rows in split 'test'" evaluate d.h5 val.h5 --split test
{ cat val.csv; for p in pictures/train/bricks/*; do echo "$p,bricks,train"; done; for p in pictures/train/stripes/*; do echo "$p,stripes,train"; done; } >hole.csv
quietly extract embedded hole.csv -o hole.h5
expect 0 "class 'dots' has no row in split 'train' and will never be predicted" train hole.h5 -o d.h5 -c 1
