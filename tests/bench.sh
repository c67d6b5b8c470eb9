#!/bin/sh
# Seconds that a features file of the 397 photographs takes, beside PyTorch + PIL doing the same: bench.sh BINARY.
# SqueezeNet 1.0, tap features.12 averaged, 2 threads, decoding included, start of the interpreter not. The two take
# turns; the best of three counts.
root=$(cd "$(dirname "$0")/.." && pwd)
shared=${LC_SHARED:-$root/../shared}
weights=$shared/assets/weights
pictures=$shared/assets/images/hymenoptera
python=${PYTHON:-/usr/bin/python3}
[ -d "$pictures" ] || { echo "skipped: no photographs (LC_SHARED)"; exit 0; }
"$python" -c 'import torch, torchvision, PIL' 2>/dev/null || { echo "skipped: $python has no torch, torchvision and PIL"; exit 0; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
for round in 1 2 3; do
    rm -f "$folder/f.h5"
    "$1" extract "$weights/squeezenet1_0.onnx" "$pictures" -o "$folder/f.h5" --layers features.12 --threads 2 \
        --json "$folder/report.json" -q >/dev/null || exit 1
    ours=$(sed -n 's/^ *"seconds": \([0-9.]*\),*$/\1/p' "$folder/report.json")
    theirs=$("$python" "$root/tests/bench_torch.py" "$weights/squeezenet1_0.pth" "$pictures" 2) || exit 1
    echo "round $round: layercut $ours s, PyTorch + PIL $theirs s"
    echo "$ours $theirs" >>"$folder/times"
done
awk 'NR == 1 || $1 < a { a = $1 } NR == 1 || $2 < b { b = $2 }
     END { printf "best: layercut %.2f s, PyTorch + PIL %.2f s; PyTorch takes %.2f times as long\n", a, b, b / a }' "$folder/times"
