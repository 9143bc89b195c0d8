/* SPDX-License-Identifier: MIT */
/* U-Boot's legacy image format (U-Boot include/image.h): a header of 64 bytes, big-endian, before the payload. Foreign data. */
#include "hw/loader.h"
#include "util/error.h"

enum { MAGIC = 0x27051956, HEADER = 64, UNPACKED_MAX = 512 * MiB };
enum { PACKING_NONE, PACKING_GZIP };

static uint32_t get_be32(const uint8_t *p)
{
    return __builtin_bswap32(get_le32(p));
}

bool uimage_is(Blob b)
{
    return b.len >= HEADER && get_be32(b.data) == MAGIC;
}

bool uimage_parse(Blob b, UImage *out, Error **errp)
{
    uint32_t size = get_be32(b.data + 12);
    uint8_t packing = b.data[31];
    *out = (UImage){ .load = get_be32(b.data + 16), .entry = get_be32(b.data + 20), .os = b.data[28], .arch = b.data[29],
                     .type = b.data[30] };
    if (size > b.len - HEADER) {
        error_setg(errp, "the U-Boot image is truncated: %zu of %u bytes", b.len - HEADER, size);
        return false;
    }
    out->payload = (Blob){ b.data + HEADER, size };
    if (packing > PACKING_GZIP) {
        error_setg(errp, "the U-Boot image is compressed with method %u; it takes none and gzip", packing);
        return false;
    }
    return packing == PACKING_NONE || blob_gunzip(out->payload, UNPACKED_MAX, &out->payload, errp);
}
