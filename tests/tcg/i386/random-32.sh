# SPDX-License-Identifier: MIT
# As random.sh, in 32- and 16-bit code. Needs a host kernel that runs 32-bit programs.
"$BUILD/tests/bin/x86-oracle32" </dev/null 2>/dev/null
[ $? != 126 ] || { echo "this host's kernel cannot run 32-bit programs"; exit 77; }
BITS="32 16" . "$SRC/tests/tcg/i386/random.sh"
