/* SPDX-License-Identifier: MIT */
/*
 * Security Extension on a Cortex-M33: SAU and protection controllers, gateways, calls to Non-secure functions and back, exceptions between
 * the states with what their frames and registers hold, faults, TT, stack limits. Values: Armv8-M ARM (DDI 0553).
 */
#include "m.h"

#define NS_CODE __attribute__((section(".ns_text"), noinline, used))
#define NS_VECTORS __attribute__((section(".ns_vectors"), used))
#define GATE __attribute__((section(".gates"), naked, noinline, used))
#define SAU(r) REG(0xe000edd0u + (r))
#define SFSR REG(0xe000ede4u)
#define SFAR REG(0xe000ede8u)

/* In Non-secure memory */
typedef struct Shared { volatile uint32_t svc_lr, irq_r4, irq_r0, irqs, ticks, fault_value; } Shared;
#define SHARED ((Shared *)0x28100000)
#define NS_STACK 0x28008000u

static volatile uint32_t sfsr, sfar, tick_lr, calls, stacked, cfsr;

/* ---- Non-secure world ---- */
NS_CODE __attribute__((naked)) static void ns_svc(void)
{
    ASM("ldr r0, =0x28100000\n str lr, [r0]\n bx lr\n .ltorg");
}
NS_CODE __attribute__((naked)) static void ns_irq(void)
{
    ASM("ldr r1, =0x28100000\n str r4, [r1, #4]\n str r0, [r1, #8]\n ldr r2, [r1, #12]\n adds r2, #1\n str r2, [r1, #12]\n bx lr\n .ltorg");
}
NS_CODE __attribute__((naked)) static void ns_stuck(void) { ASM("b ."); }
NS_VECTORS static void *const ns_table[64] = { (void *)NS_STACK, ns_stuck, [HARD] = ns_stuck, [SVCALL] = ns_svc, [IRQ0 + 7] = ns_irq };

uint32_t gate(uint32_t);
/* 2 * (x + 1) by a Secure function, SVC on the way */
NS_CODE __attribute__((naked)) static uint32_t ns_function(uint32_t x)
{
    ASM("push {r4, lr}\n svc 1\n adds r0, #1\n ldr r3, =gate\n blx r3\n pop {r4, pc}\n .ltorg");
}
NS_CODE __attribute__((naked)) static uint32_t ns_wait(uint32_t x)
{
    ASM("ldr r1, =0x28100000\n 1: ldr r2, [r1, #16]\n cmp r2, #0\n beq 1b\n bx lr\n .ltorg");
}
NS_CODE __attribute__((naked)) static uint32_t ns_peek(uint32_t address)
{
    ASM("ldr.w r0, [r0]\n bx lr");
}
NS_CODE __attribute__((naked)) static uint32_t ns_jump(uint32_t address)
{
    ASM("push {r4, lr}\n blx r0\n pop {r4, pc}");
}

/* ---- Secure world ---- */
static __attribute__((used)) uint32_t twice(uint32_t x)
{
    calls++;
    return 2 * x;
}
GATE uint32_t gate(uint32_t x)
{
    ASM("sg\n push {r4, lr}\n ldr r3, =twice\n blx r3\n pop {r4, lr}\n bxns lr\n .ltorg");
}

static __attribute__((noinline)) uint32_t call_ns(void *function, uint32_t arg)
{
    register uint32_t r0 __asm__("r0") = arg;
    register uint32_t target __asm__("r3") = (uint32_t)function & ~1u;
    ASM("push {r4-r11}\n mov r4, #0x44\n blxns r3\n pop {r4-r11}" : "+r"(r0), "+r"(target) :: "r1", "r2", "r12", "lr", "memory", "cc");
    return r0;
}

static __attribute__((used)) void on_secure_c(volatile uint32_t *f, uint32_t lr)
{
    sfsr = SFSR;
    sfar = SFAR;
    SFSR = sfsr;
    tick_lr = lr;
    /* Non-secure code: its frame is on its stack. INVEP: return to the caller */
    f = (volatile uint32_t *)read_special("msp_ns");
    if (sfsr & 1) {
        f[6] = f[5] & ~1u;
        f[0] = 0x77;
    } else {
        f[6] += 4;
    }
}
NAKED static void on_secure(void) { ASM("mov r1, lr\n push {r1, r2}\n bl on_secure_c\n pop {r1, r2}\n bx r1"); }
static __attribute__((used)) void on_tick_c(uint32_t lr)
{
    tick_lr = lr;
    SCS(0x10) = 0;
    SHARED->ticks++;
}
NAKED static void on_tick(void) { ASM("mov r0, lr\n push {r0, r1}\n bl on_tick_c\n pop {r0, r1}\n bx r0"); }
NAKED static void on_usage(void) { ASM("ldr r0, =0xe000ed28\n ldr r1, [r0]\n str r1, [r0]\n ldr r2, =cfsr\n str r1, [r2]\n movs r0, #0\n msr msplim, r0\n bx lr\n .ltorg"); }

static void set_up(void)
{
    static const struct { uint32_t base, limit; } regions[] = {
        { 0x00200000, 0x003fffe1 }, { 0x28000000, 0x281fffe1 }, { 0x101f0000, 0x101fffe3 }, { 0x40000000, 0x4fffffe1 },
    };
    REG(0x58007018) = 16;
    for (unsigned i = 0; i < 16; i++)
        REG(0x5800701c) = ~0u;
    REG(0x58008018) = 0;
    for (unsigned i = 0; i < 16; i++)
        REG(0x5800801c) = ~0u;
    REG(0x50080014) = 1;
    for (unsigned i = 0; i < 4; i++) {
        SAU(8) = i;
        SAU(0xc) = regions[i].base;
        SAU(0x10) = regions[i].limit;
    }
    SAU(0) = 1;
    REG(0xe002ed08) = 0x00200000;
    write_special("msp_ns", NS_STACK);
    SCS(SHCSR) = 0xf << 16;
    barrier();
    handle(SECURE, on_secure);
    handle(SYSTICK, on_tick);
    handle(USAGE, on_usage);
}

int main(void)
{
    uint32_t r;
    check(2, SAU(4), 8);
    set_up();
    for (unsigned i = 0; i < sizeof(Shared) / 4; i++)
        ((volatile uint32_t *)SHARED)[i] = 0;
    /* Attribution as TT shows it */
    ASM("tt %0, %1" : "=r"(r) : "r"(0x00200000));
    check(3, r & 0x007f0000, 0x003e0000);
    ASM("tt %0, %1" : "=r"(r) : "r"(0x10000000));
    check(4, r >> 22 & 1, 1);
    /* A call there, SVC there, a gateway, and back */
    check(5, call_ns(ns_function, 4), 10);
    check(6, calls, 1);
    check(7, SHARED->svc_lr, 0xffffffb8);
    /* A Secure exception out of Non-secure code */
    for (unsigned i = 0; i < 20 && tick_lr != 0xffffffb9; i++) { /* on a busy host it may come before the call */
        SHARED->ticks = 0;
        SCS(0x14) = 200000;
        SCS(0x18) = 0;
        SCS(0x10) = 7;
        call_ns(ns_wait, 0);
        check(8, SHARED->ticks, 1);
    }
    check(9, tick_lr, 0xffffffb9);
    /* A Non-secure one out of Secure code: it sees no Secure values, and they are back afterwards */
    REG(0xe000e380) = 1 << 7;
    ISER = 1 << 7;
    register uint32_t secret __asm__("r4") = 0x5ec2e7, arg __asm__("r0") = 0xa76;
    ASM("ldr r1, =0xe000e200\n movs r2, #128\n str r2, [r1]\n dsb\n isb" : "+r"(secret), "+r"(arg) :: "r1", "r2", "memory", "cc");
    check(10, secret, 0x5ec2e7);
    check(11, arg, 0xa76);
    check(12, SHARED->irqs, 1);
    check(13, SHARED->irq_r4, 0);
    check(14, SHARED->irq_r0, 0);
    /* What Non-secure code must not do */
    call_ns(ns_peek, 0x38200000);
    check(15, sfsr, 0x48);
    check(16, sfar, 0x38200000);
    check(17, call_ns(ns_jump, (uint32_t)twice), 0x77);
    check(18, sfsr, 1);
    check(19, calls, 1);
    check(20, call_ns(ns_jump, (uint32_t)gate), 2 * ((uint32_t)gate));
    /* The protection controller: this Secure alias is Non-secure memory, the controller lets nothing through */
    check(21, REG(0x10200000), 0);
    check(22, REG(0x00200000), NS_STACK);
    /* Stack limit */
    ASM("mov r3, sp\n sub r2, r3, #64\n msr msplim, r2\n isb\n sub sp, sp, #128\n mov sp, r3" ::: "r2", "r3", "memory");
    check(23, cfsr, 1 << 20);
    return 0;
}
