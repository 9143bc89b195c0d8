/* SPDX-License-Identifier: MIT */
/*
 * Command lists and FISes of an AHCI port (AHCI 1.3.1, 4.2, 5.3, 5.5; Serial ATA 3.2, 10.5): fetches commands, hands those that are not queued
 * to the drive's register file (core.c), moves their data through the PRD table, and reports how they ended. Every address and length
 * is the guest's.
 */
#include "ahci.h"
#include "hw/loader.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

enum { FIS_HOST_TO_DEVICE = 0x27, FIS_DEVICE_TO_HOST = 0x34, FIS_PIO_SETUP = 0x5f, FIS_LEN = 20, FIS_COMMAND = 0x80, FIS_INTERRUPT = 0x40 };
enum { PIO_SETUP_OFFSET = 0x20, D2H_OFFSET = 0x40, RECEIVED_SIZE = 256 };
enum { HEADER_SIZE = 32, HEADER_ATAPI = 1 << 5, HEADER_CLEAR_BUSY = 1 << 10, HEADER_LENGTH = 0x1f };
enum { TABLE_PACKET = 0x40, TABLE_PRDS = 0x80, PRD_SIZE = 16, PACKET_LEN = 12 };
#define PRD_LEN(word) (((word) & 0x3fffff) + 1)
enum { PCI_COMMAND = 4, COMMAND_MASTER = 4 };
enum { CONTROL_SRST = 4, DEVICE_DEV = 0x10, COMMAND_PACKET = 0xa0 };

static uint64_t list_address(const AHCIPort *p)
{
    return (uint64_t)p->clbu << 32 | p->clb;
}

/* Lists, tables, FISes and data lie in RAM: an access to registers, this controller's above all, would come back here. */
static bool access_memory(AHCIPort *p, uint64_t addr, void *buf, uint32_t len, bool write)
{
    const PCIDevice *pci = &p->hba->pci;
    void *host = pci->config[PCI_COMMAND] & COMMAND_MASTER ? address_space_map_ram(pci->bus->dma, addr, len, write) : NULL;
    if (!host)
        return false;
    if (write) {
        memcpy(host, buf, len);
        ram_host_written(host, len);
    } else {
        memcpy(buf, host, len);
    }
    return true;
}

bool ahci_receive(AHCIPort *p, unsigned offset, const void *fis, unsigned len)
{
    if (!(p->cmd & CMD_FRE))
        return false;
    uint64_t at = ((uint64_t)p->fbu << 32 | p->fb) + offset;
    if (access_memory(p, at, (void *)fis, len, true))
        return true;
    ahci_event(p, PORT_HBFS);
    return false;
}

/* ---- Data ---- */

bool ahci_map_data(AHCIPort *p, uint64_t table, unsigned prds, DMAVec *data, uint64_t len)
{
    dma_vec_clear(data);
    for (unsigned i = 0; i < prds && data->bytes < len; i++) {
        uint8_t prd[PRD_SIZE];
        if (!access_memory(p, table + TABLE_PRDS + (uint64_t)i * PRD_SIZE, prd, PRD_SIZE, false))
            return false;
        uint64_t n = MIN(PRD_LEN(get_le32(prd + 12)), len - data->bytes);
        if (!dma_vec_add(data, p->hba->pci.bus->dma, get_le64(prd), n))
            return false;
    }
    return data->bytes == len;
}

/* Moves the next len bytes of the command's data; false when the table or memory ends. */
static bool move_data(void *opaque, void *buf, uint32_t len, bool to_guest)
{
    AHCIPort *p = opaque;
    uint8_t *at = buf;
    while (len) {
        uint8_t prd[PRD_SIZE];
        if (p->prd_index >= p->prd_count || !access_memory(p, p->table + TABLE_PRDS + p->prd_index * PRD_SIZE, prd, PRD_SIZE, false))
            return false;
        uint32_t piece = PRD_LEN(get_le32(prd + 12)), n = (uint32_t)MIN(len, piece - MIN(p->prd_offset, piece));
        dma_vec_clear(&p->piece);
        if (!dma_vec_add(&p->piece, p->hba->pci.bus->dma, get_le64(prd) + p->prd_offset, n))
            return false;
        BlockVec v = { p->piece.iov, (int)p->piece.n, n };
        if (to_guest) {
            block_vec_from(&v, 0, at, n);
            dma_vec_written(&p->piece);
        } else {
            block_vec_to(&v, 0, at, n);
        }
        p->prd_offset += n;
        p->transferred += n;
        at += n;
        len -= n;
        if (p->prd_offset >= piece) {
            p->prd_offset = 0;
            p->prd_index++;
        }
    }
    return true;
}

/* ---- FISes to the guest ---- */

static void fill_registers(const IDEDrive *d, uint8_t *fis)
{
    const IDETaskFile *t = &d->tf;
    fis[2] = t->status;
    fis[3] = t->error;
    fis[4] = t->lba_low;
    fis[5] = t->lba_mid;
    fis[6] = t->lba_high;
    fis[7] = t->device;
    fis[8] = t->hob_low;
    fis[9] = t->hob_mid;
    fis[10] = t->hob_high;
    fis[12] = t->count;
    fis[13] = t->hob_count;
}

static void send_registers(AHCIPort *p, bool interrupt)
{
    uint8_t fis[FIS_LEN] = { FIS_DEVICE_TO_HOST, interrupt ? FIS_INTERRUPT : 0 };
    IDEDrive *d = ahci_drive(p);
    fill_registers(d, fis);
    ahci_receive(p, D2H_OFFSET, fis, sizeof(fis));
    uint32_t events = (interrupt ? PORT_DHRS : 0) | (d->tf.status & IDE_ERR ? PORT_TFES : 0);
    if (events)
        ahci_event(p, events);
}

static void send_pio_setup(AHCIPort *p)
{
    uint8_t fis[FIS_LEN] = { FIS_PIO_SETUP, FIS_INTERRUPT | 0x20 /* to the host */ };
    IDEDrive *d = ahci_drive(p);
    fill_registers(d, fis);
    fis[15] = d->tf.status; /* the status after the data */
    fis[2] = IDE_DRDY | IDE_DSC | IDE_DRQ;
    fis[16] = (uint8_t)p->transferred;
    fis[17] = (uint8_t)(p->transferred >> 8);
    ahci_receive(p, PIO_SETUP_OFFSET, fis, sizeof(fis));
    ahci_event(p, PORT_PSS);
}

void ahci_send_signature(AHCIPort *p)
{
    const IDETaskFile *t = &ahci_drive(p)->tf;
    p->sig = t->count | (uint32_t)t->lba_low << 8 | (uint32_t)t->lba_mid << 16 | (uint32_t)t->lba_high << 24;
    send_registers(p, false);
}

/* ---- Commands that are not queued ---- */

static void write_transferred(AHCIPort *p)
{
    uint8_t count[4];
    put_le32(count, p->transferred);
    access_memory(p, list_address(p) + (unsigned)p->slot * HEADER_SIZE + 4, count, 4, true);
}

/* The drive is through with the command. After an error its bit stays in PxCI until the driver clears ST (6.2.2.1). */
static void command_ended(AHCIPort *p)
{
    bool error = ahci_drive(p)->tf.status & IDE_ERR;
    write_transferred(p);
    if (error)
        p->halted = true;
    else
        p->ci &= ~(1u << p->slot);
    bool pio_in = p->pio_in && !error, registers = !pio_in || p->packet_command;
    p->slot = -1;
    if (pio_in)
        send_pio_setup(p);
    if (registers) /* packet commands have a status of their own after the data */
        send_registers(p, true);
}

static void pio_window(AHCIPort *p)
{
    IDEChannel *c = &p->ide;
    uint32_t len = c->end - c->pos;
    bool to_guest = c->to_guest, ok;
    if (p->packet && !to_guest) {
        p->packet = false;
        memset(c->buf + c->pos, 0, len);
        ok = access_memory(p, p->table + TABLE_PACKET, c->buf + c->pos, MIN(len, PACKET_LEN), false);
    } else {
        p->pio_in = to_guest;
        ok = move_data(p, c->buf + c->pos, len, to_guest);
    }
    if (ok)
        ide_pio_moved(c);
    else
        ide_abort(c);
    if (!ok)
        p->pio_in = false;
}

/* Goes on with the command: moves the data it waits for, or ends it. */
static void advance(AHCIPort *p)
{
    IDEDrive *d = ahci_drive(p);
    if (p->slot < 0 || p->advancing || !d)
        return;
    p->advancing = true;
    while (!p->ide.dma_wanted && (d->tf.status & IDE_DRQ))
        pio_window(p);
    p->advancing = false;
    if (!p->ide.dma_wanted && !p->ide.busy && !(d->tf.status & (IDE_BSY | IDE_DRQ)))
        command_ended(p);
}

static void drive_irq(void *opaque, int level)
{
    if (level)
        advance(opaque);
    AHCIPort *p = opaque;
    if (level && p->slot < 0 && !p->advancing)
        ahci_run(p);
}

static void dma_ready(void *opaque)
{
    ide_dma_start(&((AHCIPort *)opaque)->ide);
}

static void dma_done(void *opaque, bool error)
{
    drive_irq(opaque, 1);
}

const IDEHostOps ahci_ide_ops = { .irq = drive_irq, .dma = move_data, .dma_ready = dma_ready, .dma_done = dma_done };

static void load_registers(IDEDrive *d, const uint8_t *fis)
{
    IDETaskFile *t = &d->tf;
    t->feature = fis[3];
    t->lba_low = fis[4];
    t->lba_mid = fis[5];
    t->lba_high = fis[6];
    t->device = (uint8_t)(fis[7] & ~DEVICE_DEV);
    t->hob_low = fis[8];
    t->hob_mid = fis[9];
    t->hob_high = fis[10];
    t->hob_feature = fis[11];
    t->count = fis[12];
    t->hob_count = fis[13];
}

/* A FIS that changes the control register: software reset, on and off. */
static void control_fis(AHCIPort *p, unsigned slot, uint32_t flags, uint8_t control)
{
    bool was = p->ide.control & CONTROL_SRST;
    p->ci &= ~(1u << slot);
    p->advancing = true;
    ide_control_write(&p->ide, control & CONTROL_SRST); /* a port has interrupts of its own */
    p->advancing = false;
    if (was && !(control & CONTROL_SRST))
        ahci_send_signature(p);
    else if (flags & HEADER_CLEAR_BUSY && !(control & CONTROL_SRST))
        ahci_drive(p)->tf.status &= (uint8_t)~IDE_BSY;
}

static void begin_command(AHCIPort *p, unsigned slot, uint32_t flags, uint64_t table, const uint8_t *fis)
{
    p->slot = (int32_t)slot;
    p->flags = flags;
    p->table = table;
    p->prd_count = flags >> 16;
    p->prd_index = p->prd_offset = 0;
    p->transferred = 0;
    p->packet = p->packet_command = fis[2] == COMMAND_PACKET;
    p->pio_in = false;
    p->advancing = true; /* until the drive has taken it */
    load_registers(ahci_drive(p), fis);
    ide_command(&p->ide, fis[2]);
    p->advancing = false;
    advance(p);
}

/* False: it must wait for the ones under way. */
static bool start_slot(AHCIPort *p, unsigned slot)
{
    uint8_t header[HEADER_SIZE], fis[FIS_LEN];
    IDEDrive *d = ahci_drive(p);
    bool ok = access_memory(p, list_address(p) + slot * HEADER_SIZE, header, HEADER_SIZE, false);
    uint32_t flags = get_le32(header);
    uint64_t table = get_le64(header + 8) & ~0x7full;
    ok = ok && access_memory(p, table, fis, FIS_LEN, false);
    if (!ok) {
        p->halted = true;
        ahci_event(p, PORT_HBFS);
        return true;
    }
    if ((flags & HEADER_LENGTH) < 2 || fis[0] != FIS_HOST_TO_DEVICE) {
        guest_error("ahci: slot %u holds no command: length %u, FIS type %02x\n", slot, flags & HEADER_LENGTH, fis[0]);
        p->halted = true;
        ahci_event(p, PORT_IFS);
        return true;
    }
    bool command = fis[1] & FIS_COMMAND, queued = command && !d->cdrom && ahci_is_queued(fis[2]);
    if (!queued && p->queued_active)
        return false;
    p->last_slot = (int32_t)slot;
    p->cmd = (p->cmd & ~(uint32_t)CMD_CCS) | slot << CMD_CCS_SHIFT;
    if (queued)
        ahci_queued_start(p, slot, fis, table, flags >> 16);
    else if (command)
        begin_command(p, slot, flags, table, fis);
    else
        control_fis(p, slot, flags, fis[15]);
    return true;
}

void ahci_run(AHCIPort *p)
{
    while (p->slot < 0 && !p->halted && (p->cmd & CMD_ST) && p->ci && ahci_drive(p)) {
        unsigned slot = (unsigned)(p->last_slot + 1) % AHCI_SLOTS;
        while (!(p->ci >> slot & 1))
            slot = (slot + 1) % AHCI_SLOTS;
        if (!start_slot(p, slot))
            return;
    }
}

void ahci_stop(AHCIPort *p)
{
    p->slot = -1;
    ahci_queued_stop(p);
    ide_cancel(&p->ide);
    p->halted = false;
    p->packet = p->pio_in = p->advancing = false;
    p->last_slot = -1;
    p->ci = p->sact = 0;
}
