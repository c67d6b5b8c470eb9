# Every command line of the README that is no session: `layercut ...`, `make ...` and `sh ...` in its text, and the lines
# of its build section. Each is run, as what it stands for here, or belongs to a test that does so.
. "$ROOT/tests/cli_helpers.sh"
needs_training
unset MAKEFLAGS MAKELEVEL
toy pictures 6
mkdir -p bin weights
ln -s "$LAYERCUT" bin/layercut
PATH=$PWD/bin:$PATH
{
    sed -n 's/^    \(\(make\|git\|gcc\|\.\/\).*\)$/\1/p' "$ROOT/README.md" | sed 's/ *#.*//'
    # Code in the text; joined, since lines are wrapped anywhere.
    grep -v '^    ' "$ROOT/README.md" | tr '\n' ' ' | sed 's/`\([^`]*\)`/\n`\1\n/g' | sed -n 's/^`\(\(layercut\|make\|sh\) .*\)$/\1/p'
} | awk '!seen[$0]++' >commands.txt

# target NAME: make knows it.
target() { grep -q "^$1:" "$ROOT/Makefile" && echo "a target of the Makefile"; }
# elsewhere NAME WORDS: tests/cli/NAME.sh runs it.
elsewhere() { grep -qF -e "$2" "$ROOT/tests/cli/$1.sh" && echo "in cli/$1.sh"; }
# run COMMAND: as it stands.
run() { echo "$1" >command.sh; sh ./command.sh >out.txt 2>err.txt && echo "done" || { cat err.txt; false; }; }

train='layercut train f.h5 -o c.h5 -c 1 -q'
while IFS= read -r command; do
    case $command in
    'git clone '*) answer="needs the network" ;;
    'gcc features.c '*) answer=$(elsewhere install 'examples/features.c -o features') ;;
    './features embedded '*) answer=$(elsewhere install './features embedded') ;;
    'make help') answer=$(run "make -s -C $ROOT help") ;;
    'make install') answer=$(elsewhere install 'install DESTDIR') ;;
    'make '*) rest=${command#make }; answer=$(target "${rest%% *}") ;;
    'sh datasets/fetch.sh '*) answer=$(elsewhere fetch 'fetch.sh') ;;
    'sh tests/many.sh build 100000 '*)
        answer=$(run "sh $ROOT/tests/many.sh $O 400 ${command#* 100000 }") ;;
    'sh tests/sweep_stability.sh layercut out/features.h5')
        answer=$(run "sh $ROOT/tests/sweep_stability.sh layercut out/features.h5 1 -c 1") ;;
    'sh tests/finetune_mnist.sh '*) answer=$(elsewhere finetune_mnist 'tests/finetune_mnist.sh') ;;
    'sh tests/finetune_table.sh layercut MODEL ants-bees '*)
        mkdir halves && cp -r pictures/train halves && cp -r pictures/test halves/val
        answer=$(run "SEEDS=0 FRACTIONS=50 REGULARIZERS='none l2sp' sh $ROOT/tests/finetune_table.sh layercut embedded halves table from:layer3 -e 1 -b 4") ;;
    'sh tests/precision.sh layercut MODEL IMAGES LAYER')
        answer=$(run "sh $ROOT/tests/precision.sh layercut embedded pictures layer2.0") ;;
    'layercut layers MODEL') answer=$(run "layercut layers embedded") ;;
    'layercut extract MODEL IMAGES -o F.h5') answer=$(run "layercut extract embedded pictures -o f.h5 --layers @block") ;;
    'layercut import SET -o FOLDER') answer=$(elsewhere import 'import digits -o out') ;;
    'layercut merge PART.h5... -o F.h5')
        for part in 1 2; do layercut extract embedded pictures -o part$part.h5 --shard $part/2 -q; done >out.txt
        answer=$(run "layercut merge part1.h5 part2.h5 -o merged.h5") ;;
    'layercut verify F.h5') answer=$(run "layercut verify f.h5") ;;
    'layercut cut MODEL --at LAYER -o SMALL.onnx') answer=$(run "layercut cut embedded --at layer2.1 -o small.onnx") ;;
    'layercut info FILE') answer=$(run "layercut info f.h5") ;;
    'layercut run MODEL IMAGES -o DIR') answer=$(run "layercut run embedded pictures -o out -c 1") ;;
    'layercut sweep F.h5...') answer=$(run "layercut sweep f.h5 -c 1") ;;
    'layercut train F.h5 -o C.h5') answer=$(run "$train") ;;
    'layercut evaluate C.h5 F.h5') answer=$(run "layercut evaluate c.h5 f.h5 --json result.json") ;;
    'layercut evaluate MODEL IMAGES') answer=$(elsewhere own_head 'evaluate embedded pictures') ;;
    'layercut predict C.h5 PICTURE...') answer=$(run "layercut predict c.h5 pictures/test/dots/000.ppm") ;;
    'layercut bench [MODEL...]') answer=$(run "layercut bench embedded -r 1 -b 1 --threads 1") ;;
    'layercut export FILE --format F -o PREFIX') answer=$(run "layercut export f.h5 --format csv -o rows") ;;
    'layercut compare RESULT.json...') answer=$(run "layercut compare result.json result.json") ;;
    'layercut finetune MODEL IMAGES -o TUNED.safetensors') answer=$(elsewhere finetune 'finetune net.safetensors pictures -o tuned.safetensors') ;;
    'layercut compare MODEL IMAGES -o DIR') answer=$(elsewhere comparison 'compare net.safetensors pictures -o out') ;;
    'layercut transfer-matrix ARCH IMAGES -o DIR') answer=$(elsewhere transfer_matrix 'transfer-matrix cifar_resnet20 pictures -o out') ;;
    'layercut help extract') answer=$(run "$command") ;;
    'layercut bench --layers') answer=$(run "layercut bench embedded --layers -r 1 -b 1 --threads 1") ;;
    'layercut '[a-z]*' '*) answer= ;;
    'layercut '*) answer=$(layercut "${command#layercut }" --help >out.txt && echo "a command that is named") ;;
    *) answer= ;;
    esac
    echo "$command: ${answer:-NOBODY RUNS IT: give it a line in tests/cli/readme.sh}"
done <commands.txt
