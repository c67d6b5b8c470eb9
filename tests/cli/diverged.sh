# A training whose numbers run away: finetune says so and leaves nothing half done; compare and transfer-matrix keep the other rows.
. "$ROOT/tests/cli_helpers.sh"
needs_training
toy pictures 6
size="--input 16 --resize 16"
quietly finetune cifar_resnet20 pictures -o net.safetensors -m scratch -e 1 -b 16 $size -q
expect 1 'epoch 1.* smaller --lr' finetune net.safetensors pictures -o x.safetensors -m head -e 1 -b 8 --lr 1e39 $size --json x.json
grep -c '"diverged": ".*smaller --lr' x.json
ls x.*

all="compare net.safetensors pictures -o out $size --epochs 1 --modes svm,none,head --label-fractions 0.5,1 --seeds 2 --train=--folds=2"
expect 1 'of 12 results are missing' $all --finetune='--lr 1e39' --json all.json
grep -E '^(svm|none|head) ' try.out | awk '{ print $1, ($2 == "diverged" ? $2 : $2 > 0) }'
grep -cE '^head, seed' try.out
grep -E 'break-even|A smaller' try.out
grep -c '"diverged"' all.json
grep -c '"accuracy": [01]' all.json
awk 'length > 80' try.out
# Again: what is known is not tried again.
touch -d 2001-01-01 out/*.json
expect 1 'of 12 results are missing' $all --finetune='--lr 1e39'
find out -name '*.json' -newermt 2002-01-01
# The first row too may be missing.
expect 1 '1 of 2 results' compare net.safetensors pictures -o first $size --epochs 1 --modes head,none --finetune='--lr 1e39'

expect 1 'results are missing' transfer-matrix cifar_resnet20 pictures -o t --cuts layer3 --kinds AnB,random --epochs 1 $size --finetune='--lr 1e39'
grep -E "^base|^layer3" try.out

# A network without normalisations is clipped unless told otherwise; one with them is not.
history() {
    quietly finetune "$1" pictures -o h.safetensors -m scratch -e 1 -b 6 --input 32 --resize 32 -q --history h.jsonl $2
    sed 's/"seconds.*//; s/,"lr.*//' h.jsonl
}
for network in squeezenet1_1 cifar_resnet20; do
    history $network >default.txt
    history $network '--clip 1' >one.txt
    history $network '--clip 0' >any.txt
    cmp -s default.txt one.txt && echo "$network: clipped"
    cmp -s default.txt any.txt && echo "$network: not clipped"
done
