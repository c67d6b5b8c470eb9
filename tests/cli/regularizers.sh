# All regularisers train at once; what makes no sense is refused. (Threads: test_regularizers.c.)
. "$ROOT/tests/cli_helpers.sh"
needs_training
toy pictures 4
quietly finetune cifar_resnet20 pictures --mode scratch --epochs 1 -b 8 --threads 1 -o base.safetensors
quietly finetune base.safetensors pictures --mode from:layer3 --epochs 1 -b 8 --regularizer l2,l2sp,ewc,delta,bss:0.1,cotuning,lwf \
    --threads 1 -o tuned.safetensors --history history.jsonl
grep -c '"penalty":[0-9.]*[1-9]' history.jsonl
# What they look at is kept, where other activations are computed again.
quietly finetune base.safetensors pictures --mode from:layer3 --epochs 1 -b 8 --regularizer l2,l2sp,ewc,delta,bss:0.1,cotuning,lwf \
    --threads 1 -o tuned2.safetensors --checkpointing
same tuned.safetensors tuned2.safetensors
# Fisher information on pictures of the source: those of training say the same as nothing said, others something else; no labels needed.
"$O/draw_toy" others 7 >/dev/null
mkdir flat
cp others/train/dots/* flat
ewc="finetune base.safetensors pictures --mode from:layer3 --epochs 1 -b 8 --regularizer ewc --threads 1 --input 16 --resize 16"
quietly $ewc -o training.safetensors
quietly $ewc --fisher-images pictures -o same.safetensors
quietly $ewc --fisher-images flat -o flat.safetensors
for name in same flat; do # what follows the header, which has the command
    for file in training $name; do tail -c 100000 $file.safetensors >$file.bytes; done
    cmp -s training.bytes $name.bytes && echo "$name: the same weights" || echo "$name: other weights"
done
expect 2 "no regulariser looks at them" finetune base.safetensors pictures --fisher-images flat -o x.safetensors
expect 2 "no regulariser looks at them" finetune base.safetensors pictures --fisher-images flat --regularizer l2sp -o x.safetensors
expect 2 "no regulariser is called 'l3'; there are l2, l2sp" finetune base.safetensors pictures --regularizer l3 -o x.safetensors
expect 2 "strength" finetune base.safetensors pictures --regularizer l2sp:x -o x.safetensors
expect 2 "begins anew" finetune cifar_resnet20 pictures --mode scratch --regularizer l2sp -o x.safetensors
expect 2 "nothing below it is trained" finetune base.safetensors pictures --mode head --regularizer bss --threads 1 -o x.safetensors
