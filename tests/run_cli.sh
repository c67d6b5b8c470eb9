#!/bin/sh
# One command-line test: run_cli.sh O tests/cli/NAME.sh. It runs in an empty folder; its standard output, and a last
# line "exit N" unless that is 0, must equal NAME.out. LC_UPDATE=1 writes NAME.out anew. Exit 77: skipped.
ROOT=$(cd "$(dirname "$0")/.." && pwd)
O=$(cd "$1" && pwd)
script=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
expected=${script%.sh}.out
LAYERCUT=$O/layercut
LC_SHARED=${LC_SHARED:-$ROOT/../shared}
if [ -d "$LC_SHARED" ]; then LC_SHARED=$(cd "$LC_SHARED" && pwd); else LC_SHARED=; fi
NO_COLOR=1
LC_ALL=C
export ROOT O LAYERCUT LC_SHARED NO_COLOR LC_ALL
scratch=$(mktemp -d) || exit 1
trap 'chmod -R u+rwX "$scratch"; rm -rf "$scratch"' EXIT
mkdir "$scratch/work"
(cd "$scratch/work" && exec sh "$script") >"$scratch/out" 2>"$scratch/err"
status=$?
if [ "$status" = 77 ]; then
    cat "$scratch/out" "$scratch/err"
    exit 77
fi
[ "$status" = 0 ] || echo "exit $status" >>"$scratch/out"
if [ -n "$LC_UPDATE" ]; then
    cp "$scratch/out" "$expected"
elif ! diff -u "$expected" "$scratch/out"; then
    echo "standard error was:"
    cat "$scratch/err"
    echo "(if the new output is right: LC_UPDATE=1 sh tests/run_cli.sh $1 $2)"
    exit 1
fi
