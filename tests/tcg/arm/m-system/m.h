/* SPDX-License-Identifier: MIT */
/*
 * Programs for bare M-profile cores: registers, a vector table in RAM whose handlers each test sets, checks. check(n, …) ends the program
 * with exit status n (by semihosting) when the two values differ.
 */
#include <stdint.h>

#define REG(a) (*(volatile uint32_t *)(a))
#define BYTE(a) (*(volatile uint8_t *)(a))
enum { ICSR = 0xd04, VTOR = 0xd08, AIRCR = 0xd0c, SCR = 0xd10, CCR = 0xd14, SHCSR = 0xd24, CFSR = 0xd28, HFSR = 0xd2c, MMFAR = 0xd34,
       BFAR = 0xd38, CPACR = 0xd88, MPU_CTRL = 0xd94, MPU_RNR = 0xd98, MPU_RBAR = 0xd9c, MPU_RASR = 0xda0, STIR = 0xf00,
       FPCCR = 0xf34, FPCAR = 0xf38, FPDSCR = 0xf3c };
#define SCS(r) REG(0xe000e000u + (r))
#define ISER SCS(0x100)
#define ICER SCS(0x180)
#define ISPR SCS(0x200)
#define ICPR SCS(0x280)
#define IABR SCS(0x300)
#define IRQ_PRIORITY(n) BYTE(0xe000e400u + (n))
#define EXC_PRIORITY(n) BYTE(0xe000ed14u + (n))
enum { NMI = 2, HARD, MEM, BUS, USAGE, SECURE, SVCALL = 11, PENDSV = 14, SYSTICK, IRQ0 };
#define PEND_NMI (1u << 31)
#define PEND_SV (1u << 28)
#define PEND_TICK (1u << 26)

#define NAKED __attribute__((naked, noinline, used))
#define ASM __asm__ volatile
#define barrier() ASM("dsb\n isb" ::: "memory")
#define read_special(name) ({ uint32_t v_; ASM("mrs %0, " name : "=r"(v_)); v_; })
#define write_special(name, v) ASM("msr " name ", %0" :: "r"((uint32_t)(v)) : "memory")

extern uint32_t stack_top;
int main(void);

static __attribute__((noinline, noreturn)) void leave(uint32_t status)
{
    const uint32_t block[2] = { 0x20026, status };
    register uint32_t op __asm__("r0") = 0x20;
    register const uint32_t *p __asm__("r1") = block;
    for (;;)
        ASM("bkpt 0xab" :: "r"(op), "r"(p) : "memory");
}

static inline void check(uint32_t n, uint32_t got, uint32_t want)
{
    if (got != want)
        leave(n);
}

static void unexpected(void)
{
    leave(200 + (read_special("ipsr") & 31));
}

static __attribute__((aligned(256))) void (*table[64])(void);

static inline void handle(unsigned exc, void (*handler)(void))
{
    table[exc] = handler;
    barrier();
}

__attribute__((noreturn)) void start(void)
{
    extern uint32_t bss_start, bss_end;
    for (uint32_t *p = &bss_start; p < &bss_end; p++)
        *p = 0;
    for (unsigned i = 0; i < 64; i++)
        table[i] = unexpected;
    SCS(VTOR) = (uint32_t)table;
    barrier();
    main();
    leave(0);
}

__attribute__((section(".vectors"), used)) static void *const reset[2] = { &stack_top, start };
