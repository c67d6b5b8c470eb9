# Gradients of whole networks, and losses over ten steps of SGD and AdamW, against PyTorch; all five networks in test-full.
[ -x "$O/tests/tape_steps" ] || { echo "built with TRAIN=0: no training to compare"; exit 77; }
/usr/bin/python3 -c 'import torch, torchvision' 2>/dev/null || { echo "no PyTorch: training is not compared"; exit 77; }
networks="squeezenet1_1:64:2:frozen"
[ -z "$LC_TEST_FULL" ] || networks="$networks resnet18:64:8:train mobilenet_v2:96:8:train densenet121:96:8:train vgg11_bn:64:8:train
    resnet18:64:4:frozen mobilenet_v2:64:4:frozen densenet121:64:2:frozen"
if /usr/bin/python3 "$ROOT/tests/compare_training.py" "$O/tests/tape_steps" . $networks >table.txt; then
    echo "all equal"
else
    cat table.txt
fi
