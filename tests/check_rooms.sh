#!/bin/sh
# Holds the code to the table of rooms: which room includes which, and which foreign header belongs to which file.
cd "$(dirname "$0")/.." || exit 1
bad=0
say() { echo "$1"; bad=1; }

# room: the rooms it may include (its own is always allowed)
rooms='common:
extractor/kernels:common
extractor/ops:common extractor/kernels
extractor/graph:common extractor/kernels extractor/ops
extractor/models:common extractor/ops extractor/graph
extractor/image:common
extractor/train:common extractor/kernels extractor/ops extractor/graph extractor/models extractor/image
extractor:common extractor/kernels extractor/ops extractor/graph extractor/models extractor/image extractor/train
classifier:common
tools:common tools/report extractor/extractor.h classifier/classifier.h
tools/report:common extractor/extractor.h classifier/classifier.h'

for f in $(find common extractor classifier tools \( -name '*.[ch]' -o -name '*.inc' \) | sort); do
    room=$(dirname "$f")
    allowed=$(echo "$rooms" | sed -n "s|^$room:||p")
    for inc in $(sed -n 's|^ *# *include *"\([^"]*\)".*|\1|p' "$f"); do
        case $inc in
            extractor/models/onnx.pb-c.h) continue ;; # made by protoc-c; its owner is checked below
            */*) ;;
            *) say "$f: includes \"$inc\"; write it from the root"; continue ;;
        esac
        from=$(dirname "$inc")
        case " $room $allowed " in
            *" $from "* | *" $inc "*) ;;
            *) say "$f: includes $inc, which room $room may not" ;;
        esac
    done
done

# foreign header: the one file that includes it (a header where several .c files of a room share it)
owners='hdf5.h:common/h5_file.h
cblas.h:common/blas.c
jansson.h:common/json.c
openssl/:common/sha256.c
pthreadpool.h:common/threads.c
stb:extractor/image/decode_stb.c
webp/:extractor/image/decode_webp.c
jpeglib.h:extractor/image/decode_jpeg.c
jerror.h:extractor/image/decode_jpeg.c
onnx.pb-c.h:extractor/models/onnx_proto.h
zlib.h:extractor/models/zip.c
svm.h:classifier/clf_nusvm.c'
echo "$owners" | while IFS=: read -r header owner; do
    grep -rlE "^ *# *include *[<\"]([a-z/-]*/)?$header" common extractor classifier tools --include='*.[ch]' --include='*.inc' |
        while read -r f; do
            [ "$f" = "$owner" ] || echo "$f: includes $header, which belongs to $owner"
        done
done | { grep . && exit 1 || exit 0; } || bad=1

# file names are unique, so that a name is enough to find a file
twice=$(git ls-files '*.c' '*.h' '*.inc' 2>/dev/null | sed 's|.*/||' | sort | uniq -d)
[ -z "$twice" ] || say "file names that stand twice: $twice"

[ "$bad" = 0 ] && echo "rooms: in order"
exit "$bad"
