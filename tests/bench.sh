#!/bin/sh
# Speed, measured: bench.sh BINARY O. Four parts, or those that PARTS names:
#
#   table      `layercut bench` of the networks: against the machine's peak
#   ratios     beside ONNX Runtime and PyTorch, where those are installed
#   pipeline   397 photographs to a features file, beside the forward passes alone and the decoding alone
#   pictures   the same beside PyTorch + PIL
#
# NETS (names of torchvision), ROUNDS, THREADS, BATCHES may be set. The networks have
# seeded random weights (bench_networks.py); O/bench keeps them as ONNX files. onnxruntime-node of npm is looked for in
# ORT_NODE_MODULES or NODE_PATH, PyTorch by PYTHON.
#
# How the ratios are made fair: each program has the network loaded in one process, which sleeps while it is not its turn.
# In a round, for each batch size, each program gets a turn: a pass that does not count, then passes for a third of a
# second (bench --turns). All get the same file or weights, the same numbers of threads and pictures. Times are medians over
# the rounds, ratios those of medians.
root=$(cd "$(dirname "$0")/.." && pwd)
layercut=$1
nets=${NETS:-vgg16 resnet18 resnet50 densenet121 squeezenet1_1 mobilenet_v2 alexnet}
rounds=${ROUNDS:-5}
threads=${THREADS:-$(nproc)}
batches=${BATCHES:-16 1}
parts=${PARTS:-table ratios pipeline pictures}
python=${PYTHON:-/usr/bin/python3}
shared=${LC_SHARED:-$root/../shared}
export NODE_PATH="${ORT_NODE_MODULES:-$NODE_PATH}"
mkdir -p "$2/bench" || exit 1
kept=$(cd "$2/bench" && pwd)
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap '' PIPE # a program that has died is noticed by the answer that it does not give

wanted() { case " $parts " in *" $1 "*) ;; *) return 1 ;; esac; }
median() { sort -n "$1" | awk '{ t[NR] = $1 } END { print (t[int((NR + 1) / 2)] + t[int(NR / 2) + 1]) / 2 }'; }

has_torch= has_ort=
"$python" -c 'import torch, torchvision, PIL' 2>/dev/null && has_torch=yes
node -e 'require("onnxruntime-node")' 2>/dev/null && has_ort=yes

# The networks that there are, or can be made.
found=
for net in $nets; do
    if [ ! -f "$kept/$net.onnx" ] && [ "$has_torch" ]; then
        "$python" "$root/tests/bench_networks.py" export "$kept" "$net" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
    fi
    if [ -f "$kept/$net.onnx" ]; then
        found="$found $net"
    else
        echo "skipped $net: $kept/$net.onnx is not there, and $python has no torch and torchvision to make it"
    fi
done

# Part 1 --------------------------------------------------------------------------------------------------------------

if wanted table && [ "$found" ]; then
    files=
    for net in $found; do files="$files $net.onnx"; done
    list=$(echo $batches | tr ' ' ',')
    (cd "$kept" && "$layercut" bench $files --batch "$list" --repeat "$rounds" -q) || exit 1
    echo
fi

# Part 2 --------------------------------------------------------------------------------------------------------------

# A program is asked through 3, 5, 7 and answers through 4, 6, 8. turn PROGRAM BATCH: notes its milliseconds per picture.
turn() {
    case $1 in
        layercut) echo "$2" >&3; read -r ms <&4 ;;
        ort) echo "$2" >&5; read -r ms <&6 ;;
        torch) echo "$2" >&7; read -r ms <&8 ;;
    esac || { echo "$1 gave no answer:"; cat "$scratch/$1.log"; exit 1; }
    echo "$ms" >>"$scratch/$1.$2"
    sleep 0.1 # threads that wait for more work by spinning go to sleep
}

ratios() {
    programs=layercut
    rm -f "$scratch"/*
    for program in layercut ort torch; do mkfifo "$scratch/$program.in" "$scratch/$program.out"; done
    "$layercut" bench "$kept/$1.onnx" --turns --batch "$(echo $batches | tr ' ' ',')" --threads "$threads" \
        <"$scratch/layercut.in" >"$scratch/layercut.out" 2>"$scratch/layercut.log" &
    exec 3>"$scratch/layercut.in" 4<"$scratch/layercut.out"
    if [ "$has_ort" ]; then
        programs="$programs ort"
        node "$root/tests/bench_onnxruntime.js" "$threads" "$kept/$1.onnx" \
            <"$scratch/ort.in" >"$scratch/ort.out" 2>"$scratch/ort.log" 3>&- 4<&- &
        exec 5>"$scratch/ort.in" 6<"$scratch/ort.out"
    fi
    if [ "$has_torch" ]; then
        programs="$programs torch"
        "$python" "$root/tests/bench_networks.py" turns "$threads" "$1" \
            <"$scratch/torch.in" >"$scratch/torch.out" 2>"$scratch/torch.log" 3>&- 4<&- 5>&- 6<&- &
        exec 7>"$scratch/torch.in" 8<"$scratch/torch.out"
    fi
    # A first turn of each batch size that does not count: everything is loaded and warm.
    for batch in $batches; do for program in $programs; do turn $program $batch; done; done
    for batch in $batches; do for program in $programs; do rm "$scratch/$program.$batch"; done; done
    round=0
    while [ $round -lt "$rounds" ]; do
        for batch in $batches; do for program in $programs; do turn $program $batch; done; done
        round=$((round + 1))
    done
    exec 3>&- 4<&- 5>&- 6<&- 7>&- 8<&-
    wait
    for batch in $batches; do
        ours=$(median "$scratch/layercut.$batch")
        for program in ort torch; do
            [ -f "$scratch/$program.$batch" ] && median "$scratch/$program.$batch" || echo -
        done | awk -v net="$1" -v batch="$batch" -v ours="$ours" '
            { time[NR] = $1 == "-" ? "-" : sprintf("%.2f", $1); ratio[NR] = $1 == "-" ? "-" : sprintf("%.2f", $1 / ours) }
            END { printf "%-14s %5d %9.2f %8s %6s %8s %6s\n", net, batch, ours, time[1], ratio[1], time[2], ratio[2] }'
    done
}

if wanted ratios && [ "$found" ]; then
    [ "$has_ort" ] || echo "skipped ONNX Runtime: node finds no onnxruntime-node (ORT_NODE_MODULES or NODE_PATH)"
    [ "$has_torch" ] || echo "skipped PyTorch: $python has no torch and torchvision"
    echo "milliseconds per picture, $threads threads, medians of $rounds rounds; ratios: how much longer the others take"
    printf '%-14s %5s %9s %8s %6s %8s %6s\n' network batch layercut ORT ratio PyTorch ratio
    for net in $found; do ratios "$net"; done
    echo
fi

# Part 3 --------------------------------------------------------------------------------------------------------------
# Forward alone: passes of the batch that `extract` takes, on all threads, for about as long as an extraction takes, so that
# both meet the machine's better and worse moments. Decoding alone: reading, hashing, decoding and resizing, in a run that
# goes no further than the first layer of a small network; the seconds of all threads, divided by their number. All of it
# shares the same CPUs, so the whole takes about their sum; less where threads lose more by waiting for each other inside
# a layer, as the passes alone do, than by taking pictures of their own.

weights=$shared/assets/weights
pictures=$shared/assets/images/hymenoptera
number() { sed -n "s/^ *\"$1\": \([0-9.]*\),*\$/\1/p" "$scratch/report.json"; }
extract() { # MODEL LAYERS [OPTION...]: seconds and seconds of decoding, in report.json
    rm -f "$scratch/f.h5"
    "$layercut" extract "$1" "$pictures" -o "$scratch/f.h5" --threads "$threads" --json "$scratch/report.json" -q --layers "$2" \
        $3 >/dev/null
}

pipeline() { # NAME MODEL
    rm -f "$scratch"/times.*
    round=0
    while [ $round -lt "$rounds" ]; do
        extract "$2" logits || exit 1
        number seconds >>"$scratch/times.whole"
        rows=$(number rows)
        extract embedded '#1' '--input 224 --resize 256' || exit 1
        number decode_seconds >>"$scratch/times.decode"
        printf '%s\n' 4 4 4 4 4 4 | "$layercut" bench "$2" --turns --batch 4 --threads "$threads" >"$scratch/turns" || exit 1
        awk '{ sum += $1 } END { print sum / NR }' "$scratch/turns" >>"$scratch/times.forward"
        round=$((round + 1))
    done
    echo "$1 $rows $threads $(median "$scratch/times.whole") $(median "$scratch/times.forward") $(median "$scratch/times.decode")" |
        awk '{ forward = $5 * $2 / 1000; decode = $6 / $3; larger = forward > decode ? forward : decode
               printf "%-14s %8.2f %8.2f %8.2f %8.2f %8.2f\n", $1, $4, forward, decode, $4 / larger, $4 / (forward + decode) }'
}

if wanted pipeline && [ ! -d "$pictures" ]; then
    echo "skipped pipeline: no photographs (LC_SHARED)"
elif wanted pipeline; then
    echo "seconds for the 397 photographs, $threads threads, medians of $rounds rounds"
    printf '%-14s %8s %8s %8s %8s %8s\n' network extract forward decode /larger /sum
    for net in squeezenet1_0 resnet18; do
        for file in "$weights/$net.onnx" "$kept/$net.onnx"; do
            [ ! -f "$file" ] || { pipeline "$net" "$file"; break; }
        done
    done
    echo
fi

# Part 4 --------------------------------------------------------------------------------------------------------------
# SqueezeNet 1.0, tap features.12 averaged, 2 threads, decoding included, start of the interpreter not. The two take
# turns; the best of three counts.

wanted pictures || exit 0
[ -d "$pictures" ] || { echo "skipped pictures: no photographs (LC_SHARED)"; exit 0; }
[ "$has_torch" ] || { echo "skipped pictures: $python has no torch, torchvision and PIL"; exit 0; }
for round in 1 2 3; do
    rm -f "$scratch/f.h5"
    "$layercut" extract "$weights/squeezenet1_0.onnx" "$pictures" -o "$scratch/f.h5" --layers features.12 --threads 2 \
        --json "$scratch/report.json" -q >/dev/null || exit 1
    ours=$(number seconds)
    theirs=$("$python" "$root/tests/bench_torch.py" "$weights/squeezenet1_0.pth" "$pictures" 2) || exit 1
    echo "round $round: layercut $ours s, PyTorch + PIL $theirs s"
    echo "$ours $theirs" >>"$scratch/times"
done
awk 'NR == 1 || $1 < a { a = $1 } NR == 1 || $2 < b { b = $2 }
     END { printf "best: layercut %.2f s, PyTorch + PIL %.2f s; PyTorch takes %.2f times as long\n", a, b, b / a }' "$scratch/times"
