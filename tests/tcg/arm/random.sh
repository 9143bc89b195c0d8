# SPDX-License-Identifier: MIT
# Random A32, Thumb and A64 sequences against Debian's user-mode emulators, every class alone and mixed, under both engines; A32 also
# as older cores have it. COUNT instructions per class (SLOW=1: twenty times as many); SEED starts the sequence.
count=${COUNT:-10000}
[ -n "${SLOW-}" ] && count=$((count * 20))
command -v qemu-arm >/dev/null && command -v qemu-aarch64 >/dev/null || { echo "needs qemu-user"; exit 77; }
status=0
one() { # isa engine classes insns count [options]
    local isa=$1 engine=$2 classes=$3 insns=$4 n=$5
    shift 5
    timeout 300 "$BUILD/tests/bin/arm-diff" --isa "$isa" --engine "$engine" --classes "$classes" --max-insns "$insns" --count "$n" \
        --seed "${SEED:-1}" --keep-going 3 "$@" || { echo "failed: --isa $isa --engine $engine --classes $classes $*"; status=1; }
}
integer=alu,shift,mul,media,mem,block,atomic,flow,misc
for isa in a32 t32; do
    for c in alu shift mul media mem block atomic flow misc; do one $isa x86_64 $c 3 "$count"; done
    one $isa x86_64 $integer 16 $((count * 4))
    one $isa interp $integer 16 "$count"
done
for c in alu shift mul mem block atomic flow misc; do one a64 x86_64 $c 3 "$count"; done
one a64 x86_64 alu,shift,mul,mem,block,atomic,flow,misc 16 $((count * 4))
one a64 interp alu,shift,mul,mem,block,atomic,flow,misc 16 "$count"
one a32 x86_64 mem,swp 8 "$count" --cpu cortex-a9
one a32 x86_64 alu,shift,mem,block,flow 8 "$count" --cpu arm926
# M profile has the integer instructions of a Cortex-A15; those it lacks are in other classes.
for cpu in cortex-m4 cortex-m7 cortex-m33; do
    one t32 x86_64 alu,shift,mul,media,mem,block 8 "$count" --cpu $cpu --oracle-cpu cortex-a15
done
one t32 interp alu,shift,mul,media,mem,block 8 "$count" --cpu cortex-m4 --oracle-cpu cortex-a15
exit $status
