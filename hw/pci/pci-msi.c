/* SPDX-License-Identifier: MIT */
/*
 * Message-signalled interrupts of a PCI function (PCI Local Bus Specification 3.0, 6.8): MSI with 64-bit
 * address and per-vector masks, and MSI-X with its table and pending bits in one BAR. A message is a
 * 32-bit store through the bus's DMA space, so the board's interrupt controller decodes the address.
 */
#include "hw/pci.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

enum { CAP_MSI = 0x05, CAP_MSIX = 0x11 };
/* MSI capability, offsets from its start */
enum { MSI_CONTROL = 2, MSI_ADDRESS = 4, MSI_ADDRESS_HIGH = 8, MSI_DATA = 12, MSI_MASK = 16, MSI_PENDING = 20, MSI_LEN = 24 };
enum { MSI_ENABLE = 1, MSI_64BIT = 0x80, MSI_PER_VECTOR = 0x100 };
/* MSI-X capability and table */
enum { MSIX_CONTROL = 2, MSIX_TABLE = 4, MSIX_PBA = 8, MSIX_LEN = 12 };
enum { MSIX_ENABLE = 0x8000, MSIX_MASK_ALL = 0x4000 };
enum { ENTRY_SIZE = 16, ENTRY_DATA = 8, ENTRY_CONTROL = 12, ENTRY_MASKED = 1 };
#define MSIX_MAX 2048

typedef struct PCIMSIX {
    MemoryRegion region;
    unsigned vectors, bar;
    uint32_t pba_offset;
    size_t len;            /* bytes of state: table, then pending bits */
    uint8_t state[];
} PCIMSIX;

static uint32_t ld(const uint8_t *p, unsigned size)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint32_t)p[i] << (8 * i);
    return v;
}

static void st(uint8_t *p, uint32_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static void send_message(PCIDevice *pci, const uint8_t *address, uint32_t data)
{
    uint64_t to = ld(address, 4) | (uint64_t)ld(address + 4, 4) << 32;
    if (pci->bus->msi)
        pci->bus->msi(pci->bus->msi_opaque, pci_requester_id(pci), to, data);
    else
        address_space_st(pci->bus->dma, to, data, 4);
}

/* ---- MSI ---- */

static unsigned msi_log2(unsigned vectors)
{
    return vectors > 1 ? 32 - (unsigned)__builtin_clz(vectors - 1) : 0;
}

bool pci_msi_init(PCIDevice *pci, unsigned vectors)
{
    g_assert(vectors >= 1 && vectors <= 32 && !pci->msi_cap);
    uint8_t at = pci_add_capability(pci, CAP_MSI, MSI_LEN);
    if (!at)
        return false;
    pci->msi_cap = at;
    unsigned log2 = msi_log2(vectors);
    st(pci->config + at + MSI_CONTROL, MSI_64BIT | MSI_PER_VECTOR | log2 << 1, 2);
    st(pci->writable + at + MSI_CONTROL, 0x70 | MSI_ENABLE, 2);
    st(pci->writable + at + MSI_ADDRESS, 0xfffffffc, 4);
    st(pci->writable + at + MSI_ADDRESS_HIGH, 0xffffffff, 4);
    st(pci->writable + at + MSI_DATA, 0xffff, 2);
    st(pci->writable + at + MSI_MASK, 0xffffffffu >> (32 - (1u << log2)), 4);
    return true;
}

static bool msi_on(const PCIDevice *pci)
{
    return pci->msi_cap && (pci->config[pci->msi_cap + MSI_CONTROL] & MSI_ENABLE);
}

/* Vectors the guest granted: its choice, not above what the function has. */
static unsigned msi_granted(const PCIDevice *pci)
{
    unsigned control = pci->config[pci->msi_cap + MSI_CONTROL];
    unsigned asked = control >> 4 & 7, has = control >> 1 & 7;
    return 1u << (asked < has ? asked : has);
}

static void msi_send(PCIDevice *pci, unsigned vector)
{
    uint8_t *cap = pci->config + pci->msi_cap;
    unsigned granted = msi_granted(pci);
    vector &= granted - 1;
    if (ld(cap + MSI_MASK, 4) >> vector & 1) {
        st(cap + MSI_PENDING, ld(cap + MSI_PENDING, 4) | 1u << vector, 4);
        return;
    }
    send_message(pci, cap + MSI_ADDRESS, (ld(cap + MSI_DATA, 2) & ~(granted - 1)) | vector);
}

static void msi_flush_pending(PCIDevice *pci)
{
    uint8_t *cap = pci->config + pci->msi_cap;
    uint32_t ready = ld(cap + MSI_PENDING, 4) & ~ld(cap + MSI_MASK, 4);
    if (!ready)
        return;
    st(cap + MSI_PENDING, ld(cap + MSI_PENDING, 4) & ~ready, 4);
    for (unsigned v = 0; v < 32; v++)
        if (ready >> v & 1)
            msi_send(pci, v);
}

/* ---- MSI-X ---- */

static uint8_t *entry(PCIMSIX *x, unsigned vector)
{
    return x->state + (size_t)vector * ENTRY_SIZE;
}

static uint8_t *pending_byte(PCIMSIX *x, unsigned vector)
{
    return x->state + (size_t)x->vectors * ENTRY_SIZE + vector / 8;
}

static uint16_t msix_control(const PCIDevice *pci)
{
    return (uint16_t)ld(pci->config + pci->msix_cap + MSIX_CONTROL, 2);
}

bool pci_msix_enabled(const PCIDevice *pci)
{
    return pci->msix_cap && (msix_control(pci) & MSIX_ENABLE);
}

static void msix_send(PCIDevice *pci, unsigned vector)
{
    PCIMSIX *x = pci->msix;
    uint8_t *e = entry(x, vector), bit = (uint8_t)(1u << (vector & 7));
    if ((msix_control(pci) & MSIX_MASK_ALL) || (e[ENTRY_CONTROL] & ENTRY_MASKED)) {
        *pending_byte(x, vector) |= bit;
        return;
    }
    *pending_byte(x, vector) &= (uint8_t)~bit;
    send_message(pci, e, ld(e + ENTRY_DATA, 4));
}

static void msix_flush_pending(PCIDevice *pci, unsigned first, unsigned count)
{
    for (unsigned v = first; pci_msix_enabled(pci) && v < first + count; v++)
        if (*pending_byte(pci->msix, v) >> (v & 7) & 1)
            msix_send(pci, v);
}

static uint64_t msix_read(void *opaque, hwaddr offset, unsigned size)
{
    PCIMSIX *x = ((PCIDevice *)opaque)->msix;
    size_t table = (size_t)x->vectors * ENTRY_SIZE, pba = x->len - table;
    if (offset + size <= table)
        return ld(x->state + offset, size);
    if (offset >= x->pba_offset && offset + size <= x->pba_offset + pba)
        return ld(x->state + table + (offset - x->pba_offset), size);
    return 0;
}

static void msix_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    PCIDevice *pci = opaque;
    PCIMSIX *x = pci->msix;
    if (offset + size > (size_t)x->vectors * ENTRY_SIZE)
        return;
    st(x->state + offset, (uint32_t)value, size);
    msix_flush_pending(pci, (unsigned)(offset / ENTRY_SIZE), 1);
}

/* Drivers use 32-bit accesses, and 64-bit ones that the core splits. */
static const MemoryRegionOps msix_ops = {
    .read = msix_read, .write = msix_write, .valid_min = 4, .valid_max = 8, .impl_min = 4, .impl_max = 4,
};

static uint64_t round_up_pow2(uint64_t n)
{
    uint64_t p = 4 * KiB;
    while (p < n)
        p *= 2;
    return p;
}

bool pci_msix_init(PCIDevice *pci, unsigned vectors, unsigned bar)
{
    g_assert(vectors >= 1 && vectors <= MSIX_MAX && !pci->msix_cap);
    uint8_t at = pci_add_capability(pci, CAP_MSIX, MSIX_LEN);
    if (!at)
        return false;
    size_t table = (size_t)vectors * ENTRY_SIZE, pba = (vectors + 63) / 64 * 8;
    PCIMSIX *x = g_malloc0(sizeof(*x) + table + pba);
    x->vectors = vectors;
    x->bar = bar;
    x->len = table + pba;
    x->pba_offset = table <= 2 * KiB ? 2 * KiB : (uint32_t)round_up_pow2(table);
    pci->msix = x;
    pci->msix_cap = at;
    memory_region_init_io(&x->region, &pci->dev, &msix_ops, pci, "msix", round_up_pow2(x->pba_offset + pba));
    pci_register_bar(pci, bar, PCI_BAR_MEM, &x->region);
    st(pci->config + at + MSIX_CONTROL, vectors - 1, 2);
    st(pci->writable + at + MSIX_CONTROL, MSIX_ENABLE | MSIX_MASK_ALL, 2);
    st(pci->config + at + MSIX_TABLE, bar, 4);
    st(pci->config + at + MSIX_PBA, x->pba_offset | bar, 4);
    return true;
}

/* ---- Both ---- */

bool pci_msi_enabled(const PCIDevice *pci)
{
    return msi_on(pci) || pci_msix_enabled(pci);
}

void pci_msi_send(PCIDevice *pci, unsigned vector)
{
    if (pci_msix_enabled(pci)) {
        if (vector < pci->msix->vectors)
            msix_send(pci, vector);
        else
            guest_error("%s: MSI-X vector %u of %u\n", pci->dev.type->name, vector, pci->msix->vectors);
    } else if (msi_on(pci)) {
        msi_send(pci, vector);
    }
}

void pci_msi_config_written(PCIDevice *pci, uint32_t addr, unsigned size)
{
    if (msi_on(pci) && addr < pci->msi_cap + (unsigned)MSI_LEN && addr + size > pci->msi_cap)
        msi_flush_pending(pci);
    if (pci->msix_cap && addr < pci->msix_cap + 4u && addr + size > pci->msix_cap)
        msix_flush_pending(pci, 0, pci->msix->vectors);
}

void pci_msi_reset(PCIDevice *pci)
{
    if (pci->msi_cap) {
        for (unsigned i = MSI_CONTROL; i < MSI_PENDING; i++)
            pci->config[pci->msi_cap + i] &= (uint8_t)~pci->writable[pci->msi_cap + i];
        st(pci->config + pci->msi_cap + MSI_PENDING, 0, 4);
    }
    if (pci->msix_cap) {
        PCIMSIX *x = pci->msix;
        st(pci->config + pci->msix_cap + MSIX_CONTROL, x->vectors - 1, 2);
        memset(x->state, 0, x->len);
        for (unsigned v = 0; v < x->vectors; v++)
            entry(x, v)[ENTRY_CONTROL] = ENTRY_MASKED;
    }
}

uint8_t *pci_msix_state(PCIDevice *pci, size_t *len)
{
    *len = pci->msix ? pci->msix->len : 0;
    return pci->msix ? pci->msix->state : NULL;
}

void pci_msi_free(PCIDevice *pci)
{
    if (pci->msix)
        memory_region_destroy(&pci->msix->region);
    g_free(pci->msix);
    pci->msix = NULL;
    pci->msix_cap = 0;
}
