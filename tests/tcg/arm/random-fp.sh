# SPDX-License-Identifier: MIT
# Random floating-point, SIMD and cryptography instructions of A64, A32 and T32 against the user-mode emulators, for several CPU
# models and under both engines; fpu/ is what their exact path rests on. COUNT instructions per class (SLOW=1: fifty times as
# many); SEED starts the sequence.
count=${COUNT:-20000}
[ -n "${SLOW-}" ] && count=$((count * 50))
classes="fp simd simdmem crypto"
status=0
for p in qemu-aarch64 qemu-arm; do
    command -v "$p" >/dev/null || { echo "needs $p (apt-get install qemu-user)"; exit 77; }
done
one() { # isa cpu engine classes insns count
    timeout 600 "$BUILD/tests/bin/arm-diff" --isa "$1" --cpu "$2" --engine "$3" --classes "$4" --max-insns "$5" --count "$6" \
        --seed "${SEED:-1}" --keep-going 3 || { echo "failed: --isa $1 --cpu $2 --engine $3 --classes $4"; status=1; }
}
for isa in a64 a32 t32; do
    for c in $classes; do one $isa max x86_64 $c 1 "$count"; done
    one $isa max x86_64 fp,simd,simdmem,crypto 8 $((count * 2))
    one $isa max interp fp,simd,simdmem,crypto 4 "$count"
done
for cpu in cortex-a15 cortex-a9; do one a32 $cpu x86_64 fp,simd,simdmem 1 "$count"; done
one a32 arm1176 x86_64 fp,simdmem 1 "$count" # short vectors
for cpu in cortex-a53 cortex-a76; do one a64 $cpu x86_64 fp,simd,crypto 1 "$count"; done
# Flags of floating-point comparisons over branches.
one a64 max x86_64 alu,flow,fp 8 $((count * 2))
# Sequences that once differed.
SEED=40200029 one a64 max x86_64 alu,shift,mul,mem,block,atomic,flow,misc,fp,simd,simdmem,crypto 16 200
exit $status
