# How products are computed is part of the recipe, and features of one kind are not continued with another.
. "$ROOT/tests/cli_helpers.sh"
toy toy

for p in f32 f32-exact; do
    "$LAYERCUT" extract embedded toy -o $p.h5 --precision $p -q >/dev/null
    "$LAYERCUT" info $p.h5 | grep precision
done
"$LAYERCUT" extract embedded toy -o exact.h5 --exact -q >/dev/null
for f in f32-exact exact; do quietly export $f.h5 --format npy -o $f; done
same f32-exact.npy exact.npy
expect 4 "precision" extract embedded toy -o f32.h5 --exact
expect 2 "no precision 'f64'; there are f32, f32-exact and bf16" extract embedded toy -o f64.h5 --precision f64
LC_ISA=generic expect 1 "precision bf16 needs a CPU with AVX512_BF16; the kernels in use are generic" \
    extract embedded toy -o bf16.h5 --precision bf16
