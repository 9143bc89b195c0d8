/* SPDX-License-Identifier: MIT */
/* Reads, writes and fetches at CPL 0 and 3 whose page faults are compared: for the paging programs. */
#include "lib.h"

CODE(do_read, "mov (%" AX "), %ecx");
CODE(do_write, "do_write_at: movb $0xc3, (%" AX ")");
CODE(do_fetch, "call *%" AX);
CODE(do_write4, "movl $0x01020304, (%" AX ")");
CODE(do_read_ac, "pushf; orl $0x40000, (%" SP "); popf; mov (%" AX "), %ecx; pushf; andl $0xfffbffff, (%" SP "); popf");

#define OK (~(ul)0)
enum { P = 1, RW = 2, US = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100 };      /* table entries */
enum { E_P = 1, E_W = 2, E_U = 4, E_RSVD = 8, E_I = 16 };                      /* error codes */

/* The error code of the page fault (CR2 is checked), OK, or 0x1000 + vector for another exception. */
static inline ul outcome(const char *name, ul va)
{
    if (ex.vector == NONE || ex.vector == EXIT)
        return OK;
    if (ex.vector != PF)
        return 0x1000 + ex.vector;
    check(name, ex.cr2, va);
    return ex.error;
}

static inline void at0(const char *name, const void *op, ul va, ul want)
{
    ex.vector = NONE;
    try0(op, va, 0);
    check(name, outcome(name, va), want);
}

static inline void at3(const char *name, const void *op, ul va, ul want)
{
    ex.vector = NONE;
    try3(op, va, 0);
    check(name, outcome(name, va), want);
}

static inline void set_cr4(ul bits, int on) { write_cr4(on ? read_cr4() | bits : read_cr4() & ~bits); }
static inline void set_wp(int on) { write_cr0(on ? read_cr0() | 0x10000 : read_cr0() & ~0x10000ul); }
static inline u32 peek(ul va) { return *(volatile u32 *)va; }

/* MOV to CRn of a value that must fault. */
CODE(to_cr0, "mov %" AX ", %cr0");
CODE(to_cr3, "mov %" AX ", %cr3");
CODE(to_cr4, "mov %" AX ", %cr4");
static inline void refused(const char *name, const void *op, ul value)
{
    try0(op, value, 0);
    check_fault(name, GP, 0, op);
}
