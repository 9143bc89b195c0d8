#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the libFuzzer builds of the named targets for so many seconds each. What they find beyond the committed
# corpus stays in found/TARGET of the current directory; crash-* files there are to be fixed and then added.
# Usage: run-libfuzzer.sh SECONDS TARGET...
set -u
seconds=$1
shift
corpus=$(cd "$(dirname "$0")" && pwd)/corpus
status=0
for t in "$@"; do
    mkdir -p "found/$t"
    if ! tests/bin/"libfuzzer-$t" -max_total_time="$seconds" -timeout=10 -max_len=8192 -verbosity=0 -print_final_stats=1 \
        -artifact_prefix="found/$t/" "found/$t" "$corpus/$t" >"found/$t.log" 2>&1; then
        echo "FAIL  $t"
        tail -n 40 "found/$t.log"
        status=1
    else
        sed -n "s/^stat::number_of_executed_units: */ok    $t: inputs run: /p" "found/$t.log"
    fi
done
exit $status
