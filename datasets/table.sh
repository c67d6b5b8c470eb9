#!/bin/sh
# Where to cut, by set: table.sh LAYERCUT DRAW NETWORK... draws both sets and prints how well an SVM does on each block of
# the networks, cross-validated on train (cv) and on test; before them a linear SVM on raw pixels (32 x 32, of 0..1). '>':
# the cut that `sweep` chooses. FOLDER=name keeps pictures and features there.
[ $# -ge 3 ] || { sed -n '2,4s/^# //p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
layercut=$1 draw=$2
shift 2
folder=$FOLDER
if [ -z "$folder" ]; then
    folder=$(mktemp -d) || exit 1
    trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder" || exit 1

# column SET NAME NETWORK OPTIONS...: layer, cv, test and '>' of each layer, in FOLDER/NAME.SET.
column() {
    set=$1 name=$2 network=$3
    shift 3
    "$layercut" extract "$network" "$folder/$set" -o "$folder/$name.$set.h5" --quiet "$@" >/dev/null || exit 1
    "$layercut" sweep "$folder/$name.$set.h5" --quiet -c 1,10,100 $norm --json - >"$folder/$name.$set.json" || exit 1
    awk -F'": ' '
        { value = $2; sub(/,$/, "", value); gsub(/"/, "", value) }
        /^ *"name":/ { name = value; order[++n] = name }
        /^ *"accuracy":/ { if (!(name in cv)) cv[name] = value }
        /^ *"test_accuracy":/ { if (!(name in test)) test[name] = value }
        /^  "chosen":/ { chosen = value }
        END { for (i = 1; i <= n; i++) printf "%s %.3f %.3f %s\n", order[i], cv[order[i]], test[order[i]],
                  (order[i] == chosen && n > 1 ? ">" : ".") }' "$folder/$name.$set.json" >"$folder/$name.$set"
}

# table NAME
table() {
    paste -d ' ' "$folder/$1.textures" "$folder/$1.scenes" |
        awk '{ mark4 = ($4 == ">" ? ">" : " "); mark8 = ($8 == ">" ? ">" : " ")
               printf "%-22s %s %-6s %-8s %s %-6s %s\n", $1, mark4, $2, $3, mark8, $6, $7 }'
}

for set in textures scenes; do "$draw" $set "$folder/$set" >/dev/null || exit 1; done
printf '%-22s   textures          scenes\n%-22s   cv     test       cv     test\n' '' ''
norm='--norm l2'
for set in textures scenes; do column $set pixels "$here/pixels.onnx" --pool flat --mean 0 --std 1 --resize 32; done
table pixels
norm='--norm zscore'
for network in "$@"; do
    name=$(basename "$network")
    side=$("$layercut" layers "$network" | sed -n '1s/.*input [0-9]*x\([0-9]*\)x.*/\1/p')
    for set in textures scenes; do column $set "$name" "$network" --layers @block,penultimate --resize "$side"; done
    printf '\n%s, %s x %s\n' "$name" "$side" "$side"
    table "$name"
done
