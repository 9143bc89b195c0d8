/* SPDX-License-Identifier: MIT */
/*
 * Runs on the bare Versatile/PB: console, vectored interrupts from a timer, the secondary interrupt controller's software interrupt,
 * the keyboard controller, DMA, the frame buffer's interrupt and blocks of an SD card. Its exit status (semihosting)
 * is the number of the check that failed, 0 when none did. Addresses and bits are from DUI 0225 and the chips' manuals.
 */
#ifndef SKIP
#define SKIP 0 /* what not to check */
#endif
enum { SKIP_SIC = 1, SKIP_DMA = 2, SKIP_DISPLAY = 4 };
typedef unsigned int u32;
typedef unsigned char u8;
#define REG(a) (*(volatile u32 *)(a))
enum { SYS = 0x10000000, SIC = 0x10003000, MMCI = 0x10005000, KMI0 = 0x10006000, CLCD = 0x10120000, DMAC = 0x10130000,
       VIC = 0x10140000, TIMER = 0x101e2000, UART = 0x101f1000 };
enum { TIMER_IRQ = 4, CLCD_IRQ = 16, DMA_IRQ = 17, SIC_IRQ = 31 };

static volatile u32 ticks, sic_hits, dma_hits, clcd_hits, last_vector;
static u32 source[64], target[64];

static void put(const char *s)
{
    while (*s) {
        while (REG(UART + 0x18) & 0x20)
            ;
        REG(UART) = (u8)*s++;
    }
}

__attribute__((noreturn)) static void finish(u32 code)
{
    u32 block[2] = { 0x20026, code };
    put(code ? "FAILED\n" : "PASSED\n");
    register u32 r0 asm("r0") = 0x20, r1 asm("r1") = (u32)block;
    asm volatile("svc 0x123456" : : "r"(r0), "r"(r1) : "memory");
    for (;;)
        ;
}

static void check(u32 n, int ok)
{
    if (!ok)
        finish(n);
}

__attribute__((interrupt("IRQ"))) static void irq(void)
{
    last_vector = REG(VIC + 0x30);
    if (last_vector == 0x100) {
        ticks++;
        REG(TIMER + 0x0c) = 1;
    } else if (last_vector == 0x200) {
        sic_hits++;
        REG(SIC + 0x14) = 1;
    } else if (last_vector == 0x300) {
        dma_hits++;
        REG(DMAC + 0x08) = 1;
    } else {
        clcd_hits++;
        REG(CLCD + 0x28) = 0x1c;
    }
    REG(VIC + 0x30) = 0;
}

static void wait(volatile u32 *what, u32 n, u32 failed)
{
    u32 start = REG(SYS + 0x5c); /* 24 MHz */
    while (*what < n)
        check(failed, REG(SYS + 0x5c) - start < 240000000);
}

static void test_interrupts(void)
{
    static void (*const handler)(void) = irq;
    volatile u32 *low = (volatile u32 *)0x18;
    asm volatile("" : "+r"(low));
    low[0] = 0xe59ff018; /* ldr pc, [pc, #24]: the word at 0x38 */
    low[8] = (u32)handler;
    REG(VIC + 0x100) = 0x100, REG(VIC + 0x200) = 0x20 | TIMER_IRQ;
    REG(VIC + 0x104) = 0x200, REG(VIC + 0x204) = 0x20 | SIC_IRQ;
    REG(VIC + 0x108) = 0x300, REG(VIC + 0x208) = 0x20 | DMA_IRQ;
    REG(VIC + 0x34) = 0x400; /* everything else */
    REG(VIC + 0x10) = 1u << TIMER_IRQ | 1u << SIC_IRQ | 1u << DMA_IRQ | 1u << CLCD_IRQ;
    u32 cpsr;
    asm volatile("mrs %0, cpsr; bic %0, %0, #0x80; msr cpsr_c, %0" : "=r"(cpsr));
    REG(TIMER + 0x00) = 1000; /* 1 MHz: a millisecond */
    REG(TIMER + 0x08) = 0xe2; /* enabled, periodic, interrupt, 32 bits */
    wait(&ticks, 20, 1);
    REG(TIMER + 0x08) = 0;
    if (SKIP & SKIP_SIC)
        return;
    REG(SIC + 0x08) = 1;
    REG(SIC + 0x10) = 1;
    wait(&sic_hits, 1, 2);
    check(3, REG(SIC + 0x00) == 0);
}

static void test_keyboard(void)
{
    check(10, REG(KMI0 + 0xfe0) == 0x50);
    REG(KMI0 + 0x00) = 0x04;
    REG(KMI0 + 0x08) = 0xff; /* reset: acknowledge, self-test passed */
    u32 start = REG(SYS + 0x5c);
    while (!(REG(KMI0 + 0x04) & 0x10))
        check(11, REG(SYS + 0x5c) - start < 240000000);
    check(12, (REG(KMI0 + 0x08) & 0xff) == 0xfa);
}

static void test_dma(void)
{
    for (u32 i = 0; i < 64; i++)
        source[i] = i * 0x01010101;
    REG(DMAC + 0x30) = 1;
    REG(DMAC + 0x100) = (u32)source;
    REG(DMAC + 0x104) = (u32)target;
    REG(DMAC + 0x108) = 0;
    REG(DMAC + 0x10c) = 64 | 2 << 18 | 2 << 21 | 1 << 26 | 1 << 27 | 1u << 31; /* words, both addresses grow, interrupt */
    REG(DMAC + 0x110) = 0x8001; /* enabled, terminal count interrupt */
    wait(&dma_hits, 1, 20);
    for (u32 i = 0; i < 64; i++)
        check(21, target[i] == source[i]);
}

static void test_display(void)
{
    REG(CLCD + 0x00) = 0x3f1f3f00 | (320 / 16 - 1) << 2; /* 320 x 240 */
    REG(CLCD + 0x04) = 239;
    REG(CLCD + 0x10) = 0x200000;
    REG(CLCD + 0x18) = 0x1829; /* on, powered, 16 bits a pixel, TFT */
    REG(CLCD + 0x1c) = 1 << 2; /* next base address */
    wait(&clcd_hits, 1, 30);
    REG(CLCD + 0x18) = 0;
}

static u32 command(u32 cmd, u32 arg, u32 kind)
{
    REG(MMCI + 0x08) = arg;
    REG(MMCI + 0x0c) = cmd | kind;
    u32 status;
    while (!((status = REG(MMCI + 0x34)) & 0xc5))
        ;
    REG(MMCI + 0x38) = 0xc5;
    check(40 + cmd % 8, !(status & 5));
    return REG(MMCI + 0x14);
}

static void test_card(void)
{
    command(0, 0, 0x400);
    check(50, command(8, 0x1aa, 0x440) == 0x1aa);
    u32 ocr;
    do {
        command(55, 0, 0x440);
        ocr = command(41, 0x40ff8000, 0x440);
    } while (!(ocr >> 31));
    command(2, 0, 0x4c0);
    u32 rca = command(3, 0, 0x440) & 0xffff0000;
    command(9, rca, 0x4c0);
    command(7, rca, 0x440);
    command(16, 512, 0x440);
    REG(MMCI + 0x24) = 0xffffff;
    REG(MMCI + 0x28) = 512;
    REG(MMCI + 0x2c) = 0x93; /* from the card */
    command(17, 512, 0x440); /* the second block holds its own offsets */
    for (u32 i = 0; i < 128; i++) {
        while (!(REG(MMCI + 0x34) & 1 << 21))
            ;
        check(51, REG(MMCI + 0x80) == i * 4);
    }
    REG(MMCI + 0x38) = 0x7ff;
    command(24, 1024, 0x440);
    REG(MMCI + 0x2c) = 0x91;
    for (u32 i = 0; i < 128; i++) {
        while (REG(MMCI + 0x34) & 1 << 16)
            ;
        REG(MMCI + 0x80) = ~i;
    }
    while (!(REG(MMCI + 0x34) & 0x100))
        ;
    check(52, (command(13, rca, 0x440) & 0xfff80000) == 0);
}

/* Stacks of IRQ mode and of SVC mode. */
asm(".globl start; start: msr cpsr_c, #0xd2; ldr sp, =0x100000; msr cpsr_c, #0xd3; ldr sp, =0x200000; b run");

__attribute__((noreturn, used)) static void run(void)
{
    put("Versatile\n");
    check(60, REG(SYS) == 0x41007004);
    test_interrupts();
    test_keyboard();
    if (!(SKIP & SKIP_DMA))
        test_dma();
    if (!(SKIP & SKIP_DISPLAY))
        test_display();
    test_card();
    finish(0);
}
