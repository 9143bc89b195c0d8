/* SPDX-License-Identifier: MIT */
/*
 * Memory dumps in kdump's compressed format, version 6 (makedumpfile's IMPLEMENTATION, crash's diskdump.h): header,
 * sub-header, notes, two bitmaps of page frames (present, dumped), a descriptor per dumped page, the pages, each
 * compressed by zlib or zstd when that makes it smaller. Pages of zeros are stored once.
 */
#include "dump-internal.h"
#include "util/error.h"

#include <elf.h>
#include <string.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <zlib.h>
#ifdef CONFIG_ZSTD
#include <zstd.h>
#endif

#define BLOCK 4096
enum { COMPRESSED_ZLIB = 1, COMPRESSED_ZSTD = 0x20 };
enum { VERSION = 6, DESC_SIZE = 24, UTS_LENGTH = 65 };

/* Sizes and offsets of fields that differ between 32-bit and 64-bit kernels. */
typedef struct KdumpLayout {
    uint16_t time, status, header_size;
    uint8_t word;                         /* bytes of the kernel's long */
    uint16_t dump_level, offset_vmcoreinfo, size_vmcoreinfo, offset_note, size_note, start_pfn64, sub_size;
} KdumpLayout;
static const KdumpLayout layout64 = { 408, 424, 464, 8, 8, 32, 40, 48, 56, 80, 104 };
static const KdumpLayout layout32 = { 404, 412, 452, 4, 4, 20, 28, 32, 40, 56, 80 };

typedef struct Kdump {
    Dump *d;
    const KdumpLayout *l;
    uint32_t flag;
    uint64_t max_pfn;                     /* one behind the last */
    uint64_t pages;
    uint64_t bitmap_blocks, notes_at, bitmap_at, descs_at, data_at;
    uint8_t page[2 * BLOCK];              /* compressed */
    size_t page_len;
    size_t zero_len;                      /* a page of zeros, as stored */
    uint32_t zero_flags;
#ifdef CONFIG_ZSTD
    ZSTD_CCtx *zstd;
#endif
} Kdump;

static void put(uint8_t *p, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t blocks(uint64_t bytes)
{
    return (bytes + BLOCK - 1) / BLOCK;
}

/* ---- Page frames ---- */

/* Whole pages only: RAM starts and ends on page borders, a filter is not possible here. */
static void foreach_page(Kdump *k, void (*fn)(Kdump *k, uint64_t pfn, const uint8_t *page))
{
    for (guint i = 0; i < k->d->ranges->len; i++) {
        const DumpRange *r = &g_array_index(k->d->ranges, DumpRange, i);
        for (uint64_t at = 0; at + BLOCK <= r->size && !k->d->error; at += BLOCK)
            fn(k, (r->start + at) / BLOCK, r->host + at);
    }
}

static void count_page(Kdump *k, uint64_t pfn, const uint8_t *page)
{
    k->pages++;
    k->max_pfn = pfn + 1;
}

/* ---- Headers ---- */

static void write_header(Kdump *k)
{
    uint8_t b[BLOCK] = { 0 };
    struct utsname u = { 0 };
    struct timeval now;
    const KdumpLayout *l = k->l;
    uname(&u);
    gettimeofday(&now, NULL);
    memcpy(b, "KDUMP   ", 8);
    put(b + 8, VERSION, 4);
    const char *names[] = { u.sysname, u.nodename, u.release, u.version, k->d->is64 ? "x86_64" : "i686" };
    if (k->d->machine == EM_AARCH64 || k->d->machine == EM_ARM)
        names[4] = k->d->machine == EM_AARCH64 ? "aarch64" : "arm";
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        g_strlcpy((char *)b + 12 + i * UTS_LENGTH, names[i], UTS_LENGTH);
    put(b + l->time, (uint64_t)now.tv_sec, l->word);
    put(b + l->time + l->word, (uint64_t)now.tv_usec, l->word);
    const uint32_t words[] = { k->flag, BLOCK, 1, (uint32_t)(2 * k->bitmap_blocks),
                               (uint32_t)MIN(k->max_pfn, UINT32_MAX), 0, 0, 0, 0, k->d->cpus };
    /* The sub-header's size in blocks includes the notes that follow it. */
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
        put(b + l->status + 4 * i, i == 2 ? blocks(l->sub_size + k->d->notes.bytes->len) : words[i], 4);
    dump_write(k->d, b, sizeof(b));
}

/* Where the kernel was loaded, as its vmcoreinfo has it in a line of text. */
static uint64_t phys_base(const DumpNotes *n, uint16_t machine)
{
    char *text = g_strndup((const char *)n->bytes->data + n->vmcoreinfo_at, n->vmcoreinfo_size);
    const char *key = machine == EM_AARCH64 ? "\nNUMBER(PHYS_OFFSET)=" : "\nNUMBER(phys_base)=", *line = strstr(text, key);
    uint64_t v = line ? (uint64_t)g_ascii_strtoll(line + strlen(key), NULL, 0) : 0;
    g_free(text);
    return v;
}

static void write_sub_header(Kdump *k)
{
    uint8_t b[128] = { 0 };
    const KdumpLayout *l = k->l;
    const DumpNotes *n = &k->d->notes;
    if (n->vmcoreinfo_size) {
        put(b, phys_base(n, k->d->machine), l->word);
        put(b + l->offset_vmcoreinfo, k->notes_at + n->vmcoreinfo_at, 8);
        put(b + l->size_vmcoreinfo, n->vmcoreinfo_size, l->word);
    }
    put(b + l->dump_level, 1, 4);
    put(b + l->offset_note, k->notes_at, 8);
    put(b + l->size_note, k->d->notes.bytes->len, l->word);
    put(b + l->start_pfn64 + 16, k->max_pfn, 8);
    dump_write(k->d, b, l->sub_size);
    dump_write(k->d, k->d->notes.bytes->data, k->d->notes.bytes->len);
    dump_pad(k->d, k->bitmap_at);
}

static void write_bitmaps(Kdump *k)
{
    size_t size = k->bitmap_blocks * BLOCK;
    uint8_t *bits = g_malloc0(size);
    for (guint i = 0; i < k->d->ranges->len; i++) {
        const DumpRange *r = &g_array_index(k->d->ranges, DumpRange, i);
        for (uint64_t pfn = r->start / BLOCK; pfn < (r->start + r->size) / BLOCK; pfn++)
            bits[pfn / 8] |= (uint8_t)(1 << pfn % 8);
    }
    dump_write(k->d, bits, size); /* there */
    dump_write(k->d, bits, size); /* and dumped: all of it */
    g_free(bits);
}

/* ---- Pages: compressed twice, for the descriptors and for the data, so that no second file is needed ---- */

static bool is_zero(const uint8_t *page)
{
    return !page[0] && !memcmp(page, page + 1, BLOCK - 1);
}

/* Into k->page; returns the flag of how, 0: as it is. */
static uint32_t compress_page(Kdump *k, const uint8_t *page)
{
    size_t n = BLOCK;
    if (k->flag == COMPRESSED_ZLIB) {
        uLongf len = sizeof(k->page);
        n = compress2(k->page, &len, page, BLOCK, Z_BEST_SPEED) == Z_OK ? len : BLOCK;
    }
#ifdef CONFIG_ZSTD
    if (k->flag == COMPRESSED_ZSTD) {
        size_t len = ZSTD_compressCCtx(k->zstd, k->page, sizeof(k->page), page, BLOCK, 1);
        n = ZSTD_isError(len) ? BLOCK : len;
    }
#endif
    k->page_len = MIN(n, BLOCK);
    if (n < BLOCK)
        return k->flag;
    memcpy(k->page, page, BLOCK);
    return 0;
}

static void write_desc(Kdump *k, uint64_t offset, size_t len, uint32_t flags)
{
    uint8_t b[DESC_SIZE] = { 0 };
    put(b, offset, 8);
    put(b + 8, len, 4);
    put(b + 12, flags, 4);
    dump_write(k->d, b, sizeof(b));
}

/* The page of zeros is the first one stored. */
static void describe_page(Kdump *k, uint64_t pfn, const uint8_t *page)
{
    if (is_zero(page)) {
        write_desc(k, k->descs_at + k->pages * DESC_SIZE, k->zero_len, k->zero_flags);
        return;
    }
    uint32_t flags = compress_page(k, page);
    write_desc(k, k->data_at, k->page_len, flags);
    k->data_at += k->page_len;
}

static void write_page(Kdump *k, uint64_t pfn, const uint8_t *page)
{
    if (is_zero(page))
        return;
    compress_page(k, page);
    dump_write(k->d, k->page, k->page_len);
}

bool dump_kdump(Dump *d)
{
    static const uint8_t zeros[BLOCK];
    Kdump *k = g_new0(Kdump, 1);
    *k = (Kdump){ .d = d, .l = d->is64 ? &layout64 : &layout32,
                  .flag = d->options->format == DUMP_KDUMP_ZSTD ? COMPRESSED_ZSTD : COMPRESSED_ZLIB };
#ifdef CONFIG_ZSTD
    k->zstd = ZSTD_createCCtx();
#endif
    foreach_page(k, count_page);
    k->notes_at = BLOCK + k->l->sub_size;
    k->bitmap_at = BLOCK + blocks(k->l->sub_size + d->notes.bytes->len) * BLOCK;
    k->bitmap_blocks = blocks((k->max_pfn + 7) / 8);
    k->descs_at = k->bitmap_at + 2 * k->bitmap_blocks * BLOCK;
    write_header(k);
    write_sub_header(k);
    write_bitmaps(k);
    k->zero_flags = compress_page(k, zeros);
    k->zero_len = k->page_len;
    k->data_at = k->descs_at + k->pages * DESC_SIZE + k->zero_len;
    foreach_page(k, describe_page);
    compress_page(k, zeros);
    dump_write(d, k->page, k->page_len);
    foreach_page(k, write_page);
#ifdef CONFIG_ZSTD
    ZSTD_freeCCtx(k->zstd);
#endif
    g_free(k);
    return !d->error;
}
