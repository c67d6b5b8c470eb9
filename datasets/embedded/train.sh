#!/bin/sh
# The command that trained the embedded network: train.sh LAYERCUT CIFAR10 [OPTIONS]. CIFAR10 is a folder of train|test/class/picture;
# writes embedded.safetensors, embedded.jsonl (a line per epoch) and embedded.json here. OPTIONS replace those below.
layercut=$1
pictures=$2
shift 2
exec "$layercut" finetune layercut_resnet14 "$pictures" --mode scratch -o embedded.safetensors --epochs 28 -b 128 --lr 0.15 --nesterov \
    --weight-decay 5e-4 --no-decay-norms --schedule onecycle --augment crop,flip --seed 1 --history embedded.jsonl --json embedded.json "$@"
