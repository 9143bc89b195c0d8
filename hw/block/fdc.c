/* SPDX-License-Identifier: MIT */
/*
 * Floppy disk controller Intel 82078 (datasheet, order 290468) at the PC's addresses: two drives, all commands, DMA
 * and programmed transfers, sectors of 512 bytes. Type "isa-fdc": region 0 = ports iobase+0 to +5, region 1 = +7,
 * output 0 = interrupt; properties iobase, irq, dma, driveA, driveB, fdtypeA, fdtypeB, fallback, check_media_rate.
 * Not modelled: time (commands end at once), deleted data marks on the medium (all data is normal), scan commands
 * compare nothing on drives without a medium.
 */
#include "fdc.h"
#include "hw/boot-order.h"
#include "hw/fdc.h"
#include "hw/isa-dma.h"
#include "hw/isa.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

#define DRIVES 2
#define FIFO_SIZE 18

enum { REG_SRA, REG_SRB, REG_DOR, REG_TDR, REG_MSR_DSR, REG_FIFO, REG_DIR_CCR = 7 };
enum { SRA_DIRECTION = 0x01, SRA_TRACK0 = 0x10, SRA_INTERRUPT = 0x80 };
enum { DOR_SELECT = 3, DOR_NOT_RESET = 4, DOR_DMA = 8, DOR_MOTOR_A = 0x10 };
enum { MSR_BUSY = 0x10, MSR_NON_DMA = 0x20, MSR_TO_HOST = 0x40, MSR_READY = 0x80 };
enum { DSR_RATE = 3, DSR_SOFT_RESET = 0x80 };
enum { ST0_HEAD = 4, ST0_EQUIPMENT = 0x10, ST0_SEEK_END = 0x20, ST0_ABNORMAL = 0x40, ST0_INVALID = 0x80, ST0_READY_CHANGED = 0xc0 };
enum { ST1_NO_ADDRESS_MARK = 1, ST1_NOT_WRITABLE = 2, ST1_NO_DATA = 4, ST1_DATA_ERROR = 0x20, ST1_END = 0x80 };
enum { ST2_SCAN_FAILED = 4, ST2_SCAN_EQUAL = 8, ST2_WRONG_CYLINDER = 0x10 };
enum { ST3_HEADS_2 = 8, ST3_TRACK0 = 0x10, ST3_READY = 0x20, ST3_PROTECTED = 0x40 };
enum { CONFIG_EIS = 0x40 };

typedef enum Phase { PHASE_COMMAND, PHASE_EXECUTION, PHASE_RESULT } Phase;
typedef enum Transfer { TRANSFER_READ, TRANSFER_WRITE, TRANSFER_VERIFY, TRANSFER_SCAN, TRANSFER_FORMAT } Transfer;

typedef struct FDC {
    Device dev;
    MemoryRegion ports, dir_port;
    uint32_t iobase, irq, dma;
    int fallback;
    int32_t bootindex[DRIVES];
    bool check_rate;
    FloppyDrive drive[DRIVES];
    uint8_t dor, tdr, dsr, msr_busy_drives;
    uint8_t phase;                  /* Phase */
    uint8_t fifo[FIFO_SIZE], fifo_len, fifo_at; /* command in, result out */
    uint8_t st0[DRIVES], sense;     /* interrupts to be sensed: after seeks, and four after a reset */
    bool sense_pending[DRIVES], interrupt;
    uint8_t specify[2], config[3], lock, perpendicular, power;
    /* the transfer under way */
    uint8_t transfer, unit, head, cylinder, record, size_code, last, scan, multi, skip_scan;
    uint8_t sector[FLOPPY_SECTOR];
    uint16_t sector_at, sector_len;  /* programmed transfers, and what DMA left over */
} FDC;

static void end_transfer(FDC *s, uint8_t st0, uint8_t st1, uint8_t st2);

static FDC *fdc_of(void *dev)
{
    return dev;
}

/* ---- Interrupt, phases ---- */

static void set_interrupt(FDC *s, bool level)
{
    s->interrupt = level;
    irq_set(&s->dev.out[0], level && (s->dor & DOR_DMA));
}

static void command_phase(FDC *s)
{
    s->phase = PHASE_COMMAND;
    s->fifo_len = s->fifo_at = 0;
}

static void result_phase(FDC *s, const uint8_t *bytes, unsigned n)
{
    memcpy(s->fifo, bytes, n);
    s->phase = PHASE_RESULT;
    s->fifo_len = (uint8_t)n;
    s->fifo_at = 0;
}

static void result1(FDC *s, uint8_t v)
{
    result_phase(s, &v, 1);
}

/* ---- Drives ---- */

static FloppyDrive *selected(FDC *s, unsigned unit)
{
    return unit < DRIVES ? &s->drive[unit] : NULL;
}

static bool has_medium(const FloppyDrive *d)
{
    return d && d->format;
}

static void look_at_medium(FDC *s, FloppyDrive *d)
{
    d->format = NULL;
    if (!d->blk || !blk_root(d->blk))
        return;
    d->format = floppy_format(blk_size(d->blk) / FLOPPY_SECTOR, (FloppyType)d->type);
    if (d->type == FLOPPY_AUTO)
        d->type = d->format->type;
}

static void change_medium(void *dev, BlockBackend *b, bool loaded)
{
    FDC *s = dev;
    for (unsigned i = 0; i < DRIVES; i++) {
        if (s->drive[i].blk != b)
            continue;
        if (s->phase == PHASE_EXECUTION && s->unit == i)
            end_transfer(s, ST0_ABNORMAL, ST1_NO_ADDRESS_MARK, 0);
        look_at_medium(s, &s->drive[i]);
        s->drive[i].changed = true;
    }
}

static const BlockDevOps drive_block_ops = { .change_medium = change_medium };

/* A step with a medium in the drive ends "disk changed". */
static void step_to(FloppyDrive *d, unsigned track)
{
    d->track = (uint8_t)track;
    if (d->format)
        d->changed = false;
}

/* ---- Reset ---- */

static void controller_reset(FDC *s, bool hard)
{
    if (s->phase == PHASE_EXECUTION)
        isa_dma_request(s->dma, false);
    command_phase(s);
    set_interrupt(s, false);
    s->msr_busy_drives = 0;
    s->sense = 0;
    memset(s->sense_pending, 0, sizeof(s->sense_pending));
    if (hard || !s->lock)
        memset(s->config, 0, sizeof(s->config));
    s->perpendicular &= 0x3c;
}

/* The end of a reset: an interrupt, to be sensed once for each of four drives. */
static void controller_started(FDC *s)
{
    s->sense = 4;
    set_interrupt(s, true);
}

/* ---- Ends of transfers ---- */

/* Result bytes C H R N are where the next sector would be. */
static void next_position(FDC *s, bool ended_well)
{
    if (!ended_well)
        return;
    if (s->record != s->last) {
        s->record++;
    } else {
        s->record = 1;
        if (!s->multi || s->head)
            s->cylinder++;
        if (s->multi)
            s->head ^= 1;
    }
}

static void end_transfer(FDC *s, uint8_t st0, uint8_t st1, uint8_t st2)
{
    isa_dma_request(s->dma, false);
    uint8_t result[7] = { (uint8_t)(st0 | s->head << 2 | s->unit), st1, st2, s->cylinder, s->head, s->record, s->size_code };
    result_phase(s, result, sizeof(result));
    set_interrupt(s, true);
}

/* ---- Sectors ---- */

static bool on_medium(const FDC *s, const FloppyDrive *d)
{
    return s->record >= 1 && s->record <= d->format->per_track && s->head < d->format->heads && s->cylinder < d->format->tracks;
}

static uint64_t sector_offset(const FDC *s, const FloppyDrive *d)
{
    uint64_t n = ((uint64_t)s->cylinder * d->format->heads + s->head) * d->format->per_track + s->record - 1;
    return n * FLOPPY_SECTOR;
}

/* The sector under way lies beyond a short image: reads as zeroes. */
static int read_sector(FDC *s)
{
    FloppyDrive *d = &s->drive[s->unit];
    uint64_t at = sector_offset(s, d), size = blk_size(d->blk);
    memset(s->sector, 0, sizeof(s->sector));
    return at >= size ? 0 : blk_pread(d->blk, at, s->sector, MIN(FLOPPY_SECTOR, size - at));
}

static int write_sector(FDC *s)
{
    FloppyDrive *d = &s->drive[s->unit];
    uint64_t at = sector_offset(s, d), size = blk_size(d->blk);
    return at + FLOPPY_SECTOR > size ? -5 : blk_pwrite(d->blk, at, s->sector, FLOPPY_SECTOR);
}

static bool to_host(const FDC *s)
{
    return s->transfer == TRANSFER_READ;
}

/* Moves to the next sector; false when the transfer ends there without a terminal count. */
static bool advance_sector(FDC *s)
{
    if (s->record == s->last) {
        if (!s->multi || s->head) {
            end_transfer(s, ST0_ABNORMAL, ST1_END, 0);
            return false;
        }
        s->head = 1;
        s->record = 1;
    } else {
        s->record++;
    }
    if (on_medium(s, &s->drive[s->unit]))
        return true;
    end_transfer(s, ST0_ABNORMAL, ST1_NO_DATA, 0);
    return false;
}

/* Bytes of a sector that the command moves: N = 0 takes its length from the command. */
static bool load_sector(FDC *s)
{
    s->sector_at = 0;
    s->sector_len = FLOPPY_SECTOR;
    if (s->transfer == TRANSFER_WRITE)
        memset(s->sector, 0, sizeof(s->sector));
    else if (read_sector(s) < 0) {
        end_transfer(s, ST0_ABNORMAL, ST1_DATA_ERROR, ST1_DATA_ERROR);
        return false;
    }
    return true;
}

/* A whole sector went through (or the terminal count cut it): false when the transfer is over. */
static bool finish_sector(FDC *s, bool terminal)
{
    if (s->transfer == TRANSFER_WRITE && write_sector(s) < 0) {
        end_transfer(s, ST0_ABNORMAL, ST1_DATA_ERROR, ST1_DATA_ERROR);
        return false;
    }
    if (terminal) {
        next_position(s, true);
        end_transfer(s, 0, 0, 0);
        return false;
    }
    return advance_sector(s) && load_sector(s);
}

/* ---- Scan: the host's bytes against the medium's ---- */

static bool scan_matches(uint8_t kind, uint8_t medium, uint8_t host)
{
    if (host == 0xff || medium == 0xff)
        return true;
    return kind == 0 ? medium == host : kind == 1 ? medium <= host : medium >= host;
}

static bool scan_bytes(FDC *s, const uint8_t *host, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (!scan_matches(s->scan, s->sector[s->sector_at + i], host[i]))
            return false;
    return true;
}

/* ---- Moving bytes ---- */

static bool uses_dma(const FDC *s)
{
    return !(s->specify[1] & 1) && s->dor & DOR_DMA;
}

/* The format command takes four bytes for each sector: C H R N; the sectors get its filler. */
static void format_sector(FDC *s)
{
    FloppyDrive *d = &s->drive[s->unit];
    s->cylinder = s->fifo[12];
    s->head = s->fifo[13];
    s->record = s->fifo[14];
    memset(s->sector, s->skip_scan, sizeof(s->sector));
    if (!on_medium(s, d) || write_sector(s) < 0)
        end_transfer(s, ST0_ABNORMAL, ST1_NO_DATA, 0);
    else if (--s->last == 0)
        end_transfer(s, 0, 0, 0);
}

static void format_byte(FDC *s, uint8_t v)
{
    s->fifo[12 + s->sector_at++] = v;
    if (s->sector_at == 4) {
        s->sector_at = 0;
        format_sector(s);
    }
}

static void run_format(FDC *s)
{
    uint8_t v;
    bool end = false;
    while (s->phase == PHASE_EXECUTION && !end && isa_dma_transfer(s->dma, false, &v, 1, &end) == 1)
        format_byte(s, v);
    if (end && s->phase == PHASE_EXECUTION)
        end_transfer(s, 0, 0, 0);
}

static void scan_end(FDC *s, bool equal)
{
    end_transfer(s, equal ? 0 : ST0_ABNORMAL, 0, equal ? ST2_SCAN_EQUAL : ST2_SCAN_FAILED);
}

/* The DMA channel is open: moves sectors until it closes or the transfer ends. */
static void run_dma(void *opaque)
{
    FDC *s = opaque;
    if (s->phase != PHASE_EXECUTION || !uses_dma(s))
        return;
    if (s->transfer == TRANSFER_FORMAT) {
        run_format(s);
        return;
    }
    while (s->phase == PHASE_EXECUTION) {
        bool end;
        uint8_t host[FLOPPY_SECTOR], *buf = s->transfer == TRANSFER_SCAN ? host : s->sector + s->sector_at;
        size_t n = isa_dma_transfer(s->dma, to_host(s), buf, s->sector_len - s->sector_at, &end);
        if (s->transfer == TRANSFER_SCAN && n && !scan_bytes(s, host, (unsigned)n)) {
            scan_end(s, false);
            return;
        }
        s->sector_at += (uint16_t)n;
        if (!end && s->sector_at < s->sector_len)
            return; /* the channel closed: it will call again */
        if (s->transfer == TRANSFER_SCAN && end) {
            scan_end(s, true);
            return;
        }
        finish_sector(s, end);
    }
}

/* Verify counts sectors by itself: to the end of the track, or as many as the command says. */
static void run_verify(FDC *s, unsigned sectors)
{
    while (s->phase == PHASE_EXECUTION) {
        bool last = sectors ? --sectors == 0 : s->record == s->last && (!s->multi || s->head);
        if (last) {
            next_position(s, true);
            end_transfer(s, 0, 0, 0);
        } else if (advance_sector(s)) {
            load_sector(s);
        }
    }
}

static uint8_t execution_read(FDC *s)
{
    uint8_t v = s->sector[s->sector_at++];
    set_interrupt(s, false);
    if (s->sector_at < s->sector_len || finish_sector(s, false))
        set_interrupt(s, true);
    return v;
}

static void execution_write(FDC *s, uint8_t v)
{
    set_interrupt(s, false);
    if (s->transfer == TRANSFER_FORMAT) {
        format_byte(s, v);
    } else if (s->transfer == TRANSFER_SCAN && !scan_bytes(s, &v, 1)) {
        scan_end(s, false);
    } else {
        if (s->transfer == TRANSFER_WRITE)
            s->sector[s->sector_at] = v;
        if (++s->sector_at == s->sector_len)
            finish_sector(s, false);
    }
    set_interrupt(s, true);
}

/* ---- Commands that move data ---- */

/* What stands in the way of a transfer: ST1 (and ST2 in the high byte), 0 = nothing. */
static unsigned transfer_obstacle(FDC *s, FloppyDrive *d, bool writes)
{
    if (!has_medium(d) || (s->check_rate && (s->dsr & DSR_RATE) != d->format->rate))
        return ST1_NO_ADDRESS_MARK;
    if (writes && blk_read_only(d->blk))
        return ST1_NOT_WRITABLE;
    if (s->transfer == TRANSFER_FORMAT)
        return 0;
    if (s->cylinder != d->track)
        return ST1_NO_DATA | ST2_WRONG_CYLINDER << 8;
    return s->size_code == 2 && on_medium(s, d) ? 0 : ST1_NO_DATA;
}

static void start_transfer(FDC *s, Transfer kind)
{
    FloppyDrive *d = selected(s, s->fifo[1] & DOR_SELECT);
    s->transfer = kind;
    s->unit = s->fifo[1] & DOR_SELECT;
    s->sector_at = 0;
    s->phase = PHASE_EXECUTION;
    if (d && s->config[0] & CONFIG_EIS && kind != TRANSFER_FORMAT)
        step_to(d, s->cylinder); /* implied seek */
    unsigned obstacle = transfer_obstacle(s, d, kind == TRANSFER_WRITE || kind == TRANSFER_FORMAT);
    if (obstacle) {
        s->unit &= DRIVES - 1;
        end_transfer(s, ST0_ABNORMAL, (uint8_t)obstacle, (uint8_t)(obstacle >> 8));
        return;
    }
    if (kind != TRANSFER_FORMAT && !load_sector(s))
        return;
    if (kind == TRANSFER_VERIFY)
        return;
    if (uses_dma(s))
        isa_dma_request(s->dma, true);
    else
        set_interrupt(s, true);
}

static void take_position(FDC *s)
{
    s->cylinder = s->fifo[2];
    s->head = s->fifo[3] & 1;
    s->record = s->fifo[4];
    s->size_code = s->fifo[5];
    s->last = s->fifo[6];
    s->multi = s->fifo[0] >> 7;
}

static void cmd_read(FDC *s)
{
    take_position(s);
    start_transfer(s, TRANSFER_READ);
}

static void cmd_read_track(FDC *s)
{
    take_position(s);
    s->record = 1;
    s->multi = 0;
    start_transfer(s, TRANSFER_READ);
}

static void cmd_write(FDC *s)
{
    take_position(s);
    start_transfer(s, TRANSFER_WRITE);
}

static void cmd_scan(FDC *s)
{
    take_position(s);
    s->scan = s->fifo[0] >> 2 & 3; /* 11 equal, 19 low or equal, 1d high or equal */
    s->scan = s->scan == 0 ? 0 : s->scan == 2 ? 1 : 2;
    start_transfer(s, TRANSFER_SCAN);
}

static void cmd_verify(FDC *s)
{
    unsigned sectors = s->fifo[1] & 0x80 ? s->fifo[8] : 0;
    take_position(s);
    start_transfer(s, TRANSFER_VERIFY);
    run_verify(s, sectors);
}

static void cmd_format(FDC *s)
{
    FloppyDrive *d = selected(s, s->fifo[1] & DOR_SELECT);
    s->size_code = s->fifo[2];
    s->last = s->fifo[3];      /* sectors to come */
    s->skip_scan = s->fifo[5]; /* filler */
    s->head = s->fifo[1] >> 2 & 1;
    s->cylinder = d ? d->track : 0;
    s->record = 1;
    s->multi = 0;
    if (!s->last)
        s->last = 1;
    start_transfer(s, TRANSFER_FORMAT);
}

static void cmd_read_id(FDC *s)
{
    FloppyDrive *d = selected(s, s->fifo[1] & DOR_SELECT);
    s->unit = s->fifo[1] & DOR_SELECT & (DRIVES - 1);
    s->head = s->fifo[1] >> 2 & 1;
    s->cylinder = d ? d->track : 0;
    s->record = 1;
    s->size_code = 2;
    bool readable = has_medium(d) && (!s->check_rate || (s->dsr & DSR_RATE) == d->format->rate) && s->head < d->format->heads &&
                    d->track < d->format->tracks;
    end_transfer(s, readable ? 0 : ST0_ABNORMAL, readable ? 0 : ST1_NO_ADDRESS_MARK, 0);
}

/* ---- Commands that move the head ---- */

static void end_seek(FDC *s, unsigned unit, uint8_t st0)
{
    if (unit < DRIVES) {
        s->st0[unit] = (uint8_t)(ST0_SEEK_END | st0 | unit);
        s->sense_pending[unit] = true;
    }
    command_phase(s);
    set_interrupt(s, true);
}

static void cmd_recalibrate(FDC *s)
{
    unsigned unit = s->fifo[1] & DOR_SELECT;
    FloppyDrive *d = selected(s, unit);
    if (d)
        step_to(d, 0);
    end_seek(s, unit, d ? 0 : ST0_ABNORMAL | ST0_EQUIPMENT);
}

static void cmd_seek(FDC *s)
{
    unsigned unit = s->fifo[1] & DOR_SELECT;
    FloppyDrive *d = selected(s, unit);
    if (d && s->fifo[0] & 0x80) { /* relative: bit 6 inwards */
        int to = d->track + (s->fifo[0] & 0x40 ? s->fifo[2] : -(int)s->fifo[2]);
        step_to(d, (unsigned)CLAMP(to, 0, 255));
    } else if (d) {
        step_to(d, s->fifo[2]);
    }
    end_seek(s, unit, (uint8_t)(s->fifo[1] & ST0_HEAD));
}

/* ---- Commands about the controller ---- */

static void cmd_sense_interrupt(FDC *s)
{
    uint8_t result[2] = { ST0_INVALID, 0 };
    unsigned n = 1;
    if (s->sense) {
        unsigned unit = 4 - s->sense--;
        result[0] = (uint8_t)(ST0_READY_CHANGED | unit);
        result[1] = unit < DRIVES ? s->drive[unit].track : 0;
        n = 2;
    } else {
        for (unsigned i = 0; i < DRIVES; i++)
            if (s->sense_pending[i]) {
                s->sense_pending[i] = false;
                result[0] = s->st0[i];
                result[1] = s->drive[i].track;
                n = 2;
                break;
            }
    }
    set_interrupt(s, false);
    result_phase(s, result, n);
}

static void cmd_sense_drive(FDC *s)
{
    unsigned unit = s->fifo[1] & DOR_SELECT;
    const FloppyDrive *d = selected(s, unit);
    uint8_t v = (uint8_t)(unit | (s->fifo[1] & ST0_HEAD) | ST3_READY);
    if (d)
        v |= ST3_HEADS_2 | (d->track ? 0 : ST3_TRACK0) | (d->format && blk_read_only(d->blk) ? ST3_PROTECTED : 0);
    result1(s, v);
}

static void cmd_specify(FDC *s)
{
    memcpy(s->specify, s->fifo + 1, 2);
    command_phase(s);
}

static void cmd_configure(FDC *s)
{
    s->config[0] = s->fifo[2];
    s->config[1] = s->fifo[3];
    command_phase(s);
}

static void cmd_perpendicular(FDC *s)
{
    s->perpendicular = s->fifo[1] & 0x80 ? s->fifo[1] & 0x3f : (s->perpendicular & 0x3c) | (s->fifo[1] & 3);
    command_phase(s);
}

static void cmd_lock(FDC *s)
{
    s->lock = s->fifo[0] >> 7;
    result1(s, (uint8_t)(s->lock << 4));
}

static void cmd_version(FDC *s)
{
    result1(s, 0x90); /* enhanced controller */
}

static void cmd_part_id(FDC *s)
{
    result1(s, 0x41); /* 82078, stepping 1 */
}

static void cmd_dump_registers(FDC *s)
{
    uint8_t r[10] = { s->drive[0].track, s->drive[1].track, 0, 0, s->specify[0], s->specify[1], s->last,
                      (uint8_t)(s->lock << 7 | s->perpendicular), s->config[0], s->config[1] };
    result_phase(s, r, sizeof(r));
}

static void cmd_save(FDC *s)
{
    uint8_t r[15] = { s->dsr & DSR_RATE, 0, s->drive[0].track, s->drive[1].track, 0, 0, s->specify[0], s->specify[1], s->last,
                      (uint8_t)(s->lock << 7 | s->perpendicular), s->config[0], s->config[1], s->power };
    result_phase(s, r, sizeof(r));
}

static void cmd_restore(FDC *s)
{
    s->drive[0].track = s->fifo[4 - 1];
    s->drive[1].track = s->fifo[5 - 1];
    s->specify[0] = s->fifo[8 - 1];
    s->specify[1] = s->fifo[9 - 1];
    s->last = s->fifo[10 - 1];
    s->lock = s->fifo[11 - 1] >> 7;
    s->perpendicular = s->fifo[11 - 1] & 0x3f;
    s->config[0] = s->fifo[12 - 1];
    s->config[1] = s->fifo[13 - 1];
    s->power = s->fifo[14 - 1];
    command_phase(s);
}

static void cmd_power_down(FDC *s)
{
    s->power = s->fifo[1];
    result1(s, s->power);
}

static void cmd_option(FDC *s)
{
    command_phase(s);
}

/* Drive specification: pairs of bytes until one with bit 7; bit 6 of the last asks for a result. */
static void cmd_drive_specification(FDC *s)
{
    uint8_t last = s->fifo[s->fifo_len - 1];
    if (!(last & 0x80) && s->fifo_len < 6)
        return;
    uint8_t result[4] = { 0 };
    if (last & 0x40)
        command_phase(s);
    else
        result_phase(s, result, sizeof(result));
}

static void cmd_invalid(FDC *s)
{
    guest_error("fdc: unknown command %02x\n", s->fifo[0]);
    result1(s, ST0_INVALID);
}

/* Opcode under its mask, bytes of the command with the opcode. */
static const struct Command {
    uint8_t mask, value, length;
    void (*run)(FDC *s);
} commands[] = {
    { 0x1f, 0x06, 9, cmd_read }, { 0x3f, 0x05, 9, cmd_write }, { 0x1f, 0x0c, 9, cmd_read }, { 0x3f, 0x09, 9, cmd_write },
    { 0x9f, 0x02, 9, cmd_read_track }, { 0xbf, 0x0d, 6, cmd_format }, { 0xbf, 0x0a, 2, cmd_read_id },
    { 0x1f, 0x16, 9, cmd_verify }, { 0x1f, 0x11, 9, cmd_scan }, { 0x1f, 0x19, 9, cmd_scan }, { 0x1f, 0x1d, 9, cmd_scan },
    { 0xff, 0x07, 2, cmd_recalibrate }, { 0xff, 0x0f, 3, cmd_seek }, { 0xbf, 0x8f, 3, cmd_seek },
    { 0xff, 0x08, 1, cmd_sense_interrupt }, { 0xff, 0x04, 2, cmd_sense_drive }, { 0xff, 0x03, 3, cmd_specify },
    { 0xff, 0x13, 4, cmd_configure }, { 0xff, 0x12, 2, cmd_perpendicular }, { 0x7f, 0x14, 1, cmd_lock },
    { 0xff, 0x10, 1, cmd_version }, { 0xff, 0x18, 1, cmd_part_id }, { 0xff, 0x0e, 1, cmd_dump_registers },
    { 0xff, 0x2e, 1, cmd_save }, { 0xff, 0x4e, 17, cmd_restore }, { 0xff, 0x17, 2, cmd_power_down },
    { 0xff, 0x33, 2, cmd_option }, { 0xff, 0x8e, 2, cmd_drive_specification }, { 0x00, 0x00, 1, cmd_invalid },
};

static const struct Command *find_command(uint8_t opcode)
{
    const struct Command *c = commands;
    while ((opcode & c->mask) != c->value)
        c++;
    return c;
}

/* ---- Registers ---- */

static void command_byte(FDC *s, uint8_t v)
{
    if (s->fifo_len == FIFO_SIZE) {
        command_phase(s);
        return;
    }
    s->fifo[s->fifo_len++] = v;
    const struct Command *c = find_command(s->fifo[0]);
    if (s->fifo_len >= c->length)
        c->run(s);
}

static void fifo_write(FDC *s, uint8_t v)
{
    if (!(s->dor & DOR_NOT_RESET))
        return;
    s->dsr &= ~0x40; /* wakes up */
    if (s->phase == PHASE_COMMAND)
        command_byte(s, v);
    else if (s->phase == PHASE_EXECUTION && !uses_dma(s) && !to_host(s))
        execution_write(s, v);
    else
        guest_error("fdc: byte %02x written in the wrong phase\n", v);
}

static uint8_t fifo_read(FDC *s)
{
    if (s->phase == PHASE_EXECUTION && !uses_dma(s) && to_host(s))
        return execution_read(s);
    if (s->phase != PHASE_RESULT) {
        guest_error("fdc: FIFO read in the wrong phase\n");
        return 0;
    }
    uint8_t v = s->fifo[s->fifo_at++];
    set_interrupt(s, false);
    if (s->fifo_at == s->fifo_len)
        command_phase(s);
    return v;
}

static uint8_t main_status(const FDC *s)
{
    if (!(s->dor & DOR_NOT_RESET))
        return 0;
    switch (s->phase) {
    case PHASE_COMMAND: return MSR_READY | (s->fifo_len ? MSR_BUSY : 0);
    case PHASE_RESULT: return MSR_READY | MSR_TO_HOST | MSR_BUSY;
    default: return MSR_BUSY | (uses_dma(s) ? 0 : MSR_READY | MSR_NON_DMA | (to_host(s) ? MSR_TO_HOST : 0));
    }
}

static uint8_t status_a(const FDC *s)
{
    const FloppyDrive *d = &s->drive[s->dor & DOR_SELECT & (DRIVES - 1)];
    return (uint8_t)((s->interrupt ? SRA_INTERRUPT : 0) | (d->track ? SRA_TRACK0 : 0) | 0x40);
}

static void dor_write(FDC *s, uint8_t v)
{
    uint8_t old = s->dor;
    s->dor = v;
    if ((old ^ v) & DOR_NOT_RESET) {
        controller_reset(s, false);
        if (v & DOR_NOT_RESET)
            controller_started(s);
    }
    irq_set(&s->dev.out[0], s->interrupt && (s->dor & DOR_DMA));
}

static void dsr_write(FDC *s, uint8_t v)
{
    s->dsr = v & ~DSR_SOFT_RESET;
    if (v & DSR_SOFT_RESET && s->dor & DOR_NOT_RESET) {
        controller_reset(s, false);
        controller_started(s);
    }
}

static uint8_t digital_input(const FDC *s)
{
    unsigned unit = s->dor & DOR_SELECT;
    if (unit >= DRIVES || !(s->dor & DOR_MOTOR_A << unit))
        return 0;
    return s->drive[unit].changed ? 0x80 : 0;
}

static uint64_t fdc_read(void *opaque, hwaddr port, unsigned size)
{
    FDC *s = opaque;
    switch (port) {
    case REG_SRA: return status_a(s);
    case REG_SRB: return 0xc0 | (s->dor & 1) << 5 | (s->dor >> 4 & 3);
    case REG_DOR: return s->dor;
    case REG_TDR: return s->tdr;
    case REG_MSR_DSR: return main_status(s);
    case REG_FIFO: return fifo_read(s);
    default: return 0xff;
    }
}

static void fdc_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    FDC *s = opaque;
    switch (port) {
    case REG_DOR: dor_write(s, (uint8_t)value); break;
    case REG_TDR: s->tdr = value & 3; break;
    case REG_MSR_DSR: dsr_write(s, (uint8_t)value); break;
    case REG_FIFO: fifo_write(s, (uint8_t)value); break;
    default: break;
    }
}

static uint64_t dir_read(void *opaque, hwaddr port, unsigned size)
{
    return digital_input(opaque);
}

static void ccr_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    FDC *s = opaque;
    s->dsr = (uint8_t)((s->dsr & ~DSR_RATE) | (value & DSR_RATE));
}

static const MemoryRegionOps fdc_ops = { .read = fdc_read, .write = fdc_write, .impl_min = 1, .impl_max = 1 };
static const MemoryRegionOps dir_ops = { .read = dir_read, .write = ccr_write, .impl_min = 1, .impl_max = 1 };

/* ---- Life ---- */

static void fdc_reset(Device *dev)
{
    FDC *s = fdc_of(dev);
    s->lock = 0;
    s->dor = DOR_NOT_RESET | DOR_DMA;
    s->dsr = RATE_250K;
    s->tdr = s->power = s->perpendicular = 0;
    memset(s->specify, 0, sizeof(s->specify));
    controller_reset(s, true);
    for (unsigned i = 0; i < DRIVES; i++) {
        s->drive[i].track = 0;
        s->drive[i].changed = true;
    }
}

static bool drive_setup(FDC *s, FloppyDrive *d, Error **errp)
{
    if (d->blk && !blk_attach(d->blk, &s->dev, &drive_block_ops, errp))
        return false;
    look_at_medium(s, d);
    if (d->type == FLOPPY_AUTO)
        d->type = d->blk ? s->fallback : FLOPPY_NONE;
    return true;
}

static bool order_drives(FDC *s, Error **errp)
{
    for (unsigned i = 0; i < DRIVES; i++) {
        g_autofree char *leaf = g_strdup_printf("fdc@%04x/floppy@%u", s->iobase, i);
        if (!boot_order_add(&s->dev, s->bootindex[i], leaf, errp))
            return false;
    }
    return true;
}

static void fdc_unrealize(Device *dev);

static bool fdc_realize(Device *dev, Error **errp)
{
    FDC *s = fdc_of(dev);
    if (s->dma >= 4) {
        error_setg(errp, "%s: dma %u is not a channel for bytes (0 to 3)", dev->type->name, s->dma);
        return false;
    }
    device_init_out(dev, 1);
    if (!isa_connect_irq(dev, 0, s->irq, errp) || !drive_setup(s, &s->drive[0], errp))
        return false;
    if (!drive_setup(s, &s->drive[1], errp)) {
        if (s->drive[0].blk)
            blk_detach(s->drive[0].blk, dev);
        return false;
    }
    memory_region_init_io(&s->ports, dev, &fdc_ops, s, "fdc", 6);
    memory_region_init_io(&s->dir_port, dev, &dir_ops, s, "fdc", 1);
    isa_register_ioport(dev, &s->ports, (uint16_t)s->iobase);
    isa_register_ioport(dev, &s->dir_port, (uint16_t)(s->iobase + 7));
    isa_dma_register(s->dma, run_dma, s);
    fdc_reset(dev);
    if (order_drives(s, errp))
        return true;
    fdc_unrealize(dev);
    return false;
}

static void fdc_unrealize(Device *dev)
{
    FDC *s = fdc_of(dev);
    isa_dma_unregister(s->dma);
    boot_order_remove(dev);
    for (unsigned i = 0; i < DRIVES; i++)
        if (s->drive[i].blk)
            blk_detach(s->drive[i].blk, dev);
}

static void fdc_loaded(Device *dev)
{
    FDC *s = fdc_of(dev);
    s->unit &= DRIVES - 1;
    s->head &= 1;
    s->multi &= 1;
    s->lock &= 1;
    s->scan %= 3;
    s->sense = MIN(s->sense, 4);
    s->interrupt = *(uint8_t *)&s->interrupt & 1;
    s->fifo_len = MIN(s->fifo_len, FIFO_SIZE);
    s->sector_len = FLOPPY_SECTOR;
    s->transfer = MIN(s->transfer, TRANSFER_FORMAT);
    for (unsigned i = 0; i < DRIVES; i++) {
        s->drive[i].changed = *(uint8_t *)&s->drive[i].changed & 1;
        s->sense_pending[i] = *(uint8_t *)&s->sense_pending[i] & 1;
    }
    bool in_sector = s->sector_at < (s->transfer == TRANSFER_FORMAT ? 4 : FLOPPY_SECTOR);
    bool possible = s->phase == PHASE_RESULT ? s->fifo_at < s->fifo_len
                  : s->phase == PHASE_EXECUTION ? in_sector && has_medium(&s->drive[s->unit]) && on_medium(s, &s->drive[s->unit])
                  : s->phase == PHASE_COMMAND && (!s->fifo_len || s->fifo_len < find_command(s->fifo[0])->length);
    if (!possible)
        command_phase(s);
    if (s->phase == PHASE_EXECUTION && uses_dma(s))
        isa_dma_request(s->dma, true);
    irq_set(&s->dev.out[0], s->interrupt && (s->dor & DOR_DMA));
}

static const char *const type_names[] = { "120", "144", "288", "auto", "none", NULL };
static const Property fdc_props[] = {
    PROP_U32("iobase", FDC, iobase, 0x3f0),
    PROP_U32("irq", FDC, irq, 6),
    PROP_U32("dma", FDC, dma, 2),
    PROP_DRIVE("driveA", FDC, drive[0].blk),
    PROP_DRIVE("driveB", FDC, drive[1].blk),
    PROP_ENUM("fdtypeA", FDC, drive[0].type, FLOPPY_AUTO, type_names),
    PROP_ENUM("fdtypeB", FDC, drive[1].type, FLOPPY_AUTO, type_names),
    PROP_ENUM("fallback", FDC, fallback, FLOPPY_288, type_names),
    PROP_BOOL("check_media_rate", FDC, check_rate, true),
    PROP_I32("bootindexA", FDC, bootindex[0], -1),
    PROP_I32("bootindexB", FDC, bootindex[1], -1),
    {},
};
static const SavedField drive_saved[] = {
    SAVED_INT(FloppyDrive, track), SAVED_INT(FloppyDrive, changed), SAVED_END(),
};
static const SavedField fdc_saved[] = {
    SAVED_STRUCTS(FDC, drive, drive_saved), SAVED_INT(FDC, dor), SAVED_INT(FDC, tdr), SAVED_INT(FDC, dsr), SAVED_INT(FDC, phase),
    SAVED_BYTES(FDC, fifo), SAVED_INT(FDC, fifo_len), SAVED_INT(FDC, fifo_at), SAVED_BYTES(FDC, st0), SAVED_INT(FDC, sense),
    SAVED_ARRAY(FDC, sense_pending), SAVED_INT(FDC, interrupt), SAVED_BYTES(FDC, specify), SAVED_BYTES(FDC, config),
    SAVED_INT(FDC, lock), SAVED_INT(FDC, perpendicular), SAVED_INT(FDC, power), SAVED_INT(FDC, transfer), SAVED_INT(FDC, unit),
    SAVED_INT(FDC, head), SAVED_INT(FDC, cylinder), SAVED_INT(FDC, record), SAVED_INT(FDC, size_code), SAVED_INT(FDC, last),
    SAVED_INT(FDC, scan), SAVED_INT(FDC, multi), SAVED_INT(FDC, skip_scan), SAVED_BYTES(FDC, sector), SAVED_INT(FDC, sector_at),
    SAVED_INT(FDC, sector_len), SAVED_END(),
};
static const DeviceType fdc_type = {
    .name = "isa-fdc", .desc = "virtual floppy controller", .bus = BUS_ISA, .category = "Storage devices", .size = sizeof(FDC),
    .props = fdc_props, .saved = fdc_saved, .realize = fdc_realize, .unrealize = fdc_unrealize, .reset = fdc_reset,
    .post_load = fdc_loaded,
};
device_type(fdc_type);

uint8_t fdc_cmos_types(const Device *dev)
{
    const FDC *s = (const FDC *)dev;
    return (uint8_t)(floppy_cmos_type(s->drive[0].type) << 4 | floppy_cmos_type(s->drive[1].type));
}
