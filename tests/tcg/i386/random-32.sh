# SPDX-License-Identifier: MIT
# As random.sh, in 32- and 16-bit code. Where the host's kernel cannot run 32-bit programs, Rhea's interpreter is the oracle:
# that shows that both engines agree, and nothing about the host CPU.
"$BUILD/tests/bin/x86-oracle32" </dev/null 2>/dev/null
if [ $? = 126 ]; then
    echo "this host's kernel cannot run 32-bit programs: the generated code is compared with the interpreter"
    ORACLE=interp
fi
BITS="32 16" . "$SRC/tests/tcg/i386/random.sh"
