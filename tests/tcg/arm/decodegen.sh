#!/bin/bash
# SPDX-License-Identifier: MIT
# The decoder generator: a generated decoder picks the right row and arguments for chosen instructions, overlaps
# and mistakes are errors that name the line, coverage counts. Expected values were worked out by hand.
set -u
gen=${BUILD:-.}/obj/decodegen
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fails=0

# bad LINE PATTERN TEXT: the text is refused with that line number and message.
bad() {
    printf '%s\n' "$3" >"$tmp/bad.decode"
    if "$gen" "$tmp/bad.decode" >/dev/null 2>"$tmp/err" || ! grep -Eq "bad.decode:$1: .*$2" "$tmp/err"; then
        echo "FAILED: wanted line $1: $2; got:"; cat "$tmp/err"
        fails=$((fails + 1))
    fi
}

B='00000000 00000000 00000000'
bad 2 "B overlaps A in line 1, e.g. 0x00000001" "A $B 0000000-
B $B 00000001"
bad 4 "B overlaps A in line 2" "{
A $B 0000000-
}
B $B 00000001"
bad 4 "B overlaps A in line 3" "{
[
A $B 0000000-
B $B 00000001
]
}"
bad 3 "B overlaps A in line 2" "# another value is excluded
A $B 0000 r:4  r!=1
B $B 00000010"
bad 1 "1 bits are missing" "A $B 0000000"
bad 1 "does not fit: 0 bits left" "A $B 000000000"
bad 2 "does not fit" "# comment
A $B r:9"
bad 1 "2 bits are missing of 32" "A 0000 \\
  0000 0000 0000 0000 0000 0000 00"
bad 1 "no argument set '&x'" "A $B r:8 &x"
bad 2 "does not give 'q'" "&x r q
A $B r:8 &x"
bad 2 "no member 'p'" "&x r
A $B r:4 p:4 &x"
bad 1 "no macro '@m'" "A $B @m"
bad 1 "cannot understand '\?'" "A $B 00000000 ?"
bad 1 "no field named 'q'" "A $B r:8 i=q<<2"
bad 1 "operator expected at '%3'" "A $B r:8 i=r%3"
bad 1 "'\)' expected" "A $B r:8 i=sext(r"
bad 1 "sext of a number" "A $B r:8 i=sext(3)"
bad 1 "'i' is given twice" "A $B r:8 i=r i=r"
bad 1 "always holds" "A $B r:8 r!=256"
bad 2 "arguments of A differ from those in line 1" "A $B 0000 r:4
A $B 0001 q:4"
bad 1 "never closed" "{"
bad 1 "closes nothing" "}"
bad 2 "closes nothing" "{
]"
bad 1 "cannot be a row's name" "1A $B 00000000"
bad 2 "is there already" "&x a
&x b"
bad 1 "bad member 'a'" "&x a a"
bad 1 "width is 16 or 32" "width 20"
bad 2 "before the first row" "A $B 00000000
width 16"
bad 1 "only the first piece" "A $B r:4 r:s4"
bad 1 "line too long" "A $(printf '0 %.0s' {1..200})"

cat >"$tmp/t.decode" <<'ROWS'
&ri sf rd rn imm
@rr rn:5 rd:5
ADD   sf:1 00 100010 0 imm12:12 @rr  &ri imm=imm12
ADD   sf:1 00 100010 1 imm12:12 @rr  &ri imm=imm12<<12
ADR   op:1 immlo:2 10000 immhi:19 rd:5  imm=sext(immhi.immlo)  rd!=31
ADRZ  op:1 immlo:2 10000 immhi:19 11111
B     0 00101 imm:s26
{
NOP   11111111 -------- -------- 00001111
HINT  11111111 -------- -------- x:4 1111  y=twice(x+1)-1 k=7 z=x.0b10
[
ONE   1111111- -------- -------- 00001111
TWO   1111111- -------- -------- 00011111
]
}
SPLIT 0001 1100 -------- -------- a:2 ---- a:2  b=a^1
# no bit is common to all of these
Q1    01000000 00000000 00000000 1---0---
Q2    01000000 00000000 00000000 0-1-----
Q3    01000000 00000000 00000000 -10-1---
Q4    01000000 00000000 00000000 00000000
ROWS
cat >"$tmp/t.c" <<'PROGRAM'
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
typedef struct DisasContext { char out[128]; bool pass; } DisasContext;
static int twice(DisasContext *s, int x) { return 2 * x; }
#include "t.inc"
#define TRANS(name, ...) \
    static bool trans_##name(DisasContext *s, arg_##name *a) \
    { sprintf(s->out + strlen(s->out), #name __VA_ARGS__); return true; }
TRANS(ADD, " %d %d %d %d", a->sf, a->rd, a->rn, a->imm)
TRANS(ADR, " %d %d %d", a->op, a->rd, a->imm)
TRANS(ADRZ, " %d %d %d", a->op, a->immlo, a->immhi)
TRANS(B, " %d", a->imm)
TRANS(HINT, " y%d k%d z%d", a->y, a->k, a->z)
TRANS(ONE) TRANS(TWO) TRANS(Q1) TRANS(Q2) TRANS(Q3) TRANS(Q4)
TRANS(SPLIT, " %d", a->b)
static bool trans_NOP(DisasContext *s, arg_NOP *a)
{
    strcat(s->out, s->pass ? "pass " : "NOP");
    return !s->pass;
}
static int check(uint32_t insn, bool pass, const char *want)
{
    DisasContext s = { .pass = pass };
    if (!decode_t(&s, insn))
        strcat(s.out, "none");
    if (strcmp(s.out, want) != 0)
        return printf("%08x: got %s, wanted %s\n", insn, s.out, want), 1;
    return 0;
}
int main(void)
{
    return check(0x91000c41, 0, "ADD 1 1 2 3") | check(0x11400c41, 0, "ADD 0 1 2 12288") |
           check(0x70ffffe0, 0, "ADR 0 0 -1") | check(0x90000001, 0, "ADR 1 1 0") |
           check(0x3000003f, 0, "ADRZ 0 1 1") | check(0x17ffffff, 0, "B -1") | check(0x14000001, 0, "B 1") |
           check(0xff00000f, 0, "NOP") | check(0xff00000f, 1, "pass HINT y1 k7 z2") |
           check(0xff12345f, 0, "HINT y11 k7 z22") | check(0xfe00000f, 0, "ONE") | check(0xfe00001f, 0, "TWO") |
           check(0xfe00002f, 0, "none") | check(0x10000081, 0, "ADR 0 1 16") | check(0x1c000082, 0, "SPLIT 11") |
           check(0x40000080, 0, "Q1") | check(0x40000020, 0, "Q2") | check(0x40000048, 0, "Q3") |
           check(0x40000000, 0, "Q4") | check(0x40000010, 0, "none") | check(0x00000000, 0, "none");
}
PROGRAM
if ! "$gen" "$tmp/t.decode" >"$tmp/t.inc" || ! "${HOSTCC:-gcc}" -std=gnu11 -Wall -Werror -Wno-unused-function -o "$tmp/t" "$tmp/t.c" ||
    ! "$tmp/t"; then
    echo "FAILED: the generated decoder"
    fails=$((fails + 1))
fi

# 2^16 in all; a: 2^12, b: half of the 2^12 that a leaves in its range, overlapping rows counted once.
printf 'width 16\n{\na 0000 x:12\nb 000- ---- ---- ---0\n}\n' >"$tmp/c.decode"
[ "$("$gen" --coverage "$tmp/c.decode")" = "2 rows match 6144 of 65536 encodings" ] || {
    echo "FAILED: coverage: $("$gen" --coverage "$tmp/c.decode")"
    fails=$((fails + 1))
}
# Without static: the decoder's body is there only on request.
printf 'extern\nwidth 16\na x:16\n' >"$tmp/e.decode"
"$gen" "$tmp/e.decode" >"$tmp/e.inc"
grep -q '^bool trans_a' "$tmp/e.inc" && grep -q '#ifdef DECODE_BODY_e' "$tmp/e.inc" || {
    echo "FAILED: extern"
    fails=$((fails + 1))
}
printf 'extern pre\nwidth 16\na x:16\n' >"$tmp/e.decode"
"$gen" "$tmp/e.decode" | grep -q '^bool pre_trans_a(' || {
    echo "FAILED: extern with a prefix"
    fails=$((fails + 1))
}
[ $fails -eq 0 ]
