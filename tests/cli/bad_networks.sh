# Damaged and hostile networks: exit 1, the file's name, nothing allocated from an unchecked size.
. "$ROOT/tests/cli_helpers.sh"
mkdir set; "$O/draw_toy" pictures >/dev/null; cp pictures/train/dots/000.ppm set
: >empty.onnx
echo "these are only words" >words.onnx
head -c 5000 /dev/zero >zeros.onnx
# ModelProto { ir_version 7; graph { initializer { dims 2^62, dims 2^62; float; name "w"; raw_data of 4 bytes } } }
printf '\010\007\072\044\052\042\010\200\200\200\200\200\200\200\200\100\010\200\200\200\200\200\200\200\200\100\020\001\102\001w\112\004abcd' >hostile.onnx
# A length that runs past the end of the file.
printf '\010\007\072\377\377\377\377\017\052' >past.onnx
for f in empty words zeros hostile past; do
    expect 1 "$f.onnx" layers $f.onnx
    expect 1 "$f.onnx" extract $f.onnx set -o f.h5
    [ ! -e f.h5 ] || echo "f.h5 was made"
done
expect 1 "nosuch.onnx" layers nosuch.onnx
# Networks that an earlier version fell over, or took for something else.
for f in window_sees_nothing name_with_newline arena_wraps_round strides_are_a_float; do
    cp "$ROOT/tests/corpus/onnx/$f.onnx" .
done
expect 1 "wider than the window" layers window_sees_nothing.onnx
expect 1 "evil[?]name[?].31m" layers name_with_newline.onnx
expect 1 "too large" extract arena_wraps_round.onnx set -o f.h5 --layers logits --resize 16
expect 1 "'strides' is of the wrong type" layers strides_are_a_float.onnx
[ ! -e f.h5 ] || echo "f.h5 was made"
