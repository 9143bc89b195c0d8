# SPDX-License-Identifier: MIT
# ACPI tables of the hardware-reduced boards, virt and microvm: reduced-acpi.py says how they are judged. Option acpi takes on, off and auto.
set -e
python3 "$SRC/tests/cli/reduced-acpi.py" || exit $?
out=$("$BUILD/rhea-system-aarch64" -M virt,acpi=maybe -display none 2>&1) && exit 1
[ "$out" = "rhea-system-aarch64: Parameter 'acpi' does not accept value 'maybe'" ] || { echo "$out"; exit 1; }
