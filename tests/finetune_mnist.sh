#!/bin/sh
# The exercise of courses on fine-tuning, on MNIST: an untrained head, frozen + SVM, the head, the last block, everything, from nothing.
# finetune_mnist.sh BINARY MNIST_FOLDER MODEL OUT [PER_CLASS [options of compare]]. MNIST_FOLDER holds the idx files
# (datasets/fetch.sh mnist); PER_CLASS pictures of each class and split are taken (default 1000, all of the test set about).
#
#   sh tests/finetune_mnist.sh build/layercut ~/.cache/layercut/mnist cifar_resnet20.safetensors out 1000 --epochs 5
layercut=$1 mnist=$2 model=$3 out=$4 per_class=${5:-1000}
[ $# -ge 4 ] || { sed -n '2,6s/^# *//p' "$0"; exit 2; }
shift 4
[ $# -gt 0 ] && shift
mkdir -p "$out" || exit 1
[ -e "$out/digits" ] || "$layercut" import "$mnist" -o "$out/digits" --per-class "$per_class" || exit
exec "$layercut" compare "$model" "$out/digits" -o "$out/comparison" --modes svm,none,head,from:layer3.2,full,scratch \
    --input 32 --resize 32 --finetune='--augment none --lr 0.1 --backbone-lr-factor 1' "$@"
