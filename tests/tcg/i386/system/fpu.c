/* SPDX-License-Identifier: MIT */
/*
 * FPU and SSE under system control: CR0.EM, TS, MP, NE, CR4.OSFXSR, OSXMMEXCPT, unmasked exceptions and where their pointers
 * lead, FXSAVE and MOVAPS alignment, refused MXCSR values. SDM vol. 1 chapters 8 and 11, vol. 3 chapter 2.
 */
#include "lib.h"

static u8 area[1024] __attribute__((aligned(64)));
CODE(x87, "x87_at: fld1; fstp %st(0)");
CODE(waits, "waits_at: fwait");
CODE(mmx, "mmx_at: movd %eax, %mm0; emms");
CODE(sse, "sse_at: xorps %xmm0, %xmm0");
CODE(sse2_int, "sse2_int_at: pxor %xmm0, %xmm0");
CODE(ldmx, "ldmx_at: ldmxcsr (%eax)");
CODE(save, "save_at: fxsave (%eax)");
CODE(restore, "restore_at: fxrstor (%eax)");
CODE(movaps, "movaps_at: movaps (%eax), %xmm0");
CODE(addps_mem, "addps_at: addps (%eax), %xmm0");
CODE(movups, "movups (%eax), %xmm0");
CODE(prefetch, "prefetcht0 (%eax)");
CODE(sfence_, "sfence");
CODE(div_zero, "fninit; pushw $0x37b; fldcw (%esp); add $2, %esp; fldz; fld1; div_zero_op: fdivp; div_zero_next: nop; div_zero_wait: fwait; ud2");
CODE(div_zero_mem, "fninit; pushw $0x37b; fldcw (%esp); add $2, %esp; fld1; div_mem_op: fdivl (%eax); nop; div_mem_next: fld1; ud2");
CODE(no_wait, "fninit; pushw $0x37b; fldcw (%esp); add $2, %esp; fldz; fld1; fdivp; fnstsw %ax; fnclex; fwait; fninit; int $0x80");
CODE(mmx_pending, "fninit; pushw $0x37b; fldcw (%esp); add $2, %esp; fldz; fld1; fdivp; mmx_pending_at: movd %eax, %mm0; ud2");
CODE(sse_pending, "fninit; pushw $0x37b; fldcw (%esp); add $2, %esp; fldz; fld1; fdivp; xorps %xmm0, %xmm0; fnclex; fninit; int $0x80");
CODE(environment, "fnstenv (%eax); fnclex; fninit");
CODE(sse_div, "xorps %xmm1, %xmm1; mov $0x3f800000, %edx; movd %edx, %xmm0; sse_div_at: divss %xmm1, %xmm0; sse_div_next: nop");
CODE(sse_denormal, "mov $1, %edx; movd %edx, %xmm0; sse_denormal_at: addss %xmm0, %xmm0; nop");
CODE(sse_inexact, "mov $3, %edx; cvtsi2ss %edx, %xmm1; mov $1, %edx; cvtsi2ss %edx, %xmm0; sse_inexact_at: divss %xmm1, %xmm0; nop");
CODE(set_mxcsr, "ldmxcsr (%eax)");
CODE(get_mxcsr, "stmxcsr (%eax)");
CODE(cmp_snan, "mov $0x7f800001, %edx; movd %edx, %xmm0; ucomiss_at: ucomiss %xmm0, %xmm0; nop");
LABEL(x87_at); LABEL(waits_at); LABEL(mmx_at); LABEL(sse_at); LABEL(sse2_int_at); LABEL(ldmx_at); LABEL(save_at); LABEL(restore_at); LABEL(movaps_at);
LABEL(addps_at); LABEL(div_zero_op); LABEL(div_zero_wait); LABEL(div_mem_op); LABEL(div_mem_next); LABEL(mmx_pending_at); LABEL(sse_div_at);
LABEL(sse_denormal_at); LABEL(sse_inexact_at); LABEL(ucomiss_at);

enum { CR0_MP = 2, CR0_EM = 4, CR0_TS = 8, CR0_NE = 0x20, OSFXSR = 0x200, OSXMMEXCPT = 0x400 };

static void cr0(ul bits) { write_cr0(0x11 | bits); }
static void expect(const char *name, const void *code, int vector, const void *at)
{
    ex.vector = NONE;
    try0(code, VAL(area), 0);
    check_fault(name, vector, 0, vector == NONE || vector == EXIT ? 0 : at);
}

static void device_not_available(void)
{
    write_cr4(read_cr4() | OSFXSR | OSXMMEXCPT);
    static const struct { ul cr0; int x87, wait, mmx, sse, save; } rows[] = {
        /*                            x87   FWAIT MMX  SSE  FXSAVE: SDM vol. 3 tables 2-1 and 13-1 */
        { CR0_NE,                     NONE, NONE, NONE, NONE, NONE },
        { CR0_NE | CR0_MP,            NONE, NONE, NONE, NONE, NONE },
        { CR0_NE | CR0_TS,            NM,   NONE, NM,   NM,   NM },
        { CR0_NE | CR0_TS | CR0_MP,   NM,   NM,   NM,   NM,   NM },
        { CR0_NE | CR0_EM,            NM,   NONE, UD,   UD,   NM },
        { CR0_NE | CR0_EM | CR0_MP,   NM,   NONE, UD,   UD,   NM },
        { CR0_NE | CR0_EM | CR0_TS,   NM,   NONE, UD,   UD,   NM },
        { CR0_NE | CR0_EM | CR0_TS | CR0_MP, NM, NM, UD, UD,  NM },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr0(rows[i].cr0);
        expect("x87 and CR0", x87, rows[i].x87, x87_at);
        expect("FWAIT and CR0", waits, rows[i].wait, waits_at);
        expect("MMX and CR0", mmx, rows[i].mmx, mmx_at);
        expect("SSE and CR0", sse, rows[i].sse, sse_at);
        expect("SSE2 integer and CR0", sse2_int, rows[i].sse, sse2_int_at);
        expect("FXSAVE and CR0", save, rows[i].save, save_at);
        expect("PREFETCH and CR0", prefetch, NONE, 0);
        expect("SFENCE and CR0", sfence_, NONE, 0);
    }
    cr0(CR0_NE);
    write_cr4(read_cr4() & ~(ul)OSFXSR);
    expect("SSE without OSFXSR", sse, UD, sse_at);
    expect("LDMXCSR without OSFXSR", ldmx, UD, ldmx_at);
    expect("FXSAVE without OSFXSR", save, NONE, 0);
    expect("MMX without OSFXSR", mmx, NONE, 0);
    cr0(CR0_NE | CR0_TS);
    expect("SSE: #UD before #NM", sse, UD, sse_at);
    asm volatile("clts");
    check("CLTS", read_cr0() & CR0_TS, 0);
    write_cr4(read_cr4() | OSFXSR);
}

static void alignment(void)
{
    cr0(CR0_NE);
    for (unsigned off = 1; off < 16; off += 7) {
        try0(save, VAL(area) + off, 0);
        check_fault("FXSAVE not aligned", GP, 0, save_at);
        try0(restore, VAL(area) + off, 0);
        check_fault("FXRSTOR not aligned", GP, 0, restore_at);
        try0(movaps, VAL(area) + off, 0);
        check_fault("MOVAPS not aligned", GP, 0, movaps_at);
        try0(addps_mem, VAL(area) + off, 0);
        check_fault("ADDPS not aligned", GP, 0, addps_at);
        check("MOVUPS not aligned", try0(movups, VAL(area) + off, 0), NONE);
    }
    check("FXSAVE", try0(save, VAL(area), 0), NONE);
    u32 mask = *(u32 *)(area + 28);
    check("MXCSR in the image", *(u32 *)(area + 24), 0x1f80);
    check("MXCSR mask in the image has the first 16 bits only", mask >> 16 & ~2u, 0);
    *(u32 *)(area + 24) = 0x10000;
    expect("FXRSTOR with a reserved MXCSR bit", restore, GP, restore_at);
    *(u32 *)area = 0x80000000;
    expect("LDMXCSR of a reserved bit", ldmx, GP, ldmx_at);
}

static void x87_exceptions(void)
{
    cr0(CR0_NE | CR0_MP);
    expect("#MF comes with the next waiting instruction", div_zero, MF, div_zero_wait);
    /* Pending still: FNSTENV shows the pointers, FNCLEX inside ends it. */
    try0(environment, VAL(area), 0);
    u32 *env = (u32 *)area;
    check("status word", env[1] & 0x8084, 0x8084);
    check("instruction pointer", env[3], VAL(div_zero_op));
    u32 r[4];
    cpuid(7, 0, r);
    check("instruction segment", env[4] & 0xffff, r[1] & 1 << 13 ? 0 : KCS);
    *(u64 *)(area + 512) = 0;
    try0(div_zero_mem, VAL(area) + 512, 0);
    check_fault("#MF with the next x87 instruction", MF, 0, div_mem_next);
    try0(environment, VAL(area), 0);
    check("instruction pointer, memory operand", env[3], VAL(div_mem_op));
    check("operand pointer", env[5], VAL(area) + 512);
    check("operand segment", env[6] & 0xffff, r[1] & 1 << 13 ? 0 : KDS);
    expect("instructions that do not wait", no_wait, EXIT, 0);
    expect("MMX waits", mmx_pending, MF, mmx_pending_at);
    try0(environment, VAL(area), 0);
    expect("SSE does not", sse_pending, EXIT, 0);
    /* FXRSTOR brings an exception back. */
    asm volatile("fninit; fxsave (%0)" : : "r"(area) : "memory");
    *(u16 *)area = 0x37b;
    *(u16 *)(area + 2) = 0x8084;
    expect("FXRSTOR of a pending exception", restore, NONE, 0);
    expect("pending after FXRSTOR", waits, MF, waits_at);
    try0(environment, VAL(area), 0);
    expect("FXSAVE does not wait", save, NONE, 0);
}

static void sse_exceptions(void)
{
    u32 *word = (u32 *)area;
    *word = 0x1f80 & ~0x200u;
    try0(set_mxcsr, VAL(area), 0);
    expect("#XM", sse_div, XM, sse_div_at);
    try0(get_mxcsr, VAL(area), 0);
    check("flag of the exception", *word, (0x1f80 & ~0x200u) | 4);
    write_cr4(read_cr4() & ~(ul)OSXMMEXCPT);
    expect("#UD without OSXMMEXCPT", sse_div, UD, sse_div_at);
    write_cr4(read_cr4() | OSXMMEXCPT);
    *word = 0x1f80 & ~0x100u;
    try0(set_mxcsr, VAL(area), 0);
    expect("#XM of a denormal", sse_denormal, XM, sse_denormal_at);
    *word = 0x1f80 & ~0x1000u;
    try0(set_mxcsr, VAL(area), 0);
    expect("#XM of an inexact result", sse_inexact, XM, sse_inexact_at);
    *word = 0x1f80 & ~0x80u;
    try0(set_mxcsr, VAL(area), 0);
    expect("#XM of UCOMISS with an SNaN", cmp_snan, XM, ucomiss_at);
    /* A flag set by hand raises nothing. */
    *word = (0x1f80 & ~0x200u) | 4;
    try0(set_mxcsr, VAL(area), 0);
    expect("old flags raise nothing", sse_inexact, NONE, 0);
    *word = 0x1f80;
    try0(set_mxcsr, VAL(area), 0);
    expect("masked", sse_div, NONE, 0);
    try0(get_mxcsr, VAL(area), 0);
    check("flag of a masked exception", *word, 0x1f84);
}

void main(void)
{
    asm volatile("fninit");
    device_not_available();
    alignment();
    x87_exceptions();
    sse_exceptions();
}
