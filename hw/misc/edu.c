/* SPDX-License-Identifier: MIT */
/*
 * The device that driver courses are written for (QEMU's docs/specs/edu.txt): type "edu", BAR 0 = 1 MiB of registers
 * and a 4 KiB buffer at 0x40000, INTA or one MSI vector. It inverts a number, computes factorials, raises interrupts
 * and copies between its buffer and memory. Property dma_mask. Work takes virtual time: a factorial a microsecond per
 * factor (at most 100 ms), a copy 100 ms.
 */
#include "hw/pci.h"
#include "util/log.h"
#include "util/timer.h"

#include <inttypes.h>
#include <string.h>

enum { R_ID = 0x00, R_LIVE = 0x04, R_FACTORIAL = 0x08, R_STATUS = 0x20, R_IRQ = 0x24, R_IRQ_RAISE = 0x60, R_IRQ_ACK = 0x64,
       R_DMA_SRC = 0x80, R_DMA_DST = 0x88, R_DMA_COUNT = 0x90, R_DMA_COMMAND = 0x98 };
enum { STATUS_BUSY = 0x01, STATUS_WANTS_IRQ = 0x80 };
enum { DMA_START = 1, DMA_TO_MEMORY = 2, DMA_IRQ = 4 };
enum { IRQ_FACTORIAL = 0x001, IRQ_DMA = 0x100 };
#define EDU_ID 0x010000ed
#define DMA_BUFFER 0x40000
#define DMA_SIZE 4096
#define DMA_NS 100000000
#define FACTOR_NS 1000

typedef struct EDU {
    PCIDevice pci;
    MemoryRegion mmio;
    uint32_t live, factorial, status, irq;
    uint64_t dma_src, dma_dst, dma_count, dma_command;
    uint64_t dma_mask;
    Timer *factorial_timer, *dma_timer;
    uint8_t buffer[DMA_SIZE];
} EDU;

static EDU *edu_of(Device *dev)
{
    return container_of(dev, EDU, pci.dev);
}

/* ---- Interrupts ---- */

static void raise(EDU *s, uint32_t bits)
{
    s->irq |= bits;
    if (!s->irq)
        return;
    if (pci_msi_enabled(&s->pci))
        pci_msi_send(&s->pci, 0);
    else
        pci_set_irq(&s->pci, 1);
}

static void acknowledge(EDU *s, uint32_t bits)
{
    s->irq &= ~bits;
    if (!s->irq && !pci_msi_enabled(&s->pci))
        pci_set_irq(&s->pci, 0);
}

/* ---- Work ---- */

static void factorial_done(void *opaque)
{
    EDU *s = opaque;
    uint32_t product = 1;
    if (s->factorial > 33)
        product = 0; /* 34 and more factors hold 2 to the 32nd */
    else
        for (uint32_t n = s->factorial; n > 1; n--)
            product *= n;
    s->factorial = product;
    s->status &= ~(uint32_t)STATUS_BUSY;
    if (s->status & STATUS_WANTS_IRQ)
        raise(s, IRQ_FACTORIAL);
}

static void start_factorial(EDU *s, uint32_t n)
{
    int64_t ns = (int64_t)n * FACTOR_NS;
    if (s->status & STATUS_BUSY)
        return;
    s->factorial = n;
    s->status |= STATUS_BUSY;
    timer_mod(s->factorial_timer, clock_ns(CLOCK_VIRTUAL) + (ns < DMA_NS ? ns : DMA_NS));
}

/* The part of the buffer that [at, at + count) names; NULL when it names something else. */
static uint8_t *buffer_part(EDU *s, uint64_t at, uint64_t count)
{
    if (at >= DMA_BUFFER && at - DMA_BUFFER <= DMA_SIZE && count <= DMA_SIZE - (at - DMA_BUFFER))
        return s->buffer + (at - DMA_BUFFER);
    guest_error("edu: DMA of 0x%" PRIx64 " bytes at 0x%" PRIx64 " is outside the device's buffer\n", count, at);
    return NULL;
}

static void dma_done(void *opaque)
{
    EDU *s = opaque;
    bool to_memory = s->dma_command & DMA_TO_MEMORY;
    uint64_t memory = (to_memory ? s->dma_dst : s->dma_src) & s->dma_mask;
    uint8_t *part = buffer_part(s, to_memory ? s->dma_src : s->dma_dst, s->dma_count);
    if (part)
        pci_dma_rw(&s->pci, memory, part, s->dma_count, to_memory);
    s->dma_command &= ~(uint64_t)DMA_START;
    if (s->dma_command & DMA_IRQ)
        raise(s, IRQ_DMA);
}

/* ---- Registers ---- */

static uint64_t *dma_register(EDU *s, hwaddr addr)
{
    switch (addr) {
    case R_DMA_SRC: return &s->dma_src;
    case R_DMA_DST: return &s->dma_dst;
    case R_DMA_COUNT: return &s->dma_count;
    case R_DMA_COMMAND: return &s->dma_command;
    default: return NULL;
    }
}

static uint64_t edu_read(void *opaque, hwaddr addr, unsigned size)
{
    EDU *s = opaque;
    const uint64_t *dma = dma_register(s, addr);
    if (addr < R_DMA_SRC && size != 4)
        return ~0ull;
    switch (addr) {
    case R_ID: return EDU_ID;
    case R_LIVE: return s->live;
    case R_FACTORIAL: return s->factorial;
    case R_STATUS: return s->status;
    case R_IRQ: return s->irq;
    default: return dma ? *dma : ~0ull;
    }
}

static void edu_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    EDU *s = opaque;
    uint64_t *dma = dma_register(s, addr);
    if (addr < R_DMA_SRC && size != 4)
        return;
    switch (addr) {
    case R_LIVE: s->live = ~(uint32_t)value; break;
    case R_FACTORIAL: start_factorial(s, (uint32_t)value); break;
    case R_STATUS: s->status = (s->status & STATUS_BUSY) | (value & STATUS_WANTS_IRQ); break;
    case R_IRQ_RAISE: raise(s, (uint32_t)value); break;
    case R_IRQ_ACK: acknowledge(s, (uint32_t)value); break;
    default:
        if (!dma || s->dma_command & DMA_START) /* not while a copy runs */
            break;
        *dma = addr == R_DMA_COMMAND && !(value & DMA_START) ? *dma : value;
        if (addr == R_DMA_COMMAND && value & DMA_START)
            timer_mod(s->dma_timer, clock_ns(CLOCK_VIRTUAL) + DMA_NS);
        break;
    }
}

static const MemoryRegionOps edu_ops = {
    .read = edu_read, .write = edu_write, .valid_min = 4, .valid_max = 8, .impl_min = 4, .impl_max = 8,
};

/* ---- Life ---- */

static bool edu_realize(Device *dev, Error **errp)
{
    EDU *s = edu_of(dev);
    s->factorial_timer = timer_new(CLOCK_VIRTUAL, factorial_done, s);
    s->dma_timer = timer_new(CLOCK_VIRTUAL, dma_done, s);
    memory_region_init_io(&s->mmio, dev, &edu_ops, s, "edu-mmio", MiB);
    pci_register_bar(&s->pci, 0, PCI_BAR_MEM, &s->mmio);
    pci_msi_init(&s->pci, 1);
    return true;
}

static void edu_unrealize(Device *dev)
{
    timer_free(edu_of(dev)->factorial_timer);
    timer_free(edu_of(dev)->dma_timer);
}

static void edu_reset(Device *dev)
{
    EDU *s = edu_of(dev);
    timer_del(s->factorial_timer);
    timer_del(s->dma_timer);
    s->live = s->factorial = s->status = s->irq = 0;
    s->dma_src = s->dma_dst = s->dma_count = s->dma_command = 0;
    memset(s->buffer, 0, sizeof(s->buffer));
}

static const PCIClass edu_class = {
    .vendor = 0x1234, .device = 0x11e8, .revision = 0x10, .class_code = 0x00ff00, .interrupt_pin = 1,
};
static const SavedField edu_saved[] = {
    SAVED_INT(EDU, live), SAVED_INT(EDU, factorial), SAVED_INT(EDU, status), SAVED_INT(EDU, irq), SAVED_INT(EDU, dma_src),
    SAVED_INT(EDU, dma_dst), SAVED_INT(EDU, dma_count), SAVED_INT(EDU, dma_command), SAVED_TIMER(EDU, factorial_timer),
    SAVED_TIMER(EDU, dma_timer), SAVED_BYTES(EDU, buffer), SAVED_END(),
};
static const Property edu_props[] = { PROP_U64("dma_mask", EDU, dma_mask, (1u << 28) - 1), {} };
static const DeviceType edu_type = {
    .name = "edu", .bus = BUS_PCI, .category = "Misc devices", .size = sizeof(EDU), .props = edu_props, .saved = edu_saved,
    .realize = edu_realize, .unrealize = edu_unrealize, .reset = edu_reset, .class_data = &edu_class,
};
device_type(edu_type)
