# The system refuses: a message with errno, exit 1, no half-written final name.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 3
quietly extract embedded pictures -o f.h5
quietly train f.h5 -o c.h5 -c 1
"$LAYERCUT" --help >/dev/full 2>err.txt
echo "exit $?"; grep -c 'No space left' err.txt
"$LAYERCUT" evaluate c.h5 f.h5 --json /dev/full/x >/dev/null 2>err.txt
echo "exit $?"
expect 1 "nowhere/f.h5.*No such file|No such file.*nowhere/f.h5" extract embedded pictures -o nowhere/f.h5
expect 1 "nowhere/c.h5.*No such file|No such file.*nowhere/c.h5" train f.h5 -o nowhere/c.h5 -c 1
# A file size limit stands for a full disk; SIGXFSZ is ignored so that the write fails instead.
(trap '' XFSZ; ulimit -f 8; "$LAYERCUT" extract embedded pictures -o big.h5 >/dev/null 2>err.txt; echo "exit $?")
grep -cE 'big.h5.*(File too large|write)' err.txt
(trap '' XFSZ; ulimit -f 1; "$LAYERCUT" train f.h5 -o big_c.h5 -c 1 >/dev/null 2>err.txt; echo "exit $?")
(trap '' XFSZ; ulimit -f 0; "$LAYERCUT" layers embedded --json l.json >/dev/null 2>err.txt; echo "exit $?")
ls
