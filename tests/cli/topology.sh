# SPDX-License-Identifier: MIT
# What -smp leaves out is filled in as by the peer: cores of one socket. The last vCPU's socket, die, core and thread are the peer's
# answers to query-hotpluggable-cpus.
. "$SRC/tests/cli/lib.bash"

# last OPTION SOCKET DIE CORE THREAD: place of the vCPU with the highest numbers ("-": not told).
last() {
    local got
    got=$(printf '%s' '{"execute":"qmp_capabilities"}{"execute":"query-hotpluggable-cpus"}{"execute":"quit"}' |
        timeout 60 "$rhea" -M pc -smp "$1" -display none -S -qmp stdio 2>&1 | python3 -c '
import json, sys
for line in sys.stdin:
    cpus = json.loads(line).get("return")
    if isinstance(cpus, list):
        print(*max([str(c["props"].get(k + "-id", "-")) for k in ("socket", "die", "core", "thread")] for c in cpus))')
    [ "$got" = "$2 $3 $4 $5" ] || { echo "FAILED: -smp $1: $got, wanted $2 $3 $4 $5"; fails=$((fails + 1)); }
}
last 2 0 - 1 0
last 8 0 - 7 0
last 6,threads=2 0 - 2 1
last 4,maxcpus=8 0 - 7 0
last 8,dies=2 0 1 3 0
last 6,sockets=2 1 - 2 0
last 3,cores=1 2 - 0 0
last sockets=2,threads=2 1 - 0 1
expect 1 'Invalid CPU topology' "$rhea" -smp 7,cores=2 -display none; one_line
expect 1 'Invalid CPU topology' "$rhea" -smp 2,dies=2,threads=2 -display none; one_line
exit $fails
