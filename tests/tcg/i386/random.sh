# SPDX-License-Identifier: MIT
# Random instruction sequences against the host CPU, every class alone and mixed, in code of BITS (64; random-32.sh: 32 and 16),
# under both engines; with ORACLE=interp, of generated code against the interpreter. COUNT instructions per class (SLOW=1: ten times as many); SEED starts the sequence.
count=${COUNT:-20000}
[ -n "${SLOW-}" ] && count=$((count * 10))
classes="alu shift muldiv bits stack string flow misc bmi mmx sse ssefp x87 avx"
mixed="alu,muldiv,bits,stack,string,flow alu,shift,flow,bits,muldiv,sse,ssefp,mmx alu,flow,x87 alu,flow,sse,ssefp,avx"
status=0
grep -q 'AuthenticAMD' /proc/cpuinfo ||
    { echo "needs a host CPU of the kind Rhea's undefined flags follow (AMD)"; exit 77; }
one() { # bits engine classes insns count [option...]
    local bits=$1 engine=$2 classes=$3 insns=$4 count=$5
    shift 5
    timeout 300 "$BUILD/tests/bin/x86-diff" --bits $bits --engine $engine --classes "$classes" --max-insns $insns --count $count \
        --seed "${SEED:-1}" --keep-going 3 ${ORACLE:+--oracle $ORACLE} "$@" || { echo "failed: --bits $bits --engine $engine --classes $classes $*"; status=1; }
}
for bits in ${BITS:-64}; do
    for c in $classes; do one $bits x86_64 "$c" 3 "$count"; done
    for c in $mixed; do
        one $bits x86_64 "$c" 16 "$count"
        one $bits x86_64 "$c" 16 $((count / 2)) --hot 1000000 # no regions
    done
    [ -n "${ORACLE-}" ] || for c in $mixed; do one $bits interp "$c" 16 $((count / 4)); done
done
# Sequences that once differed.
[ "${BITS:-64}" = 64 ] && SEED=13000103 one 64 x86_64 ssefp 3 200
[ "${BITS:-64}" = 64 ] && SEED=54000228 one 64 x86_64 avx 3 400
exit $status
