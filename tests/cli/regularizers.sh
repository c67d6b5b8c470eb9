# All regularisers train at once; what makes no sense is refused. (Threads: test_regularizers.c.)
. "$ROOT/tests/cli_helpers.sh"
toy pictures 4
quietly finetune cifar_resnet20 pictures --mode scratch --epochs 1 -b 8 --threads 1 -o base.safetensors
quietly finetune base.safetensors pictures --mode from:layer3 --epochs 1 -b 8 --regularizer l2,l2sp,ewc,delta,bss:0.1,cotuning,lwf \
    --threads 1 -o tuned.safetensors --history history.jsonl
grep -c '"penalty":[0-9.]*[1-9]' history.jsonl
expect 2 "no regulariser is called 'l3'; there are l2, l2sp" finetune base.safetensors pictures --regularizer l3 -o x.safetensors
expect 2 "strength" finetune base.safetensors pictures --regularizer l2sp:x -o x.safetensors
expect 2 "begins anew" finetune cifar_resnet20 pictures --mode scratch --regularizer l2sp -o x.safetensors
expect 2 "nothing below it is trained" finetune base.safetensors pictures --mode head --regularizer bss --threads 1 -o x.safetensors
