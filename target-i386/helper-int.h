/* SPDX-License-Identifier: MIT */
/* Segment checks shared by the integer and string helpers. */
#ifndef TARGET_I386_HELPER_INT_H
#define TARGET_I386_HELPER_INT_H

#include "cpu.h"

/* True when an access of bytes at offset is within the segment's limit and of a kind its type allows. */
bool x86_seg_access_ok(const X86CPU *env, int seg, uint64_t offset, uint64_t bytes, bool write);
/* #SS(0) or #GP(0) */
_Noreturn void x86_raise_seg_fault(X86CPU *env, int seg, uintptr_t ra);

#endif
