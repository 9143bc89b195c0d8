/* SPDX-License-Identifier: MIT */
/* What differs between the boards; registers are from TI's, Nordic's and ST's manuals. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#define REG(a) (*(volatile uint32_t *)(uintptr_t)(a))
#define REG8(a) (*(volatile uint8_t *)(uintptr_t)(a))
void check(int n, int ok);

#if defined(LM3S6965EVB)

#define BOARD "lm3s6965evb"
#define TIMER_IRQ 19
static void uart_init(void)
{
    REG(0x4000c02c) = 0x70;
    REG(0x4000c030) = 0x301;
}
static void uart_put(char c)
{
    while (REG(0x4000c018) & 0x20)
        ;
    REG(0x4000c000) = (uint8_t)c;
}
static int uart_get(void)
{
    while (REG(0x4000c018) & 0x10)
        ;
    return (int)REG(0x4000c000) & 0xff;
}
static void timer_start(void)
{
    REG(0x40030000) = 0;
    REG(0x40030004) = 2;
    REG(0x40030028) = 5000;
    REG(0x40030018) = 1;
    REG(0x4003000c) = 1;
}
static void timer_acknowledge(void)
{
    REG(0x40030024) = 1;
}
static void board_checks(void)
{
    REG(0x4003000c) = 0;
    check(10, REG(0x400fe000) == 0x10010002);
    REG(0x400fe060) = 0x078e3ac0 & ~0x2000u; /* the PLL on */
    check(11, REG(0x400fe050) >> 6 & 1);
    REG(0x4000441c + 0x3e4) = 0xff; /* not a register: nothing happens */
    REG(0x40004400) = 0xf;
    REG(0x40004000 + (0xff << 2)) = 5;
    check(12, REG(0x40004000 + (0x4 << 2)) == 4);
    REG(0x40038000) = 8; /* ADC sequencer 3, its temperature sensor */
    REG(0x400380a4) = 0xe;
    REG(0x40038028) = 8;
    check(13, REG(0x40038004) >> 3 & 1);
    check(14, REG(0x400380a8) > 100);
    REG(0x40008004) = 3; /* SSI in loopback */
    REG(0x40008000) = 7;
    REG(0x40008008) = 0xa5;
    check(15, REG(0x40008008) == 0xa5);
    REG(0x40020020) = 0x10; /* nobody on the I2C bus */
    REG(0x40020000) = 0x78;
    REG(0x40020004) = 7;
    check(16, (REG(0x40020004) & 6) == 6);
}

#elif defined(MICROBIT)

#define BOARD "microbit"
#define TIMER_IRQ 8
static void uart_init(void)
{
    REG(0x40002500) = 4;
    REG(0x40002000) = 1;
    REG(0x40002008) = 1;
}
static void uart_put(char c)
{
    REG(0x4000211c) = 0;
    REG(0x4000251c) = (uint8_t)c;
    while (!REG(0x4000211c))
        ;
}
static int uart_get(void)
{
    while (!REG(0x40002108))
        ;
    REG(0x40002108) = 0;
    return (int)REG(0x40002518);
}
static void timer_start(void)
{
    REG(0x40008508) = 3;
    REG(0x40008510) = 4; /* 1 MHz */
    REG(0x40008540) = 1000;
    REG(0x40008200) = 1; /* compare 0 clears */
    REG(0x40008304) = 1 << 16;
    REG(0x40008000) = 1;
}
static void timer_acknowledge(void)
{
    REG(0x40008140) = 0;
}
static void board_checks(void)
{
    uint32_t first, i, different = 0;
    check(10, REG(0x10000010) == 0x400);
    check(11, REG(0x10000014) == 256);
    REG(0x40008004) = 1;
    REG(0x4000d000) = 1; /* random bytes */
    for (first = i = 0; i < 8; i++) {
        while (!REG(0x4000d100))
            ;
        REG(0x4000d100) = 0;
        different += i && REG(0x4000d508) != first;
        first = i ? first : REG(0x4000d508);
    }
    check(12, different > 3);
    REG(0x4001e504) = 2;
    REG(0x4001e508) = 0x3f000; /* erase a page of flash, write a word twice */
    check(13, REG(0x3f010) == 0xffffffff);
    REG(0x4001e504) = 1;
    REG(0x3f010) = 0x12345678;
    REG(0x3f010) = 0xffff0000;
    REG(0x4001e504) = 0;
    check(14, REG(0x3f010) == 0x12340000);
    REG(0x50000700 + 4 * 17) = 0; /* a button, not pressed; an output */
    check(15, REG(0x50000510) >> 17 & 1);
    REG(0x50000518) = 1 << 4;
    REG(0x50000700 + 4 * 4) = 1;
    REG(0x50000508) = 1 << 4;
    check(16, REG(0x50000510) >> 4 & 1);
}

#elif defined(NETDUINOPLUS2)

#define BOARD "netduinoplus2"
#define TIMER_IRQ 28
static void uart_init(void)
{
    REG(0x4001100c) = 0x200c;
}
static void uart_put(char c)
{
    while (!(REG(0x40011000) & 0x80))
        ;
    REG(0x40011004) = (uint8_t)c;
}
static int uart_get(void)
{
    while (!(REG(0x40011000) & 0x20))
        ;
    return (int)REG(0x40011004) & 0xff;
}
static void timer_start(void)
{
    REG(0x40000028) = 83; /* 1 MHz */
    REG(0x4000002c) = 999;
    REG(0x4000000c) = 1;
    REG(0x40000000) = 1;
}
static void timer_acknowledge(void)
{
    REG(0x40000010) = 0;
}
static void board_checks(void)
{
    REG(0x40000000) = 0;
    REG(0x40023800) |= 0x1010000; /* HSE and PLL on, then chosen */
    check(10, REG(0x40023800) >> 17 & 1 && REG(0x40023800) >> 25 & 1);
    REG(0x40023808) = 2;
    check(11, (REG(0x40023808) >> 2 & 3) == 2);
    REG(0x40012008) = 1;
    REG(0x40012008) = 1 | 1 << 30;
    check(12, REG(0x40012000) >> 1 & 1);
    check(13, REG(0x4001204c) == 0x800);
    check(14, !(REG(0x40012000) >> 1 & 1));
    REG(0x40013000) = 0x344;
    REG(0x4001300c) = 0x55;
    check(15, REG(0x40013008) & 1);
    REG(0x40013c00) = 1;
    REG(0x40013c10) = 1; /* software interrupt on line 0 */
    check(16, REG(0x40013c14) == 1);
    REG(0x40013c14) = 1;
    check(17, REG(0x40013c14) == 0 && REG(0x40013c10) == 0);
    REG(0x10000000) = 0xcafe;
    check(18, REG(0x10000000) == 0xcafe);
}

#endif
#endif
