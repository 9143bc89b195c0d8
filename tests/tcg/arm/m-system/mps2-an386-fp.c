/* SPDX-License-Identifier: MIT */
/* Floating-point contexts of exceptions on a Cortex-M4: lazy and eager saving, what FPCCR and CONTROL.FPCA say, access control. */
#include "m.h"

static volatile uint32_t seen_lr, fpccr, fpcar, cfsr, slot_before, slot_after, in_handler;
static volatile uint32_t *frame;

#define HANDLER(name, body) \
    static __attribute__((used)) void name##_c(volatile uint32_t *f, uint32_t lr) { frame = f; seen_lr = lr; body } \
    NAKED static void name(void) { ASM("mov r0, sp\n mov r1, lr\n push {r1, r2}\n bl " #name "_c\n pop {r1, r2}\n bx r1"); }

static inline void set_s0(uint32_t v) { ASM("vmov s0, %0" :: "r"(v) : "s0"); }
static inline uint32_t get_s0(void) { uint32_t v; ASM("vmov %0, s0" : "=r"(v)); return v; }
static inline uint32_t get_fpscr(void) { uint32_t v; ASM("vmrs %0, fpscr" : "=r"(v)); return v; }

HANDLER(looks, fpccr = SCS(FPCCR); fpcar = SCS(FPCAR); slot_before = f[8]; in_handler = read_special("control") & 4;)
HANDLER(uses, fpccr = SCS(FPCCR); slot_before = f[8]; set_s0(0x99); slot_after = f[8]; fpcar = SCS(FPCCR); in_handler = read_special("control") & 4;)
HANDLER(skip4, cfsr = SCS(CFSR); SCS(CFSR) = cfsr; f[6] += 4;)
/* Arithmetic in a handler, its first FP instruction being one */
HANDLER(computes, uint32_t b; ASM("vmov.f32 s0, #1.5\n vadd.f32 s1, s0, s0\n vmov %0, s1" : "=r"(b) :: "s0"); slot_after = b == 0x40400000;)
HANDLER(changes, f[8] = 0x4242;)

#define CALL ASM("svc 0" ::: "memory", "r0", "r1", "r2", "r3", "r12")

int main(void)
{
    handle(USAGE, skip4);
    handle(SVCALL, looks);
    SCS(SHCSR) = 7 << 16;
    check(1, SCS(FPCCR), 0xc0000000);
    ASM("vmov s0, %0" :: "r"(1));
    check(2, cfsr, 1 << 19);
    SCS(CPACR) = 0xf << 20;
    barrier();
    CALL;
    check(3, seen_lr, 0xfffffff9); /* nothing to save yet */
    check(4, read_special("control"), 0);
    SCS(FPDSCR) = 1 << 22;
    cfsr = 0;
    set_s0(0x1234);
    check(5, cfsr, 0);
    check(6, read_special("control"), 4);
    check(7, get_fpscr(), 1 << 22);
    ASM("vmsr fpscr, %0" :: "r"(0));
    /* Lazy: room in the frame, nothing in it */
    REG((uint32_t)__builtin_frame_address(0) - 256) = 0;
    CALL;
    check(8, seen_lr, 0xffffffe9);
    check(9, fpccr & 1, 1);
    check(10, fpcar, (uint32_t)&frame[8]);
    check(11, in_handler, 0);
    check(12, get_s0(), 0x1234);
    check(13, SCS(FPCCR) & 1, 0);
    check(14, read_special("control"), 4);
    /* What the handler writes to the place does not count as long as it was not saved */
    handle(SVCALL, changes);
    CALL;
    check(15, get_s0(), 0x1234);
    /* The handler uses the FPU: saved at that moment */
    handle(SVCALL, uses);
    CALL;
    check(16, fpccr & 1, 1);
    check(17, slot_after, 0x1234);
    check(18, fpcar & 1, 0);
    check(19, in_handler, 4);
    check(20, get_s0(), 0x1234);
    slot_after = 0;
    handle(SVCALL, computes);
    CALL;
    check(29, slot_after, 1);
    check(30, get_s0(), 0x1234);
    /* Eager */
    SCS(FPCCR) = 0x80000000;
    handle(SVCALL, looks);
    set_s0(0x5678);
    CALL;
    check(21, fpccr & 1, 0);
    check(22, slot_before, 0x5678);
    handle(SVCALL, changes);
    CALL;
    check(23, get_s0(), 0x4242);
    /* No automatic context */
    SCS(FPCCR) = 0;
    write_special("control", 0);
    barrier();
    set_s0(3);
    check(24, read_special("control"), 0);
    handle(SVCALL, looks);
    CALL;
    check(25, seen_lr, 0xfffffff9);
    /* Single precision alone, 16 double registers */
    check(26, SCS(0xf40), 0x10110021);
    cfsr = 0;
    ASM(".inst.w 0xee310b02"); /* VADD.F64 d0, d1, d2 */
    check(27, cfsr, 1 << 16);
    uint32_t r;
    ASM("vmov.f32 s1, #1.0\n vmov.f32 s2, #2.0\n vmov.f32 s3, #3.0\n vfma.f32 s3, s1, s2\n vmov %0, s3" : "=r"(r) :: "s1", "s2", "s3");
    check(28, r, 0x40a00000);
    return 0;
}
