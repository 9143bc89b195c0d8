/* SPDX-License-Identifier: MIT */
/*
 * Helpers of the integer instructions: exceptions, segment checks, division, decimal adjustment, rotates
 * through carry, wide compare and exchange, PUSHF/POPF, ENTER, port I/O. Intel SDM volume 2; undefined
 * flags as on AMD's Zen processors.
 */
#include "helper-int.h"
#include "helper.h"
#include "sys.h"
#include "util/guest-random.h"

/* ---- Exceptions ---- */

void helper_raise_fault(CPUState *cpu, uint32_t vector)
{
    raise_exception(x86_cpu(cpu), (int)vector, HELPER_RETADDR());
}

void helper_raise_fault_err(CPUState *cpu, uint32_t vector, uint32_t error)
{
    raise_exception_err(x86_cpu(cpu), (int)vector, error, HELPER_RETADDR());
}

void helper_raise_trap(CPUState *cpu, uint32_t vector, uint32_t int_n, uint64_t next_eip)
{
    raise_interrupt(x86_cpu(cpu), (int)vector, int_n, next_eip, HELPER_RETADDR());
}

/* The interrupt shadow of STI or MOV SS, and RF, last one instruction. */
void helper_end_shadow(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);

    env->hflags &= ~(uint32_t)(HF_INHIBIT_IRQ | HF_RF);
    env->eflags &= ~(uint32_t)RF_MASK;
    cpu_update_key(cpu);
}

/* ---- Segments ---- */

bool x86_seg_access_ok(const X86CPU *env, int seg, uint64_t offset, uint64_t bytes, bool write)
{
    const SegmentCache *s = &env->segs[seg];

    if (offset + bytes - 1 > UINT32_MAX)
        return false;
    if ((env->hflags & HF_PE) && !(env->hflags & HF_VM)) {
        bool code = s->flags & DESC_CS;
        if ((s->flags & (DESC_P | DESC_S)) != (DESC_P | DESC_S))
            return false;
        if (write ? code || !(s->flags & DESC_W) : code && !(s->flags & DESC_R))
            return false;
        if (!code && (s->flags & DESC_E)) {
            uint64_t top = s->flags & DESC_B ? UINT32_MAX : UINT16_MAX;
            return offset > s->limit && offset + bytes - 1 <= top;
        }
    }
    return offset + bytes - 1 <= s->limit;
}

void x86_raise_seg_fault(X86CPU *env, int seg, uintptr_t ra)
{
    raise_exception_err(env, seg == R_SS ? EXCP0C_STACK : EXCP0D_GPF, 0, ra);
}

void helper_seg_check(CPUState *cpu, uint64_t offset, uint32_t access)
{
    X86CPU *env = x86_cpu(cpu);

    if (!x86_seg_access_ok(env, access & 7, offset, access >> 8 & 0xff, access >> 16))
        x86_raise_seg_fault(env, access & 7, HELPER_RETADDR());
}

void helper_bound(CPUState *cpu, uint64_t index, uint64_t lower, uint64_t upper)
{
    if ((int64_t)index < (int64_t)lower || (int64_t)index > (int64_t)upper)
        raise_exception(x86_cpu(cpu), EXCP05_BOUND, HELPER_RETADDR());
}

/* ---- Division ---- */

static void put16(uint64_t *reg, uint64_t v)
{
    *reg = (*reg & ~0xffffull) | (v & 0xffff);
}

/* Quotient and remainder to their registers. */
static void set_quotient(X86CPU *env, uint32_t size, uint64_t q, uint64_t r)
{
    uint64_t *a = &env->regs[R_EAX], *d = &env->regs[R_EDX];

    switch (size) {
    case MO_8:
        put16(a, (q & 0xff) | (r & 0xff) << 8);
        break;
    case MO_16:
        put16(a, q);
        put16(d, r);
        break;
    case MO_32:
        *a = (uint32_t)q;
        *d = (uint32_t)r;
        break;
    default:
        *a = q;
        *d = r;
    }
}

static unsigned __int128 dividend(const X86CPU *env, uint32_t size)
{
    uint64_t a = env->regs[R_EAX], d = env->regs[R_EDX];

    switch (size) {
    case MO_8:
        return a & 0xffff;
    case MO_16:
        return (a & 0xffff) | (d & 0xffff) << 16;
    case MO_32:
        return (uint32_t)a | d << 32;
    default:
        return (unsigned __int128)d << 64 | a;
    }
}

void helper_div(CPUState *cpu, uint64_t divisor, uint32_t size)
{
    X86CPU *env = x86_cpu(cpu);
    unsigned __int128 n = dividend(env, size);
    uint64_t max = ~0ull >> (64 - (8 << size));

    if (!divisor || n / divisor > max)
        raise_exception(env, EXCP00_DIVZ, HELPER_RETADDR());
    set_quotient(env, size, (uint64_t)(n / divisor), (uint64_t)(n % divisor));
}

void helper_idiv(CPUState *cpu, uint64_t divisor, uint32_t size)
{
    X86CPU *env = x86_cpu(cpu);
    unsigned bits = 16u << size;
    __int128 n = (__int128)(dividend(env, size) << (128 - bits)) >> (128 - bits), q;
    int64_t d = (int64_t)divisor, max = (int64_t)(~0ull >> (65 - (8 << size)));

    if (!d || (d == -1 && -(unsigned __int128)n > (unsigned __int128)max && n < 0))
        raise_exception(env, EXCP00_DIVZ, HELPER_RETADDR());
    q = n / d;
    if (q > max || q < -(__int128)max - 1)
        raise_exception(env, EXCP00_DIVZ, HELPER_RETADDR());
    set_quotient(env, size, (uint64_t)q, (uint64_t)(n % d));
}

/* ---- Decimal adjustment ---- */

static void set_flags(X86CPU *env, uint32_t flags)
{
    env->cc_src = flags;
    env->cc_op = CC_OP_EFLAGS;
}

static uint32_t result_flags(uint8_t v)
{
    return (v ? 0 : CC_Z) | (v & 0x80 ? CC_S : 0) | (__builtin_parity(v) ? 0 : CC_P);
}

/* Flags of the 16-bit sum or difference with 0x106 (or 0), before AL loses its upper half. */
static void ascii_adjust(X86CPU *env, int sign)
{
    uint64_t *a = &env->regs[R_EAX];
    uint16_t old = (uint16_t)*a, ax = old;
    bool adjust = (old & 15) > 9 || (cpu_cc_compute_all(env) & CC_A);
    uint32_t flags = adjust ? CC_A | CC_C : 0;

    if (adjust)
        ax = (uint16_t)(old + sign * 0x106);
    if ((sign > 0 ? ax & ~old : old & ~ax) & 0x8000)
        flags |= CC_O;
    flags |= (ax ? 0 : CC_Z) | (ax & 0x8000 ? CC_S : 0) | (result_flags((uint8_t)ax) & CC_P);
    put16(a, ax & 0xff0f);
    set_flags(env, flags);
}

void helper_aaa(CPUState *cpu)
{
    ascii_adjust(x86_cpu(cpu), 1);
}

void helper_aas(CPUState *cpu)
{
    ascii_adjust(x86_cpu(cpu), -1);
}

void helper_aam(CPUState *cpu, uint32_t base)
{
    X86CPU *env = x86_cpu(cpu);
    uint8_t al = (uint8_t)env->regs[R_EAX];

    put16(&env->regs[R_EAX], (al / base) << 8 | al % base);
    set_flags(env, result_flags((uint8_t)(al % base)));
}

void helper_aad(CPUState *cpu, uint32_t base)
{
    X86CPU *env = x86_cpu(cpu);
    uint8_t al = (uint8_t)env->regs[R_EAX], ah = (uint8_t)(env->regs[R_EAX] >> 8);

    uint8_t addend = (uint8_t)(ah * base);

    al = (uint8_t)(al + addend);
    put16(&env->regs[R_EAX], al);
    env->cc_dst = al;
    env->cc_src = addend;
    env->cc_op = CC_OP_ADDB;
}

/* OF is that of the addition or subtraction of the whole correction. */
static void decimal_adjust(X86CPU *env, int sign)
{
    uint32_t flags = cpu_cc_compute_all(env), out = 0;
    uint8_t old = (uint8_t)env->regs[R_EAX], al = old;

    if ((al & 15) > 9 || (flags & CC_A)) {
        out |= CC_A | (sign < 0 && al < 6 ? CC_C : 0);
        al = (uint8_t)(al + sign * 6);
    }
    if (old > 0x99 || (flags & CC_C)) {
        al = (uint8_t)(al + sign * 0x60);
        out |= CC_C;
    }
    if ((sign > 0 ? al & ~old : old & ~al) & 0x80)
        out |= CC_O;
    env->regs[R_EAX] = (env->regs[R_EAX] & ~0xffull) | al;
    set_flags(env, out | result_flags(al));
}

void helper_daa(CPUState *cpu)
{
    decimal_adjust(x86_cpu(cpu), 1);
}

void helper_das(CPUState *cpu)
{
    decimal_adjust(x86_cpu(cpu), -1);
}

/* ---- Rotates through carry, 16-bit double shifts, BMI2 ---- */

/* size with bit 3 set asks for CF and OF instead of the result. */
static uint64_t rotate_carry(uint64_t v, uint64_t carry, uint64_t count, uint32_t what, bool left)
{
    unsigned bits = 8u << (what & 3), top = bits - 1;
    uint64_t mask = ~0ull >> (64 - bits);

    v &= mask;
    for (unsigned n = (unsigned)count % (bits + 1); n; n--) {
        uint64_t out = left ? v >> top & 1 : v & 1;
        v = left ? ((v << 1) | carry) & mask : v >> 1 | carry << top;
        carry = out;
    }
    if (!(what & 8))
        return v;
    return carry | ((v >> top ^ (left ? carry : v >> (top - 1))) & 1) << 11;
}

uint64_t helper_rcl(uint64_t v, uint64_t carry, uint64_t count, uint32_t what)
{
    return rotate_carry(v, carry, count, what, true);
}

uint64_t helper_rcr(uint64_t v, uint64_t carry, uint64_t count, uint32_t what)
{
    return rotate_carry(v, carry, count, what, false);
}

static uint64_t double_shift_result(uint16_t r, bool carry, bool overflow)
{
    uint64_t flags = (r ? 0 : CC_Z) | (r & 0x8000 ? CC_S : 0) | (__builtin_parity(r & 0xff) ? 0 : CC_P) | CC_A |
                     (carry ? CC_C : 0) | (overflow ? CC_O : 0);

    return r | flags << 32;
}

/* Counts above 16 shift the second operand on through itself and clear CF; OF is then clear for SHLD. */
uint64_t helper_shld16(uint64_t dst, uint64_t src, uint64_t n)
{
    uint64_t wide = dst << 32 | src << 16 | src;
    uint16_t r = (uint16_t)(wide << n >> 32);
    bool carry = n && n <= 16 && dst >> (16 - n) & 1;

    return double_shift_result(r, carry, n < 16 ? (r >> 15) ^ carry : n == 16 && carry);
}

uint64_t helper_shrd16(uint64_t dst, uint64_t src, uint64_t n)
{
    uint64_t wide = src << 32 | src << 16 | dst;
    uint16_t r = (uint16_t)(wide >> n);
    bool carry = n && n <= 16 && dst >> (n - 1) & 1;

    return double_shift_result(r, carry, (r >> 15 ^ r >> 14) & 1);
}

uint64_t helper_pdep(uint64_t v, uint64_t mask)
{
    uint64_t r = 0;

    for (; mask; mask &= mask - 1, v >>= 1) {
        if (v & 1)
            r |= mask & -mask;
    }
    return r;
}

uint64_t helper_pext(uint64_t v, uint64_t mask)
{
    uint64_t r = 0;

    for (unsigned n = 0; mask; mask &= mask - 1, n++) {
        if (v & mask & -mask)
            r |= 1ull << n;
    }
    return r;
}

/* CRC-32C, least significant bit first. */
uint64_t helper_crc32(uint64_t crc, uint64_t v, uint32_t size)
{
    for (unsigned n = 8u << size; n; n--, v >>= 1) {
        bool out = (crc ^ v) & 1;
        crc = crc >> 1 ^ (out ? 0x82f63b78 : 0);
    }
    return crc;
}

uint64_t helper_random(CPUState *cpu)
{
    uint64_t v = 0;

    (void)cpu;
    guest_random(&v, sizeof v);
    return v;
}

/* ---- CMPXCHG8B, CMPXCHG16B: ZF in its place ---- */

uint64_t helper_cmpxchg8b(CPUState *cpu, uint64_t va)
{
    X86CPU *env = x86_cpu(cpu);
    uint64_t *a = &env->regs[R_EAX], *d = &env->regs[R_EDX];
    uint64_t expected = (uint32_t)*a | *d << 32, val = (uint32_t)env->regs[R_EBX] | env->regs[R_ECX] << 32;
    MemOp op = MO_64 | (env->hflags & HF_ALIGN ? MO_ALIGN : 0);
    uint64_t old = cpu_atomic(cpu, IR_ATOMIC_CMPXCHG, va, val, expected, MEMOPIDX(op, x86_mmu_mode(env)), HELPER_RETADDR());

    if (old == expected)
        return CC_Z;
    *a = (uint32_t)old;
    *d = old >> 32;
    return 0;
}

uint64_t helper_cmpxchg16b(CPUState *cpu, uint64_t va)
{
    X86CPU *env = x86_cpu(cpu);
    uint64_t cmp[2] = { env->regs[R_EAX], env->regs[R_EDX] };
    const uint64_t val[2] = { env->regs[R_EBX], env->regs[R_ECX] };

    if (va & 15)
        raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
    if (cpu_cmpxchg16(cpu, va, cmp, val, x86_mmu_mode(env), HELPER_RETADDR()))
        return CC_Z;
    env->regs[R_EAX] = cmp[0];
    env->regs[R_EDX] = cmp[1];
    return 0;
}

/* ---- PUSHF, POPF ---- */

/* v8086 mode below IOPL 3: only the 16-bit forms, and only with VME, see a virtual IF. */
static bool virtual_if(X86CPU *env, uint32_t size, uintptr_t ra)
{
    if (!(env->hflags & HF_VM) || x86_iopl(env) == 3)
        return false;
    if (!(env->cr[4] & CR4_VME) || size != MO_16)
        raise_exception_err(env, EXCP0D_GPF, 0, ra);
    return true;
}

uint64_t helper_pushf(CPUState *cpu, uint32_t size)
{
    X86CPU *env = x86_cpu(cpu);
    uint32_t flags = cpu_compute_eflags(env);

    if (virtual_if(env, size, HELPER_RETADDR()))
        return (flags & ~(uint32_t)IF_MASK) | IOPL_MASK | (flags & VIF_MASK ? IF_MASK : 0);
    return flags & ~(uint32_t)(VM_MASK | RF_MASK);
}

void helper_popf(CPUState *cpu, uint64_t image, uint32_t size)
{
    X86CPU *env = x86_cpu(cpu);
    uint32_t value = (uint32_t)image, mask = CC_ALL | TF_MASK | DF_MASK | NT_MASK;

    if (virtual_if(env, size, HELPER_RETADDR())) {
        if ((value & TF_MASK) || ((value & IF_MASK) && (env->eflags & VIP_MASK)))
            raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
        value = (value & ~(uint32_t)VIF_MASK) | (value & IF_MASK ? VIF_MASK : 0);
        cpu_load_eflags(env, value, mask | VIF_MASK);
        return;
    }
    if (size != MO_16)
        mask |= AC_MASK | ID_MASK | RF_MASK; /* RF is cleared */
    value &= ~(uint32_t)RF_MASK;
    if (!(env->hflags & HF_PE) || ((env->hflags & HF_CPL) == 0 && !(env->hflags & HF_VM)))
        mask |= IOPL_MASK | IF_MASK;
    else if ((env->hflags & HF_CPL) <= x86_iopl(env))
        mask |= IF_MASK;
    cpu_load_eflags(env, value, mask);
}

/* ---- ENTER ---- */

/* Copies the frame pointers of the enclosing levels and pushes the new one. */
void helper_enter_levels(CPUState *cpu, uint64_t frame, uint32_t size, uint32_t level)
{
    X86CPU *env = x86_cpu(cpu);
    uintptr_t ra = HELPER_RETADDR();
    uint64_t bp = env->regs[R_EBP];
    X86Stack to, from;

    x86_stack_current(&to, env, ra);
    from = to;
    to.sp = frame;
    uint64_t low = (frame | (level > 1 ? bp : 0)) & ((1u << size) - 1);
    if (low && env->hflags & HF_ALIGN && (!x86_long_mode(env) || x86_canonical(env, level > 1 ? bp : frame)))
        raise_exception_err(env, EXCP11_ALGN, 0, ra);
    for (uint32_t i = 1; i < level; i++) { /* they lie below BP, the nearest first */
        from.sp = bp - ((uint64_t)i << size);
        x86_push(&to, 1u << size, x86_pop(&from, 1u << size));
    }
    if (!(env->hflags & (HF_SS32 | HF_CS64))) /* the upper half of ESP goes along */
        frame |= env->regs[R_ESP] & 0xffff0000;
    x86_push(&to, 1u << size, frame);
}

/* ---- Port I/O ---- */

uint64_t helper_io_in(CPUState *cpu, uint32_t port, uint32_t bytes)
{
    (void)cpu;
    return x86_io_read((uint16_t)port, bytes);
}

void helper_io_out(CPUState *cpu, uint32_t port, uint32_t bytes, uint32_t value)
{
    (void)cpu;
    x86_io_write((uint16_t)port, value, bytes);
}
