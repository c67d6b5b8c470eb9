# Gradients of whole networks, and losses over ten steps of SGD and AdamW, against PyTorch; all five networks in test-full.
. "$ROOT/tests/cli_helpers.sh"
needs_training
needs_python "torch, torchvision"
set -- squeezenet1_1:64:2:frozen
[ -z "$LC_TEST_FULL" ] || set -- "$@" resnet18:64:8:train mobilenet_v2:96:8:train densenet121:96:8:train vgg11_bn:64:8:train \
    resnet18:64:4:frozen mobilenet_v2:64:4:frozen densenet121:64:2:frozen
compare compare_training.py "$O/tests/tape_steps" . "$@"
