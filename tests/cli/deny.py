#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""deny.py NUMBER,NUMBER... COMMAND...: runs a command for which these system calls of x86-64 fail with EPERM, as under a container's filter."""
import ctypes, os, struct, sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 38, 22, 2
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, EPERM = 0x7fff0000, 0x00050001


class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


numbers = [int(n) for n in sys.argv[1].split(",")]
rows = [(LOAD, 0, 0, 0)] + [(JUMP_EQUAL, len(numbers) - i, 0, n) for i, n in enumerate(numbers)] + [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, EPERM)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *r) for r in rows))
libc = ctypes.CDLL(None)
program = Program(len(rows), ctypes.cast(code, ctypes.c_void_p))
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, FILTER, ctypes.byref(program), 0, 0):
    sys.exit(77)
os.execvp(sys.argv[2], sys.argv[2:])
