# make TRAIN=0: the frozen pipeline without the training room, and the same bytes.
. "$ROOT/tests/cli_helpers.sh"
[ -n "$LC_TEST_FULL" ] || skip "another build of everything: only in make test-full"
unset MAKEFLAGS MAKELEVEL SANITIZE
make -C "$ROOT" -s -j"$(nproc)" O="$PWD/build" TRAIN=0 all >build.log 2>&1 || { cat build.log; exit 1; }
grep -i warning build.log
nm build/layercut | grep -E ' lc_(trainer|tape|finetune|optimizer)'
toy pictures 8
size="--input 16 --resize 16"
quietly extract embedded pictures -o whole.h5 $size --layers @block
LAYERCUT=$PWD/build/layercut
quietly run embedded pictures -o out $size --folds 2
quietly compare embedded pictures -o frozen $size --modes svm --train=--folds=2
expect 2 'built without fine-tuning' compare embedded pictures -o all $size
expect 2 'built without fine-tuning' finetune embedded pictures -o tuned.safetensors
expect 2 'built without fine-tuning' help transfer-matrix
"$LAYERCUT" --help | grep -cE 'finetune|transfer-matrix'
quietly extract embedded pictures -o frozen.h5 $size --layers @block
quietly export whole.h5 --format npy -o whole --layer layer3.1
quietly export frozen.h5 --format npy -o frozen --layer layer3.1
same whole.npy frozen.npy
