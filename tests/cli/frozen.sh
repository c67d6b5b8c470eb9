# The program without fine-tuning (make TRAIN=0), in test-full: built from nothing, it does all the rest and says what it lacks.
. "$ROOT/tests/cli_helpers.sh"
needs_training
[ -n "$LC_TEST_FULL" ] || skip "needs a whole build: make test-full"
unset MAKEFLAGS MAKELEVEL
make -C "$ROOT" TRAIN=0 O="$O/frozen" -s -j"$(nproc)" all >make.log 2>&1 || { cat make.log; exit 1; }
LAYERCUT=$O/frozen/layercut
nm "$LAYERCUT" | grep -cE 'lc_(finetune|tape_new|trainer_new)$'
toy pictures 6
quietly extract embedded pictures -o f.h5
quietly train f.h5 -o c.h5 -c 1
quietly evaluate c.h5 f.h5 --json e.json
quietly predict c.h5 pictures/test
quietly compare e.json
expect 1 'built without fine-tuning' finetune embedded pictures -o x.safetensors
expect 1 'built without fine-tuning' transfer-matrix resnet18 pictures -o x
expect 1 'built without fine-tuning' compare embedded pictures -o x
for shell in bash zsh; do "$LAYERCUT" help --completion $shell | grep -c 'finetune\|transfer-matrix'; done
"$LAYERCUT" --help | grep -cE '^  (finetune|transfer-matrix)'
"$LAYERCUT" help --man | grep -cE 'layercut-(finetune|transfer)'
[ -e x ] || echo "nothing made"
