/* SPDX-License-Identifier: MIT */
/*
 * SD memory card (SD Physical Layer Simplified Specification 2.00): SDSC up to 2 GiB, SDHC above. Property drive. SD bus mode;
 * blocks of the medium are read and written as the host moves them. Not modelled: SPI mode, password lock, write
 * protection groups, high-speed and UHS timing (CMD6 answers that only the default functions exist).
 */
#include "sd-card.h"

#include "util/error.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

#define BLOCK 512u
#define SC_MAX (2 * GiB)
enum { VERSION = 0x02 };

typedef enum SDState { ST_IDLE, ST_READY, ST_IDENT, ST_STBY, ST_TRAN, ST_DATA, ST_RCV, ST_PRG, ST_DIS, ST_INACTIVE } SDState;
/* What the data lines carry in ST_DATA and ST_RCV. */
typedef enum SDTransfer { XFER_REGISTER, XFER_SINGLE, XFER_MULTIPLE, XFER_CSD } SDTransfer;

enum { /* card status, 4.10.1 */
    CS_OUT_OF_RANGE = 1u << 31, CS_ADDRESS_ERROR = 1u << 30, CS_BLOCK_LEN_ERROR = 1u << 29, CS_ERASE_SEQ_ERROR = 1u << 28,
    CS_ERASE_PARAM = 1u << 27, CS_WP_VIOLATION = 1u << 26, CS_ILLEGAL_COMMAND = 1u << 22, CS_ERROR = 1u << 19,
    CS_CSD_OVERWRITE = 1u << 16, CS_WP_ERASE_SKIP = 1u << 15, CS_ERASE_RESET = 1u << 13, CS_READY_FOR_DATA = 1u << 8,
    CS_APP_CMD = 1u << 5,
    CS_CLEARED_BY_READING = CS_OUT_OF_RANGE | CS_ADDRESS_ERROR | CS_BLOCK_LEN_ERROR | CS_ERASE_SEQ_ERROR | CS_ERASE_PARAM |
                            CS_WP_VIOLATION | CS_ILLEGAL_COMMAND | CS_ERROR | CS_CSD_OVERWRITE | CS_WP_ERASE_SKIP | CS_ERASE_RESET,
};
enum { OCR_POWERED = 1u << 31, OCR_CCS = 1u << 30, OCR_VOLTAGES = 0x00ff8000 };

struct SDCard {
    Device dev;
    BlockBackend *blk;
    SDBus *bus;
    uint8_t csd[16], cid[16], scr[8];
    uint64_t size;            /* 0: no medium */
    /* protocol */
    uint8_t state, transfer, app_command, wide_bus, powered;
    uint16_t rca;
    uint32_t status;          /* error bits and CS_APP_CMD; state and READY are added when it is read */
    uint32_t block_len;       /* SDSC: CMD16 */
    uint32_t blocks_left;     /* after CMD23; 0: until CMD12 */
    uint32_t blocks_written;  /* ACMD22 */
    uint64_t erase_start, erase_end;
    uint8_t erase_set;        /* bit 0: start, bit 1: end */
    /* data */
    uint64_t addr;            /* byte address of the block in buf */
    uint32_t pos, len;        /* of buf */
    uint8_t buf[BLOCK];
};

static bool is_high_capacity(const SDCard *c)
{
    return c->size > SC_MAX;
}

bool sd_card_present(const SDCard *c)
{
    return c->size != 0;
}

bool sd_card_write_protected(const SDCard *c)
{
    return blk_read_only(c->blk);
}

bool sd_card_can_read(const SDCard *c)
{
    return c->state == ST_DATA;
}

bool sd_card_can_write(const SDCard *c)
{
    return c->state == ST_RCV;
}

/* ---- Registers ---- */

static uint8_t crc7(const uint8_t *p, unsigned len)
{
    uint8_t crc = 0;
    for (unsigned i = 0; i < len * 8; i++) {
        bool bit = (p[i / 8] >> (7 - i % 8) & 1) != (crc >> 6 & 1);
        crc = (uint8_t)(crc << 1 & 0x7f) ^ (bit ? 0x09 : 0);
    }
    return crc;
}

static void finish_register(uint8_t r[16])
{
    r[15] = (uint8_t)(crc7(r, 15) << 1 | 1);
}

static void set_cid(SDCard *c)
{
    static const uint8_t cid[16] = { 0xaa, 'X', 'Y', 'R', 'H', 'E', 'A', '!', 0x01, 0xde, 0xad, 0xbe, 0xef, 0x00, 0xa2 };
    memcpy(c->cid, cid, 16);
    finish_register(c->cid);
}

/* Bits [start + width - 1 : start] of a 128-bit register. */
static void put_bits(uint8_t r[16], unsigned start, unsigned width, uint32_t value)
{
    for (unsigned i = 0; i < width; i++)
        if (value >> i & 1)
            r[15 - (start + i) / 8] |= (uint8_t)(1u << (start + i) % 8);
}

/* Card specific data, 5.3: the size in units of 512 KiB, or as a product of three factors. */
static void set_csd(SDCard *c)
{
    memset(c->csd, 0, 16);
    put_bits(c->csd, 112, 8, is_high_capacity(c) ? 0x0e : 0x26); /* TAAC */
    put_bits(c->csd, 96, 8, 0x32);  /* TRAN_SPEED: 25 MHz */
    put_bits(c->csd, 84, 12, 0x5b5);
    if (is_high_capacity(c)) {
        put_bits(c->csd, 126, 2, 1);
        put_bits(c->csd, 80, 4, 9);
        put_bits(c->csd, 48, 22, (uint32_t)(c->size / (512 * KiB)) - 1);
    } else {
        unsigned block = c->size > GiB ? 10 : 9, mult = 0; /* size = C_SIZE + 1 << mult + 2 << block */
        while (mult < 7 && c->size >> (mult + 2 + block) > 4096)
            mult++;
        put_bits(c->csd, 80, 4, block);
        put_bits(c->csd, 62, 12, (uint32_t)(c->size >> (mult + 2 + block)) - 1);
        put_bits(c->csd, 47, 3, mult);
        put_bits(c->csd, 79, 1, 1); /* READ_BL_PARTIAL */
    }
    put_bits(c->csd, 46, 1, 1);     /* ERASE_BLK_EN */
    put_bits(c->csd, 39, 7, 127);   /* SECTOR_SIZE */
    put_bits(c->csd, 26, 3, 2);     /* R2W_FACTOR */
    put_bits(c->csd, 22, 4, is_high_capacity(c) || c->size <= GiB ? 9 : 10);
    if (sd_card_write_protected(c))
        put_bits(c->csd, 12, 1, 1); /* TMP_WRITE_PROTECT */
    finish_register(c->csd);
}

static void set_scr(SDCard *c)
{
    memset(c->scr, 0, sizeof(c->scr));
    c->scr[0] = VERSION;
    c->scr[1] = is_high_capacity(c) ? 0x35 : 0x25; /* security version, 1- and 4-bit bus */
}

static uint32_t ocr(const SDCard *c)
{
    return OCR_VOLTAGES | (c->powered ? OCR_POWERED | (is_high_capacity(c) ? OCR_CCS : 0) : 0);
}

/* ---- Data ---- */

static void fail(SDCard *c, uint32_t why)
{
    c->status |= why;
}

/* Not before its first byte is wanted: a host may stop a transfer at the end of the medium. */
static void load_block(SDCard *c)
{
    memset(c->buf, 0, sizeof(c->buf));
    if (c->addr >= c->size || c->len > c->size - c->addr)
        fail(c, CS_OUT_OF_RANGE);
    else if (blk_pread(c->blk, c->addr, c->buf, c->len) < 0)
        fail(c, CS_ERROR);
}

static void end_transfer(SDCard *c)
{
    c->state = ST_TRAN;
    c->pos = c->len = 0;
    c->blocks_left = 0;
}

/* The next block of a transfer of several; it ends when all announced ones were moved. */
static void next_block(SDCard *c)
{
    c->addr += c->len;
    c->pos = 0;
    if (c->transfer != XFER_MULTIPLE || (c->blocks_left && !--c->blocks_left))
        end_transfer(c);
}

uint8_t sd_card_read(SDCard *c)
{
    if (!c->pos && c->transfer != XFER_REGISTER)
        load_block(c);
    uint8_t byte = c->buf[c->pos++ % BLOCK];
    if (c->pos >= c->len)
        next_block(c);
    return byte;
}

static void store_block(SDCard *c)
{
    if (c->transfer == XFER_CSD) {
        fail(c, memcmp(c->buf, c->csd, 14) ? CS_CSD_OVERWRITE : 0); /* only write protection bits are writable */
        return;
    }
    if (sd_card_write_protected(c))
        fail(c, CS_WP_VIOLATION);
    else if (c->addr >= c->size || c->len > c->size - c->addr)
        fail(c, CS_OUT_OF_RANGE);
    else if (blk_pwrite(c->blk, c->addr, c->buf, c->len) < 0)
        fail(c, CS_ERROR);
    else
        c->blocks_written++;
}

void sd_card_write(SDCard *c, uint8_t byte)
{
    c->buf[c->pos++ % BLOCK] = byte;
    if (c->pos >= c->len) {
        store_block(c);
        next_block(c);
    }
}

static void send_register(SDCard *c, const void *data, unsigned len)
{
    memset(c->buf, 0, sizeof(c->buf));
    if (data)
        memcpy(c->buf, data, len);
    c->transfer = XFER_REGISTER;
    c->pos = 0;
    c->len = len;
    c->state = ST_DATA;
}

/* Reads or writes blocks from a command's argument on. When that is wrong the status says how. */
static void start_blocks(SDCard *c, uint32_t arg, bool write, bool multiple)
{
    uint64_t addr = is_high_capacity(c) ? (uint64_t)arg * BLOCK : arg;
    uint32_t len = is_high_capacity(c) ? BLOCK : c->block_len;
    if (addr >= c->size || len > c->size - addr) {
        fail(c, CS_OUT_OF_RANGE);
        return;
    }
    if (write && len != BLOCK) {
        fail(c, CS_BLOCK_LEN_ERROR);
        return;
    }
    if ((write && addr % BLOCK) || addr % BLOCK + len > BLOCK) {
        fail(c, CS_ADDRESS_ERROR);
        return;
    }
    if (!multiple)
        c->blocks_left = 0;
    c->transfer = multiple ? XFER_MULTIPLE : XFER_SINGLE;
    c->addr = addr;
    c->pos = 0;
    c->len = len;
    c->blocks_written = write ? 0 : c->blocks_written;
    c->state = write ? ST_RCV : ST_DATA;
}

static void erase(SDCard *c)
{
    uint64_t start = c->erase_start, end = c->erase_end + BLOCK;
    bool ok = c->erase_set == 3;
    c->erase_set = 0;
    if (!ok)
        fail(c, CS_ERASE_SEQ_ERROR);
    else if (start >= end || end > c->size)
        fail(c, CS_ERASE_PARAM);
    else if (sd_card_write_protected(c))
        fail(c, CS_WP_ERASE_SKIP);
    else if (block_write_zeroes(blk_root(c->blk), start, end - start, true) < 0)
        fail(c, CS_ERROR);
}

/* CMD6: only the default function of each group exists (4.3.10). */
static void switch_function(SDCard *c, uint32_t arg)
{
    uint8_t status[64] = { 0, 50 };
    for (unsigned group = 0; group < 6; group++) {
        unsigned wanted = arg >> (4 * group) & 15;
        status[13 - 2 * group] = 1; /* supported: function 0 */
        status[16 - group / 2] |= (uint8_t)((wanted && wanted != 15 ? 15 : 0) << (group & 1 ? 4 : 0));
    }
    send_register(c, status, sizeof(status));
}

/* ---- Responses ---- */

static uint32_t card_status(const SDCard *c, unsigned state)
{
    return c->status | state << 9 | (state != ST_RCV && state != ST_PRG ? CS_READY_FOR_DATA : 0);
}

static void put_be32(uint8_t *p, uint32_t v)
{
    v = GUINT32_TO_BE(v);
    memcpy(p, &v, 4);
}

typedef enum SDResponse { R_NONE, R1, R2_CID, R2_CSD, R3, R6, R7, R_ILLEGAL } SDResponse;

/* state: before the command, which is what the status reports. */
static unsigned respond(SDCard *c, SDResponse kind, unsigned state, uint32_t arg, uint8_t r[16])
{
    uint32_t status = card_status(c, state);
    switch (kind) {
    case R_NONE: return SD_NO_RESPONSE;
    case R2_CID: memcpy(r, c->cid, 16); return SD_LONG;
    case R2_CSD: memcpy(r, c->csd, 16); return SD_LONG;
    case R3: put_be32(r, ocr(c)); return SD_SHORT;
    case R6:
        put_be32(r, (uint32_t)c->rca << 16 | (status >> 8 & 0xc000) | (status >> 6 & 0x2000) | (status & 0x1fff));
        return SD_SHORT;
    case R7: put_be32(r, arg & 0xfff); return SD_SHORT;
    default:
        put_be32(r, status);
        c->status &= ~CS_CLEARED_BY_READING;
        return SD_SHORT;
    }
}

/* ---- Commands ---- */

static bool addressed(const SDCard *c, uint32_t arg)
{
    return c->rca == arg >> 16;
}

static void go_idle(SDCard *c)
{
    c->state = ST_IDLE;
    c->status = 0;
    c->rca = 0;
    c->powered = c->app_command = c->wide_bus = c->erase_set = 0;
    c->block_len = BLOCK;
    c->blocks_left = c->blocks_written = 0;
    c->pos = c->len = 0;
}

static SDResponse select_card(SDCard *c, uint32_t arg)
{
    if (addressed(c, arg) && c->rca) {
        if (c->state != ST_STBY && c->state != ST_DIS)
            return R_ILLEGAL;
        c->state = c->state == ST_DIS ? ST_PRG : ST_TRAN;
        return R1;
    }
    if (c->state == ST_TRAN || c->state == ST_DATA)
        c->state = ST_STBY;
    return R_NONE;
}

static SDResponse set_block_length(SDCard *c, uint32_t arg)
{
    if (!arg || arg > BLOCK)
        fail(c, CS_BLOCK_LEN_ERROR);
    else
        c->block_len = arg;
    return R1;
}

static SDResponse erase_bound(SDCard *c, unsigned which, uint32_t arg)
{
    uint64_t addr = is_high_capacity(c) ? (uint64_t)arg * BLOCK : arg & ~(BLOCK - 1);
    *(which ? &c->erase_end : &c->erase_start) = addr;
    c->erase_set |= 1 << which;
    return R1;
}

static SDResponse stop(SDCard *c)
{
    end_transfer(c);
    return R1;
}

static SDResponse relative_address(SDCard *c)
{
    c->rca = (uint16_t)(c->rca + 0x4567);
    if (!c->rca)
        c->rca = 1;
    c->state = ST_STBY;
    return R6;
}

static SDResponse write_csd(SDCard *c)
{
    c->transfer = XFER_CSD;
    c->pos = 0;
    c->len = 16;
    c->state = ST_RCV;
    return R1;
}

#define IN(state) (1u << ST_##state)
enum { ANY_SELECTED = IN(TRAN) | IN(DATA) | IN(RCV) | IN(PRG), ADDRESSABLE = ANY_SELECTED | IN(STBY) | IN(DIS) };
/* States in which a command is legal (4.8, table 4-28); 0: unknown command. */
static const uint16_t legal[64] = {
    [0] = 0x1ff, [2] = IN(READY), [3] = IN(IDENT) | IN(STBY), [4] = IN(STBY), [6] = IN(TRAN), [7] = ADDRESSABLE, [8] = IN(IDLE),
    [9] = IN(STBY), [10] = IN(STBY), [12] = IN(DATA) | IN(RCV) | IN(TRAN), [13] = ADDRESSABLE, [15] = ADDRESSABLE, [16] = IN(TRAN),
    [17] = IN(TRAN), [18] = IN(TRAN), [23] = IN(TRAN), [24] = IN(TRAN), [25] = IN(TRAN), [27] = IN(TRAN), [32] = IN(TRAN),
    [33] = IN(TRAN), [38] = IN(TRAN), [55] = IN(IDLE) | ADDRESSABLE, [56] = IN(TRAN),
};
static const uint16_t legal_app[64] = {
    [6] = IN(TRAN), [13] = IN(TRAN), [22] = IN(TRAN), [23] = IN(TRAN), [41] = IN(IDLE), [42] = IN(TRAN), [51] = IN(TRAN),
};

static SDResponse normal_command(SDCard *c, uint8_t cmd, uint32_t arg)
{
    static const uint8_t addressed_commands[] = { 9, 10, 13, 15, 55 };
    for (unsigned i = 0; i < ARRAY_SIZE(addressed_commands); i++)
        if (cmd == addressed_commands[i] && !addressed(c, arg))
            return R_NONE;
    switch (cmd) {
    case 0: go_idle(c); return R_NONE;
    case 2: c->state = ST_IDENT; return R2_CID;
    case 3: return relative_address(c);
    case 4: return R_NONE;
    case 6: switch_function(c, arg); return R1;
    case 7: return select_card(c, arg);
    case 8: return (arg >> 8 & 15) == 1 ? R7 : R_NONE; /* 2.7 to 3.6 V */
    case 9: return R2_CSD;
    case 10: return R2_CID;
    case 12: return stop(c);
    case 13: return R1;
    case 15: c->state = ST_INACTIVE; return R_NONE;
    case 16: return set_block_length(c, arg);
    case 17: case 18: start_blocks(c, arg, false, cmd == 18); return R1;
    case 23: c->blocks_left = arg & 0xffff; return R1;
    case 24: case 25: start_blocks(c, arg, true, cmd == 25); return R1;
    case 27: return write_csd(c);
    case 32: case 33: return erase_bound(c, cmd - 32, arg);
    case 38: erase(c); return R1;
    case 55: c->app_command = 1; c->status |= CS_APP_CMD; return R1;
    case 56: send_register(c, NULL, BLOCK); return R1;
    default: return R_ILLEGAL;
    }
}

static SDResponse app_command(SDCard *c, uint8_t cmd, uint32_t arg)
{
    uint8_t data[64] = { 0 };
    switch (cmd) {
    case 6: c->wide_bus = (arg & 3) == 2; return R1;
    case 13:
        data[0] = c->wide_bus ? 0x80 : 0;
        send_register(c, data, sizeof(data));
        return R1;
    case 22:
        put_be32(data, c->blocks_written);
        send_register(c, data, 4);
        return R1;
    case 23: case 42: return R1;
    case 41:
        if (arg & OCR_VOLTAGES) {
            c->powered = 1;
            c->state = ST_READY;
        }
        return R3;
    case 51: send_register(c, c->scr, sizeof(c->scr)); return R1;
    default: return R_ILLEGAL;
    }
}

unsigned sd_card_command(SDCard *c, uint8_t cmd, uint32_t arg, uint8_t response[16])
{
    unsigned state = c->state;
    bool app = c->app_command && legal_app[cmd];
    c->app_command = 0;
    if (state == ST_INACTIVE)
        return SD_NO_RESPONSE;
    SDResponse r = R_ILLEGAL;
    if ((app ? legal_app : legal)[cmd] >> state & 1)
        r = app ? app_command(c, cmd, arg) : normal_command(c, cmd, arg);
    if (r == R_ILLEGAL) {
        log_printf(LOG_TRACE, "sd-card: %sCMD%u is illegal in state %u\n", app ? "A" : "", cmd, state);
        fail(c, CS_ILLEGAL_COMMAND);
        return SD_NO_RESPONSE;
    }
    unsigned len = respond(c, r, state, arg, response);
    if (cmd != 55)
        c->status &= ~(uint32_t)CS_APP_CMD;
    return len;
}

/* ---- The device ---- */

static bool take_medium(SDCard *c, Error **errp)
{
    uint64_t size = blk_root(c->blk) ? blk_size(c->blk) : 0;
    if (size && (size & (size - 1) || size < 64 * KiB || size > 2048 * GiB)) {
        error_setg(errp, "Invalid SD card size: %llu bytes; SD card size has to be a power of 2 from 64 KiB to 2 TiB",
                   (unsigned long long)size);
        error_append_hint(errp, "You can resize disk images with 'rhea-img resize <imagefile> <new-size>'\n");
        return false;
    }
    c->size = size;
    set_csd(c);
    set_cid(c);
    set_scr(c);
    return true;
}

static void change_medium(void *dev, BlockBackend *b, bool loaded)
{
    SDCard *c = dev;
    Error *err = NULL;
    if (!take_medium(c, &err)) {
        c->size = 0;
        warn_report("%s", error_get_pretty(err));
        error_free(err);
    }
    go_idle(c);
    if (c->bus->card_changed)
        c->bus->card_changed(c->bus->host);
}

static const BlockDevOps card_block_ops = { .change_medium = change_medium };

static void card_reset(Device *dev)
{
    go_idle((SDCard *)dev);
}

static bool card_realize(Device *dev, Error **errp)
{
    SDCard *c = (SDCard *)dev;
    SDBus *bus = container_of(dev->parent, SDBus, bus);
    if (!c->blk) {
        error_setg(errp, "No drive specified");
        return false;
    }
    if (bus->card) {
        error_setg(errp, "the slot of '%s' has a card already", bus->bus.name);
        return false;
    }
    if (!take_medium(c, errp) || !blk_attach(c->blk, dev, &card_block_ops, errp))
        return false;
    c->bus = bus;
    bus->card = c;
    go_idle(c);
    if (bus->card_changed)
        bus->card_changed(bus->host);
    return true;
}

static void card_unrealize(Device *dev)
{
    SDCard *c = (SDCard *)dev;
    if (!c->bus)
        return;
    c->bus->card = NULL;
    blk_detach(c->blk, dev);
    if (c->bus->card_changed)
        c->bus->card_changed(c->bus->host);
}

/* Images are foreign data: a state and a position that a card can have. */
static void card_post_load(Device *dev)
{
    SDCard *c = (SDCard *)dev;
    c->block_len = CLAMP(c->block_len, 1, BLOCK);
    c->len = MIN(c->len, BLOCK);
    if (c->state > ST_INACTIVE || c->transfer > XFER_CSD || ((c->state == ST_DATA || c->state == ST_RCV) && c->pos >= c->len))
        go_idle(c);
}

static const Property card_props[] = { PROP_DRIVE("drive", SDCard, blk), {} };
static const SavedField card_saved[] = {
    SAVED_INT(SDCard, state), SAVED_INT(SDCard, transfer), SAVED_INT(SDCard, app_command), SAVED_INT(SDCard, wide_bus),
    SAVED_INT(SDCard, powered), SAVED_INT(SDCard, rca), SAVED_INT(SDCard, status), SAVED_INT(SDCard, block_len),
    SAVED_INT(SDCard, blocks_left), SAVED_INT(SDCard, blocks_written), SAVED_INT(SDCard, erase_start), SAVED_INT(SDCard, erase_end),
    SAVED_INT(SDCard, erase_set), SAVED_INT(SDCard, addr), SAVED_INT(SDCard, pos), SAVED_INT(SDCard, len), SAVED_BYTES(SDCard, buf),
    SAVED_END(),
};
static const DeviceType card_type = {
    .name = "sd-card", .desc = "SD memory card", .bus = BUS_SD, .category = "Storage devices", .size = sizeof(SDCard),
    .props = card_props, .saved = card_saved, .realize = card_realize, .unrealize = card_unrealize, .reset = card_reset,
    .post_load = card_post_load,
};
device_type(card_type)
