# Places one may not write to or read from.
. "$ROOT/tests/cli_helpers.sh"
[ "$(id -u)" != 0 ] || skip "root may write anywhere"
toy pictures 3
mkdir locked; chmod 555 locked
expect 1 "Permission denied" extract embedded pictures -o locked/f.h5
quietly extract embedded pictures -o f.h5
expect 1 "Permission denied" train f.h5 -o locked/c.h5 -c 1
chmod 000 f.h5
expect 1 "Permission denied" train f.h5 -o c.h5 -c 1
