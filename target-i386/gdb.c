/* SPDX-License-Identifier: MIT */
/*
 * Registers as gdb sees them, in the order and under the feature that QEMU gives them, so that scripts which know
 * numbers keep working: general, segments with the bases of FS and GS, control registers, x87, SSE; with AVX the
 * upper halves in gdb's own feature (SSE then has its own, too, as gdb demands).
 */
#include "fpu.h"
#include "gdbstub.h"
#include "sys.h"

#include <string.h>

enum { K_GPR, K_PC, K_FLAGS, K_SEG, K_BASE, K_KERNEL_GS, K_CR, K_EFER, K_ST, K_FPU, K_XMM, K_MXCSR, K_YMMH };
enum { FPU_CTRL, FPU_STAT, FPU_TAG, FPU_ISEG, FPU_IOFF, FPU_OSEG, FPU_OOFF, FPU_OP };

/* ---- Types ---- */

#define BIT(n, b) { n, NULL, b, b }
static const GDBField eflags_fields[] = {
    BIT("ID", 21), BIT("VIP", 20), BIT("VIF", 19), BIT("AC", 18), BIT("VM", 17), BIT("RF", 16), BIT("NT", 14),
    { "IOPL", NULL, 12, 13 }, BIT("OF", 11), BIT("DF", 10), BIT("IF", 9), BIT("TF", 8), BIT("SF", 7), BIT("ZF", 6),
    BIT("AF", 4), BIT("PF", 2), BIT("", 1), BIT("CF", 0), { NULL, NULL, 0, 0 },
};
static const GDBField cr0_fields[] = {
    BIT("PG", 31), BIT("CD", 30), BIT("NW", 29), BIT("AM", 18), BIT("WP", 16), BIT("NE", 5), BIT("ET", 4), BIT("TS", 3),
    BIT("EM", 2), BIT("MP", 1), BIT("PE", 0), { NULL, NULL, 0, 0 },
};
static const GDBField cr3_fields[] = { { "PDBR", NULL, 12, 63 }, { "PCID", NULL, 0, 11 }, { NULL, NULL, 0, 0 } };
static const GDBField cr3_fields32[] = { { "PDBR", NULL, 12, 31 }, { "PCID", NULL, 0, 11 }, { NULL, NULL, 0, 0 } };
static const GDBField cr4_fields[] = {
    BIT("PKE", 22), BIT("SMAP", 21), BIT("SMEP", 20), BIT("OSXSAVE", 18), BIT("PCIDE", 17), BIT("FSGSBASE", 16),
    BIT("SMXE", 14), BIT("VMXE", 13), BIT("LA57", 12), BIT("UMIP", 11), BIT("OSXMMEXCPT", 10), BIT("OSFXSR", 9),
    BIT("PCE", 8), BIT("PGE", 7), BIT("MCE", 6), BIT("PAE", 5), BIT("PSE", 4), BIT("DE", 3), BIT("TSD", 2), BIT("PVI", 1),
    BIT("VME", 0), { NULL, NULL, 0, 0 },
};
static const GDBField efer_fields[] = {
    BIT("TCE", 15), BIT("FFXSR", 14), BIT("LMSLE", 13), BIT("SVME", 12), BIT("NXE", 11), BIT("LMA", 10), BIT("LME", 8),
    BIT("SCE", 0), { NULL, NULL, 0, 0 },
};
static const GDBField mxcsr_fields[] = {
    BIT("IE", 0), BIT("DE", 1), BIT("ZE", 2), BIT("OE", 3), BIT("UE", 4), BIT("PE", 5), BIT("DAZ", 6), BIT("IM", 7),
    BIT("DM", 8), BIT("ZM", 9), BIT("OM", 10), BIT("UM", 11), BIT("PM", 12), BIT("FZ", 15), { NULL, NULL, 0, 0 },
};
static const GDBField vec128_fields[] = {
    { "v4_float", "v4f", 0, 0 }, { "v2_double", "v2d", 0, 0 }, { "v16_int8", "v16i8", 0, 0 }, { "v8_int16", "v8i16", 0, 0 },
    { "v4_int32", "v4i32", 0, 0 }, { "v2_int64", "v2i64", 0, 0 }, { "uint128", "uint128", 0, 0 }, { NULL, NULL, 0, 0 },
};

#define CORE_TYPES(p, bytes, cr3)                                                                                \
    { GDB_FLAGS, p "_eflags", 4, NULL, eflags_fields }, { GDB_FLAGS, p "_cr0", bytes, NULL, cr0_fields },          \
    { GDB_FLAGS, p "_cr3", bytes, NULL, cr3 }, { GDB_FLAGS, p "_cr4", bytes, NULL, cr4_fields },                   \
    { GDB_FLAGS, p "_efer", bytes, NULL, efer_fields }
#define SSE_TYPES(p)                                                                                             \
    { GDB_VECTOR, "v4f", 4, "ieee_single", NULL }, { GDB_VECTOR, "v2d", 2, "ieee_double", NULL },                  \
    { GDB_VECTOR, "v16i8", 16, "int8", NULL }, { GDB_VECTOR, "v8i16", 8, "int16", NULL },                          \
    { GDB_VECTOR, "v4i32", 4, "int32", NULL }, { GDB_VECTOR, "v2i64", 2, "int64", NULL },                          \
    { GDB_UNION, "vec128", 0, NULL, vec128_fields }, { GDB_FLAGS, p "_mxcsr", 4, NULL, mxcsr_fields }
#define END_TYPES { GDB_FLAGS, NULL, 0, NULL, NULL }

static const GDBType types64[] = { CORE_TYPES("x64", 8, cr3_fields), SSE_TYPES("x64"), END_TYPES };
static const GDBType types32[] = { CORE_TYPES("i386", 4, cr3_fields32), SSE_TYPES("i386"), END_TYPES };

/* ---- Registers ---- */

#define REG(n, b, t, k, i) { n, b, t, NULL, k, i, 0 }
#define FPU_REG(n, i) { n, 32, "int", "float", K_FPU, i, 0 }
#define END_REGS { NULL, 0, NULL, NULL, 0, 0, 0 }
#define SEGMENTS                                                                                                 \
    REG("cs", 32, "int32", K_SEG, R_CS), REG("ss", 32, "int32", K_SEG, R_SS), REG("ds", 32, "int32", K_SEG, R_DS), \
    REG("es", 32, "int32", K_SEG, R_ES), REG("fs", 32, "int32", K_SEG, R_FS), REG("gs", 32, "int32", K_SEG, R_GS)
#define SYSTEM(b, t, p)                                                                                          \
    REG("fs_base", b, t, K_BASE, R_FS), REG("gs_base", b, t, K_BASE, R_GS), REG("k_gs_base", b, t, K_KERNEL_GS, 0), \
    REG("cr0", b, p "_cr0", K_CR, 0), REG("cr2", b, t, K_CR, 2), REG("cr3", b, p "_cr3", K_CR, 3),                  \
    REG("cr4", b, p "_cr4", K_CR, 4), REG("cr8", b, t, K_CR, 8), REG("efer", b, p "_efer", K_EFER, 0)
#define X87                                                                                                      \
    REG("st0", 80, "i387_ext", K_ST, 0), REG("st1", 80, "i387_ext", K_ST, 1), REG("st2", 80, "i387_ext", K_ST, 2), \
    REG("st3", 80, "i387_ext", K_ST, 3), REG("st4", 80, "i387_ext", K_ST, 4), REG("st5", 80, "i387_ext", K_ST, 5), \
    REG("st6", 80, "i387_ext", K_ST, 6), REG("st7", 80, "i387_ext", K_ST, 7), FPU_REG("fctrl", FPU_CTRL),          \
    FPU_REG("fstat", FPU_STAT), FPU_REG("ftag", FPU_TAG), FPU_REG("fiseg", FPU_ISEG), FPU_REG("fioff", FPU_IOFF),  \
    FPU_REG("foseg", FPU_OSEG), FPU_REG("fooff", FPU_OOFF), FPU_REG("fop", FPU_OP)
#define XMM(n) REG("xmm" #n, 128, "vec128", K_XMM, n)
#define XMM_LOW XMM(0), XMM(1), XMM(2), XMM(3), XMM(4), XMM(5), XMM(6), XMM(7)
#define XMM_HIGH XMM(8), XMM(9), XMM(10), XMM(11), XMM(12), XMM(13), XMM(14), XMM(15)
#define MXCSR(p) { "mxcsr", 32, p "_mxcsr", "vector", K_MXCSR, 0, 0 }
#define YMMH(n) REG("ymm" #n "h", 128, "uint128", K_YMMH, n)
#define YMMH_LOW YMMH(0), YMMH(1), YMMH(2), YMMH(3), YMMH(4), YMMH(5), YMMH(6), YMMH(7)

#define CORE64                                                                                                   \
    REG("rax", 64, "int64", K_GPR, R_EAX), REG("rbx", 64, "int64", K_GPR, R_EBX), REG("rcx", 64, "int64", K_GPR, R_ECX), \
    REG("rdx", 64, "int64", K_GPR, R_EDX), REG("rsi", 64, "int64", K_GPR, R_ESI), REG("rdi", 64, "int64", K_GPR, R_EDI), \
    REG("rbp", 64, "data_ptr", K_GPR, R_EBP), REG("rsp", 64, "data_ptr", K_GPR, R_ESP), REG("r8", 64, "int64", K_GPR, 8), \
    REG("r9", 64, "int64", K_GPR, 9), REG("r10", 64, "int64", K_GPR, 10), REG("r11", 64, "int64", K_GPR, 11),        \
    REG("r12", 64, "int64", K_GPR, 12), REG("r13", 64, "int64", K_GPR, 13), REG("r14", 64, "int64", K_GPR, 14),      \
    REG("r15", 64, "int64", K_GPR, 15), REG("rip", 64, "code_ptr", K_PC, 0), REG("eflags", 32, "x64_eflags", K_FLAGS, 0), \
    SEGMENTS, SYSTEM(64, "int64", "x64"), X87
#define CORE32                                                                                                   \
    REG("eax", 32, "int32", K_GPR, R_EAX), REG("ecx", 32, "int32", K_GPR, R_ECX), REG("edx", 32, "int32", K_GPR, R_EDX), \
    REG("ebx", 32, "int32", K_GPR, R_EBX), REG("esp", 32, "data_ptr", K_GPR, R_ESP),                                 \
    REG("ebp", 32, "data_ptr", K_GPR, R_EBP), REG("esi", 32, "int32", K_GPR, R_ESI), REG("edi", 32, "int32", K_GPR, R_EDI), \
    REG("eip", 32, "code_ptr", K_PC, 0), REG("eflags", 32, "i386_eflags", K_FLAGS, 0), SEGMENTS,                    \
    SYSTEM(32, "int32", "i386"), X87

static const GDBReg all64[] = { CORE64, XMM_LOW, XMM_HIGH, MXCSR("x64"), END_REGS };
static const GDBReg all32[] = { CORE32, XMM_LOW, MXCSR("i386"), END_REGS };
static const GDBReg core64[] = { CORE64, END_REGS };
static const GDBReg core32[] = { CORE32, END_REGS };
static const GDBReg sse64[] = { XMM_LOW, XMM_HIGH, MXCSR("x64"), END_REGS };
static const GDBReg sse32[] = { XMM_LOW, MXCSR("i386"), END_REGS };
static const GDBReg avx64[] = { YMMH_LOW, YMMH(8), YMMH(9), YMMH(10), YMMH(11), YMMH(12), YMMH(13), YMMH(14), YMMH(15),
                                END_REGS };
static const GDBReg avx32[] = { YMMH_LOW, END_REGS };

/* ---- Reading ---- */

static void put(uint8_t *out, uint64_t v, unsigned bits)
{
    for (unsigned i = 0; i < bits / 8; i++)
        out[i] = (uint8_t)(i < 8 ? v >> 8 * i : 0);
}

static uint64_t get(const uint8_t *in, unsigned bits)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bits / 8 && i < 8; i++)
        v |= (uint64_t)in[i] << 8 * i;
    return v;
}

static uint64_t read_fpu(const X86CPU *env, unsigned index)
{
    switch (index) {
    case FPU_CTRL: return env->fpuc;
    case FPU_STAT: return cpu_x86_get_fpus(env);
    case FPU_TAG: return x87_full_tags(env);
    case FPU_ISEG: return env->fpcs;
    case FPU_IOFF: return (uint32_t)env->fpip;
    case FPU_OSEG: return env->fpds;
    case FPU_OOFF: return (uint32_t)env->fpdp;
    default: return env->fpop;
    }
}

static uint64_t read_integer(X86CPU *env, const GDBReg *r)
{
    switch (r->kind) {
    case K_GPR: return env->hflags & HF_CS64 ? env->regs[r->index] : r->index < 8 ? (uint32_t)env->regs[r->index] : 0;
    case K_PC: return env->hflags & HF_CS64 ? env->eip : (uint32_t)env->eip;
    case K_FLAGS: return cpu_compute_eflags(env);
    case K_SEG: return env->segs[r->index].selector;
    case K_BASE: return env->segs[r->index].base;
    case K_KERNEL_GS: return env->kernel_gs_base;
    case K_CR: return x86_read_cr(env, r->index);
    case K_EFER: return env->efer;
    case K_FPU: return read_fpu(env, r->index);
    default: return cpu_x86_get_mxcsr(env);
    }
}

static void x86_gdb_read(CPUState *cpu, const GDBReg *r, uint8_t *out)
{
    X86CPU *env = x86_cpu(cpu);
    switch (r->kind) {
    case K_ST:
        put(out, x87_st(env, r->index)->mant, 64);
        put(out + 8, x87_st(env, r->index)->exp, 16);
        break;
    case K_XMM: memcpy(out, &env->xmm[r->index].q[0], 16); break;
    case K_YMMH: memcpy(out, &env->xmm[r->index].q[2], 16); break;
    default: put(out, read_integer(env, r), r->bits); break;
    }
}

/* ---- Writing; on the vCPU's thread ---- */

/* A selector as real mode takes it, or with what its descriptor says. */
static bool write_segment(X86CPU *env, unsigned seg, uint16_t selector)
{
    uint64_t va;
    Descriptor d;
    if (selector == env->segs[seg].selector)
        return true;
    if (!(env->cr[0] & CR0_PE) || env->eflags & VM_MASK) {
        cpu_x86_load_seg_real(env, (int)seg, selector);
        return true;
    }
    if (!(selector & ~3)) {
        cpu_x86_load_seg_cache(env, (int)seg, selector, 0, 0, 0);
        return true;
    }
    if (!desc_address(env, selector, sizeof(d), &va) || !cpu_memory_rw_debug(&env->parent, va, &d, sizeof(d), false))
        return false;
    cpu_x86_load_seg_cache(env, (int)seg, selector, desc_base(d), desc_limit(d), d.hi);
    return true;
}

static bool write_fpu(X86CPU *env, unsigned index, uint64_t v)
{
    switch (index) {
    case FPU_CTRL: cpu_x86_set_fpuc(env, (uint16_t)v); break;
    case FPU_STAT: cpu_x86_set_fpus(env, (uint16_t)v); break;
    case FPU_TAG:
        for (unsigned i = 0; i < 8; i++)
            env->fptags[i] = (v >> 2 * i & 3) == 3;
        break;
    case FPU_ISEG: env->fpcs = (uint16_t)v; break;
    case FPU_IOFF: env->fpip = v; break;
    case FPU_OSEG: env->fpds = (uint16_t)v; break;
    case FPU_OOFF: env->fpdp = v; break;
    default: env->fpop = (uint16_t)(v & 0x7ff); break;
    }
    return true;
}

static bool write_integer(X86CPU *env, const GDBReg *r, uint64_t v)
{
    switch (r->kind) {
    case K_GPR:
        if (!(env->hflags & HF_CS64) && r->index >= 8)
            return false;
        env->regs[r->index] = env->hflags & HF_CS64 ? v : (uint32_t)v;
        return true;
    case K_PC: env->eip = env->hflags & HF_CS64 ? v : (uint32_t)v; return true;
    case K_FLAGS: cpu_load_eflags(env, (uint32_t)v, 0x3f7fd5); return true;
    case K_SEG: return write_segment(env, r->index, (uint16_t)v);
    case K_BASE:
        env->segs[r->index].base = v;
        cpu_x86_update_hflags(env);
        return true;
    case K_KERNEL_GS: env->kernel_gs_base = v; return true;
    case K_CR:
        if (r->index != 2)
            return x86_write_cr(env, r->index, v);
        env->cr[2] = v;
        return true;
    case K_EFER: return x86_write_msr(env, 0xc0000080, v);
    case K_FPU: return write_fpu(env, r->index, v);
    default:
        if (v >> 16)
            return false;
        cpu_x86_set_mxcsr(env, (uint32_t)v);
        return true;
    }
}

static bool x86_gdb_write(CPUState *cpu, const GDBReg *r, const uint8_t *in)
{
    X86CPU *env = x86_cpu(cpu);
    switch (r->kind) {
    case K_ST: x87_set(x87_st(env, r->index), (uint16_t)get(in + 8, 16), get(in, 64)); return true;
    case K_XMM: memcpy(&env->xmm[r->index].q[0], in, 16); return true;
    case K_YMMH: memcpy(&env->xmm[r->index].q[2], in, 16); return true;
    default: return write_integer(env, r, get(in, r->bits));
    }
}

/* ---- Features ---- */

#define FEATURE(v, n, f, t, r) static const GDBFeature v = { n, f, t, r, x86_gdb_read, x86_gdb_write }
#define CORE_NAME "org.gnu.gdb.i386.core"
FEATURE(feature_all64, CORE_NAME, "i386-64bit.xml", types64, all64);
FEATURE(feature_all32, CORE_NAME, "i386-32bit.xml", types32, all32);
FEATURE(feature_core64, CORE_NAME, "i386-64bit.xml", types64, core64);
FEATURE(feature_core32, CORE_NAME, "i386-32bit.xml", types32, core32);
FEATURE(feature_sse64, "org.gnu.gdb.i386.sse", "i386-64bit-sse.xml", types64, sse64);
FEATURE(feature_sse32, "org.gnu.gdb.i386.sse", "i386-32bit-sse.xml", types32, sse32);
FEATURE(feature_avx64, "org.gnu.gdb.i386.avx", "i386-64bit-avx.xml", NULL, avx64);
FEATURE(feature_avx32, "org.gnu.gdb.i386.avx", "i386-32bit-avx.xml", NULL, avx32);

static const GDBFeature *const plain64[] = { &feature_all64, NULL };
static const GDBFeature *const plain32[] = { &feature_all32, NULL };
static const GDBFeature *const with_avx64[] = { &feature_core64, &feature_sse64, &feature_avx64, NULL };
static const GDBFeature *const with_avx32[] = { &feature_core32, &feature_sse32, &feature_avx32, NULL };

static bool is_64(const CPUState *cpu)
{
    return cpu->target->address_bits == 64;
}

static const char *x86_gdb_architecture(CPUState *cpu)
{
    return is_64(cpu) ? "i386:x86-64" : "i386";
}

static const GDBFeature *const *x86_gdb_features(CPUState *cpu)
{
    bool avx = x86_feature(x86_cpu(cpu), FW_1_ECX, 28);
    return is_64(cpu) ? avx ? with_avx64 : plain64 : avx ? with_avx32 : plain32;
}

const GDBTarget x86_gdb_target = { x86_gdb_architecture, x86_gdb_features };
