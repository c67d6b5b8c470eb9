# svm and linear against svm-train, svm-predict and liblinear-train, on made-up rows; where LC_SHARED has them, also on
# SqueezeNet's features of ants and bees and ResNet-20's of CIFAR-10 pictures.
. "$ROOT/tests/cli_helpers.sh"
needs_python "h5py, scipy.optimize"
for program in svm-train svm-predict liblinear-train liblinear-predict; do
    command -v $program >/dev/null || skip "no $program here"
done
weights=$LC_SHARED/assets/weights
set --
if [ -n "$LC_SHARED" ] && [ -e "$weights/squeezenet1_0.onnx" ] && [ -e "$weights/cifar_resnet20.onnx" ]; then
    quietly extract "$weights/squeezenet1_0.onnx" "$LC_SHARED/assets/images/hymenoptera" -o bees.h5 --layers features.12
    tar xf "$LC_SHARED/assets/images/cifar10_lossless.tar"
    quietly extract "$weights/cifar_resnet20.onnx" "$(dirname "$(find . -type d -name test | head -n 1)")" -o cifar.h5 --resize 32
    set -- bees.h5 cifar.h5
else
    echo "no photographs and weights (LC_SHARED): made-up rows only" >&2
fi
compare compare_stock.py "$LAYERCUT" "$@"
