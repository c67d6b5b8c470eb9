# datasets/fetch.sh over loopback HTTP: a download that breaks off and goes on, errors; with curl, and with wget where it is.
. "$ROOT/tests/cli_helpers.sh"
command -v python3 >/dev/null 2>&1 || skip "python3 is not installed (it is the server)"
command -v curl >/dev/null 2>&1 || skip "curl is not installed"

cat >server.py <<'END'
import http.server, os, re

class Handler(http.server.BaseHTTPRequestHandler):
    """/whole/F; /broken/F: half of what was asked from the start, then hangs up; /old/F: knows no ranges; /page/F: a page."""

    def do_GET(self):
        kind, name = self.path.split("/")[1:3]
        data = b"<html>log in first</html>" if kind == "page" else b""
        if kind != "page":
            if not os.path.exists("mirror/" + name):
                return self.send_error(404)
            data = open("mirror/" + name, "rb").read()
        asked = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(asked.group(1)) if asked and kind != "old" else 0
        if first >= len(data):
            return self.send_error(416)
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (first, len(data) - 1, len(data)))
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        last = len(data) // 2 if kind == "broken" and not first else len(data)
        self.wfile.write(data[first:last])
END

mkdir mirror
awk 'BEGIN { for (i = 0; i < 40000; i++) print "weights " i }' >drawn.pth
published=drawn-$(sha256sum <drawn.pth | cut -c 1-8).pth
cp drawn.pth "mirror/$published"
printf 'drawn\t%s\thttps://weights.invalid/%s\n' "$published" "$published" >table.tsv
printf 'none\tnone-00000000.pth\thttps://weights.invalid/none-00000000.pth\n' >>table.tsv

serve

LAYERCUT_HOME=$PWD/home
LAYERCUT_WEIGHTS_TABLE=$PWD/table.tsv
no_proxy=127.0.0.1
export LAYERCUT_HOME LAYERCUT_WEIGHTS_TABLE no_proxy

# get KIND NAME: the server's words and the program's are left out.
get() {
    echo "\$ fetch.sh $2, $1"
    LAYERCUT_MIRROR=$address/$1 sh "$ROOT/datasets/fetch.sh" "$2" >get.out 2>&1
    get_code=$?
    sed -e "s|$PWD|HERE|g; s|$address|SERVER|" -e 's/could not be fetched: .*/could not be fetched: .../' get.out
    [ "$get_code" = 0 ] || echo "exit $get_code"
}

session() {
    rm -rf home
    get whole drawn
    same drawn.pth home/drawn.pth
    rm home/drawn.pth
    get broken drawn
    get broken drawn
    same drawn.pth home/drawn.pth
    rm home/drawn.pth
    cp drawn.pth home/drawn.part
    get broken drawn
    rm home/drawn.pth
    get page drawn
    get whole none
    ls home
}
session | tee curl.txt

echo "with wget, where it is, the same:"
if command -v wget >/dev/null 2>&1; then
    mkdir bin
    for tool in sh awk cat cmp cp cut dirname grep head ls mkdir mv rm sed sha256sum sort tail wc wget; do
        ln -s "$(command -v $tool)" bin/$tool
    done
    (PATH=$PWD/bin && session) | diff curl.txt -
fi

echo "a server that knows no ranges, and then none at all:"
head -c 1000 drawn.pth >home/drawn.part
get old drawn
kill $server
wait $server 2>/dev/null
trap - EXIT
get whole drawn
