/* SPDX-License-Identifier: MIT */
/* AVX; emit-avx.c. Private to the SSE emitters. */
#ifndef TARGET_I386_EMIT_AVX_H
#define TARGET_I386_EMIT_AVX_H

#include "emit-sse.h"

void x86_avx_init(void);
/* VEX forms; false for an encoding that does not exist. */
bool x86_emit_avx(DisasContext *s);
/* emit-sse.c: row of groups 12-14 by opcode and ModRM digit, 0 where there is none */
unsigned sse_shift_row(uint16_t opcode, unsigned digit);

#endif
