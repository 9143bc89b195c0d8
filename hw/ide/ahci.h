/* SPDX-License-Identifier: MIT */
/* State of an AHCI controller, shared by its files: ahci.c registers and ports, ahci-command.c command lists and FISes, ahci-ncq.c queued
 * commands. Terms and section numbers are those of the Serial ATA AHCI 1.3.1 specification. Machine lock. */
#ifndef RHEA_HW_IDE_AHCI_H
#define RHEA_HW_IDE_AHCI_H

#include "hw/dma-vec.h"
#include "hw/ide.h"
#include "hw/pci.h"

#define AHCI_PORTS 6
#define AHCI_SLOTS 32

enum { /* PxIS and PxIE */
    PORT_DHRS = 1 << 0, PORT_PSS = 1 << 1, PORT_DSS = 1 << 2, PORT_SDBS = 1 << 3, PORT_DPS = 1 << 5, PORT_PCS = 1 << 6, PORT_PRCS = 1 << 22,
    PORT_OFS = 1 << 24, PORT_IFS = 1 << 27, PORT_HBDS = 1 << 28, PORT_HBFS = 1 << 29, PORT_TFES = 1 << 30,
};
#define PORT_IRQ_BITS 0xfdc000ffu
enum { /* PxCMD */
    CMD_ST = 1 << 0, CMD_SUD = 1 << 1, CMD_POD = 1 << 2, CMD_CLO = 1 << 3, CMD_FRE = 1 << 4, CMD_CCS_SHIFT = 8, CMD_CCS = 0x1f << 8,
    CMD_FR = 1 << 14, CMD_CR = 1 << 15, CMD_ATAPI = 1 << 24,
};

typedef struct AHCIPort AHCIPort;
typedef struct AHCIQueued { /* a queued command under way */
    AHCIPort *port;
    BlockRequest req;
    DMAVec data;
    bool active, write, fua;
    uint8_t tag, slot;
    uint64_t lba;
    uint32_t sectors;
} AHCIQueued;

struct AHCIPort {
    struct AHCI *hba;
    unsigned n;
    IDEChannel ide;          /* with the one drive, and the command under way that is not queued */
    uint32_t clb, clbu, fb, fbu, is, ie, cmd, sig, ssts, sctl, serr, sact, ci;
    /* The command that is not queued */
    int32_t slot;            /* -1: none */
    uint32_t flags;          /* first word of its header */
    uint64_t table;          /* of its table */
    uint64_t prd_count, prd_index, prd_offset;
    uint32_t transferred;
    DMAVec piece;            /* of its data */
    bool packet;             /* its packet has not gone out yet */
    bool packet_command;
    bool pio_in;             /* it read by PIO: ends with a PIO set-up FIS */
    bool advancing;          /* in ahci_advance: the drive's interrupts come back here */
    bool halted;             /* an error: nothing starts until ST is cleared */
    int32_t last_slot;
    AHCIQueued queued[AHCI_SLOTS];
    unsigned queued_active;
};

typedef struct AHCI {
    PCIDevice pci;
    MemoryRegion abar, idp;
    uint32_t ghc, is, idp_index;
    AHCIPort port[AHCI_PORTS];
} AHCI;

static inline IDEDrive *ahci_drive(AHCIPort *p)
{
    return p->ide.drive[0];
}

/* ---- ahci.c ---- */
/* Sets bits of PxIS and interrupts when they are enabled. */
void ahci_event(AHCIPort *p, uint32_t bits);

/* ---- ahci-command.c ---- */
extern const IDEHostOps ahci_ide_ops;
/* Starts what is in PxCI and can be started. */
void ahci_run(AHCIPort *p);
/* Forgets every command of the port; waits for data under way. */
void ahci_stop(AHCIPort *p);
/* The drive's signature, as after its reset: to PxSIG and, when there is a place for it, as a FIS. */
void ahci_send_signature(AHCIPort *p);
bool ahci_receive(AHCIPort *p, unsigned offset, const void *fis, unsigned len); /* into the received FIS area */
/* Guest memory the command's PRD table names, len bytes of it, as host memory. */
bool ahci_map_data(AHCIPort *p, uint64_t table, unsigned prds, DMAVec *data, uint64_t len);

/* ---- ahci-ncq.c ---- */
bool ahci_is_queued(uint8_t command);
void ahci_queued_start(AHCIPort *p, unsigned slot, const uint8_t *fis, uint64_t table, unsigned prds);
void ahci_queued_stop(AHCIPort *p);

#endif
