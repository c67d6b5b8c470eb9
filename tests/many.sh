#!/bin/sh
# `make many`: an extraction of very many small pictures: many.sh O [NUMBER or FOLDER [OPTIONS OF extract]]. NUMBER
# (default 100 000) pictures of 64 x 64 are drawn by draw_toy with seeds 1, 2, ..., 12 KB each; a FOLDER has them already.
# Prints the peak memory of the process on the way, and the part of the time that writing takes.
O=$(cd "$1" && pwd)
pictures=${2:-100000}
if [ $# -lt 2 ]; then shift; else shift 2; fi
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
if [ ! -d "$pictures" ]; then
    mkdir "$folder/pictures"
    for seed in $(seq $(((pictures + 399) / 400))); do
        "$O/draw_toy" "$folder/pictures/$seed" "$seed" >/dev/null || exit 1
    done
    pictures=$folder/pictures
fi
"$O/layercut" extract embedded "$pictures" -o "$folder/f.h5" --json "$folder/report.json" "$@" >"$folder/out" 2>"$folder/err" &
pid=$!
next=10000
while kill -0 $pid 2>/dev/null; do
    peak=$(sed -n 's/^VmHWM:[^0-9]*//p' /proc/$pid/status 2>/dev/null)
    computed=$(sed -n 's|^\([0-9]*\)/[0-9]* pictures,.*|\1|p' "$folder/err" | tail -n 1)
    if [ "${computed:-0}" -ge $next ]; then
        echo "after $computed pictures: peak memory $peak"
        next=$((next == 10000 ? 50000 : 1000000000))
    fi
    last=${peak:-$last}
    sleep 0.1
done
wait $pid || { cat "$folder/err"; exit 1; }
echo "at the end:            peak memory $last"
awk -F'[:,]' '/"computed"/ { n = $2 } /"seconds"/ { s = $2 } /"write_seconds"/ { w = $2 }
     END { printf "%d pictures computed in %.1f s (%.0f per second), writing %.2f s: %.2f %% of the time\n", n, s, n / s, w, 100 * w / s }' \
    "$folder/report.json"
