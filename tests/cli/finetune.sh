# Fine-tuning: every mode from a small network that is trained here; threads, a stop and --resume give the same bytes.
. "$ROOT/tests/cli_helpers.sh"
needs_training
toy pictures 8
size="--input 16 --resize 16"

# From nothing, by the name of an architecture; the result is a network for every command.
quietly finetune cifar_resnet20 pictures -o net.safetensors -m scratch -e 2 -b 16 --lr 0.05 --schedule onecycle $size --history net.jsonl
wc -l <net.jsonl | tr -d ' '
# Its curves: two panels of nine rows, the first epoch at the left, the last at the right of both.
awk 'length > 80' try.out
sed -n '/ loss .* accuracy/,/^by epoch/p' try.out | grep -E '^[ 0-9.e+-]*\|.{30}[ 0-9.e+-]*\|.{30}$' | wc -l | tr -d ' '
sed -n 's/^by epoch; t: training; learning rate [0-9.e-]*.* at last$/curves/p' try.out
"$LAYERCUT" layers net.safetensors | grep -c "linear"
quietly extract net.safetensors pictures -o f.h5 --layers layer3
quietly evaluate net.safetensors pictures
[ -e net.safetensors.checkpoint ] || echo "no checkpoint left"

# Threads, and a run that was stopped wherever it was and goes on.
mkdir one two three
scratch="finetune cifar_resnet20 ../pictures -o net.safetensors -m scratch -e 2 -b 16 --ema 0.9 --clip 1 --augment strong -q $size"
(cd one && quietly $scratch --threads 1 --json ../one.json)
cd two
"$LAYERCUT" $scratch --threads 2 >log.txt 2>&1 &
run=$!
while kill -0 $run 2>/dev/null && [ ! -e net.safetensors.checkpoint ]; do sleep 0.05; done
kill -INT $run 2>/dev/null
wait $run
quietly $scratch --threads 2 --resume
cd ..
same one/net.safetensors two/net.safetensors

# Activations that are computed again: less memory, the same bytes.
(cd three && quietly $scratch --threads 2 --checkpointing --json ../three.json)
same one/net.safetensors three/net.safetensors
sed -n 's/.*"training_bytes": \([0-9]*\).*/\1/p' one.json three.json | awk '{ b[NR] = $1 } END { print (b[2] < 0.8 * b[1] ? "less memory" : b[1] " and " b[2] " bytes") }'

# A checkpoint of another run is refused, with what is other.
mkdir other
cd other
long="finetune cifar_resnet20 ../pictures -o net.safetensors -m scratch -e 100 -b 16 -q $size"
"$LAYERCUT" $long >log.txt 2>&1 &
run=$!
while kill -0 $run 2>/dev/null && [ ! -e net.safetensors.checkpoint ]; do sleep 0.05; done
kill -INT $run
wait $run
expect 4 'its lr is 0\.01, this one.s 0\.5; without --resume' $long --lr 0.5 --resume
picture=$(find ../pictures/train -name '*.ppm' | sort | head -n 1)
mv "$picture" "$picture.ppm"
expect 4 'its picture_list is ' $long --resume
mv "$picture.ppm" "$picture"
cd ..

# Parts of a network that is there; the head fits already.
for mode in head from:layer3 full; do
    "$LAYERCUT" finetune net.safetensors pictures -o tuned.safetensors -m $mode -e 1 -b 16 --json tuned.json -q | sed -n 's/ in .*//; 1p'
    grep -E '"(mode|trained_parameters|train_pictures|pictures_seen)"' tuned.json
done

# Where only val is there to judge on, the last epoch's accuracy on it is the report's.
mkdir watched
cp -r pictures/train watched/train
cp -r pictures/test watched/val
quietly finetune net.safetensors watched -o tuned.safetensors -m head -e 2 -b 16 --lr 0.05 --history watched.jsonl --json tuned.json --plot watched.svg
grep -c 'v: split val' try.out
if command -v gnuplot >/dev/null 2>&1; then grep -oE '(loss|accuracy|learning rate|split val)<' watched.svg | sort -u | wc -l | tr -d ' '; else echo 4; fi
epoch=$(tail -n 1 watched.jsonl | grep -oE '"val_accuracy":[0-9.]+' | cut -d : -f 2)
report=$(grep -oE '"accuracy": [0-9.]+' tuned.json | head -n 1 | cut -d ' ' -f 2)
awk -v a="$epoch" -v b="$report" 'BEGIN { print (a > 0 && a - b < 1e-9 && b - a < 1e-9 ? "watched and judged alike" : "watched " a ", judged " b) }'

# What cannot be is said before the work.
expect 2 'safetensors' finetune net.safetensors pictures -o x.h5
expect 2 'no mode' finetune net.safetensors pictures -o x.safetensors -m middle
expect 2 'wants a number' finetune net.safetensors pictures -o x.safetensors --lr fast
expect 2 'no optimiser' finetune net.safetensors pictures -o x.safetensors --optimizer newton
expect 2 'svg' finetune net.safetensors pictures -o x.safetensors --plot x.pdf
expect 2 'no schedule' finetune net.safetensors pictures -o x.safetensors --schedule linear
expect 2 'no network is called' finetune resnet19 pictures -o x.safetensors -m scratch
[ -z "$(ls x.* 2>/dev/null)" ] && echo "nothing written"
