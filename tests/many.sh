#!/bin/sh
# `make many`: an extraction of very many small pictures (many.sh O [PICTURES] [OPTIONS OF extract]); default 100 000
# of 64 x 64, drawn by draw_toy with seeds 1, 2, ... Prints the peak memory of the process on the way, and the part of the time that
# writing takes. Needs 12 KB of disk per picture.
O=$(cd "$1" && pwd)
pictures=${2:-100000}
[ $# -lt 2 ] && shift || shift 2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
seeds=$(((pictures + 399) / 400))
mkdir "$folder/pictures"
for seed in $(seq $seeds); do "$O/draw_toy" "$folder/pictures/$seed" "$seed" >/dev/null || exit 1; done
echo "$((seeds * 400)) pictures of 64 x 64 pixels"
"$O/layercut" extract embedded "$folder/pictures" -o "$folder/f.h5" --json "$folder/report.json" "$@" >"$folder/out" 2>"$folder/err" &
pid=$!
next=10000
while kill -0 $pid 2>/dev/null; do
    peak=$(sed -n 's/^VmHWM: *//p' /proc/$pid/status 2>/dev/null)
    done_now=$(sed -n 's|^\([0-9]*\)/[0-9]* pictures,.*|\1|p' "$folder/err" | tail -n 1)
    if [ "${done_now:-0}" -ge $next ]; then
        echo "after $done_now pictures: peak memory $peak"
        [ $next = 10000 ] && next=50000 || next=1000000000
    fi
    [ -z "$peak" ] || last=$peak
    sleep 0.2
done
wait $pid || { cat "$folder/err"; exit 1; }
echo "at the end:            peak memory $last"
awk -F'[:,]' '/"computed"/ { n = $2 } /"seconds"/ { s = $2 } /"write_seconds"/ { w = $2 }
     END { printf "%d pictures computed in %.1f s (%.0f per second), writing %.2f s: %.2f %% of the time\n", n, s, n / s, w, 100 * w / s }' \
    "$folder/report.json"
