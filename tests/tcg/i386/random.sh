# SPDX-License-Identifier: MIT
# Random instruction sequences against the host CPU, every class alone and mixed, in 16-, 32- and 64-bit code, under
# both engines. COUNT instructions per class (SLOW=1: ten times as many); SEED starts the sequence.
count=${COUNT:-20000}
[ -n "${SLOW-}" ] && count=$((count * 10))
classes="alu shift muldiv bits stack string flow misc bmi mmx sse ssefp x87 avx"
mixed="alu,muldiv,bits,stack,string,flow alu,shift,flow,bits,muldiv,sse,ssefp,mmx alu,flow,x87 alu,flow,sse,ssefp,avx"
status=0
grep -q 'AuthenticAMD' /proc/cpuinfo ||
    { echo "needs a host CPU of the kind Rhea's undefined flags follow (AMD)"; exit 77; }
one() { # bits engine classes insns count
    timeout 300 "$BUILD/tests/bin/x86-diff" --bits "$1" --engine "$2" --classes "$3" --max-insns "$4" --count "$5" \
        --seed "${SEED:-1}" --keep-going 3 || { echo "failed: --bits $1 --engine $2 --classes $3"; status=1; }
}
for bits in 64 32 16; do
    for c in $classes; do one $bits x86_64 "$c" 3 "$count"; done
    for c in $mixed; do one $bits x86_64 "$c" 16 "$count"; done
    for c in $mixed; do one $bits interp "$c" 16 $((count / 4)); done
done
exit $status
