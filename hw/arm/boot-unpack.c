/* SPDX-License-Identifier: MIT */
/*
 * Compressed Arm kernels: gzip (RFC 1952) and zstd files, and EFI zboot images, which are a PE program with such a
 * file inside (Linux drivers/firmware/efi/libstub/zboot-header.S: "zimg" at 4, payload offset and size at 8 and 12, name of the
 * method at 24). Unpacked kernels live as long as the ROM pieces.
 */
#include "hw/arm/boot.h"
#include "util/error.h"

#include <glib.h>
#include <string.h>
#ifdef CONFIG_ZSTD
#include <zstd.h>
#endif

#define UNPACKED_MAX (512 * MiB)

static bool is_zstd(Blob b)
{
    return b.len >= 4 && get_le32(b.data) == 0xfd2fb528;
}

static bool unzstd(Blob in, Blob *out, Error **errp)
{
#ifdef CONFIG_ZSTD
    unsigned long long size = ZSTD_getFrameContentSize(in.data, in.len);
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > UNPACKED_MAX) {
        error_setg(errp, "cannot unpack the zstd file: it does not say a usable size");
        return false;
    }
    uint8_t *buf = g_malloc(size + 1);
    size_t n = ZSTD_decompress(buf, size, in.data, in.len);
    roms_own(buf);
    if (ZSTD_isError(n)) {
        error_setg(errp, "cannot unpack the zstd file: %s", ZSTD_getErrorName(n));
        return false;
    }
    *out = (Blob){ buf, n };
    return true;
#else
    (void)in;
    (void)out;
    error_setg(errp, "this build cannot unpack zstd files");
    return false;
#endif
}

static bool is_gzip(Blob b)
{
    return b.len >= 18 && b.data[0] == 0x1f && b.data[1] == 0x8b;
}

/* The file inside an EFI zboot image. */
static bool open_zboot(Blob *k, Error **errp)
{
    uint32_t offset = get_le32(k->data + 8), size = get_le32(k->data + 12);
    if (offset > k->len || size > k->len - offset) {
        error_setg(errp, "the EFI zboot image is truncated");
        return false;
    }
    Blob inside = { k->data + offset, size };
    if (!is_gzip(inside) && !is_zstd(inside)) {
        error_setg(errp, "the EFI zboot image is compressed with '%.8s'; it takes gzip and zstd", k->data + 24);
        return false;
    }
    *k = inside;
    return true;
}

bool arm_boot_unpack(Blob *kernel, Error **errp)
{
    Blob k = *kernel;
    if (k.len >= 64 && !memcmp(k.data, "MZ", 2) && !memcmp(k.data + 4, "zimg", 4) && !open_zboot(&k, errp))
        return false;
    if (is_gzip(k))
        return blob_gunzip(k, UNPACKED_MAX, kernel, errp);
    return is_zstd(k) ? unzstd(k, kernel, errp) : true;
}
