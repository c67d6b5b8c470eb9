#!/bin/sh
# Fetches published weights by name to where `layercut` looks for known names: fetch.sh NAME...; alone it lists them.
here=$(cd "$(dirname "$0")" && pwd)
table=${LAYERCUT_WEIGHTS_TABLE:-$here/weights.tsv}
home=${LAYERCUT_HOME:-${HOME:+$HOME/.cache/layercut}}
tab=$(printf '\t')

say() { printf 'fetch.sh: %s\n' "$*" >&2; }

names() { awk -F '\t' '!/^#/ && NF { print $1 }' "$table"; }

usage() {
    cat <<'END'
usage: sh datasets/fetch.sh NAME...

Fetches published weights into $LAYERCUT_HOME (default ~/.cache/layercut), where
`layercut layers NAME` finds them. A download that broke off goes on where it
was; each file is checked against the SHA-256 digits in its published name.

  LAYERCUT_MIRROR=URL   asks URL/FILE in place of the official servers; may be
                        file:///FOLDER

Exit codes: 0 all are there; 1 one could not be had; 2 usage.

Names:
END
    names | awk '{ if (length(line) + 2 + length($1) > 80) { print line; line = "" }
                   line = line (line == "" ? "  " : " ") $1 }
                 END { if (line != "") print line }'
}

# nearest WANTED: the three names with the smallest edit distance, "a, b or c".
nearest() {
    names | awk -v wanted="$1" '
        function distance(a, b,    i, j, n, m, above, old, best) {
            n = length(a); m = length(b)
            for (j = 0; j <= m; j++) row[j] = j
            for (i = 1; i <= n; i++) {
                above = row[0]; row[0] = i
                for (j = 1; j <= m; j++) {
                    old = row[j]
                    best = above + (substr(a, i, 1) != substr(b, j, 1))
                    if (row[j] + 1 < best) best = row[j] + 1
                    if (row[j - 1] + 1 < best) best = row[j - 1] + 1
                    row[j] = best; above = old
                }
            }
            return row[m]
        }
        { print distance(wanted, $1) "\t" $1 }' | sort -s -n -k 1,1 | head -n 3 |
        awk -F '\t' '{ name[NR] = $2 }
                     END { for (i = 1; i <= NR; i++) printf "%s%s", (i == 1 ? "" : i == NR ? " or " : ", "), name[i] }'
}

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum <"$1"
    elif command -v shasum >/dev/null 2>&1; then
        shasum -a 256 <"$1"
    else
        openssl dgst -sha256 -r <"$1"
    fi | sed 's/[^0-9a-f].*//'
}

# is_published FILE DIGITS: sets found to the file's whole hash.
is_published() {
    found=$(sha256 "$1")
    case $found in "$2"*) return 0 ;; esac
    return 1
}

by_hand() {
    say "by hand: download $1"
    say "         and put it at $2"
}

# download URL PART: the rest of PART; what went wrong goes into $problem. A stall of a minute ends it.
download() {
    case $getter-$1 in
        curl-*)
            if [ -t 2 ]; then
                curl -fL --connect-timeout 30 --speed-time 60 --speed-limit 1 --progress-bar -C - -o "$2" "$1" && return
                problem="curl: exit $?"
            else
                problem=$(curl -fLsS --connect-timeout 30 --speed-time 60 --speed-limit 1 -C - -o "$2" "$1" 2>&1) && return
            fi ;;
        wget-file://*) problem=$(cp "${1#file://}" "$2" 2>&1) && return ;;
        *) problem=$(wget -nv -c --timeout=60 --tries=1 -O "$2" "$1" 2>&1) && return ;;
    esac
    problem=$(printf '%s\n' "$problem" | tail -n 1)
    return 1
}

# fetch NAME FILE URL
fetch() {
    name=$1 published=$2 url=$3 official=$3
    digits=$(printf '%s\n' "$published" | sed -n 's/.*-\([0-9a-f]\{8,64\}\)\.[a-z]*$/\1/p')
    [ -n "$digits" ] || { say "$table: '$published' carries no SHA-256 digits"; return 1; }
    [ -z "$LAYERCUT_MIRROR" ] || url=${LAYERCUT_MIRROR%/}/$published
    file=$home/$name.${published##*.} part=$home/$name.part resumed=
    if [ -e "$file" ]; then
        if is_published "$file" "$digits"; then
            say "$name: is there already"
            printf '%s\n' "$file"
            return
        fi
        say "$file: another file of that name is there; move it away first"
        say "  SHA-256 $found, published $digits..."
        return 1
    fi
    if [ -z "$getter" ]; then
        say "$name: needs curl or wget: install one (Debian: apt-get install curl)"
        by_hand "$official" "$file"
        return 1
    fi
    if [ -s "$part" ] && ! is_published "$part" "$digits"; then
        resumed=yes
        say "$name: going on after $(($(wc -c <"$part"))) bytes"
    fi
    if [ ! -s "$part" ] || [ -n "$resumed" ]; then
        say "$name: from $url"
        if ! download "$url" "$part"; then
            [ -s "$part" ] || rm -f "$part"
            say "$name: could not be fetched: $problem"
            if [ -s "$part" ]; then
                say "$(($(wc -c <"$part"))) bytes of it are kept: the same command goes on there; to start over, rm $part"
            fi
            by_hand "$official" "$file"
            return 1
        fi
    fi
    if ! is_published "$part" "$digits"; then
        say "$name: not the published file, removed${resumed:+ (it was continued; the same command starts over)}"
        say "  SHA-256 $found, published $digits..."
        rm -f "$part"
        return 1
    fi
    mv -f "$part" "$file" && printf '%s\n' "$file"
}

[ -r "$table" ] || { say "$table: cannot be read"; exit 1; }
[ $# -gt 0 ] || { usage; exit 0; }
for word in "$@"; do
    case $word in
        -h | --help) usage; exit 0 ;;
        -*) say "unknown option '$word' (see --help)"; exit 2 ;;
    esac
done
for word in "$@"; do
    if ! names | grep -qxF -e "$word"; then
        say "no weights are called '$word'; nearest: $(nearest "$word") (all: fetch.sh --help)"
        exit 2
    fi
done
[ -n "$home" ] || { say "neither LAYERCUT_HOME nor HOME is set"; exit 1; }
for tool in sha256sum shasum openssl ''; do
    [ -n "$tool" ] || { say "needs sha256sum, shasum or openssl to check what is fetched"; exit 1; }
    if command -v "$tool" >/dev/null 2>&1; then break; fi
done
getter=
for tool in wget curl; do
    if command -v $tool >/dev/null 2>&1; then getter=$tool; fi
done
mkdir -p "$home" || exit 1
status=0
for word in "$@"; do
    row=$(awk -F '\t' -v name="$word" '!/^#/ && $1 == name { print; exit }' "$table")
    IFS=$tab read -r name published url <<END
$row
END
    fetch "$name" "$published" "$url" || status=1
done
exit $status
