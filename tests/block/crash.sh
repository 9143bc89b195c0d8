# SPDX-License-Identifier: MIT
# The program is killed while a guest writes: crash.py says what must still be there. SLOW=1: 50 times.
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. <(sed -n '/^GUEST_MODULES=/p' "$SRC/tests/block/lib.bash")
kernel=$("$SRC/scripts/guest.sh" kernel amd64)
# shellcheck disable=SC2086
initrd=$("$SRC/scripts/guest.sh" initrd-modules amd64 "$BUILD/tests/bin/block-guest64" $GUEST_MODULES ata_piix)
python3 "$SRC/tests/block/crash.py" "$kernel" "$initrd" "$work" "${CRASHES:-$([ "${SLOW-}" = 1 ] && echo 50 || echo 3)}" "${SEED:-$RANDOM}"
