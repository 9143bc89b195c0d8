/* SPDX-License-Identifier: MIT */
/* Headers and log of VHDX images ([MS-VHDX] 2.2.2, 2.3). Everything in them is foreign. See vhdx.h. */
#include "hw/loader.h"
#include "util/error.h"
#include "util/guest-random.h"
#include "vhdx.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

enum { /* an entry of the log */
    E_SIGNATURE = 0, E_CHECKSUM = 4, E_LENGTH = 8, E_TAIL = 12, E_SEQUENCE = 16, E_DESCRIPTORS = 24, E_GUID = 32, E_FLUSHED = 48, E_LAST = 56,
    E_HEAD = 64, DESCRIPTOR = 32,
    D_SIGNATURE = 0, D_TRAILING = 4, D_LEADING = 8, D_OFFSET = 16, D_SEQUENCE = 24, /* of data; a zero descriptor has its length at D_LEADING */
    DATA_HIGH = 4, DATA_BYTES = 8, DATA_LOW = 4092, LEADING = 8, TRAILING = 4,
};

static uint32_t crc_step(uint32_t crc, const uint8_t *p, size_t n)
{
    static uint32_t table[256]; /* filled under the machine lock, by the first image */
    if (!table[1]) {
        for (uint32_t i = 256; i--;) {
            uint32_t c = i;
            for (int bit = 0; bit < 8; bit++)
                c = c >> 1 ^ (c & 1 ? 0x82f63b78u : 0); /* Castagnoli's polynomial, reflected */
            table[i] = c;
        }
    }
    while (n--)
        crc = table[(crc ^ *p++) & 0xff] ^ crc >> 8;
    return crc;
}

uint32_t vhdx_checksum(const uint8_t *data, size_t len, size_t field)
{
    static const uint8_t zeroes[4];
    uint32_t crc = crc_step(UINT32_MAX, data, field);
    crc = crc_step(crc, zeroes, 4);
    return ~crc_step(crc, data + field + 4, len - field - 4);
}

static bool is_zero_guid(const uint8_t *g)
{
    static const uint8_t none[16];
    return !memcmp(g, none, 16);
}

/* ---- Headers ---- */

static bool valid_header(BlockNode *file, uint64_t at, uint8_t *h)
{
    return block_read(file, at, h, VHDX_HEADER_LENGTH) == 0 && !memcmp(h, "head", 4) && get_le16(h + VHDX_H_VERSION) == 1 &&
           get_le32(h + VHDX_H_CHECKSUM) == vhdx_checksum(h, VHDX_HEADER_LENGTH, VHDX_H_CHECKSUM);
}

bool vhdx_load_header(BlockNode *n, Error **errp)
{
    VHDX *s = n->state;
    uint8_t *h = g_malloc(2 * VHDX_HEADER_LENGTH), *other = h + VHDX_HEADER_LENGTH;
    bool first = valid_header(n->file, VHDX_HEADER_1, h), second = valid_header(n->file, VHDX_HEADER_2, other);
    s->second = second && (!first || get_le64(other + VHDX_H_SEQUENCE) > get_le64(h + VHDX_H_SEQUENCE));
    memcpy(s->header, s->second ? other : h, VHDX_HEADER_LENGTH);
    g_free(h);
    s->log_length = get_le32(s->header + VHDX_H_LOG_LENGTH);
    s->log_offset = get_le64(s->header + VHDX_H_LOG_OFFSET);
    const char *wrong = NULL;
    if (!first && !second)
        wrong = "No valid VHDX header found";
    else if (get_le16(s->header + VHDX_H_LOG_VERSION) != 0)
        wrong = "Unsupported version of the VHDX log";
    else if (!s->log_length || s->log_length % VHDX_MIB || s->log_length > VHDX_LOG_MAX || s->log_offset < VHDX_MIB || s->log_offset % VHDX_MIB ||
             s->log_offset > BLOCK_MAX_LENGTH - s->log_length)
        wrong = "Invalid or unsupported place of the VHDX log";
    if (wrong)
        error_setg(errp, "%s", wrong);
    return !wrong;
}

/* The next header, in the place of the older one. */
static int write_header(VHDX *s)
{
    BlockNode *file = s->map.node->file;
    put_le64(s->header + VHDX_H_SEQUENCE, get_le64(s->header + VHDX_H_SEQUENCE) + 1);
    put_le32(s->header + VHDX_H_CHECKSUM, vhdx_checksum(s->header, VHDX_HEADER_LENGTH, VHDX_H_CHECKSUM));
    int ret = block_write(file, s->second ? VHDX_HEADER_1 : VHDX_HEADER_2, s->header, VHDX_HEADER_LENGTH);
    s->second = !s->second;
    return ret ? ret : block_flush(file);
}

/* Both, so that either one may be lost. */
static int write_headers(VHDX *s)
{
    int ret = write_header(s);
    return ret ? ret : write_header(s);
}

int vhdx_begin_writes(VHDX *s)
{
    if (s->writing)
        return 0;
    guest_random(s->header + VHDX_H_FILE_WRITE, 32); /* and of the data */
    int ret = write_headers(s);
    if (ret == 0)
        __atomic_store_n(&s->writing, true, __ATOMIC_RELEASE);
    return ret;
}

int vhdx_end_writes(VHDX *s)
{
    if (!s->writing)
        return 0;
    s->writing = false;
    if (is_zero_guid(s->header + VHDX_H_LOG))
        return 0;
    int ret = block_flush(s->map.node->file);
    memset(s->header + VHDX_H_LOG, 0, 16);
    return ret ? ret : write_headers(s);
}

/* ---- Writing the log ---- */

int vhdx_log_write(VHDX *s, uint64_t offset, const uint8_t *sector)
{
    BlockNode *file = s->map.node->file;
    uint8_t *e = g_malloc0(2 * VHDX_SECTOR), *d = e + E_HEAD, *data = e + VHDX_SECTOR;
    bool first = is_zero_guid(s->header + VHDX_H_LOG);
    if (first) {
        guest_random(s->log_guid, 16);
        s->log_guid[0] |= 1;
        s->log_at = s->log_tail = 0;
        s->log_sequence = 0;
    }
    uint64_t at = s->log_at, sequence = ++s->log_sequence, end = (block_size(file) + VHDX_MIB - 1) & ~(VHDX_MIB - 1);
    memcpy(e, "loge", 4);
    put_le32(e + E_LENGTH, 2 * VHDX_SECTOR);
    put_le32(e + E_TAIL, (uint32_t)s->log_tail);
    put_le64(e + E_SEQUENCE, sequence);
    put_le32(e + E_DESCRIPTORS, 1);
    memcpy(e + E_GUID, s->log_guid, 16);
    put_le64(e + E_FLUSHED, block_size(file) & ~(VHDX_MIB - 1));
    put_le64(e + E_LAST, end);
    memcpy(d, "desc", 4);
    memcpy(d + D_TRAILING, sector + VHDX_SECTOR - TRAILING, TRAILING);
    memcpy(d + D_LEADING, sector, LEADING);
    put_le64(d + D_OFFSET, offset);
    put_le64(d + D_SEQUENCE, sequence);
    memcpy(data, "data", 4);
    put_le32(data + DATA_HIGH, (uint32_t)(sequence >> 32));
    memcpy(data + DATA_BYTES, sector + LEADING, VHDX_SECTOR - LEADING - TRAILING);
    put_le32(data + DATA_LOW, (uint32_t)sequence);
    put_le32(e + E_CHECKSUM, vhdx_checksum(e, 2 * VHDX_SECTOR, E_CHECKSUM));
    int ret = block_write(file, s->log_offset + at, e, 2 * VHDX_SECTOR);
    g_free(e);
    ret = ret ? ret : block_flush(file); /* what earlier entries changed is on the disk, too */
    if (ret == 0 && first) {
        memcpy(s->header + VHDX_H_LOG, s->log_guid, 16);
        ret = write_headers(s);
    }
    ret = ret ? ret : block_write(file, offset, sector, VHDX_SECTOR);
    s->log_tail = at;
    s->log_at = (at + 2 * VHDX_SECTOR) % s->log_length;
    return ret;
}

/* ---- Replay ---- */

typedef struct Entry {
    uint32_t length, tail; /* length 0: no entry starts in this sector */
    uint64_t sequence;
} Entry;

typedef struct Replay {
    BlockNode *file;
    const uint8_t *guid;
    uint8_t *log;
    uint64_t length, sectors, budget; /* budget: bytes to sum up yet, so that entries that overlap take no longer than others */
    Entry *entries;
    uint8_t *copy; /* one entry, in one piece */
} Replay;

static const uint8_t *whole_entry(Replay *r, uint64_t at, uint64_t length)
{
    uint64_t first = MIN(length, r->length - at);
    if (first == length)
        return r->log + at;
    memcpy(r->copy, r->log + at, first);
    memcpy(r->copy + first, r->log, length - first);
    return r->copy;
}

/* [MS-VHDX] 2.3.1.1 to 2.3.1.3: whether an entry starts in this sector. */
static bool valid_entry(Replay *r, uint64_t sector, Entry *out)
{
    const uint8_t *e = r->log + sector * VHDX_SECTOR;
    uint64_t length = get_le32(e + E_LENGTH), sequence = get_le64(e + E_SEQUENCE), descriptors = get_le32(e + E_DESCRIPTORS);
    uint32_t tail = get_le32(e + E_TAIL);
    if (memcmp(e, "loge", 4) || memcmp(e + E_GUID, r->guid, 16) || !sequence || !length || length % VHDX_SECTOR || length > r->length ||
        tail % VHDX_SECTOR || tail >= r->length || length > r->budget)
        return false;
    r->budget -= length;
    uint64_t head = (E_HEAD + descriptors * DESCRIPTOR + VHDX_SECTOR - 1) / VHDX_SECTOR * VHDX_SECTOR, data = 0;
    if (head > length)
        return false;
    e = whole_entry(r, sector * VHDX_SECTOR, length);
    if (get_le32(e + E_CHECKSUM) != vhdx_checksum(e, length, E_CHECKSUM))
        return false;
    for (uint64_t i = 0; i < descriptors; i++) {
        const uint8_t *d = e + E_HEAD + i * DESCRIPTOR;
        bool is_data = !memcmp(d, "desc", 4);
        if ((!is_data && memcmp(d, "zero", 4)) || get_le64(d + D_SEQUENCE) != sequence || get_le64(d + D_OFFSET) % VHDX_SECTOR ||
            (!is_data && get_le64(d + D_LEADING) % VHDX_SECTOR))
            return false;
        data += is_data;
    }
    if (head + data * VHDX_SECTOR != length)
        return false;
    for (uint64_t i = 0; i < data; i++) {
        const uint8_t *d = e + head + i * VHDX_SECTOR;
        if (memcmp(d, "data", 4) || get_le32(d + DATA_HIGH) != sequence >> 32 || get_le32(d + DATA_LOW) != (uint32_t)sequence)
            return false;
    }
    *out = (Entry){ (uint32_t)length, tail, sequence };
    return true;
}

static uint64_t after(const Replay *r, uint64_t sector)
{
    return (sector + r->entries[sector].length / VHDX_SECTOR) % r->sectors;
}

static bool follows(const Replay *r, uint64_t sector, uint64_t next)
{
    return r->entries[next].length && r->entries[next].sequence == r->entries[sector].sequence + 1;
}

/* The last entry of the row that starts here, when the entry that it names as tail is in the row. */
static bool row_from(const Replay *r, uint64_t start, uint64_t *head)
{
    uint64_t total = r->entries[start].length, at = start;
    for (uint64_t next; next = after(r, at), follows(r, at, next) && total + r->entries[next].length <= r->length; at = next)
        total += r->entries[next].length;
    *head = at;
    uint64_t tail = r->entries[at].tail / VHDX_SECTOR;
    for (uint64_t i = start;; i = after(r, i)) {
        if (i == tail)
            return true;
        if (i == at)
            return false;
    }
}

/* [MS-VHDX] 2.3.3: the row of entries with the highest sequence number. */
static bool active_row(Replay *r, uint64_t *tail, uint64_t *head)
{
    bool found = false;
    bool *inner = g_new0(bool, r->sectors);
    for (uint64_t i = 0; i < r->sectors; i++)
        valid_entry(r, i, &r->entries[i]);
    for (uint64_t i = 0; i < r->sectors; i++)
        if (r->entries[i].length && follows(r, i, after(r, i)))
            inner[after(r, i)] = true;
    for (uint64_t i = 0, end; i < r->sectors; i++) {
        if (!r->entries[i].length || inner[i] || !row_from(r, i, &end) || (found && r->entries[end].sequence <= r->entries[*head].sequence))
            continue;
        found = true;
        *head = end;
        *tail = r->entries[end].tail / VHDX_SECTOR;
    }
    g_free(inner);
    return found;
}

static int apply(Replay *r, uint64_t sector)
{
    uint64_t length = r->entries[sector].length;
    const uint8_t *e = whole_entry(r, sector * VHDX_SECTOR, length);
    uint64_t descriptors = get_le32(e + E_DESCRIPTORS), end = block_size(r->file);
    const uint8_t *data = e + (E_HEAD + descriptors * DESCRIPTOR + VHDX_SECTOR - 1) / VHDX_SECTOR * VHDX_SECTOR;
    int ret = 0;
    for (uint64_t i = 0; ret == 0 && i < descriptors; i++) {
        const uint8_t *d = e + E_HEAD + i * DESCRIPTOR;
        bool is_data = !memcmp(d, "desc", 4);
        uint64_t offset = get_le64(d + D_OFFSET), size = is_data ? VHDX_SECTOR : get_le64(d + D_LEADING);
        if (offset > end || size > end - offset)
            return -EINVAL;
        if (is_data) {
            uint8_t sector_bytes[VHDX_SECTOR];
            memcpy(sector_bytes, d + D_LEADING, LEADING);
            memcpy(sector_bytes + LEADING, data + DATA_BYTES, VHDX_SECTOR - LEADING - TRAILING);
            memcpy(sector_bytes + VHDX_SECTOR - TRAILING, d + D_TRAILING, TRAILING);
            data += VHDX_SECTOR;
            ret = block_write(r->file, offset, sector_bytes, VHDX_SECTOR);
        } else {
            ret = block_write_zeroes(r->file, offset, size, true);
        }
    }
    return ret;
}

/* The file has at least what was flushed, and grows to what the entry knew of. */
static int apply_row(Replay *r, uint64_t tail, uint64_t head)
{
    const uint8_t *e = r->log + head * VHDX_SECTOR;
    uint64_t flushed = get_le64(e + E_FLUSHED), last = get_le64(e + E_LAST), now = block_size(r->file);
    if (flushed > now || last > BLOCK_MAX_LENGTH)
        return -EINVAL;
    int ret = last > now ? block_truncate(r->file, last, NULL, NULL) : 0;
    for (uint64_t i = tail; ret == 0; i = after(r, i)) {
        ret = apply(r, i);
        if (i == head)
            break;
    }
    return ret ? ret : block_flush(r->file);
}

bool vhdx_replay(BlockNode *n, Error **errp)
{
    VHDX *s = n->state;
    uint64_t file = block_size(n->file), tail = 0, head = 0;
    if (is_zero_guid(s->header + VHDX_H_LOG))
        return true;
    Replay r = { .file = n->file, .guid = s->header + VHDX_H_LOG, .length = s->log_length, .sectors = s->log_length / VHDX_SECTOR,
                 .budget = 8 * s->log_length };
    if (s->log_offset >= file || s->log_length > file - s->log_offset) {
        error_setg(errp, "Invalid VHDX image: the log lies outside the file");
        return false;
    }
    r.log = g_try_malloc(s->log_length);
    r.copy = g_try_malloc(s->log_length);
    r.entries = g_try_new0(Entry, r.sectors);
    int ret = r.log && r.copy && r.entries ? block_read(n->file, s->log_offset, r.log, s->log_length) : -ENOMEM;
    bool found = ret == 0 && active_row(&r, &tail, &head), refused = found && n->read_only;
    if (refused) {
        error_setg(errp, "VHDX image file '%s' opened read-only, but contains a log that needs to be replayed", n->filename);
        error_append_hint(errp, "To replay the log, run:\n%s check -r all '%s'\n", "rhea-img", n->filename);
    } else if (found) {
        ret = apply_row(&r, tail, head);
        s->replayed = ret == 0;
    }
    if (!refused && ret < 0)
        error_setg_errno(errp, -ret, "Could not replay the VHDX log");
    if (ret == 0 && !n->read_only) {
        memset(s->header + VHDX_H_LOG, 0, 16);
        ret = write_headers(s);
        if (ret < 0)
            error_setg_errno(errp, -ret, "Could not write the VHDX header");
    }
    g_free(r.log);
    g_free(r.copy);
    g_free(r.entries);
    return ret == 0 && !refused;
}
