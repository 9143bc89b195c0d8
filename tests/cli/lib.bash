# SPDX-License-Identifier: MIT
# Shared by the command-line tests.
rhea=$BUILD/rhea-system-x86_64
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fails=0

# expect STATUS PATTERN COMMAND...: exit status and an (extended) pattern in the output.
expect() {
    local status=$1 pattern=$2 got
    shift 2
    timeout "${EXPECT_TIMEOUT:-60}" "$@" >"$tmp/out" 2>&1 </dev/null
    got=$?
    if [ "$got" != "$status" ] || { [ -n "$pattern" ] && ! grep -Eq -- "$pattern" "$tmp/out"; }; then
        echo "FAILED: $*"
        echo "  status $got, wanted $status; wanted output: $pattern; got:"
        head -n 8 "$tmp/out" | sed 's/^/    /'
        fails=$((fails + 1))
    fi
}

# one_line: the last output was one line (an error names what was typed and nothing else).
one_line() {
    if [ "$(wc -l <"$tmp/out")" -gt "${1:-1}" ]; then
        echo "FAILED: more than ${1:-1} line(s):"
        head -n 8 "$tmp/out" | sed 's/^/    /'
        fails=$((fails + 1))
    fi
}
