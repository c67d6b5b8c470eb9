# Features of different recipes never mix: exit 4 and the word that differs.
. "$ROOT/tests/cli_helpers.sh"
toy pictures 4
quietly extract embedded pictures -o a.h5
quietly extract embedded pictures -o b.h5 --interpolation bicubic
quietly extract embedded pictures -o m.h5 --pool max --layers layer3.1
quietly extract embedded pictures -o n.h5 --layers layer3.1
quietly train n.h5 -o cn.h5 -c 1
quietly train a.h5 -o c.h5 -c 1
quietly evaluate c.h5 a.h5
expect 4 "interpolation" evaluate c.h5 b.h5
expect 4 "layer 'view'" evaluate c.h5 m.h5
expect 4 "pool" evaluate cn.h5 m.h5
expect 4 "interpolation" export c.h5 --format libsvm -o x --with b.h5
# An unfinished or finished file of another job is not written over.
expect 4 "interpolation" extract embedded pictures -o a.h5 --interpolation bicubic
expect 4 "layer|pool" extract embedded pictures -o a.h5 --pool max --layers @block
rm pictures/train/dots/000.ppm
expect 4 "pictures|rows" extract embedded pictures -o a.h5
