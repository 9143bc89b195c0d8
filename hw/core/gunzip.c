/* SPDX-License-Identifier: MIT */
/* gzip files (RFC 1952) that become guest memory. */
#include "hw/loader.h"
#include "util/error.h"

#include <glib.h>
#include <zlib.h>

bool blob_gunzip(Blob in, size_t max, Blob *out, Error **errp)
{
    z_stream z = { .next_in = (Bytef *)in.data, .avail_in = (uInt)MIN(in.len, UINT32_MAX) };
    size_t room = MIN(in.len * 4 + 64 * KiB, max), len = 0;
    uint8_t *buf = g_malloc(room);
    int err = inflateInit2(&z, 16 + MAX_WBITS);
    while (err == Z_OK) {
        if (len == room) {
            if (room == max)
                break;
            room = MIN(room * 2, max);
            buf = g_realloc(buf, room);
        }
        z.next_out = buf + len;
        z.avail_out = (uInt)(room - len);
        err = inflate(&z, Z_NO_FLUSH);
        len = room - z.avail_out;
        if (err == Z_OK && !z.avail_in && z.avail_out)
            err = Z_BUF_ERROR;
    }
    bool ok = err == Z_STREAM_END;
    if (err == Z_OK)
        error_setg(errp, "cannot unpack the gzip file: larger than %llu MiB", (unsigned long long)(max / MiB));
    else if (!ok)
        error_setg(errp, "cannot unpack the gzip file: %s", err == Z_BUF_ERROR ? "truncated" : z.msg ? z.msg : "damaged");
    inflateEnd(&z);
    roms_own(buf);
    if (ok)
        *out = (Blob){ buf, len };
    return ok;
}
