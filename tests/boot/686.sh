# SPDX-License-Identifier: MIT
# Debian's linux-image-686 boots directly to a busybox init and powers off with exit status 0.
. "$SRC/tests/boot/lib.bash"
set -e
for i in $(seq "${BOOTS:-2}"); do boot_off 686; done
