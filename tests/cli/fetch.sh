# datasets/fetch.sh from a folder: the good file, a wrong one, half a one, none. fetch_http.sh has the same over HTTP.
. "$ROOT/tests/cli_helpers.sh"
command -v curl >/dev/null 2>&1 || command -v wget >/dev/null 2>&1 || skip "neither curl nor wget is installed"
command -v sha256sum >/dev/null 2>&1 || skip "sha256sum is not installed"

LAYERCUT_HOME=$PWD/home
LAYERCUT_WEIGHTS_TABLE=$PWD/table.tsv
LAYERCUT_MIRROR=file://$PWD/mirror
export LAYERCUT_HOME LAYERCUT_WEIGHTS_TABLE LAYERCUT_MIRROR

# get ARGUMENTS: runs it and shows what it says, less what differs from machine to machine.
get() {
    echo "\$ fetch.sh $*"
    sh "$ROOT/datasets/fetch.sh" "$@" >get.out 2>&1
    get_code=$?
    sed -e "s|$PWD|HERE|g" -e 's/could not be fetched: .*/could not be fetched: .../' get.out
    [ "$get_code" = 0 ] || echo "exit $get_code"
}

# publish NAME FILE: puts FILE onto the mirror and into the table.
publish() {
    digits=$(sha256sum <"$2" | cut -c 1-8)
    published=$1-$digits.${2##*.}
    cp "$2" "mirror/$published"
    printf '%s\t%s\thttps://weights.invalid/%s\n' "$1" "$published" "$published" >>table.tsv
}

mkdir mirror
awk 'BEGIN { for (i = 0; i < 4000; i++) print "weights " i }' >drawn.pth
echo '# comment' >table.tsv
publish tiny "$ROOT/tests/cli/tiny.onnx"
publish drawn drawn.pth
publish other drawn.pth

get | tail -n 2
echo "a good file, found by its name afterwards, and not fetched again:"
get tiny
"$LAYERCUT" layers tiny | sed -n 1p
rm mirror/tiny-*
get tiny drawn
same drawn.pth home/drawn.pth

echo "the rest of half a one:"
head -c 20000 drawn.pth >home/other.part
get other
same drawn.pth home/other.pth
ls home

echo "a wrong one, also as the second half:"
rm home/other.pth
echo damaged >>"$(echo mirror/other-*)"
get other
head -c 100 "$ROOT/tests/cli/tiny.onnx" >home/other.part
cp drawn.pth "$(echo mirror/other-*)"
get other | sed 's/SHA-256 [0-9a-f]*/SHA-256 .../'
ls home

echo "another file under that name stays:"
echo mine >home/other.pth
get other
cat home/other.pth
rm home/other.pth

echo "a server that is not there; the others are still fetched:"
rm home/drawn.pth mirror/other-*
get other drawn
ls home

echo "neither curl nor wget:"
mkdir bin
for tool in sh awk cat cut dirname grep head mkdir mv rm sed sha256sum sort tail wc; do
    ln -s "$(command -v $tool)" bin/$tool
done
(PATH=$PWD/bin && get other drawn)

echo "words nobody knows:"
get drown
get tiny --force
LAYERCUT_WEIGHTS_TABLE=$PWD/no.tsv get tiny

echo "the table that ships:"
unset LAYERCUT_WEIGHTS_TABLE
sh "$ROOT/datasets/fetch.sh" --help | awk 'length > 80 { print "wider than 80 columns: " $0 }'
awk -F '\t' '/^#/ { next }
    $3 !~ /^https:\/\/(download\.pytorch\.org\/models|github\.com\/akamaster)\// { print "address: " $0 }
    $2 !~ /-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]+\.(pth|th)$/ { print "digits: " $0 }
    substr($3, length($3) - length($2)) != "/" $2 { print "file: " $0 }
    seen[$1]++ { print "twice: " $0 }' "$ROOT/datasets/weights.tsv"
sed -n 's/^LC_ARCH(\([a-z0-9_]*\),.*/\1/p' "$ROOT/extractor/models/arch_list.inc" | sort >architectures
grep -v '^#' "$ROOT/datasets/weights.tsv" | cut -f 1 | sort >named
echo "architectures without: $(comm -23 architectures named | tr '\n' ' ')"
echo "names without architecture: $(comm -13 architectures named)"
