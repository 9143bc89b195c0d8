/* SPDX-License-Identifier: MIT */
/*
 * SMBIOS structures 0, 1, 3, 4, 16, 17, 19, 32 and 127, with the 2.1 (32-bit) and 3.0 (64-bit) entry points
 * (DMTF DSP0134 3.0). Left out: slots, ports, caches, OEM strings.
 */
#include "hw/smbios.h"
#include "hw/loader.h"
#include <string.h>

enum { TYPE_BIOS = 0, TYPE_SYSTEM = 1, TYPE_CHASSIS = 3, TYPE_PROCESSOR = 4, TYPE_MEMORY_ARRAY = 16,
       TYPE_MEMORY_DEVICE = 17, TYPE_MEMORY_MAPPED = 19, TYPE_BOOT = 32, TYPE_END = 127 };
enum { HANDLE_ARRAY = 0x1000, HANDLE_NONE = 0xffff, HANDLE_NO_ERROR_INFO = 0xfffe };
#define DIMM_SIZE (16 * GiB)

/* One structure while it is written: formatted part, then its strings. */
typedef struct Structure {
    GByteArray *a;
    size_t start;
    GPtrArray *strings;
} Structure;

static void put(Structure *s, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        uint8_t byte = value >> 8 * i;
        g_byte_array_append(s->a, &byte, 1);
    }
}

static Structure begin(GByteArray *a, uint8_t type, uint16_t handle)
{
    Structure s = { a, a->len, g_ptr_array_new() };
    put(&s, type, 1);
    put(&s, 0, 1);
    put(&s, handle, 2);
    return s;
}

static void put_string(Structure *s, const char *text)
{
    g_ptr_array_add(s->strings, (gpointer)(*text ? text : "Not Specified"));
    put(s, s->strings->len, 1);
}

static void end(Structure *s)
{
    s->a->data[s->start + 1] = s->a->len - s->start;
    for (unsigned i = 0; i < s->strings->len; i++) {
        const char *text = s->strings->pdata[i];
        g_byte_array_append(s->a, (const uint8_t *)text, strlen(text) + 1);
    }
    put(s, 0, s->strings->len ? 1 : 2);
    g_ptr_array_free(s->strings, TRUE);
}

static void add_bios(GByteArray *a)
{
    Structure s = begin(a, TYPE_BIOS, 0);
    put_string(&s, "Rhea");
    put_string(&s, "1.0");
    put(&s, 0xe800, 2);       /* segment */
    put_string(&s, "01/01/2024");
    put(&s, 0, 1);            /* 64 KiB */
    put(&s, 1 << 3, 8);       /* characteristics are not supported */
    put(&s, 0, 1);
    put(&s, 1 << 2 | 1 << 4, 1); /* virtual machine, targeted content */
    put(&s, 1, 1);            /* release 1.0; no embedded controller */
    put(&s, 0, 1);
    put(&s, 0xffff, 2);
    end(&s);
}

/* The first three fields of a UUID are little-endian in SMBIOS. */
static void put_uuid(Structure *s, const uint8_t *uuid)
{
    static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
    for (unsigned i = 0; i < 16; i++)
        put(s, uuid[order[i]], 1);
}

static void add_system(GByteArray *a, const SMBIOSConfig *c)
{
    Structure s = begin(a, TYPE_SYSTEM, 0x100);
    put_string(&s, "Rhea");
    put_string(&s, c->product);
    put_string(&s, c->version);
    put(&s, 0, 1);  /* serial number */
    put_uuid(&s, c->uuid);
    put(&s, 6, 1);  /* woken by the power switch */
    put(&s, 0, 2);  /* SKU, family */
    end(&s);
}

static void add_chassis(GByteArray *a, const SMBIOSConfig *c)
{
    Structure s = begin(a, TYPE_CHASSIS, 0x300);
    put_string(&s, "Rhea");
    put(&s, 1, 1);  /* other */
    put_string(&s, c->version);
    put(&s, 0, 2);
    put(&s, 0x030303, 3); /* boot-up, power supply, thermal: safe */
    put(&s, 2, 1);  /* security: unknown */
    put(&s, 0, 4);
    put(&s, 0, 5);  /* height, power cords, elements, SKU */
    end(&s);
}

static void add_processor(GByteArray *a, const SMBIOSConfig *c, unsigned n)
{
    g_autofree char *socket = g_strdup_printf("CPU %u", n);
    unsigned cores = c->cores, threads = c->cores * c->threads;
    Structure s = begin(a, TYPE_PROCESSOR, 0x400 + n);
    put_string(&s, socket);
    put(&s, 3, 1);  /* central processor */
    put(&s, 1, 1);  /* family: other */
    put_string(&s, "Rhea");
    put(&s, c->cpu_signature, 4);
    put(&s, c->cpu_features, 4);
    put_string(&s, c->cpu_name);
    put(&s, 0, 1);  /* voltage */
    put(&s, 0, 2);
    put(&s, 2000, 2); /* MHz: maximum, current */
    put(&s, 2000, 2);
    put(&s, 0x41, 1); /* populated, enabled */
    put(&s, 1, 1);
    put(&s, UINT64_MAX, 6); /* no cache structures */
    put(&s, 0, 3);  /* serial, asset, part */
    put(&s, MIN(cores, 255u), 1);
    put(&s, MIN(cores, 255u), 1);
    put(&s, MIN(threads, 255u), 1);
    put(&s, 2, 2);  /* characteristics: unknown */
    put(&s, 1, 2);
    put(&s, cores, 2);
    put(&s, cores, 2);
    put(&s, threads, 2);
    end(&s);
}

static void add_memory_array(GByteArray *a, const SMBIOSConfig *c, unsigned dimms)
{
    uint64_t kib = c->ram_size / KiB;
    bool extended = kib >= 0x80000000;
    Structure s = begin(a, TYPE_MEMORY_ARRAY, HANDLE_ARRAY);
    put(&s, 1, 1);  /* location: other */
    put(&s, 3, 1);  /* system memory */
    put(&s, 6, 1);  /* multi-bit ECC */
    put(&s, extended ? 0x80000000 : kib, 4);
    put(&s, HANDLE_NO_ERROR_INFO, 2);
    put(&s, dimms, 2);
    put(&s, extended ? c->ram_size : 0, 8);
    end(&s);
}

static void add_memory_device(GByteArray *a, unsigned n, uint64_t size)
{
    g_autofree char *locator = g_strdup_printf("DIMM %u", n);
    uint64_t mib = size / MiB;
    Structure s = begin(a, TYPE_MEMORY_DEVICE, 0x1100 + n);
    put(&s, HANDLE_ARRAY, 2);
    put(&s, HANDLE_NO_ERROR_INFO, 2);
    put(&s, HANDLE_NONE, 2); /* widths unknown */
    put(&s, HANDLE_NONE, 2);
    put(&s, mib < 0x7fff ? mib : 0x7fff, 2);
    put(&s, 9, 1);  /* DIMM */
    put(&s, 0, 1);
    put_string(&s, locator);
    put(&s, 0, 1);
    put(&s, 7, 1);  /* RAM */
    put(&s, 2, 2);  /* detail: other */
    put(&s, 0, 2);
    put_string(&s, "Rhea");
    put(&s, 0, 3);  /* serial, asset, part */
    put(&s, 0, 1);
    put(&s, mib < 0x7fff ? 0 : mib, 4);
    put(&s, 0, 8);  /* speed, voltages */
    end(&s);
}

static void add_mapped_range(GByteArray *a, unsigned n, const E820Entry *e)
{
    uint64_t first = e->start / KiB, last = (e->start + e->size) / KiB - 1;
    bool extended = last >= UINT32_MAX;
    Structure s = begin(a, TYPE_MEMORY_MAPPED, 0x1300 + n);
    put(&s, extended ? UINT32_MAX : first, 4);
    put(&s, extended ? UINT32_MAX : last, 4);
    put(&s, HANDLE_ARRAY, 2);
    put(&s, 1, 1);  /* one device per row */
    put(&s, extended ? e->start : 0, 8);
    put(&s, extended ? e->start + e->size - 1 : 0, 8);
    end(&s);
}

static void add_boot_status(GByteArray *a)
{
    Structure s = begin(a, TYPE_BOOT, 0x2000);
    put(&s, 0, 6);
    put(&s, 0, 1);  /* no errors */
    end(&s);
}

static unsigned add_all(GByteArray *a, const SMBIOSConfig *c)
{
    unsigned count = 0, dimms = (c->ram_size + DIMM_SIZE - 1) / DIMM_SIZE;
    add_bios(a);
    add_system(a, c);
    add_chassis(a, c);
    for (unsigned i = 0; i < c->sockets; i++)
        add_processor(a, c, i);
    add_memory_array(a, c, dimms);
    for (unsigned i = 0; i < dimms; i++)
        add_memory_device(a, i, MIN(DIMM_SIZE, c->ram_size - i * DIMM_SIZE));
    count += 3 + c->sockets + 1 + dimms;
    for (unsigned i = 0; i < c->ram->count; i++)
        if (c->ram->rows[i].type == E820_RAM) {
            add_mapped_range(a, i, &c->ram->rows[i]);
            count++;
        }
    add_boot_status(a);
    Structure s = begin(a, TYPE_END, 0x7f00);
    end(&s);
    return count + 2;
}

/* ---- Entry points ---- */

static uint8_t checksum(const uint8_t *p, size_t len)
{
    uint8_t sum = 0;
    while (len--)
        sum += *p++;
    return -sum;
}

static uint16_t largest_structure(const GByteArray *a)
{
    size_t largest = 0;
    for (size_t at = 0; at < a->len;) {
        size_t end = at + a->data[at + 1];
        while (a->data[end] || a->data[end + 1])
            end++;
        largest = MAX(largest, end + 2 - at);
        at = end + 2;
    }
    return largest;
}

static void fill_entry21(SMBIOSTables *t, unsigned count, uint32_t address)
{
    uint8_t *e = t->entry21;
    memcpy(e, "_SM_", 4);
    e[5] = sizeof(t->entry21);
    e[6] = 2; /* version 2.8 */
    e[7] = 8;
    put_le16(e + 8, largest_structure(t->tables));
    memcpy(e + 16, "_DMI_", 5);
    put_le16(e + 22, t->tables->len);
    put_le32(e + 24, address);
    put_le16(e + 28, count);
    e[30] = 0x28;
    e[21] = checksum(e + 16, 15);
    e[4] = checksum(e, sizeof(t->entry21));
}

static void fill_entry30(SMBIOSTables *t, uint32_t address)
{
    uint8_t *e = t->entry30;
    memcpy(e, "_SM3_", 5);
    e[6] = sizeof(t->entry30);
    e[7] = 3; /* version 3.0 */
    e[10] = 1;
    put_le32(e + 12, t->tables->len);
    put_le64(e + 16, address);
    e[5] = checksum(e, sizeof(t->entry30));
}

SMBIOSTables *smbios_build(const SMBIOSConfig *c, uint32_t address)
{
    SMBIOSTables *t = g_new0(SMBIOSTables, 1);
    t->tables = g_byte_array_new();
    unsigned count = add_all(t->tables, c);
    fill_entry21(t, count, address);
    fill_entry30(t, address);
    return t;
}

void smbios_free(SMBIOSTables *t)
{
    g_byte_array_free(t->tables, TRUE);
    g_free(t);
}
