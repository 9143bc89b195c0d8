/* SPDX-License-Identifier: MIT */
/*
 * Intel HEX files (Intel Hexadecimal Object File Format Specification, revision A): lines ":LLAAAATT…CC" of data,
 * address bases, entry points and an end. Foreign data: each record's length and checksum are checked.
 */
#include "hw/loader.h"
#include "util/error.h"

#include <glib.h>

enum { REC_DATA, REC_END, REC_SEGMENT, REC_START_SEGMENT, REC_LINEAR, REC_START_LINEAR };

typedef struct Record {
    uint8_t len, type, data[255];
    uint16_t addr;
} Record;

/* The record at *at, which moves behind it and its line end; false when it is malformed. */
static bool next_record(Blob file, size_t *at, Record *r)
{
    uint8_t bytes[4 + 255 + 1], sum = 0;
    unsigned n = 0, want = 5;
    if (*at >= file.len || file.data[*at] != ':')
        return false;
    ++*at;
    for (; n < want; n++, *at += 2) {
        int hi = *at + 1 < file.len ? g_ascii_xdigit_value((char)file.data[*at]) : -1;
        int lo = hi < 0 ? -1 : g_ascii_xdigit_value((char)file.data[*at + 1]);
        if (lo < 0)
            return false;
        bytes[n] = (uint8_t)(hi << 4 | lo);
        sum += bytes[n];
        want = 5u + bytes[0];
    }
    while (*at < file.len && g_ascii_isspace((char)file.data[*at]))
        ++*at;
    r->len = bytes[0];
    r->addr = (uint16_t)(bytes[1] << 8 | bytes[2]);
    r->type = bytes[3];
    memcpy(r->data, bytes + 4, r->len);
    return sum == 0;
}

bool ihex_is(Blob file)
{
    size_t at = 0;
    Record r;
    return next_record(file, &at, &r) && r.type <= REC_START_LINEAR;
}

/* Data records that follow one another become one piece. */
typedef struct Loader {
    const char *name;
    uint64_t room;        /* bytes that may still be loaded */
    uint64_t base, start; /* of records; of the piece */
    GByteArray *piece;
} Loader;

static void flush_piece(Loader *l)
{
    if (l->piece->len)
        rom_add_copy(l->name, l->start, l->piece->data, l->piece->len);
    g_byte_array_set_size(l->piece, 0);
}

static bool add_data(Loader *l, const Record *r)
{
    uint64_t addr = (l->base + r->addr) & 0xffffffff;
    if (r->len > l->room)
        return false;
    l->room -= r->len;
    if (addr != l->start + l->piece->len)
        flush_piece(l);
    if (!l->piece->len)
        l->start = addr;
    g_byte_array_append(l->piece, r->data, r->len);
    return true;
}

static uint32_t be16(const uint8_t *p)
{
    return (uint32_t)(p[0] << 8 | p[1]);
}

/* One record that is not the end; false when it says something impossible. */
static bool take(Loader *l, const Record *r, uint64_t *entry)
{
    static const uint8_t lengths[] = { [REC_SEGMENT] = 2, [REC_START_SEGMENT] = 4, [REC_LINEAR] = 2, [REC_START_LINEAR] = 4 };
    if (r->type == REC_DATA)
        return add_data(l, r);
    if (r->type > REC_START_LINEAR || r->len != lengths[r->type])
        return false;
    switch (r->type) {
    case REC_SEGMENT: l->base = be16(r->data) << 4; break;
    case REC_LINEAR: l->base = (uint64_t)be16(r->data) << 16; break;
    case REC_START_SEGMENT: *entry = (be16(r->data) << 4) + be16(r->data + 2); break;
    default: *entry = be16(r->data) << 16 | be16(r->data + 2);
    }
    return true;
}

bool ihex_add_roms(Blob file, const char *name, uint64_t max, uint64_t *entry, Error **errp)
{
    Loader l = { .name = name, .room = max, .piece = g_byte_array_new() };
    size_t at = 0;
    unsigned line = 1;
    Record r;
    bool ok = true;
    for (; (ok = next_record(file, &at, &r)) && r.type != REC_END; line++)
        if (!(ok = take(&l, &r, entry)))
            break;
    if (ok)
        flush_piece(&l);
    else
        error_setg(errp, "record %u of the Intel HEX file is damaged, or there is not enough memory for it", line);
    g_byte_array_free(l.piece, TRUE);
    return ok;
}
