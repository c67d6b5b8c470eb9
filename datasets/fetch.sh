#!/bin/sh
# Fetches published weights by name to where `layercut` looks for known names, and picture sets as folders of classes:
# fetch.sh NAME...; alone it lists them.
here=$(cd "$(dirname "$0")" && pwd)
table=${LAYERCUT_WEIGHTS_TABLE:-$here/weights.tsv}
sets_table=${LAYERCUT_SETS_TABLE:-$here/sets.tsv}
home=${LAYERCUT_HOME:-${HOME:+$HOME/.cache/layercut}}
tab=$(printf '\t')

say() { printf 'fetch.sh: %s\n' "$*" >&2; }

names() { awk -F '\t' '!/^#/ && NF && !seen[$1]++ { print $1 }' "$@"; }

# in_columns: words, one per line, as indented lines of at most 80 columns.
in_columns() {
    awk '{ if (length(line) + 2 + length($1) > 80) { print line; line = "" }
           line = line (line == "" ? "  " : " ") $1 }
         END { if (line != "") print line }'
}

usage() {
    cat <<'END'
usage: sh datasets/fetch.sh NAME...

Fetches published weights into $LAYERCUT_HOME (default ~/.cache/layercut), where
`layercut layers NAME` finds them, and picture sets into $LAYERCUT_HOME/sets, as
folders split/class/picture. The path is printed:

  layercut run embedded "$(sh datasets/fetch.sh ants-bees)" -o out

A download that broke off goes on where it was. Weights are checked against the
SHA-256 digits in their published name, sets as datasets/README.md says.

  LAYERCUT_MIRROR=URL   asks URL/FILE in place of the official servers; may be
                        file:///FOLDER
  LAYERCUT=PROGRAM      unpacks mnist and cifar10 (default: the one built here,
                        else the one in PATH)

Exit codes: 0 all are there; 1 one could not be had; 2 usage.

Picture sets:
END
    names "$sets_table" | in_columns
    printf '\nWeights:\n'
    names "$table" | in_columns
}

# nearest WANTED: the three names with the smallest edit distance, "a, b or c".
nearest() {
    names "$table" "$sets_table" | awk -v wanted="$1" '
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

md5() {
    if command -v md5sum >/dev/null 2>&1; then md5sum <"$1"; else openssl dgst -md5 -r <"$1"; fi | sed 's/[^0-9a-f].*//'
}

# is_published FILE DIGITS: sets found to the file's whole hash. DIGITS are the first of its SHA-256, md5:HASH where that
# alone is published, or zip where nothing is: the archive's own checksums.
is_published() {
    case $2 in
        zip) unzip -tqq "$1" >/dev/null 2>&1; return ;;
        md5:*) found=md5:$(md5 "$1") ;;
        *) found=$(sha256 "$1") ;;
    esac
    case $found in "$2"*) return 0 ;; esac
    return 1
}

# say_found DIGITS: how what came differs from what is published.
say_found() {
    case $1 in
        zip) say "  no whole zip archive" ;;
        md5:*) say "  MD5 ${found#md5:}, published ${1#md5:}" ;;
        *) if [ ${#1} = 64 ]; then say "  SHA-256 $found, published $1"; else say "  SHA-256 $found, published $1..."; fi ;;
    esac
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

# obtain NAME PART DIGITS TARGET URL...: PART becomes the published file, from the first address that gives it.
obtain() {
    name=$1 part=$2 digits=$3 target=$4 official=$5 wrong=
    shift 4
    if [ -z "$getter" ]; then
        say "$name: needs curl or wget: install one (Debian: apt-get install curl)"
        by_hand "$official" "$target"
        return 1
    fi
    [ -z "$LAYERCUT_MIRROR" ] || set -- "${LAYERCUT_MIRROR%/}/${official##*/}"
    for url in "$@"; do
        resumed=
        if [ -s "$part" ]; then
            is_published "$part" "$digits" && return
            resumed=yes
            say "$name: going on after $(($(wc -c <"$part"))) bytes"
        fi
        say "$name: from $url"
        if ! download "$url" "$part"; then
            [ -s "$part" ] || rm -f "$part"
            say "$name: could not be fetched: $problem"
            continue
        fi
        is_published "$part" "$digits" && return
        say "$name: not the published file, removed${resumed:+ (it was continued; the same command starts over)}"
        say_found "$digits"
        rm -f "$part"
        wrong=yes
    done
    if [ -s "$part" ]; then
        say "$(($(wc -c <"$part"))) bytes of it are kept: the same command goes on there; to start over, rm $part"
    fi
    [ -n "$wrong" ] || by_hand "$official" "$target"
    return 1
}

# fetch NAME FILE URL: weights.
fetch() {
    name=$1 published=$2 url=$3
    digits=$(printf '%s\n' "$published" | sed -n 's/.*-\([0-9a-f]\{8,64\}\)\.[a-z]*$/\1/p')
    [ -n "$digits" ] || { say "$table: '$published' carries no SHA-256 digits"; return 1; }
    file=$home/$name.${published##*.}
    if [ -e "$file" ]; then
        if is_published "$file" "$digits"; then
            say "$name: is there already"
            printf '%s\n' "$file"
            return
        fi
        say "$file: another file of that name is there; move it away first"
        say_found "$digits"
        return 1
    fi
    obtain "$name" "$home/$name.part" "$digits" "$file" "$url" && mv -f "$part" "$file" && printf '%s\n' "$file"
}

. "$here/unpack.sh"

# fetch_set NAME: its archives, then its folder, which has its name when it is whole.
fetch_set() {
    set_name=$1 folder=$home/sets/$1 archives=
    if [ -d "$folder" ]; then
        say "$set_name: is there already"
        printf '%s\n' "$folder"
        return
    fi
    missing=$(missing_tools "$set_name")
    [ -z "$missing" ] || { say "$set_name: needs $missing"; return 1; }
    mkdir -p "$home/sets" && sets=$(cd "$home/sets" && pwd) || return 1
    rows=$(awk -F '\t' -v name="$set_name" '!/^#/ && $1 == name { print $2 "\t" $3 "\t" $4 }' "$sets_table")
    while IFS=$tab read -r archive digits addresses; do
        archives="$archives $archive"
        if [ -e "$sets/$archive" ]; then
            is_published "$sets/$archive" "$digits" && continue
            say "$sets/$archive: another file of that name is there; move it away first"
            say_found "$digits"
            return 1
        fi
        # shellcheck disable=SC2086
        obtain "$set_name" "$sets/$archive.part" "$digits" "$sets/$archive" $addresses || return 1
        mv -f "$part" "$sets/$archive" || return 1
    done <<END
$rows
END
    new=$sets/$set_name.new
    rm -rf "$new" && mkdir "$new" || return 1
    if ! (cd "$new" && "unpack_$(printf %s "$set_name" | tr - _)" "$sets") >&2; then
        say "$set_name: could not be unpacked; what was fetched is in $sets"
        rm -rf "$new"
        return 1
    fi
    mv "$new/$set_name" "$folder" && rm -rf "$new" || return 1
    # shellcheck disable=SC2086
    (cd "$sets" && rm -f $archives)
    printf '%s\n' "$folder"
}

for file in "$table" "$sets_table"; do
    [ -r "$file" ] || { say "$file: cannot be read"; exit 1; }
done
[ $# -gt 0 ] || { usage; exit 0; }
for word in "$@"; do
    case $word in
        -h | --help) usage; exit 0 ;;
        -*) say "unknown option '$word' (see --help)"; exit 2 ;;
    esac
done
for word in "$@"; do
    if ! names "$table" "$sets_table" | grep -qxF -e "$word"; then
        say "no weights or pictures are called '$word'; nearest: $(nearest "$word") (all: fetch.sh --help)"
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
    if names "$sets_table" | grep -qxF -e "$word"; then
        fetch_set "$word" || status=1
        continue
    fi
    row=$(awk -F '\t' -v name="$word" '!/^#/ && $1 == name { print; exit }' "$table")
    IFS=$tab read -r name published url <<END
$row
END
    fetch "$name" "$published" "$url" || status=1
done
exit $status
