# Threads, batch size, interruption: /layers has the same bytes.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 6
layers="layer1.0 layer2.1 layer3.1 view"
make_one() {
    name=$1
    shift
    quietly extract embedded pictures -o "$name.h5" --layers @block,penultimate "$@"
    for layer in $layers; do
        quietly export "$name.h5" --format npy -o "$name.$layer" --layer "$layer"
    done
}
make_one one --threads 1
for other in "two --threads 2" "five --threads 5" "b1 --batch 1" "b7 --batch 7 --threads 2" "b1000 --batch 1000"; do
    # shellcheck disable=SC2086
    make_one $other
    for layer in $layers; do
        cmp "one.$layer.npy" "${other%% *}.$layer.npy" || echo "DIFFERENT: $other, $layer"
    done
    echo "compared: $other"
done
quietly extract embedded pictures -o one.h5 --layers @block,penultimate
"$LAYERCUT" extract embedded pictures -o one.h5 --layers @block,penultimate 2>/dev/null | grep pictures
