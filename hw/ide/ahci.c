/* SPDX-License-Identifier: MIT */
/*
 * AHCI controller of the ICH9 "ich9-ahci" (Serial ATA AHCI 1.3.1; Intel ICH9 datasheet, order 316972, chapter 15): six ports of one drive,
 * each an IDE bus; registers behind BAR 5, and by index and data behind BAR 4; MSI. Not modelled: enclosure management, port multipliers,
 * command completion coalescing, interface power states, the legacy IDE modes.
 */
#include "ahci.h"
#include "hw/ahci.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

enum { HBA_CAP = 0x00, HBA_GHC = 0x04, HBA_IS = 0x08, HBA_PI = 0x0c, HBA_VS = 0x10, ABAR_SIZE = 0x1000, PORTS_AT = 0x100, PORT_SIZE = 0x80 };
enum { GHC_HR = 1, GHC_IE = 2 };
#define GHC_AE (1u << 31)
/* 64-bit addresses, queued commands, AHCI only, first generation links, 32 slots, six ports */
#define CAP_VALUE (1u << 31 | 1u << 30 | 1u << 18 | 1u << 20 | (AHCI_SLOTS - 1) << 8 | (AHCI_PORTS - 1))
enum { PX_CLB, PX_CLBU, PX_FB, PX_FBU, PX_IS, PX_IE, PX_CMD, PX_TFD = 8, PX_SIG, PX_SSTS, PX_SCTL, PX_SERR, PX_SACT, PX_CI }; /* words */
enum { IDP_INDEX = 0x10, IDP_DATA = 0x14, IDP_SIZE = 0x20 };
enum { REG_MAP = 0x90, MAP_AHCI = 0x40, FIRST_CAP = 0x80, CAP_SATA = 0x12, CAP_SATA_LEN = 8 };
enum { SSTS_PRESENT = 0x113, SSTS_OFFLINE = 4, DET = 0xf, DET_COMRESET = 1, DET_OFFLINE = 4 };
enum { TFD_NO_DEVICE = 0x7f };
#define SIG_NONE 0xffffffffu

/* ---- Interrupts ---- */

static void update_irq(AHCI *s, bool news)
{
    bool level = (s->ghc & GHC_IE) && s->is;
    if (!pci_msi_enabled(&s->pci))
        pci_set_irq(&s->pci, level);
    else if (level && news)
        pci_msi_send(&s->pci, 0);
}

void ahci_event(AHCIPort *p, uint32_t bits)
{
    p->is |= bits;
    if (p->is & p->ie) {
        p->hba->is |= 1u << p->n;
        update_irq(p->hba, true);
    }
}

/* ---- Reset ---- */

static void port_link_up(AHCIPort *p)
{
    ahci_stop(p);
    ide_channel_reset(&p->ide);
    p->sig = SIG_NONE;
    p->ssts = 0;
    if (ahci_drive(p)) {
        p->ssts = SSTS_PRESENT;
        ahci_send_signature(p);
    }
}

static void port_reset(AHCIPort *p)
{
    p->is = p->ie = p->sctl = p->serr = 0;
    p->cmd = CMD_SUD | CMD_POD;
    port_link_up(p);
}

/* Command lists and received FISes keep their places. */
static void hba_reset(AHCI *s)
{
    s->ghc = GHC_AE;
    s->is = 0;
    for (unsigned i = 0; i < AHCI_PORTS; i++)
        port_reset(&s->port[i]);
    update_irq(s, false);
}

/* ---- Ports ---- */

static uint32_t port_read(AHCIPort *p, unsigned reg)
{
    const IDEDrive *d = ahci_drive(p);
    switch (reg) {
    case PX_CLB: return p->clb;
    case PX_CLBU: return p->clbu;
    case PX_FB: return p->fb;
    case PX_FBU: return p->fbu;
    case PX_IS: return p->is;
    case PX_IE: return p->ie;
    case PX_CMD: return p->cmd | (d && d->cdrom ? CMD_ATAPI : 0);
    case PX_TFD: return d ? (uint32_t)d->tf.error << 8 | d->tf.status : TFD_NO_DEVICE;
    case PX_SIG: return p->sig;
    case PX_SSTS: return p->ssts;
    case PX_SCTL: return p->sctl;
    case PX_SERR: return p->serr;
    case PX_SACT: return p->sact;
    case PX_CI: return p->ci;
    default: return 0;
    }
}

static void command_write(AHCIPort *p, uint32_t v)
{
    const uint32_t writable = 0xff000000u & ~(uint32_t)CMD_ATAPI;
    uint32_t old = p->cmd, keep = CMD_CCS | CMD_SUD | CMD_POD;
    p->cmd = (old & keep) | (v & (CMD_ST | CMD_FRE | (writable & 0x0f000000u)));
    if (p->cmd & CMD_FRE)
        p->cmd |= CMD_FR;
    if (p->cmd & CMD_ST)
        p->cmd |= CMD_CR;
    if ((old & CMD_ST) && !(v & CMD_ST)) {
        p->cmd &= ~(uint32_t)CMD_CCS;
        ahci_stop(p);
    }
    if ((v & CMD_CLO) && ahci_drive(p))
        ahci_drive(p)->tf.status &= (uint8_t)~(IDE_BSY | IDE_DRQ);
    if (!(old & CMD_FRE) && (v & CMD_FRE) && ahci_drive(p))
        ahci_send_signature(p); /* which waited for a place */
    ahci_run(p);
}

/* DET: COMRESET while 1, the interface comes up again with 0. */
static void control_write(AHCIPort *p, uint32_t v)
{
    unsigned old = p->sctl & DET, det = v & DET;
    p->sctl = v & 0xfff;
    if (det == DET_OFFLINE)
        p->ssts = SSTS_OFFLINE;
    else if ((old == DET_COMRESET || old == DET_OFFLINE) && det == 0)
        port_link_up(p);
}

static void port_write(AHCIPort *p, unsigned reg, uint32_t v)
{
    switch (reg) {
    case PX_CLB: p->clb = v & ~0x3ffu; break;
    case PX_CLBU: p->clbu = v; break;
    case PX_FB: p->fb = v & ~0xffu; break;
    case PX_FBU: p->fbu = v; break;
    case PX_IS: p->is &= ~v; break;
    case PX_IE:
        p->ie = v & PORT_IRQ_BITS;
        ahci_event(p, 0);
        break;
    case PX_CMD: command_write(p, v); break;
    case PX_SCTL: control_write(p, v); break;
    case PX_SERR: p->serr &= ~v; break;
    case PX_SACT: /* set by software only while the port runs (3.3.13, 3.3.14) */
        if (p->cmd & CMD_ST)
            p->sact |= v;
        break;
    case PX_CI:
        if (p->cmd & CMD_ST) {
            p->ci |= v;
            ahci_run(p);
        }
        break;
    }
}

/* ---- Registers ---- */

static uint32_t abar_load(AHCI *s, unsigned offset)
{
    if (offset >= PORTS_AT) {
        unsigned n = (offset - PORTS_AT) / PORT_SIZE;
        return n < AHCI_PORTS ? port_read(&s->port[n], (offset & (PORT_SIZE - 1)) / 4) : 0;
    }
    switch (offset & ~3u) {
    case HBA_CAP: return CAP_VALUE;
    case HBA_GHC: return s->ghc;
    case HBA_IS: return s->is;
    case HBA_PI: return (1u << AHCI_PORTS) - 1;
    case HBA_VS: return 0x00010000;
    default: return 0;
    }
}

static void abar_store(AHCI *s, unsigned offset, uint32_t v)
{
    if (offset >= PORTS_AT) {
        unsigned n = (offset - PORTS_AT) / PORT_SIZE;
        if (n < AHCI_PORTS)
            port_write(&s->port[n], (offset & (PORT_SIZE - 1)) / 4, v);
        return;
    }
    if ((offset & ~3u) == HBA_GHC) {
        s->ghc = GHC_AE | (v & GHC_IE);
        if (v & GHC_HR)
            hba_reset(s);
        update_irq(s, true);
    } else if ((offset & ~3u) == HBA_IS) {
        s->is &= ~v;
        for (unsigned i = 0; i < AHCI_PORTS; i++) /* a port that still has events sets its bit again */
            if (s->port[i].is & s->port[i].ie)
                s->is |= 1u << i;
        update_irq(s, s->is != 0);
    }
}

static uint64_t abar_read(void *opaque, hwaddr offset, unsigned size)
{
    return abar_load(opaque, (unsigned)offset);
}

static void abar_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    abar_store(opaque, (unsigned)offset, (uint32_t)value);
}

static const MemoryRegionOps abar_ops = { .read = abar_read, .write = abar_write, .valid_min = 1, .valid_max = 8, .impl_min = 4, .impl_max = 4 };

static uint64_t idp_read(void *opaque, hwaddr offset, unsigned size)
{
    AHCI *s = opaque;
    if (offset == IDP_INDEX)
        return s->idp_index;
    return offset == IDP_DATA ? abar_load(s, s->idp_index) : 0;
}

static void idp_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    AHCI *s = opaque;
    if (offset == IDP_INDEX)
        s->idp_index = (uint32_t)value & (ABAR_SIZE - 4);
    else if (offset == IDP_DATA)
        abar_store(s, s->idp_index, (uint32_t)value);
}

static const MemoryRegionOps idp_ops = { .read = idp_read, .write = idp_write, .valid_min = 1, .valid_max = 4, .impl_min = 4, .impl_max = 4 };

/* ---- Device ---- */

static void ahci_reset(Device *dev)
{
    AHCI *s = (AHCI *)dev;
    s->pci.config[REG_MAP] = MAP_AHCI;
    s->idp_index = 0;
    for (unsigned i = 0; i < AHCI_PORTS; i++)
        s->port[i].clb = s->port[i].clbu = s->port[i].fb = s->port[i].fbu = 0;
    hba_reset(s);
}

static bool add_capabilities(AHCI *s)
{
    s->pci.cap_end = FIRST_CAP;
    if (!pci_msi_init(&s->pci, 1))
        return false;
    uint8_t at = pci_add_capability(&s->pci, CAP_SATA, CAP_SATA_LEN);
    if (!at)
        return false;
    s->pci.config[at + 2] = 0x10;                       /* revision 1.0 */
    s->pci.config[at + 4] = (IDP_INDEX / 4) << 4 | 0x8; /* where the index and data are: in BAR 4 */
    return true;
}

static bool ahci_realize(Device *dev, Error **errp)
{
    AHCI *s = (AHCI *)dev;
    if (!add_capabilities(s)) {
        error_setg(errp, "ich9-ahci: no room for capabilities");
        return false;
    }
    memory_region_init_io(&s->idp, dev, &idp_ops, s, "ahci-idp", IDP_SIZE);
    memory_region_init_io(&s->abar, dev, &abar_ops, s, "ahci", ABAR_SIZE);
    device_add_region(dev, &s->idp);
    device_add_region(dev, &s->abar);
    pci_register_bar(&s->pci, 4, PCI_BAR_IO, &s->idp);
    pci_register_bar(&s->pci, 5, PCI_BAR_MEM, &s->abar);
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        AHCIPort *p = &s->port[i];
        g_autofree char *name = ide_bus_name(dev, i);
        p->hba = s;
        p->n = i;
        p->slot = p->last_slot = -1;
        ide_channel_init(&p->ide, i, name, dev, &ahci_ide_ops, p);
        p->ide.units = 1;
        p->ide.queues = true;
    }
    return true;
}

static void ahci_unrealize(Device *dev)
{
    AHCI *s = (AHCI *)dev;
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        dma_vec_free(&s->port[i].piece);
        for (unsigned k = 0; k < AHCI_SLOTS; k++)
            dma_vec_free(&s->port[i].queued[k].data);
    }
}

/* Commands under way are not saved: who saves drains first; what waits for the guest's next step starts anew after its time-out. */
static void ahci_loaded(Device *dev)
{
    AHCI *s = (AHCI *)dev;
    s->ghc = GHC_AE | (s->ghc & GHC_IE);
    s->is &= (1u << AHCI_PORTS) - 1;
    s->idp_index &= ABAR_SIZE - 4;
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        AHCIPort *p = &s->port[i];
        p->slot = -1;
        p->last_slot = p->last_slot >= 0 && p->last_slot < AHCI_SLOTS ? p->last_slot : -1;
        p->ide.selected = 0;
        p->ide.irq_level = false;
        p->clb &= ~0x3ffu;
        p->fb &= ~0xffu;
    }
    update_irq(s, false);
}

static const SavedField port_saved[] = {
    SAVED_STRUCT(AHCIPort, ide, ide_channel_saved), SAVED_INT(AHCIPort, clb), SAVED_INT(AHCIPort, clbu), SAVED_INT(AHCIPort, fb),
    SAVED_INT(AHCIPort, fbu), SAVED_INT(AHCIPort, is), SAVED_INT(AHCIPort, ie), SAVED_INT(AHCIPort, cmd), SAVED_INT(AHCIPort, sig),
    SAVED_INT(AHCIPort, ssts), SAVED_INT(AHCIPort, sctl), SAVED_INT(AHCIPort, serr), SAVED_INT(AHCIPort, sact), SAVED_INT(AHCIPort, ci),
    SAVED_INT(AHCIPort, last_slot), SAVED_INT(AHCIPort, halted), SAVED_END(),
};
static const SavedField ahci_saved[] = {
    SAVED_INT(AHCI, ghc), SAVED_INT(AHCI, is), SAVED_INT(AHCI, idp_index), SAVED_STRUCTS(AHCI, port, port_saved), SAVED_END(),
};
static const PCIClass ahci_class = {
    .vendor = 0x8086, .device = 0x2922, .revision = 2, .class_code = 0x010601, .interrupt_pin = 1,
};
static const DeviceType ahci_type = {
    .name = "ich9-ahci", .alias = "ahci", .bus = BUS_PCI, .category = "Storage devices", .size = sizeof(AHCI), .class_data = &ahci_class,
    .saved = ahci_saved, .realize = ahci_realize, .unrealize = ahci_unrealize, .reset = ahci_reset, .post_load = ahci_loaded,
};
device_type(ahci_type)

bool ahci_add_drives(Device *dev, Error **errp)
{
    AHCI *s = (AHCI *)dev;
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        Drive *d = drive_get(DRIVE_IDE, (int)i, 0);
        if (d && !ide_add_drive(&s->port[i].ide, 0, d, errp))
            return false;
    }
    return true;
}
