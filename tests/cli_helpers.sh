# For tests/cli/*.sh: . "$ROOT/tests/cli_helpers.sh"

# try ARGUMENTS: shows the command, its standard output, its exit code unless 0, and then what it said.
try() {
    echo "\$ layercut $*"
    "$LAYERCUT" "$@" 2>try.err
    try_code=$?
    [ "$try_code" = 0 ] || { echo "exit $try_code"; cat try.err; }
}

# quietly ARGUMENTS: only a failure shows.
quietly() {
    "$LAYERCUT" "$@" >try.out 2>try.err && return
    echo "layercut $*: exit $?"
    cat try.out try.err
}

# expect CODE PATTERN ARGUMENTS: must exit with CODE, and say PATTERN (extended regular expression) on standard error.
expect() {
    expect_code=$1 expect_pattern=$2
    shift 2
    "$LAYERCUT" "$@" >try.out 2>try.err
    try_code=$?
    if [ "$try_code" = "$expect_code" ] && grep -qE -e "$expect_pattern" try.err; then
        echo "exit $try_code as expected: layercut $*"
    else
        echo "NOT AS EXPECTED (exit $expect_code, '$expect_pattern'): layercut $*"
        echo "exit $try_code"
        cat try.out try.err
    fi
}

# same FILE FILE: the same bytes.
same() {
    if cmp "$1" "$2" >try.err 2>&1; then echo "same bytes: $1 $2"; else echo "DIFFERENT: $1 $2"; cat try.err; fi
}

skip() {
    echo "$1"
    exit 77
}

# sanitized: the program was built with a sanitizer, which has memory of its own.
sanitized() { grep -qE '__[at]san_init' "$LAYERCUT"; }

# needs_python MODULES: $python has them (PYTHON, default /usr/bin/python3), or the test is skipped.
needs_python() {
    python=${PYTHON:-/usr/bin/python3}
    "$python" -c "import $1" 2>/dev/null || skip "$python lacks one of: $1"
}

# compare SCRIPT ARGUMENTS: tests/SCRIPT, quiet when nothing is off, and its exit code. BLAS of numpy on one thread, as ours is.
compare() {
    compare_script=$1
    shift
    OPENBLAS_NUM_THREADS=1 "$python" "$ROOT/tests/$compare_script" "$@" >compare.txt 2>warnings.txt
    compare_code=$?
    [ "$compare_code" = 0 ] || cat compare.txt warnings.txt
    echo "$compare_script: exit $compare_code"
}

# Skips where the program was built without fine-tuning.
needs_training() {
    "$LAYERCUT" finetune --help >/dev/null 2>&1 || skip "built with TRAIN=0: no fine-tuning"
}

# Every command, in the order of the table; without those of training where the program has none.
all_commands() {
    sed -n 's/_/-/g; s/^LC-COMMAND(\(.*\))/\1/p' "$ROOT/tools/command_list.inc" | if "$LAYERCUT" finetune --help >/dev/null 2>&1; then
        cat
    else
        grep -vxE 'finetune|transfer-matrix'
    fi
}

# toy FOLDER: a small set of drawn pictures, N of each class in train and test (default 6).
toy() {
    "$O/draw_toy" "$1" >/dev/null
    find "$1" -name '*.ppm' | while read -r picture; do
        number=${picture##*/}
        [ "${number%.ppm}" -lt "${2:-6}" ] || rm "$picture"
    done
    rm -rf "$1/val"
}

# serve: server.py, which says what Handler is, on the loopback at $address until the test ends, as process $server.
serve() {
    cat >>server.py <<'END'

Handler.log_message = lambda *ignored: None
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
with open("port.new", "w") as f:
    f.write(str(server.server_port))
os.rename("port.new", "port")
server.serve_forever()
END
    python3 server.py &
    server=$!
    trap 'kill $server' EXIT
    tries=0
    until [ -e port ]; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || skip "no server on the loopback"
        sleep 0.1
    done
    address=http://127.0.0.1:$(cat port)
}
