# A network's own head on 1000 lossless CIFAR-10 pictures: ResNet-20 915, ResNet-56 926 right, exactly; from ONNX files
# and from the state dicts as they were published.
. "$ROOT/tests/cli_helpers.sh"
weights=$LC_SHARED/assets/weights
[ -n "$LC_SHARED" ] && [ -e "$weights/cifar_resnet20.onnx" ] || skip "no CIFAR-10 pictures and weights (LC_SHARED)"
tar xf "$LC_SHARED/assets/images/cifar10_lossless.tar"
pictures=$(dirname "$(find . -type d -name test | head -n 1)")
for network in cifar_resnet20.onnx cifar_resnet56.onnx cifar_resnet20_slicepad.onnx cifar_resnet56_slicepad.onnx \
    resnet20-12fca82f.th resnet56-4bfd9763.th; do
    quietly evaluate "$weights/$network" "$pictures" --split test --resize 32 --json result.json
    echo "$network $(grep -oE '"accuracy": [0-9.]+' result.json | head -n 1)"
done
