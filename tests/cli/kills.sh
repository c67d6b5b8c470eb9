# An extraction that is killed (-9, TERM) or meets a failing disk at any moment, and is resumed: the bytes of an unbroken
# run. 100 kills over 2 000 pictures where LC_TEST_FULL is set, else fewer. Nothing depends on where a kill lands.
. "$ROOT/tests/cli_helpers.sh"
kills=10 fails=24 step=3
"$O/draw_toy" drawn >/dev/null
mkdir pictures
copies=1
[ -z "$LC_TEST_FULL" ] || { kills=100 fails=150 step=1 copies=5; }
for copy in $(seq $copies); do cp -r drawn pictures/copy$copy; done
echo "not a picture" >pictures/copy1/bad.jpg
layers="layer1.0 layer3.1 flatten"
options="--layers layer1.0,layer3.1,flatten --flush 0.05"
# shellcheck disable=SC2086
run() { "$LAYERCUT" extract embedded pictures -o "$1" $options; }
check() {
    for layer in $layers; do
        quietly export "$1" --format npy -o check --layer $layer
        cmp "whole.$layer.npy" check.npy || echo "DIFFERENT: $2, $layer"
    done
    "$LAYERCUT" info "$1" --failed | cmp whole.failed - || echo "DIFFERENT: $2, failed rows"
}
started=$(date +%s%N)
run whole.h5 >/dev/null 2>&1
whole_ms=$((($(date +%s%N) - started) / 1000000))
for layer in $layers; do quietly export whole.h5 --format npy -o whole.$layer --layer $layer; done
"$LAYERCUT" info whole.h5 --failed >whole.failed
[ -s whole.failed ] && echo "one picture fails, in every run"

killed=0 ended=0 n=0
while [ $killed -lt $kills ] && [ $n -lt $((20 * kills)) ]; do
    n=$((n + 1))
    signal=KILL
    [ $((n % 4)) != 0 ] || signal=TERM
    # A third of a run on average: a file meets several kills before it is done.
    delay=$(awk -v n=$n -v ms=$whole_ms 'BEGIN { srand(n); printf "%.3f", rand() * ms / 1500 }')
    # Not by run(): $! must be the program, not a shell around it.
    # shellcheck disable=SC2086
    "$LAYERCUT" extract embedded pictures -o cut.h5 $options >/dev/null 2>cut.err &
    pid=$!
    sleep "$delay"
    kill -s $signal $pid 2>/dev/null
    wait $pid 2>/dev/null
    code=$?
    case $signal$code in
        KILL137 | TERM130 | TERM143) killed=$((killed + 1)) ;; # 143: before the handler stands
        KILL3 | TERM3) ;;
        *) echo "$signal: exit $code"; cat cut.err ;;
    esac
    [ ! -e cut.h5 ] || "$LAYERCUT" info cut.h5 >/dev/null || echo "does not open after $signal"
    if [ $code = 3 ]; then
        check cut.h5 "run ended after kills"
        rm cut.h5
        ended=$((ended + 1))
    fi
done
[ $killed -ge $kills ] && echo "killed often enough"
run cut.h5 >/dev/null 2>&1
check cut.h5 "resumed after the last kill"
ls cut.h5*

# The disk: the Nth change of the file fails, from the making of the file to its end. Resumed without failures.
run_failing() { LC_FAIL="$1" ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0" LD_PRELOAD="$O/tests/fail_io.so" \
    "$LAYERCUT" extract embedded pictures/copy1/test -o "$2" $options; }
run_failing "NONE 1000000000" small.h5 >/dev/null 2>&1
for layer in $layers; do quietly export small.h5 --format npy -o whole.$layer --layer $layer; done
"$LAYERCUT" info small.h5 --failed >whole.failed
for what in EIO ENOSPC SHORT; do
    seen=0 n=1
    while [ $n -le $fails ]; do
        [ $((n % 2)) = 0 ] && once=once || once=
        run_failing "$what $n $once" bad.h5 >/dev/null 2>bad.err
        code=$?
        case $what$code in
            EIO1) grep -q 'Input/output error' bad.err || { echo "$what $n:"; cat bad.err; } ;;
            ENOSPC1 | SHORT1) grep -q 'No space left' bad.err || { echo "$what $n:"; cat bad.err; } ;;
            *0) ;;
            *) echo "$what $n $once: exit $code"; cat bad.err ;;
        esac
        [ $code = 0 ] || seen=1
        [ ! -e bad.h5 ] || "$LAYERCUT" info bad.h5 >/dev/null || echo "does not open after $what $n $once"
        run_failing "NONE 1000000000" bad.h5 >/dev/null 2>bad.err || { echo "$what $n $once, resumed: exit $?"; cat bad.err; }
        check bad.h5 "$what $n"
        [ "$(ls bad.h5*)" = bad.h5 ] || ls bad.h5*
        rm -f bad.h5
        n=$((n + step))
    done
    [ $seen = 1 ] && echo "$what: said, and resumed to the same bytes"
done

# Two at once on one file: the second is refused.
mkfifo pipe
"$LAYERCUT" extract embedded - -o locked.h5 <pipe >/dev/null 2>&1 &
pid=$!
exec 3>pipe
{ echo path; find pictures/copy1 -name '*.ppm'; } >&3
exec 3>&-
until [ -e locked.h5 ]; do sleep 0.02; done
kill -STOP $pid
HDF5_USE_FILE_LOCKING=FALSE "$LAYERCUT" extract embedded pictures -o locked.h5 >/dev/null 2>locked.err
code=$?
kill -CONT $pid
wait $pid
# On a fast machine the first may have ended before it was stopped.
case $code in
    1) grep -q 'another process has this file open' locked.err && echo "refused while another writes" ;;
    4) echo "refused while another writes" ;;
    *) echo "exit $code"; cat locked.err ;;
esac
