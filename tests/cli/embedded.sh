# The embedded network: what its card says of 1000 lossless pictures holds, and its training can be repeated: the first epoch
# of its command (of fewer pictures unless LC_TEST_FULL) gives the same bytes with any number of threads.
. "$ROOT/tests/cli_helpers.sh"
needs_training
images=$LC_SHARED/assets/images
[ -n "$LC_SHARED" ] && [ -e "$images/cifar10_lossless.tar" ] || skip "no CIFAR-10 pictures (LC_SHARED)"
tar xf "$images/cifar10_lossless.tar"
lossless=$(dirname "$(find . -type d -name test | head -n 1)")
quietly evaluate embedded "$lossless" --split test --json result.json
card=$(sed -n 's/.*first 1 000 test pictures[^|]*| *\([0-9.]*\) %.*/\1/p' "$ROOT/datasets/embedded/README.md")
grep -oE '"correct": [0-9]+' result.json | awk -v card="$card" '{ print ($2 / 10 == card ? "the card is right" : "the card says " card " %, it is " $2 / 10) }'
if [ "$LC_TEST_FULL" ]; then
    mkdir lossy
    tar xf "$images/cifar10_jpeg.tar" -C lossy
    pictures=$PWD/lossy
else
    for class in "$lossless"/train/*; do
        mkdir -p few/train/"$(basename "$class")" few/test
        find "$class" -type f | sort | head -n 30 | while read -r picture; do ln -s "$PWD/$picture" few/train/"$(basename "$class")"; done
        ln -s "$PWD/$lossless/test/$(basename "$class")" few/test
    done
    pictures=$PWD/few
fi
for threads in 1 2; do
    mkdir t$threads
    (cd t$threads && sh "$ROOT/datasets/embedded/train.sh" "$LAYERCUT" "$pictures" --epochs 1 --threads $threads -q >/dev/null) || echo "failed"
done
same t1/embedded.safetensors t2/embedded.safetensors
