# Gradients of whole networks, and losses over ten steps, against PyTorch; all five networks in test-full.
/usr/bin/python3 -c 'import torch, torchvision' 2>/dev/null || { echo "no PyTorch: training is not compared"; exit 77; }
networks="squeezenet1_1:64:2:frozen"
[ -z "$LC_TEST_FULL" ] || networks="$networks resnet18:64:8:train resnet18:64:4:frozen mobilenet_v2:64:8:train mobilenet_v2:64:4:frozen
    densenet121:64:8:train densenet121:64:4:frozen vgg11_bn:32:8:train vgg11_bn:32:4:frozen"
/usr/bin/python3 "$ROOT/tests/compare_training.py" "$O/tests/tape_steps" . $networks >table.txt || cat table.txt
grep -c ' ok$' table.txt >counted.txt
[ "$(cat counted.txt)" = "$(($(echo $networks | wc -w) * 3))" ] && echo "all equal"
