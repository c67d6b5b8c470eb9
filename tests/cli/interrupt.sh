# SIGTERM, SIGINT and kill -9 during extract: what is done is kept, the same command ends with the same bytes.
. "$ROOT/tests/cli_helpers.sh"
"$O/draw_toy" pictures >/dev/null
quietly extract embedded pictures -o whole.h5 --layers @block --threads 1
quietly export whole.h5 --format npy -o whole

# A signal that is there before the first picture: the list comes through a pipe that stays open until it was sent.
for signal in TERM INT; do
    mkfifo pipe
    # A shell starts background jobs with SIGINT ignored; layercut sets its own handler.
    "$LAYERCUT" extract embedded - -o early.h5 <pipe >/dev/null 2>early.err &
    pid=$!
    exec 3>pipe
    # Until the handler stands: bits 1 (SIGINT) and 14 (SIGTERM) of SigCgt.
    until grep -qE '^SigCgt:.*4..[2367abef]$' /proc/$pid/status; do sleep 0.05; done
    kill -s $signal $pid
    { echo path,label; for i in 000 001 002 003; do echo "pictures/train/dots/$i.ppm,dots"; done; } >&3
    exec 3>&-
    wait $pid
    echo "$signal: exit $?"
    grep -c interrupted early.err
    rm -f pipe early.h5
done

# Somewhere in the middle (or after the end, on a fast machine: then nothing is left to do).
for signal in TERM KILL; do
    "$LAYERCUT" extract embedded pictures -o cut.h5 --layers @block --threads 1 >/dev/null 2>cut.err &
    pid=$!
    until [ -s cut.h5 ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
    sleep 0.3
    kill -s $signal $pid 2>/dev/null
    wait $pid 2>/dev/null
    code=$?
    case $signal$code in
        TERM130 | TERM0 | KILL137 | KILL0) echo "$signal: an exit code that is right" ;;
        *) echo "$signal: exit $code"; cat cut.err ;;
    esac
    "$LAYERCUT" info cut.h5 >/dev/null || echo "does not open"
    quietly extract embedded pictures -o cut.h5 --layers @block --threads 2
    quietly export cut.h5 --format npy -o cut
    same whole.npy cut.npy
    rm -f cut.h5
done
