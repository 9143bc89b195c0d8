/* SPDX-License-Identifier: MIT */
/* Vector table and reset: the FPU is switched on where there is one, then newlib's start. */
#include <stdint.h>

extern uint32_t stack_top;
void _start(void);
void SysTick_Handler(void);
void UART_Handler(void);

static void stop(void)
{
    for (;;)
        ;
}

static void start(void)
{
#ifdef __ARM_FP
    *(volatile uint32_t *)0xe000ed88 |= 0xf << 20;
    __asm__ volatile("dsb\n isb");
#endif
    _start();
}

__attribute__((section(".vectors"), used)) static void *const vectors[16 + 64] = {
    &stack_top, start, stop, stop, stop, stop, stop, stop, [11] = stop, stop, [14] = stop, SysTick_Handler, [16 + UART_IRQ] = UART_Handler,
};
