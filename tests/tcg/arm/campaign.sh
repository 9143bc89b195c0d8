# SPDX-License-Identifier: MIT
# The long random campaign: TOTAL (10 million) instructions of each instruction set against the user-mode emulators, in mixtures of integer
# instructions, of floating point with SIMD and cryptography, and of all, with new seeds from SEED on; a line per set at the end. Takes hours;
# without CAMPAIGN=1 it is cut to some thousand. By itself, in the build folder:  SRC=. BUILD=. CAMPAIGN=1 bash tests/tcg/arm/campaign.sh
# ISAS, CPU, BATCH (instructions per run) and OPTIONS (for arm-diff) change what is run.
[ "${CAMPAIGN-}" = 1 ] || { TOTAL=3000; BATCH=1000; }
total=${TOTAL:-10000000} batch=${BATCH:-100000} seed=${SEED:-20000000} cpu=${CPU:-max} status=0
integer=alu,shift,mul,mem,block,atomic,flow,misc float=fp,simd,simdmem,crypto
out=$(mktemp)
trap 'rm -f "$out"' EXIT
for isa in ${ISAS:-a64 a32 t32}; do
    instructions=0 cases=0 undecidable=0 differences=0 first=$seed
    [ $isa = a64 ] || integer=alu,shift,mul,media,mem,block,atomic,flow,misc
    while [ $instructions -lt "$total" ]; do
        for classes in $integer $float $integer,$float; do
            # shellcheck disable=SC2086
            "$BUILD/tests/bin/arm-diff" --isa $isa --cpu "$cpu" --classes $classes --max-insns 16 --count "$batch" --seed $seed --keep-going 3 \
                ${OPTIONS-} >"$out" 2>&1 || { echo "$isa, seed $seed, $classes:"; cat "$out"; status=1; }
            read -r i c u d < <(sed -n 's/^[a-z0-9]*: \([0-9]*\) instructions in \([0-9]*\) cases .* \([0-9]*\) undecidable), \([0-9]*\) diff.*/\1 \2 \3 \4/p' "$out")
            [ -n "${d-}" ] || { echo "$isa, seed $seed, $classes: no summary"; exit 1; }
            instructions=$((instructions + i)) cases=$((cases + c)) undecidable=$((undecidable + u)) differences=$((differences + d))
            seed=$((seed + batch))
        done
    done
    echo "$isa: $instructions instructions in $cases cases, $undecidable undecidable, $differences differences; seeds $first to $seed"
done
exit $status
