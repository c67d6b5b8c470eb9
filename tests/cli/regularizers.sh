# All regularisers train, the same numbers on one and three threads; what makes no sense is refused.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 4
quietly finetune cifar_resnet20 pictures --mode scratch --epochs 1 -b 8 -o base.safetensors
for threads in 1 3; do
    quietly finetune base.safetensors pictures --mode from:layer3 --epochs 1 -b 8 --regularizer l2,l2sp,ewc,delta,bss:0.1,cotuning,lwf \
        --threads $threads -o tuned.safetensors --history history.jsonl
    sed 's/,"seconds.*//' history.jsonl >"history.$threads"
done
same history.1 history.3
grep -c '"penalty":[0-9.]*[1-9]' history.1
expect 2 "no regulariser is called 'l3'; there are l2, l2sp" finetune base.safetensors pictures --regularizer l3 -o x.safetensors
expect 2 "strength" finetune base.safetensors pictures --regularizer l2sp:x -o x.safetensors
expect 2 "begins anew" finetune cifar_resnet20 pictures --mode scratch --regularizer l2sp -o x.safetensors
expect 2 "nothing below it is trained" finetune base.safetensors pictures --mode head --regularizer bss -o x.safetensors
