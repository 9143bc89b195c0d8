/* SPDX-License-Identifier: MIT */
/*
 * Proves that the x87 helpers leave the same registers, tags, TOP, condition codes, flags and memory as the
 * host CPU, with masked and unmasked exceptions, stack faults, all roundings and precisions, and every kind
 * of operand. Expected values come from executing the instruction on the host between FRSTOR and FNSAVE.
 * Forms whose helper accesses guest memory (m80, environments) are compared by tests/tcg/i386.
 */
#include "target-i386/helper.h"
#include "tcg/ir.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__x86_64__)

typedef struct __attribute__((packed)) SaveImage {
    uint32_t cw, sw, tags, pointers[4];
    uint8_t st[8][10];
} SaveImage;

typedef struct Case {
    SaveImage image;
    uint64_t mem[2];
    uint64_t eflags;
    uint32_t i; /* register operand */
} Case;

typedef void HostFunc(SaveImage *image, void *mem, uint64_t *eflags);
typedef void GuestFunc(CPUState *cpu, Case *c);

static X86CPU *env;

static uint64_t rng(void)
{
    static uint64_t s = 0x9e3779b97f4a7c15ull;
    s ^= s << 13, s ^= s >> 7, s ^= s << 17;
    return s * 0x2545f4914f6cdd1dull;
}
static unsigned pick(unsigned n) { return (unsigned)(rng() >> 33) % n; }

/* ---- Instructions: name, two bytes (memory forms: [rsi]), what generated code does ---- */

static void store_result(CPUState *cpu, Case *c, uint64_t v, unsigned bytes, bool pop)
{
    X86CPU *e = x86_cpu(cpu);
    e->fpus = e->scratch[0].w[2];
    if (!e->scratch[0].l[0])
        return;
    memcpy(c->mem, &v, bytes);
    if (pop) {
        e->fptags[e->fpstt] = 1;
        e->fpstt = (e->fpstt + 1) & 7;
    }
}

#define STORE(name, call, bytes, pop) \
    static void do_##name(CPUState *cpu, Case *c) { uint64_t v = call; store_result(cpu, c, v, bytes, pop); }
STORE(fst32, helper_fst_f32(cpu), 4, false)
STORE(fstp32, helper_fst_f32(cpu), 4, true)
STORE(fst64, helper_fst_f64(cpu), 8, false)
STORE(fstp64, helper_fst_f64(cpu), 8, true)
STORE(fist16, helper_fist(cpu, MO_16), 2, false)
STORE(fistp16, helper_fist(cpu, MO_16), 2, true)
STORE(fist32, helper_fist(cpu, MO_32), 4, false)
STORE(fistp32, helper_fist(cpu, MO_32), 4, true)
STORE(fistp64, helper_fist(cpu, MO_64), 8, true)
STORE(fisttp16, helper_fist(cpu, MO_16 | 0x100), 2, true)
STORE(fisttp32, helper_fist(cpu, MO_32 | 0x100), 4, true)
STORE(fisttp64, helper_fist(cpu, MO_64 | 0x100), 8, true)

#define PLAIN(name) static void do_##name(CPUState *cpu, Case *c) { (void)c; helper_##name(cpu); }
PLAIN(fchs) PLAIN(fabs) PLAIN(ftst) PLAIN(fxam) PLAIN(f2xm1) PLAIN(fyl2x) PLAIN(fptan) PLAIN(fpatan) PLAIN(fxtract)
PLAIN(fprem1) PLAIN(fprem) PLAIN(fyl2xp1) PLAIN(fsqrt) PLAIN(fsincos) PLAIN(frndint) PLAIN(fscale) PLAIN(fsin) PLAIN(fcos)
PLAIN(fnclex) PLAIN(fninit)

#define CALL(name, ...) static void do_##name(CPUState *cpu, Case *c) { (void)c; __VA_ARGS__; }
#define M32 (uint32_t)c->mem[0]
#define M16 (uint16_t)c->mem[0]
CALL(fld32, helper_fld_f32(cpu, M32))
CALL(fld64, helper_fld_f64(cpu, c->mem[0]))
CALL(fild16, helper_fild(cpu, (uint64_t)(int16_t)c->mem[0]))
CALL(fild32, helper_fild(cpu, (uint64_t)(int32_t)c->mem[0]))
CALL(fild64, helper_fild(cpu, c->mem[0]))
CALL(fldsti, helper_fld_sti(cpu, c->i))
CALL(fxch, helper_fxch(cpu, c->i))
CALL(fststi, helper_fst_sti(cpu, c->i, 0))
CALL(fstpsti, helper_fst_sti(cpu, c->i, 1))
CALL(fincstp, helper_fincstp(cpu, 1))
CALL(fdecstp, helper_fincstp(cpu, 7))
CALL(ffree, helper_ffree(cpu, c->i, 0))
CALL(ffreep, helper_ffree(cpu, c->i, 1))
CALL(fcmove, helper_fcmov(cpu, c->i, (c->eflags & CC_Z) != 0))
CALL(fcmovne, helper_fcmov(cpu, c->i, !(c->eflags & CC_Z)))
CALL(fcomi, c->eflags = helper_fcomi(cpu, c->i, 0))
CALL(fcomip, c->eflags = helper_fcomi(cpu, c->i, 2))
CALL(fucomi, c->eflags = helper_fcomi(cpu, c->i, 1))
CALL(fucomip, c->eflags = helper_fcomi(cpu, c->i, 3))
CALL(fucom, helper_fucom_sti(cpu, c->i, 0))
CALL(fucomp, helper_fucom_sti(cpu, c->i, 1))
CALL(fucompp, helper_fucom_sti(cpu, 1, 2))
CALL(fcomsti, helper_fcom_sti(cpu, c->i, 0))
CALL(fcompsti, helper_fcom_sti(cpu, c->i, 1))
CALL(fcompp, helper_fcom_sti(cpu, 1, 2))
CALL(fcom32, helper_fcom_f32(cpu, M32, 0))
CALL(fcomp64, helper_fcom_f64(cpu, c->mem[0], 1))
CALL(ficom16, helper_fcom_i16(cpu, M16, 0))
CALL(ficomp32, helper_fcom_i32(cpu, M32, 1))
CALL(fld1, helper_fld_const(cpu, 0)) CALL(fldl2t, helper_fld_const(cpu, 1)) CALL(fldl2e, helper_fld_const(cpu, 2))
CALL(fldpi, helper_fld_const(cpu, 3)) CALL(fldlg2, helper_fld_const(cpu, 4)) CALL(fldln2, helper_fld_const(cpu, 5))
CALL(fldz, helper_fld_const(cpu, 6))
CALL(fnop, (void)cpu)
CALL(fldcw, helper_fldcw(cpu, M16))

#define ARITH(op)                                                 \
    CALL(op##32, helper_##op##_f32(cpu, M32))                     \
    CALL(op##64, helper_##op##_f64(cpu, c->mem[0]))               \
    CALL(op##i16, helper_##op##_i16(cpu, M16))                    \
    CALL(op##i32, helper_##op##_i32(cpu, M32))                    \
    CALL(op##st0, helper_##op##_st0(cpu, c->i))                   \
    CALL(op##sti, helper_##op##_sti(cpu, c->i, 0))                \
    CALL(op##p, helper_##op##_sti(cpu, c->i, 1))
ARITH(fadd) ARITH(fmul) ARITH(fsub) ARITH(fsubr) ARITH(fdiv) ARITH(fdivr)

enum { REG = 1 /* add i to the second byte */, MEM = 2 };
typedef struct Insn {
    const char *name;
    uint8_t bytes[2], kind;
    GuestFunc *guest;
} Insn;
#define I(name, b0, b1, kind) { #name, { b0, b1 }, kind, do_##name }
#define MEMORY(name, b0, digit) I(name, b0, 0x06 | (digit) << 3, MEM)
#define ARITH_ROWS(op, d, r)                                                                      \
    MEMORY(op##32, 0xd8, d), MEMORY(op##64, 0xdc, d), MEMORY(op##i16, 0xde, d), MEMORY(op##i32, 0xda, d), \
    I(op##st0, 0xd8, 0xc0 | (d) << 3, REG), I(op##sti, 0xdc, 0xc0 | (r) << 3, REG), I(op##p, 0xde, 0xc0 | (r) << 3, REG)

static const Insn insns[] = {
    ARITH_ROWS(fadd, 0, 0), ARITH_ROWS(fmul, 1, 1), ARITH_ROWS(fsub, 4, 5), ARITH_ROWS(fsubr, 5, 4),
    ARITH_ROWS(fdiv, 6, 7), ARITH_ROWS(fdivr, 7, 6),
    MEMORY(fld32, 0xd9, 0), MEMORY(fst32, 0xd9, 2), MEMORY(fstp32, 0xd9, 3), MEMORY(fldcw, 0xd9, 5),
    MEMORY(fild32, 0xdb, 0), MEMORY(fisttp32, 0xdb, 1), MEMORY(fist32, 0xdb, 2), MEMORY(fistp32, 0xdb, 3),
    MEMORY(fld64, 0xdd, 0), MEMORY(fisttp64, 0xdd, 1), MEMORY(fst64, 0xdd, 2), MEMORY(fstp64, 0xdd, 3),
    MEMORY(fild16, 0xdf, 0), MEMORY(fisttp16, 0xdf, 1), MEMORY(fist16, 0xdf, 2), MEMORY(fistp16, 0xdf, 3),
    MEMORY(fild64, 0xdf, 5), MEMORY(fistp64, 0xdf, 7),
    MEMORY(fcom32, 0xd8, 2), MEMORY(fcomp64, 0xdc, 3), MEMORY(ficom16, 0xde, 2), MEMORY(ficomp32, 0xda, 3),
    I(fldsti, 0xd9, 0xc0, REG), I(fxch, 0xd9, 0xc8, REG), I(fnop, 0xd9, 0xd0, 0), I(fststi, 0xdd, 0xd0, REG),
    I(fstpsti, 0xdd, 0xd8, REG), I(ffree, 0xdd, 0xc0, REG), I(ffreep, 0xdf, 0xc0, REG),
    I(fincstp, 0xd9, 0xf7, 0), I(fdecstp, 0xd9, 0xf6, 0), I(fcmove, 0xda, 0xc8, REG), I(fcmovne, 0xdb, 0xc8, REG),
    I(fcomi, 0xdb, 0xf0, REG), I(fcomip, 0xdf, 0xf0, REG), I(fucomi, 0xdb, 0xe8, REG), I(fucomip, 0xdf, 0xe8, REG),
    I(fucom, 0xdd, 0xe0, REG), I(fucomp, 0xdd, 0xe8, REG), I(fucompp, 0xda, 0xe9, 0), I(fcomsti, 0xd8, 0xd0, REG),
    I(fcompsti, 0xd8, 0xd8, REG), I(fcompp, 0xde, 0xd9, 0),
    I(fld1, 0xd9, 0xe8, 0), I(fldl2t, 0xd9, 0xe9, 0), I(fldl2e, 0xd9, 0xea, 0), I(fldpi, 0xd9, 0xeb, 0),
    I(fldlg2, 0xd9, 0xec, 0), I(fldln2, 0xd9, 0xed, 0), I(fldz, 0xd9, 0xee, 0),
    I(fchs, 0xd9, 0xe0, 0), I(fabs, 0xd9, 0xe1, 0), I(ftst, 0xd9, 0xe4, 0), I(fxam, 0xd9, 0xe5, 0),
    I(f2xm1, 0xd9, 0xf0, 0), I(fyl2x, 0xd9, 0xf1, 0), I(fptan, 0xd9, 0xf2, 0), I(fpatan, 0xd9, 0xf3, 0),
    I(fxtract, 0xd9, 0xf4, 0), I(fprem1, 0xd9, 0xf5, 0), I(fprem, 0xd9, 0xf8, 0), I(fyl2xp1, 0xd9, 0xf9, 0),
    I(fsqrt, 0xd9, 0xfa, 0), I(fsincos, 0xd9, 0xfb, 0), I(frndint, 0xd9, 0xfc, 0), I(fscale, 0xd9, 0xfd, 0),
    I(fsin, 0xd9, 0xfe, 0), I(fcos, 0xd9, 0xff, 0), I(fnclex, 0xdb, 0xe2, 0), I(fninit, 0xdb, 0xe3, 0),
};

/* ---- Random states ---- */

static void random_value(uint8_t v[10])
{
    static const uint16_t exponents[] = { 0x3fff, 0x3ffe, 0x4000, 0x4005, 0x400f, 0x401e, 0x403e, 0x43fe, 0x3c01, 0x3bcd, 0x1, 0x7ffe };
    uint64_t mant = rng();
    uint16_t exp = exponents[pick(ARRAY_SIZE(exponents))];

    if (pick(3) == 0)
        mant &= ~0ull << pick(64); /* few digits: exact results */
    mant |= 1ull << 63;
    switch (pick(14)) {
    case 0: exp = 0, mant = 0; break;
    case 1: exp = 0, mant &= ~(1ull << 63); break;                    /* denormal */
    case 2: exp = 0; break;                                           /* pseudo-denormal */
    case 3: exp = 0x7fff, mant = 1ull << 63; break;                   /* infinity */
    case 4: exp = 0x7fff, mant |= 1ull << 62; break;                  /* quiet NaN */
    case 5: exp = 0x7fff, mant = (mant & ~(1ull << 62)) | 1; break;   /* signalling NaN */
    case 6: mant &= ~(1ull << 63); exp = pick(2) ? 0x7fff : exp; break; /* unsupported */
    case 7: exp = (uint16_t)rng() & 0x7fff; break;
    }
    exp |= (uint16_t)pick(2) << 15;
    memcpy(v, &mant, 8);
    memcpy(v + 8, &exp, 2);
}

static uint64_t random_memory(void)
{
    static const uint64_t doubles[] = { 0, 0x3ff0000000000000, 0x7ff0000000000000, 0x7ff0000000000001, 0xfff8000000000003, 1,
                                        0x000fffffffffffff, 0x8000000000000000, 0x4045000000000000, 0xc1dfffffffc00000 };
    static const uint32_t floats[] = { 0, 0x3f800000, 0x7f800000, 0x7f800001, 0xffc00003, 1, 0x80000000, 0x42280000 };
    switch (pick(4)) {
    case 0: return doubles[pick(ARRAY_SIZE(doubles))];
    case 1: return floats[pick(ARRAY_SIZE(floats))];
    case 2: return (rng() & 0x800fffffffffffffull) | (uint64_t)(0x3f0 + pick(32)) << 52;
    default: return rng();
    }
}

static void random_case(Case *c)
{
    static const uint8_t pc[4] = { 0, 2, 3, 3 };
    uint16_t cw = pick(2) ? 0x37f : (uint16_t)(0x40 | (pick(2) ? 0x3f : pick(64)) | pc[pick(4)] << 8 | pick(4) << 10);

    memset(c, 0, sizeof(*c));
    c->image.cw = 0xffff0000 | cw;
    c->image.sw = 0xffff0000 | ((uint32_t)rng() & 0x7f00) | (pick(4) ? 0 : pick(128) & (cw & 0x3f ? (cw & 0x3f) | 0x40u : 0));
    for (unsigned i = 0; i < 8; i++) {
        c->image.tags |= (pick(4) ? 0u : 3u) << 2 * i;
        random_value(c->image.st[i]);
    }
    if (pick(2)) /* a stack in ordinary use */
        c->image.sw = (c->image.sw & ~0x3800u) | 4 << 11, c->image.tags = 0x00ff;
    c->image.tags |= 0xffff0000;
    c->mem[0] = random_memory();
    c->mem[1] = rng();
    c->eflags = rng() & CC_ALL;
    c->i = pick(8);
}

/* ---- The two sides ---- */

static HostFunc *assemble(uint8_t *p, const Insn *in, unsigned i)
{
    /* frstor [rdi]; push [rdx]; popfq; INSN; pushfq; pop [rdx]; fnsave [rdi]; fninit; ret */
    uint8_t code[] = { 0xdd, 0x27, 0xff, 0x32, 0x9d, in->bytes[0], (uint8_t)(in->bytes[1] + (in->kind == REG ? i : 0)),
                       0x9c, 0x8f, 0x02, 0xdd, 0x37, 0xdb, 0xe3, 0xc3 };
    memcpy(p, code, sizeof(code));
    return (HostFunc *)(uintptr_t)p;
}

static void run_guest(const Insn *in, Case *c)
{
    SaveImage *im = &c->image;

    memset(env, 0, sizeof(*env));
    env->fpuc = (uint16_t)im->cw;
    env->fpus = (uint16_t)(im->sw & ~0x3800);
    env->fpstt = im->sw >> 11 & 7;
    for (unsigned i = 0; i < 8; i++) {
        env->fptags[i] = (im->tags >> 2 * i & 3) == 3;
        memcpy(&env->fpregs[(env->fpstt + i) & 7], im->st[i], 10);
    }
    __asm__ volatile("fninit");
    in->guest(&env->parent, c);
    im->cw = env->fpuc;
    im->sw = cpu_x86_get_fpus(env);
    im->tags = 0;
    for (unsigned i = 0; i < 8; i++) {
        im->tags |= (env->fptags[i] ? 3u : 0) << 2 * i;
        memcpy(im->st[i], &env->fpregs[(env->fpstt + i) & 7], 10);
    }
}

static void normalise(SaveImage *im)
{
    im->cw &= 0xffff, im->sw &= 0xffff;
    for (unsigned i = 0; i < 8; i++)
        if ((im->tags >> 2 * i & 3) != 3)
            im->tags &= ~(3u << 2 * i);
    im->tags &= 0xffff;
    memset(im->pointers, 0, sizeof(im->pointers));
}

static void print_case(const char *who, const Case *c)
{
    printf(" %-5s cw %04x sw %04x tags %04x mem %016lx flags %03lx", who, c->image.cw & 0xffff, c->image.sw & 0xffff,
           c->image.tags & 0xffff, c->mem[0], c->eflags);
    for (unsigned i = 0; i < 8; i++) {
        uint64_t m;
        uint16_t e;
        memcpy(&m, c->image.st[i], 8);
        memcpy(&e, c->image.st[i] + 8, 2);
        printf("%s%04x:%016lx", i % 4 ? " " : "\n     ", e, m);
    }
    printf("\n");
}

static bool fails(const Insn *in, uint8_t *buf)
{
    Case start, host, guest;

    random_case(&start);
    host = guest = start;
    assemble(buf, in, start.i)(&host.image, host.mem, &host.eflags);
    host.eflags &= CC_ALL;
    run_guest(in, &guest);
    normalise(&host.image);
    normalise(&guest.image);
    if (!memcmp(&host, &guest, sizeof(host)))
        return false;
    printf("%s i=%u\n", in->name, start.i);
    print_case("start", &start);
    print_case("host", &host);
    print_case("rhea", &guest);
    return true;
}

int main(int argc, char **argv)
{
    unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 3000, failures = 0;
    uint8_t *buf = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (buf == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    env = aligned_alloc(64, (sizeof(*env) + 63) & ~63ull);
    for (unsigned n = 0; n < ARRAY_SIZE(insns); n++)
        for (unsigned k = 0; k < count; k++)
            if (fails(&insns[n], buf)) {
                failures++;
                break;
            }
    printf("%zu instructions, %u failed\n", ARRAY_SIZE(insns), failures);
    free(env);
    return failures != 0;
}

#else
int main(void) { return 0; }
#endif
