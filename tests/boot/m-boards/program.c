/* SPDX-License-Identifier: MIT */
/*
 * A program of newlib for any M-profile board: prints by semihosting and on its UART, takes SysTick and the UART's transmit interrupt, does
 * floating point, and exits with status 42. The board is in the macros: UART (kind), UART_BASE, UART_IRQ.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define REG(a) (*(volatile uint32_t *)(a))
#define UART_REG(o) REG(UART_BASE + (o))
enum { CMSDK = 1, PL011, NRF51, STM32 };

static volatile unsigned ticks, sent;

static void uart_start(void)
{
    switch (UART) {
    case CMSDK:
        UART_REG(0x10) = 16;
        UART_REG(0x08) = 1 | 1 << 2;
        break;
    case PL011:
#ifdef PL011_CLOCK
        REG(0x400fe104) |= 1;
#endif
        UART_REG(0x30) = 0x301;
        UART_REG(0x38) = 1 << 5;
        break;
    case NRF51:
        UART_REG(0x500) = 4;
        UART_REG(0x304) = 1 << 7;
        UART_REG(0x008) = 1;
        break;
    case STM32:
        UART_REG(0x0c) = 1 << 13 | 1 << 3;
        break;
    }
}

static void uart_put(char c)
{
    switch (UART) {
    case CMSDK:
        while (UART_REG(4) & 1)
            ;
        UART_REG(0) = (uint8_t)c;
        break;
    case PL011:
        while (UART_REG(0x18) & 0x20)
            ;
        UART_REG(0) = (uint8_t)c;
        break;
    case NRF51:
        UART_REG(0x51c) = (uint8_t)c;
        break;
    case STM32:
        while (!(UART_REG(0) & 1 << 7))
            ;
        UART_REG(4) = (uint8_t)c;
        break;
    }
}

void SysTick_Handler(void)
{
    ticks++;
}

void UART_Handler(void)
{
    switch (UART) {
    case CMSDK: UART_REG(0x0c) = 1; break;
    case PL011: UART_REG(0x44) = 1 << 5; UART_REG(0x38) = 0; break;
    case NRF51: UART_REG(0x11c) = 0; break;
    case STM32: UART_REG(0x0c) &= ~(1u << 7); break;
    }
    sent++;
}

int main(void)
{
    const char *text = "uart: ok\r\n";

    printf("semihosting: ok\n");
    REG(0xe000e014) = 0x3fff;
    REG(0xe000e018) = 0;
    REG(0xe000e010) = 7;
    while (ticks < 5)
        __asm__ volatile("wfi");
    REG(0xe000e010) = 0;
    printf("systick: ok\n");
    REG(0xe000e100 + UART_IRQ / 32 * 4) = 1u << UART_IRQ % 32;
    uart_start();
    if (UART == STM32)
        UART_REG(0x0c) |= 1 << 7;
    for (const char *p = text; *p; p++)
        uart_put(*p);
    while (!sent)
        ;
    printf("interrupt: ok\n");
    volatile double x = 2;
    printf("sqrt: %.6f\n", sqrt(x));
    char *heap = malloc(1000);
    return heap ? 42 : 1;
}
