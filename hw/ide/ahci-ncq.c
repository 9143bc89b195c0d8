/* SPDX-License-Identifier: MIT */
/*
 * Native command queuing (Serial ATA 3.2, 13.6; AHCI 1.3.1, 5.4 and 6.2.2.2): READ and WRITE FPDMA QUEUED. Up to 32 at a time go to the
 * image, straight from and to the guest's memory, and end in any order, each with a set device bits FIS.
 * Not modelled: the other queued commands, priorities.
 */
#include "ahci.h"
#include "hw/loader.h"
#include "util/log.h"

#include <string.h>

enum { READ_FPDMA = 0x60, WRITE_FPDMA = 0x61, FUA = 0x80 };
enum { FIS_SET_DEVICE_BITS = 0xa1, FIS_INTERRUPT = 0x40, SDB_OFFSET = 0x58 };

bool ahci_is_queued(uint8_t command)
{
    return command == READ_FPDMA || command == WRITE_FPDMA;
}

static void set_device_bits(AHCIPort *p, uint32_t done, bool error)
{
    IDEDrive *d = ahci_drive(p);
    uint8_t fis[8] = { FIS_SET_DEVICE_BITS, FIS_INTERRUPT, d->tf.status & 0x77, d->tf.error };
    put_le32(fis + 4, done);
    p->sact &= ~done;
    ahci_receive(p, SDB_OFFSET, fis, sizeof(fis));
    ahci_event(p, PORT_SDBS | (error ? PORT_TFES : 0));
}

/* The command failed: the drive keeps which for the log, and the port stops. */
static void queued_failed(AHCIPort *p, unsigned tag, uint8_t error, uint64_t lba, uint32_t sectors)
{
    IDEDrive *d = ahci_drive(p);
    d->tf.status = IDE_DRDY | IDE_DSC | IDE_ERR;
    d->tf.error = error;
    d->queue_error = (IDEQueueError){ true, (uint8_t)tag, d->tf.status, error, lba, sectors };
    p->halted = true;
    set_device_bits(p, 0, true);
}

static void queued_done(BlockRequest *r, int ret)
{
    AHCIQueued *q = r->opaque;
    AHCIPort *p = q->port;
    IDEDrive *d = ahci_drive(p);
    if (q->active && d && ret == 0 && q->fua && r->op == BLOCK_WRITE) {
        q->req = (BlockRequest){ .op = BLOCK_FLUSH, .done = queued_done, .opaque = q };
        blk_submit(d->blk, &q->req);
        return;
    }
    if (!q->write)
        dma_vec_written(&q->data);
    p->queued_active--;
    if (!q->active || !d) /* stopped meanwhile */
        return;
    q->active = false;
    if (ret < 0)
        queued_failed(p, q->tag, IDE_E_UNC, q->lba, q->sectors);
    else
        set_device_bits(p, 1u << q->tag, false);
    ahci_run(p);
}

void ahci_queued_start(AHCIPort *p, unsigned slot, const uint8_t *fis, uint64_t table, unsigned prds)
{
    IDEDrive *d = ahci_drive(p);
    unsigned tag = fis[12] >> 3;
    AHCIQueued *q = &p->queued[tag];
    uint32_t sectors = (uint32_t)fis[11] << 8 | fis[3];
    uint64_t lba = fis[4] | fis[5] << 8 | (uint64_t)fis[6] << 16 | (uint64_t)fis[8] << 24 | (uint64_t)fis[9] << 32 | (uint64_t)fis[10] << 40;
    sectors = sectors ? sectors : 65536;
    p->ci &= ~(1u << slot); /* accepted */
    d->tf.status = IDE_DRDY | IDE_DSC;
    d->tf.error = 0;
    if (q->active || tag != slot || !(p->sact >> tag & 1)) {
        guest_error("ahci: queued command with tag %u in slot %u%s\n", tag, slot, q->active ? ", which is under way" : "");
        queued_failed(p, tag, IDE_E_ABRT, lba, sectors);
        return;
    }
    if (lba >= d->nsectors || sectors > d->nsectors - lba) {
        queued_failed(p, tag, IDE_E_IDNF | IDE_E_ABRT, lba, sectors);
        return;
    }
    if (!ahci_map_data(p, table, prds, &q->data, (uint64_t)sectors * IDE_SECTOR)) {
        guest_error("ahci: a queued command's memory is too small, or not RAM\n");
        p->halted = true;
        ahci_event(p, PORT_HBDS);
        return;
    }
    bool write = fis[2] == WRITE_FPDMA;
    *q = (AHCIQueued){
        .port = p, .data = q->data, .active = true, .write = write, .fua = fis[7] & FUA, .tag = (uint8_t)tag, .slot = (uint8_t)slot,
        .lba = lba, .sectors = sectors,
        .req = { .op = write ? BLOCK_WRITE : BLOCK_READ, .offset = lba * IDE_SECTOR, .size = q->data.bytes,
                 .vec = { q->data.iov, (int)q->data.n, q->data.bytes }, .done = queued_done, .opaque = q },
    };
    p->queued_active++;
    blk_submit(d->blk, &q->req);
}

void ahci_queued_stop(AHCIPort *p)
{
    IDEDrive *d = ahci_drive(p);
    for (unsigned i = 0; i < AHCI_SLOTS; i++)
        p->queued[i].active = false;
    if (p->queued_active && d)
        blk_cancel(d->blk);
}
