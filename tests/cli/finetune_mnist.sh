# The exercise on fine-tuning (tests/finetune_mnist.sh), of two pictures a class: every row is there, in order.
. "$ROOT/tests/cli_helpers.sh"
needs_training
mnist=$LC_SHARED/assets/images/mnist
[ -n "$LC_SHARED" ] && [ -d "$mnist" ] || skip "no MNIST (LC_SHARED)"
sh "$ROOT/tests/finetune_mnist.sh" "$LAYERCUT" "$mnist" "$LC_SHARED/assets/weights/cifar_resnet20.safetensors" few 2 --epochs 1 \
    '--train=--folds=2' -q >table.txt 2>said.txt || cat said.txt
awk '/^mode/ { rows = 1; next } rows && NF { print $1 }' table.txt
