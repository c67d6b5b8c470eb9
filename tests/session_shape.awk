# Whether what a command printed has the shape that a README shows: awk -f session_shape.awk EXPECTED ACTUAL. Words that are
# numbers, bars and marks may differ, blanks count as one; a line [...] stands for any number of lines.

function shape(line,    words, n, i, all) {
    gsub(/[=-][=-]+/, "=", line)
    gsub(/=? *\|/, "|", line)
    sub(/^ *> /, "", line)
    sub(/ <- *$/, "", line)
    n = split(line, words, /[ \t]+/)
    for (i = 1; i <= n; i++) {
        if (words[i] ~ /^[(|]*-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?[kMGT%]?[]),;:|]*$/) {
            sub(/-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?[kMGT%]?/, "N", words[i])
        }
        all = all (words[i] == "" ? "" : " " words[i])
    }
    return all
}

function fail(text) {
    print "    " text
    exit 1
}

FNR == NR { expected[++wanted] = $0; next }
{ actual[++given] = $0 }

END {
    while (wanted && expected[wanted] ~ /^ *$/) wanted--
    while (given && actual[given] ~ /^ *$/) given--
    for (i = j = 1; i <= wanted; i++) {
        if (expected[i] ~ /^ *\[\.\.\.\] *$/) {
            any = 1
            continue
        }
        while (any && j <= given && shape(actual[j]) != shape(expected[i])) j++
        any = 0
        if (j > given) fail("is not there: " expected[i])
        if (shape(actual[j]) != shape(expected[i])) fail("README: " expected[i] "\n    printed: " actual[j])
        j++
    }
    if (!any && j <= given) fail("not in the README: " actual[j])
}
