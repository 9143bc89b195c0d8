# SPDX-License-Identifier: MIT
# What breakpoints cost that are set and not hit: nothing, however often the code beside them runs. Two runs of the same instructions,
# without and with 100 breakpoints on the page that is busy; what the engine did (TBs translated, exits from generated code by kind,
# lookups, slow memory accesses) may differ by some for each breakpoint, not by the number of calls.
. "$SRC/tests/gdb/lib.bash"
build_guest 64 guest-busy.c || exit 1

run() { # breakpoints
    start -m 64 -nodefaults -serial stdio -icount shift=0,sleep=off -device isa-debug-exit,iobase=0x501,iosize=2 -kernel "$tmp/guest64"
    debug "$tmp/guest64.elf" <<EOF
hbreak main
continue
delete
p ((unsigned long)cold ^ (unsigned long)even) >> 12
python for i in range($1): gdb.execute("break *(cold + %d)" % i)
break done
continue
monitor info jit
delete
detach
EOF
    says '= 0$' 'Breakpoint [0-9]*, .*done' 'TBs generated'
    finished 1
    rm -f "$tmp/gdb"
    # "NAME.1 NUMBER" for the first number of a line, and so on
    sed -nE '/^(TBs generated|TB invalidate|jump cache|exits|exceptions|halts|L[12] misses|page walks|bank|page fl|context|full|MMIO)/p' "$tmp/out" |
        awk '{ name = substr($0, 1, 20); gsub(/ /, "", name); n = split(substr($0, 21), part, /[^0-9]+/); k = 0
               for (i = 1; i <= n; i++) if (part[i] != "") print name "." ++k, part[i] }' | sort >"$tmp/$1"
}

run 0
run 100
[ "$(wc -l <"$tmp/0")" -gt 20 ] || fail "few counters: $(cat "$tmp/0")"
# Anything that the engine did once for each call would count 300000.
join "$tmp/0" "$tmp/100" | awk '{ d = $3 - $2; if (d > 500 || d < -500) bad = 1; n++ } END { exit bad || n <= 20 }' ||
    fail "the engine did more with breakpoints: $(join "$tmp/0" "$tmp/100")"
exit $fails
