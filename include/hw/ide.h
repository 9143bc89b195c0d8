/* SPDX-License-Identifier: MIT */
/*
 * ATA channels and the drives on them (ATA/ATAPI-7, INCITS 397). A channel is the register file that two drives share; who owns the channel
 * (PIIX3, ISA, AHCI) maps the registers, takes the interrupt and moves DMA data. Machine lock.
 */
#ifndef RHEA_HW_IDE_H
#define RHEA_HW_IDE_H

#include "block/block.h"
#include "hw/device.h"

#define IDE_SECTOR 512u
#define IDE_CD_SECTOR 2048u
#define IDE_CHUNK (256 * IDE_SECTOR) /* DMA data in flight at a time; also the largest PIO block */

enum { /* status */
    IDE_ERR = 0x01, IDE_DRQ = 0x08, IDE_DSC = 0x10, IDE_DF = 0x20, IDE_DRDY = 0x40, IDE_BSY = 0x80,
};
enum { /* error */
    IDE_E_ABRT = 0x04, IDE_E_MC = 0x20, IDE_E_IDNF = 0x10, IDE_E_UNC = 0x40,
};

typedef struct IDEChannel IDEChannel;
typedef struct IDEDrive IDEDrive;

typedef struct IDETaskFile { /* each register with the byte written before (48-bit commands) */
    uint8_t feature, count, lba_low, lba_mid, lba_high;
    uint8_t hob_feature, hob_count, hob_low, hob_mid, hob_high;
    uint8_t device, status, error;
} IDETaskFile;

/* What the owner of a channel does for it. */
typedef struct IDEHostOps {
    void (*irq)(void *opaque, int level);
    /* Moves len bytes between buf and the guest's next DMA memory; false when the guest gave too little. */
    bool (*dma)(void *opaque, void *buf, uint32_t len, bool to_guest);
    /* A DMA command is ready for data (start it when the guest has started the engine), or has ended. */
    void (*dma_ready)(void *opaque);
    void (*dma_done)(void *opaque, bool error);
} IDEHostOps;

typedef struct IDEQueueError { /* of the queued command that failed last, for READ LOG EXT */
    bool valid;
    uint8_t tag, status, error;
    uint64_t lba;
    uint32_t count;
} IDEQueueError;

struct IDEDrive {
    Device dev;
    BlockBackend *blk;
    char *serial, *model, *version;
    int32_t unit, bootindex;
    uint32_t cylinders, heads, sectors; /* CHS as told by properties or guessed */
    bool cdrom;
    IDEChannel *channel;
    IDETaskFile tf;
    uint64_t nsectors;                  /* of the medium, 512 bytes each */
    uint8_t multiple;                   /* sectors per interrupt of READ MULTIPLE; 0 = not set */
    uint8_t cur_heads, cur_sectors;     /* translation set by the guest */
    uint8_t mode_udma, mode_mdma;       /* selected mode + 1, 0 none */
    bool smart, asleep;
    IDEQueueError queue_error;
    /* ATAPI */
    uint8_t sense_key, sense_asc, sense_ascq;
    bool locked, tray_open, medium_event, unit_attention, eject_request;
    uint16_t byte_limit;
};

struct IDEChannel {
    Bus bus;
    IDEDrive *drive[2];
    const IDEHostOps *ops;
    void *opaque;
    unsigned number, units;             /* which of its owner's; drives there is room for */
    bool queues;                        /* Serial ATA, whose owner takes queued commands */
    uint8_t selected, control;
    bool irq_level;
    /* The command under way, of the selected drive. */
    _Alignas(8) uint8_t buf[IDE_CHUNK];
    uint32_t pos, end;                  /* PIO window in buf */
    uint32_t loaded;                    /* bytes in buf, shown in windows */
    bool to_guest;
    void (*pio_done)(IDEDrive *d);      /* the window was emptied or filled */
    bool dma_wanted, dma_running;
    void (*dma_step)(IDEDrive *d);      /* goes on when the guest's engine runs */
    uint64_t lba, left;                 /* in the drive's sectors */
    uint32_t per_irq, ahead;            /* sectors: of a PIO window; to read at once */
    BlockRequest req;
    struct iovec part;
    bool busy;                          /* req is under way */
    bool reset_pending;                 /* drop its result */
    uint32_t step;                      /* sectors of this request */
    void (*step_done)(IDEDrive *d, int ret);
};

/* Room for two drives; the owner may set units to 1. */
void ide_channel_init(IDEChannel *c, unsigned number, const char *name, Device *owner, const IDEHostOps *ops, void *opaque);
void ide_channel_reset(IDEChannel *c);
/* Command block registers 0-7 (0: data, 16 or 32 bits), control block: alternate status and device control. */
uint32_t ide_read(IDEChannel *c, unsigned reg, unsigned size);
void ide_write(IDEChannel *c, unsigned reg, uint32_t value, unsigned size);
uint8_t ide_alt_status(IDEChannel *c);
void ide_control_write(IDEChannel *c, uint8_t value);
/* For owners without ports: the command, after they have filled the drive's task file; a PIO window's bytes [pos, end) of buf were moved;
 * the command ends because its data cannot be moved; it is forgotten. */
void ide_command(IDEChannel *c, uint8_t cmd);
void ide_pio_moved(IDEChannel *c);
void ide_abort(IDEChannel *c);
void ide_cancel(IDEChannel *c);
char *ide_bus_name(const Device *owner, unsigned number); /* by the owner's id, or the next free "ide.N"; caller frees */
/* The guest's DMA engine runs: goes on with a command that waits for it. */
void ide_dma_start(IDEChannel *c);
/* The guest's DMA engine was stopped under a command. */
void ide_dma_stop(IDEChannel *c);
/* Adds a disk or CD-ROM drive of -drive to the channel. */
bool ide_add_drive(IDEChannel *c, unsigned unit, Drive *drive, Error **errp);
extern const SavedField ide_channel_saved[];
/* hw/ide/ports.c: the registers at legacy ports (8 of the command block, 1 control); opaque is the channel. */
extern const MemoryRegionOps ide_port_ops, ide_control_ops;
/* hw/ide/isa.c: channel 0 or 1 on the ISA bus at its usual place, with the drives of -drive if=ide. */
bool isa_ide_new(unsigned channel, Error **errp);

/* ---- Between core.c, ata.c and atapi.c ---- */
void ide_irq_raise(IDEDrive *d);
void ide_ok(IDEDrive *d);                  /* ends the command well */
void ide_fail(IDEDrive *d, uint8_t error); /* ends it with ERR */
/* Opens a PIO window of len bytes of buf; done is called at its end. */
void ide_pio(IDEDrive *d, uint32_t len, bool to_guest, void (*done)(IDEDrive *d));
/* The window [start, start + len) of buf. */
void ide_pio_at(IDEDrive *d, uint32_t start, uint32_t len, bool to_guest, void (*done)(IDEDrive *d));
/* Reads, writes or flushes buf, or discards bytes from offset on (buf is not touched); BSY meanwhile. */
void ide_block_io(IDEDrive *d, BlockOp op, uint64_t offset, uint32_t bytes, void (*done)(IDEDrive *d, int ret));
void ide_dma_begin(IDEDrive *d, void (*step)(IDEDrive *d)); /* DRQ for the DMA engine */
void ide_dma_end(IDEDrive *d, bool error);
void ata_command(IDEDrive *d, uint8_t cmd);
void ata_identify(const IDEDrive *d, uint16_t *w);
void atapi_packet(IDEDrive *d);
void atapi_identify(const IDEDrive *d, uint16_t *w);
extern const BlockDevOps atapi_block_ops;
void ide_signature(IDEDrive *d);           /* what reset leaves in the registers */
void ide_string(uint16_t *w, const char *text, unsigned words);

#endif
