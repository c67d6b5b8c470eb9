# A network's own head on 1000 lossless CIFAR-10 pictures: ResNet-20 915, ResNet-56 926 right, exactly.
. "$ROOT/tests/cli_helpers.sh"
weights=$LC_SHARED/assets/weights
[ -n "$LC_SHARED" ] && [ -e "$weights/cifar_resnet20.onnx" ] || skip "no CIFAR-10 pictures and weights (LC_SHARED)"
tar xf "$LC_SHARED/assets/images/cifar10_lossless.tar"
pictures=$(dirname "$(find . -type d -name test | head -n 1)")
for network in cifar_resnet20 cifar_resnet56; do
    quietly evaluate "$weights/$network.onnx" "$pictures" --split test --resize 32 --json "$network.json"
    grep -oE '"accuracy": [0-9.]+' "$network.json" | head -n 1
done
