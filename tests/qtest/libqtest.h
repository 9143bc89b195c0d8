/* SPDX-License-Identifier: MIT */
/*
 * Device tests: starts the emulator with -accel qtest and talks to it over a socket. The program to run is
 * $QTEST_PROGRAM, or rhea-system-x86_64 in the build directory. Every mistake ends the test with a message.
 */
#ifndef RHEA_TESTS_LIBQTEST_H
#define RHEA_TESTS_LIBQTEST_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct QTest QTest;

/* Arguments as on a command line, with printf's conversions; words are separated by blanks. */
QTest *qtest_start(const char *args, ...) __attribute__((format(printf, 1, 2)));
void qtest_end(QTest *q);         /* kills the emulator and waits for it */
int qtest_wait(QTest *q);         /* waits for it to end by itself: exit status; frees q */

uint8_t qtest_inb(QTest *q, uint16_t port);
uint16_t qtest_inw(QTest *q, uint16_t port);
uint32_t qtest_inl(QTest *q, uint16_t port);
void qtest_outb(QTest *q, uint16_t port, uint8_t v);
void qtest_outw(QTest *q, uint16_t port, uint16_t v);
void qtest_outl(QTest *q, uint16_t port, uint32_t v);
uint8_t qtest_readb(QTest *q, uint64_t addr);
uint16_t qtest_readw(QTest *q, uint64_t addr);
uint32_t qtest_readl(QTest *q, uint64_t addr);
uint64_t qtest_readq(QTest *q, uint64_t addr);
void qtest_writeb(QTest *q, uint64_t addr, uint8_t v);
void qtest_writew(QTest *q, uint64_t addr, uint16_t v);
void qtest_writel(QTest *q, uint64_t addr, uint32_t v);
void qtest_writeq(QTest *q, uint64_t addr, uint64_t v);
void qtest_memread(QTest *q, uint64_t addr, void *buf, size_t len);
void qtest_memwrite(QTest *q, uint64_t addr, const void *buf, size_t len);
void qtest_memset(QTest *q, uint64_t addr, uint8_t v, size_t len);
int64_t qtest_clock_step(QTest *q, int64_t ns); /* the new time */
int64_t qtest_clock_step_next(QTest *q);        /* to the next timer */
int64_t qtest_clock_set(QTest *q, int64_t ns);
void qtest_irq_intercept_in(QTest *q, const char *device);
void qtest_irq_intercept_out(QTest *q, const char *device);
bool qtest_irq(QTest *q, unsigned n);           /* level of a watched line */
void qtest_set_irq_in(QTest *q, const char *device, unsigned n, int level);
/* A command as text, and the answer without its newline ("OK 0x1"); valid until the next call. */
const char *qtest_command(QTest *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* PCI by ports 0xcf8 and 0xcfc, bus 0. */
uint32_t qtest_pci_readl(QTest *q, unsigned slot, unsigned reg);
void qtest_pci_writel(QTest *q, unsigned slot, unsigned reg, uint32_t v);
/* The slot of a function with these ids; fails the test when there is none. */
unsigned qtest_pci_find(QTest *q, uint16_t vendor, uint16_t device);
/* Sizes BAR n, gives it the address and turns decoding and bus mastering on; returns the size. */
uint32_t qtest_pci_map(QTest *q, unsigned slot, unsigned n, uint32_t addr);

#endif
