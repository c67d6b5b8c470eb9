# A search that SIGTERM, SIGINT or kill -9 cuts short, wherever that lands: the same command ends with the same bytes, and takes what
# was finished from the journal.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 40
quietly extract embedded pictures -o f.h5
export SOURCE_DATE_EPOCH=0
for k in svm zscore linear; do
    case $k in
        svm) options="--kernel rbf --repeats 6 -log2c -5,15,1" ;;
        zscore) options="--norm zscore --repeats 6 -log2c -5,15,1" ;; # a matrix per fold
        linear) options="--classifier linear -log2c -5,5,1" ;;
    esac
    started=$(date +%s%N)
    # shellcheck disable=SC2086
    quietly train f.h5 -o c.h5 $options --threads 1
    whole_ms=$((($(date +%s%N) - started) / 1000000))
    mv c.h5 whole.h5
    n=0
    for signal in TERM INT KILL; do
        n=$((n + 1))
        delay=$(awk -v n=$n -v ms=$whole_ms 'BEGIN { printf "%.3f", n / 4 * ms / 1000 }')
        # shellcheck disable=SC2086
        "$LAYERCUT" train f.h5 -o c.h5 $options --threads 1 >/dev/null 2>cut.err &
        pid=$!
        sleep "$delay"
        kill -s $signal $pid 2>/dev/null
        wait $pid 2>/dev/null
        code=$?
        case $signal$code in
            TERM130 | INT130 | KILL137 | TERM143 | INT143 | *0) ;; # 143: before the handler stands; 0: it was done
            *) echo "$signal: exit $code"; cat cut.err ;;
        esac
        if [ $code = 0 ]; then
            [ ! -e c.h5.search ] || echo "$k: a finished search left its journal"
        else
            [ ! -e c.h5 ] || echo "$k: half a classifier after $signal"
            known=$(tail -n +2 c.h5.search 2>/dev/null | grep -c .)
            # Killed within a line, the last one does not count.
            [ -z "$(tail -c 1 c.h5.search 2>/dev/null | tr -d '\n')" ] || known=$((known - 1))
            # shellcheck disable=SC2086
            "$LAYERCUT" train f.h5 -o c.h5 $options --threads 2 --jobs 1 >/dev/null 2>resumed.err || cat resumed.err
            said=$(sed -n 's/.*\b\([0-9][0-9]*\) fits were there.*/\1/p' resumed.err)
            [ "${said:-0}" = "$known" ] || echo "$k: $known fits in the journal: $(cat resumed.err)"
        fi
        "$LAYERCUT" info c.h5 --json - | grep -vE '"(file|path|command)"' >c.txt
        "$LAYERCUT" info whole.h5 --json - | grep -vE '"(file|path|command)"' >whole.txt
        "$LAYERCUT" evaluate c.h5 f.h5 --predictions c.csv >c.eval; "$LAYERCUT" evaluate whole.h5 f.h5 --predictions whole.csv >whole.eval
        cmp c.txt whole.txt && cmp c.csv whole.csv && cmp c.eval whole.eval || echo "$k: DIFFERENT after $signal"
        rm -f c.h5
    done
    echo "$k: the same after every cut"
done
