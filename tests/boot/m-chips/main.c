/* SPDX-License-Identifier: MIT */
/*
 * A newlib program for M-profile boards: prints through semihosting and through the board's UART, reads that, takes SysTick and a chip's
 * interrupt, and then checks what board.h's board adds. Its exit status is 42, or the number of the check that failed.
 */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>

static volatile uint32_t ticks, hits;
extern uint32_t stack_top, __bss_start__, __bss_end__;
void initialise_monitor_handles(void);
void __libc_init_array(void);
int main(void);

static void reset(void)
{
    for (uint32_t *p = &__bss_start__; p < &__bss_end__; p++)
        *p = 0;
    initialise_monitor_handles();
    __libc_init_array();
    exit(main());
}

/* newlib wants them */
void _init(void) {}
void _fini(void) {}

static void systick(void)
{
    ticks++;
}

static void external(void)
{
    hits++;
    timer_acknowledge();
}

static void fault(void)
{
    exit(99);
}

__attribute__((section(".vectors"), used)) static void *const vectors[16 + 96] = {
    &stack_top, reset, [2] = fault, [3] = fault, [4] = fault, [5] = fault, [6] = fault, [15] = systick, [16 ... 111] = external,
};

void check(int n, int ok)
{
    if (!ok)
        exit(n);
}

static void uart_print(const char *s)
{
    while (*s)
        uart_put(*s++);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("%s says hello through semihosting\n", BOARD);
    uart_init();
    uart_print("hello through the UART\r\n");
    check(1, uart_get() == 'p');
    check(2, uart_get() == 'q');
    REG(0xe000e014) = 10000 - 1;
    REG(0xe000e018) = 0;
    REG(0xe000e010) = 7;
    while (ticks < 5)
        __asm__ volatile("wfi");
    REG(0xe000e010) = 0;
    REG(0xe000e100 + TIMER_IRQ / 32 * 4) = 1u << TIMER_IRQ % 32;
    timer_start();
    while (hits < 3)
        __asm__ volatile("wfi");
    REG(0xe000e180 + TIMER_IRQ / 32 * 4) = 1u << TIMER_IRQ % 32;
    board_checks();
    uart_print("all checks passed\r\n");
    return 42;
}
