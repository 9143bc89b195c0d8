/* SPDX-License-Identifier: MIT */
/*
 * x87 operations on the host's own x87: each function performs one instruction on register images in
 * memory under the guest's control word and returns the host's status word after it. With the usual
 * control word (0x37F: all masked, nearest, 64-bit) nothing is loaded or cleared around it; flags of
 * earlier operations stay in the status word, which is harmless as the guest's flags contain them
 * (whoever clears guest flags calls x87_host_clear). Otherwise the instruction runs with the guest's control
 * word. Unmasked exceptions are read before any waiting instruction and cleared; results are then worthless
 * unless the exception is one found after the computation.
 *
 * The interface, for a version in software on other hosts: x87_host_* below, and the status word's layout
 * (flags 0-5, ES 7, C0-C3; TOP counts down from 8 by the values left on the stack).
 */
#ifndef TARGET_I386_X87_HOST_H
#define TARGET_I386_X87_HOST_H

#include "cpu.h"

#if !defined(__x86_64__)
#error "x87 needs an x86-64 host until its operations exist in software"
#endif

#define X87_CW_DEFAULT 0x37f

/* An instruction's images are 10 bytes of a 16-byte FPReg. */
typedef struct __attribute__((packed)) X87Image { uint64_t mant; uint16_t exp; } X87Image;
#define X87_M(r) (*(X87Image *)(r))

#define X87_OPERANDS_(...) __VA_ARGS__
#define X87_ASM_(pre, post, outs, ...) \
    __asm__ volatile(pre "\n\tfnstsw %[sw]\n\t" post : [sw] "=&a"(sw_), X87_OPERANDS_ outs : __VA_ARGS__)
/*
 * body leaves its results on the stack, `store` pops them; outs and ins are parenthesised operand lists. No address
 * may be in RAX, which the status word overwrites before `store`.
 * With unmasked exceptions the number of values left is not known: FNINIT drops them.
 */
#define X87_EXEC(cw_, body, store, outs, ins)                                                     \
    ({                                                                                            \
        static const uint16_t default_cw_ = X87_CW_DEFAULT;                                       \
        uint16_t sw_, guest_cw_ = (uint16_t)(cw_);                                                \
        if (LIKELY(guest_cw_ == X87_CW_DEFAULT))                                                  \
            X87_ASM_(body, store, outs, X87_OPERANDS_ ins);                                       \
        else if ((guest_cw_ & 0x3f) == 0x3f)                                                      \
            X87_ASM_("fldcw %[cw]\n\t" body, store "\n\tfldcw %[dcw]", outs, X87_OPERANDS_ ins,   \
                     [cw] "m"(guest_cw_), [dcw] "m"(default_cw_));                                \
        else                                                                                      \
            X87_ASM_("fnclex\n\tfldcw %[cw]\n\t" body, "fnclex\n\t" store "\n\tfninit", outs,   \
                     X87_OPERANDS_ ins, [cw] "m"(guest_cw_));                                     \
        sw_;                                                                                      \
    })

/* d = op(d) */
#define X87_UNARY(name, insn)                                                                     \
    static inline uint16_t x87_host_##name(uint16_t cw, FPReg *d)                                 \
    {                                                                                             \
        return X87_EXEC(cw, "fldt %[d]\n\t" insn, "fstpt %[d]", ([d] "+m"(X87_M(d))), ("m"(*d))); \
    }
X87_UNARY(sqrt, "fsqrt")
X87_UNARY(rndint, "frndint")
X87_UNARY(2xm1, "f2xm1")
X87_UNARY(sin, "fsin")
X87_UNARY(cos, "fcos")

/* d = op of a (in ST1) and b (in ST0), by an instruction that pops: a op b. */
#define X87_BINARY_POP(name, insn)                                                                \
    static inline uint16_t x87_host_##name(uint16_t cw, FPReg *d, const FPReg *a, const FPReg *b) \
    {                                                                                             \
        return X87_EXEC(cw, "fldt %[a]\n\tfldt %[b]\n\t" insn, "fstpt %[d]", ([d] "=m"(X87_M(d))), \
                        ([a] "m"(X87_M(a)), [b] "m"(X87_M(b))));                                  \
    }
X87_BINARY_POP(add, "faddp")
X87_BINARY_POP(mul, "fmulp")
X87_BINARY_POP(sub, ".byte 0xde, 0xe9")  /* fsubp: assemblers disagree on the name */
X87_BINARY_POP(subr, ".byte 0xde, 0xe1") /* fsubrp */
X87_BINARY_POP(div, ".byte 0xde, 0xf9")
X87_BINARY_POP(divr, ".byte 0xde, 0xf1")
X87_BINARY_POP(patan, "fpatan")
X87_BINARY_POP(yl2x, "fyl2x")
X87_BINARY_POP(yl2xp1, "fyl2xp1")

/* d = op of a (in ST0) and b (in ST1), both staying. */
#define X87_BINARY_KEEP(name, insn)                                                               \
    static inline uint16_t x87_host_##name(uint16_t cw, FPReg *d, const FPReg *a, const FPReg *b) \
    {                                                                                             \
        return X87_EXEC(cw, "fldt %[b]\n\tfldt %[a]\n\t" insn, "fstpt %[d]\n\tfstp %%st(0)",      \
                        ([d] "=m"(X87_M(d))), ([a] "m"(X87_M(a)), [b] "m"(X87_M(b))));            \
    }
X87_BINARY_KEEP(prem, "fprem")
X87_BINARY_KEEP(prem1, "fprem1")
X87_BINARY_KEEP(scale, "fscale")

/* d = d op memory operand */
#define X87_MEMORY(name, insn, type)                                                              \
    static inline uint16_t x87_host_##name(uint16_t cw, FPReg *d, type m)                         \
    {                                                                                             \
        return X87_EXEC(cw, "fldt %[d]\n\t" insn " %[m]", "fstpt %[d]", ([d] "+m"(X87_M(d))), ([m] "m"(m))); \
    }
#define X87_MEMORY_ALL(name)                    \
    X87_MEMORY(name##_f32, "f" #name "s", uint32_t)  \
    X87_MEMORY(name##_f64, "f" #name "l", uint64_t)  \
    X87_MEMORY(name##_i16, "fi" #name "s", uint16_t) \
    X87_MEMORY(name##_i32, "fi" #name "l", uint32_t)
X87_MEMORY_ALL(add)
X87_MEMORY_ALL(mul)
X87_MEMORY_ALL(sub)
X87_MEMORY_ALL(subr)
X87_MEMORY_ALL(div)
X87_MEMORY_ALL(divr)

/* d = memory operand */
#define X87_LOAD(name, insn, type)                                                                \
    static inline uint16_t x87_host_##name(uint16_t cw, FPReg *d, type m)                         \
    {                                                                                             \
        return X87_EXEC(cw, insn " %[m]", "fstpt %[d]", ([d] "=m"(X87_M(d))), ([m] "m"(m)));      \
    }
X87_LOAD(ld_f32, "flds", uint32_t)
X87_LOAD(ld_f64, "fldl", uint64_t)

/* Exact conversions: no flags, any control word. */
static inline void x87_host_ld_i64(FPReg *d, int64_t m)
{
    __asm__ volatile("fildll %1\n\tfstpt %0" : "=m"(X87_M(d)) : "m"(m));
}
static inline void x87_host_ld_bcd(FPReg *d, const uint8_t m[10])
{
    __asm__ volatile("fbld %1\n\tfstpt %0" : "=m"(X87_M(d)) : "m"(*(const X87Image *)m));
}

/* Memory operand = a. When an unmasked exception prevents the store, *m is left alone and a stays on the stack. */
#define X87_STORE(name, insn, type)                                                               \
    static inline uint16_t x87_host_##name(uint16_t cw, const FPReg *a, type *m)                  \
    {                                                                                             \
        return X87_EXEC(cw, "fldt %[a]\n\t" insn " %[m]", "", ([m] "+m"(*m)), ([a] "m"(X87_M(a)))); \
    }
X87_STORE(st_f32, "fstps", uint32_t)
X87_STORE(st_f64, "fstpl", uint64_t)
X87_STORE(st_i16, "fistps", uint16_t)
X87_STORE(st_i32, "fistpl", uint32_t)
X87_STORE(st_i64, "fistpll", uint64_t)
X87_STORE(st_bcd, "fbstp", X87Image)

/* FISTTP, SSE3: spelled as truncation so that any x86-64 host has it. */
#define X87_STORE_TRUNC(name, type) \
    static inline uint16_t x87_host_##name##_trunc(uint16_t cw, const FPReg *a, type *m)          \
    {                                                                                             \
        return x87_host_##name(cw | 0xc00, a, m);                                                 \
    }
X87_STORE_TRUNC(st_i16, uint16_t)
X87_STORE_TRUNC(st_i32, uint32_t)
X87_STORE_TRUNC(st_i64, uint64_t)

/* Two results: *first is the new ST1, *second the new ST0 (the pushed value). */
#define X87_TWO(name, insn)                                                                       \
    static inline uint16_t x87_host_##name(uint16_t cw, const FPReg *a, FPReg *first, FPReg *second) \
    {                                                                                             \
        FPReg in = *a;                                                                            \
        return X87_EXEC(cw, "fldt %[a]\n\t" insn, "fstpt %[s]\n\tfstpt %[f]",                     \
                        ([s] "=m"(X87_M(second)), [f] "=m"(X87_M(first))), ([a] "m"(X87_M(&in)))); \
    }
X87_TWO(xtract, "fxtract")

/* Instructions that may leave their operand and set C2 instead (out of range): nothing is pushed then. */
#define X87_TWO_C2(name, insn)                                                                    \
    static inline uint16_t x87_host_##name(uint16_t cw, const FPReg *a, FPReg *first, FPReg *second) \
    {                                                                                             \
        FPReg in = *a;                                                                            \
        return X87_EXEC(cw, "fldz\n\tfldt %[a]\n\t" insn, "fstpt %[s]\n\tfstpt %[f]\n\tfninit",   \
                        ([s] "=m"(X87_M(second)), [f] "=m"(X87_M(first))), ([a] "m"(X87_M(&in)))); \
    }
X87_TWO_C2(ptan, "fptan")
X87_TWO_C2(sincos, "fsincos")

/* Comparisons: condition codes in the status word. */
#define X87_COMPARE(name, insn)                                                                   \
    static inline uint16_t x87_host_##name(uint16_t cw, const FPReg *a, const FPReg *b)           \
    {                                                                                             \
        int unused;                                                                               \
        return X87_EXEC(cw, "fldt %[b]\n\tfldt %[a]\n\t" insn " %%st(1)", "fstp %%st(0)\n\tfstp %%st(0)", \
                        ([u] "=r"(unused)), ([a] "m"(X87_M(a)), [b] "m"(X87_M(b))));              \
    }
X87_COMPARE(com, "fcom")
X87_COMPARE(ucom, "fucom")

#define X87_COMPARE_MEMORY(name, insn, type)                                                      \
    static inline uint16_t x87_host_##name(uint16_t cw, const FPReg *a, type m)                   \
    {                                                                                             \
        int unused;                                                                               \
        return X87_EXEC(cw, "fldt %[a]\n\t" insn " %[m]", "fstp %%st(0)",                         \
                        ([u] "=r"(unused)), ([a] "m"(X87_M(a)), [m] "m"(m)));                     \
    }
X87_COMPARE_MEMORY(com_f32, "fcoms", uint32_t)
X87_COMPARE_MEMORY(com_f64, "fcoml", uint64_t)
X87_COMPARE_MEMORY(com_i16, "ficoms", uint16_t)
X87_COMPARE_MEMORY(com_i32, "ficoml", uint32_t)

static inline uint16_t x87_host_tst(uint16_t cw, const FPReg *a)
{
    int unused;
    return X87_EXEC(cw, "fldt %[a]\n\tftst", "fstp %%st(0)", ([u] "=r"(unused)), ([a] "m"(X87_M(a))));
}

/* C0-C3 of FXAM of a value that is not empty. */
static inline uint16_t x87_host_xam(const FPReg *a)
{
    uint16_t sw;
    __asm__ volatile("fldt %1\n\tfxam\n\tfnstsw %0\n\tfstp %%st(0)" : "=a"(sw) : "m"(X87_M(a)));
    return sw;
}

/* Clearing costs more than looking. */
static inline void x87_host_clear(void)
{
    uint16_t sw;
    __asm__ volatile("fnstsw %0" : "=a"(sw));
    if (sw & 0x3f)
        __asm__ volatile("fnclex");
}

#endif
