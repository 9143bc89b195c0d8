/* SPDX-License-Identifier: MIT */
/*
 * AML encoder (ACPI 6.4: names and lengths 20.2, opcodes table 20.2, resource descriptors 6.4). Covers
 * what the boards' tables use.
 */
#include "hw/aml.h"
#include <string.h>

enum {
    OP_NAME = 0x08, OP_BYTE = 0x0a, OP_WORD, OP_DWORD, OP_STRING, OP_QWORD, OP_SCOPE = 0x10, OP_BUFFER,
    OP_PACKAGE, OP_METHOD = 0x14, OP_DUAL_NAME = 0x2e, OP_MULTI_NAME, OP_EXT = 0x5b, OP_IF = 0xa0, OP_ELSE,
    EXT_REGION = 0x80, EXT_FIELD, EXT_DEVICE,
};
enum { FIELD_BYTE_ACCESS = 1, FIELD_DWORD_ACCESS = 3, FIELD_PRESERVE = 0, FIELD_WRITE_ZEROS = 2 << 5 };

void aml_byte(Aml *a, uint8_t byte)
{
    g_byte_array_append(a, &byte, 1);
}

static void put_le(Aml *a, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        aml_byte(a, value >> 8 * i);
}

/* ---- Names and constants ---- */

static void name_segment(Aml *a, const char *text, size_t len)
{
    g_assert(len >= 1 && len <= 4);
    for (unsigned i = 0; i < 4; i++)
        aml_byte(a, i < len ? text[i] : '_');
}

void aml_name_string(Aml *a, const char *name)
{
    for (; *name == '\\' || *name == '^'; name++)
        aml_byte(a, *name);
    if (!*name) {
        aml_byte(a, 0);
        return;
    }
    g_auto(GStrv) segments = g_strsplit(name, ".", -1);
    unsigned n = g_strv_length(segments);
    if (n == 2) {
        aml_byte(a, OP_DUAL_NAME);
    } else if (n > 2) {
        aml_byte(a, OP_MULTI_NAME);
        aml_byte(a, n);
    }
    for (unsigned i = 0; i < n; i++)
        name_segment(a, segments[i], strlen(segments[i]));
}

void aml_int(Aml *a, uint64_t value)
{
    static const struct { uint64_t max; uint8_t op, bytes; } forms[] = {
        { 0xff, OP_BYTE, 1 }, { 0xffff, OP_WORD, 2 }, { 0xffffffff, OP_DWORD, 4 }, { UINT64_MAX, OP_QWORD, 8 },
    };
    if (value <= 1) {
        aml_byte(a, value);
        return;
    }
    unsigned i = 0;
    while (value > forms[i].max)
        i++;
    aml_byte(a, forms[i].op);
    put_le(a, value, forms[i].bytes);
}

void aml_string(Aml *a, const char *text)
{
    aml_byte(a, OP_STRING);
    g_byte_array_append(a, (const uint8_t *)text, strlen(text) + 1);
}

void aml_eisa_id(Aml *a, const char *id)
{
    uint32_t v = (id[0] - '@') << 26 | (id[1] - '@') << 21 | (id[2] - '@') << 16;
    v |= (uint32_t)g_ascii_strtoull(id + 3, NULL, 16);
    aml_byte(a, OP_DWORD);
    put_le(a, __builtin_bswap32(v), 4);
}

/* ---- Objects with a length ---- */

/* The length counts itself: 6 bits in one byte, or 4 bits and then whole bytes. */
void aml_end(Aml *a, AmlMark mark)
{
    size_t content = a->len - mark;
    unsigned extra = content + 1 < 1 << 6 ? 0 : content + 2 < 1 << 12 ? 1 : content + 3 < 1 << 20 ? 2 : 3;
    size_t total = content + 1 + extra;
    uint8_t len[4] = { extra ? extra << 6 | (total & 0xf) : total, total >> 4, total >> 12, total >> 20 };
    g_byte_array_set_size(a, a->len + 1 + extra);
    memmove(a->data + mark + 1 + extra, a->data + mark, content);
    memcpy(a->data + mark, len, 1 + extra);
}

void aml_name(Aml *a, const char *name)
{
    aml_byte(a, OP_NAME);
    aml_name_string(a, name);
}

void aml_name_int(Aml *a, const char *name, uint64_t value)
{
    aml_name(a, name);
    aml_int(a, value);
}

static AmlMark named(Aml *a, const char *name)
{
    AmlMark mark = a->len;
    aml_name_string(a, name);
    return mark;
}

AmlMark aml_scope(Aml *a, const char *name)
{
    aml_byte(a, OP_SCOPE);
    return named(a, name);
}

AmlMark aml_device(Aml *a, const char *name)
{
    aml_byte(a, OP_EXT);
    aml_byte(a, EXT_DEVICE);
    return named(a, name);
}

AmlMark aml_method(Aml *a, const char *name, unsigned args, bool serialized)
{
    aml_byte(a, OP_METHOD);
    AmlMark mark = named(a, name);
    aml_byte(a, args | serialized << 3);
    return mark;
}

AmlMark aml_package(Aml *a, unsigned elements)
{
    aml_byte(a, OP_PACKAGE);
    AmlMark mark = a->len;
    aml_byte(a, elements);
    return mark;
}

AmlMark aml_if(Aml *a)
{
    aml_byte(a, OP_IF);
    return a->len;
}

AmlMark aml_else(Aml *a)
{
    aml_byte(a, OP_ELSE);
    return a->len;
}

void aml_none(Aml *a)
{
    aml_byte(a, 0);
}

void aml_region(Aml *a, const char *name, unsigned space, uint64_t offset, uint64_t length)
{
    aml_byte(a, OP_EXT);
    aml_byte(a, EXT_REGION);
    aml_name_string(a, name);
    aml_byte(a, space);
    aml_int(a, offset);
    aml_int(a, length);
}

void aml_field_bytes(Aml *a, const char *region, const char *const *names, unsigned count)
{
    aml_byte(a, OP_EXT);
    aml_byte(a, EXT_FIELD);
    AmlMark mark = named(a, region);
    aml_byte(a, FIELD_BYTE_ACCESS | FIELD_PRESERVE);
    for (unsigned i = 0; i < count; i++) {
        name_segment(a, names[i], strlen(names[i]));
        aml_byte(a, 8); /* bits, as a length of one byte */
    }
    aml_end(a, mark);
}

void aml_field_dword(Aml *a, const char *region, const char *name)
{
    aml_byte(a, OP_EXT);
    aml_byte(a, EXT_FIELD);
    AmlMark mark = named(a, region);
    aml_byte(a, FIELD_DWORD_ACCESS | FIELD_WRITE_ZEROS);
    name_segment(a, name, strlen(name));
    aml_byte(a, 32); /* bits, as a length of one byte */
    aml_end(a, mark);
}

/* ---- Buffers ---- */

void aml_buffer(Aml *a, const void *data, unsigned len)
{
    aml_byte(a, OP_BUFFER);
    AmlMark mark = a->len;
    aml_int(a, len);
    g_byte_array_append(a, data, len);
    aml_end(a, mark);
}

/* The first three groups are little-endian. */
void aml_uuid(Aml *a, const char *uuid)
{
    static const uint8_t text_at[16] = { 6, 4, 2, 0, 11, 9, 16, 14, 19, 21, 24, 26, 28, 30, 32, 34 };
    uint8_t bytes[16];
    g_assert(strlen(uuid) == 36);
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = g_ascii_xdigit_value(uuid[text_at[i]]) << 4 | g_ascii_xdigit_value(uuid[text_at[i] + 1]);
    aml_buffer(a, bytes, sizeof(bytes));
}

void aml_unicode(Aml *a, const char *text)
{
    size_t len = strlen(text) + 1;
    g_autofree uint8_t *wide = g_malloc0(2 * len);
    for (size_t i = 0; i < len; i++)
        wide[2 * i] = text[i];
    aml_buffer(a, wide, 2 * len);
}

/* ---- Resource templates ---- */

AmlTemplate aml_resources(Aml *a)
{
    aml_byte(a, OP_BUFFER);
    AmlTemplate t = { .buffer = a->len };
    aml_byte(a, OP_WORD);
    t.size_at = a->len;
    put_le(a, 0, 2);
    return t;
}

void aml_resources_end(Aml *a, AmlTemplate t)
{
    aml_byte(a, 0x79);
    aml_byte(a, 0); /* checksum: none */
    size_t size = a->len - t.size_at - 2;
    a->data[t.size_at] = size;
    a->data[t.size_at + 1] = size >> 8;
    aml_end(a, t.buffer);
}

void aml_io(Aml *a, uint16_t base, uint8_t align, uint8_t len)
{
    aml_byte(a, 0x47);
    aml_byte(a, 1); /* decodes 16 bits */
    put_le(a, base, 2);
    put_le(a, base, 2);
    aml_byte(a, align);
    aml_byte(a, len);
}

void aml_irq(Aml *a, unsigned irq)
{
    aml_byte(a, 0x22);
    put_le(a, 1u << irq, 2);
}

void aml_interrupts(Aml *a, const uint32_t *irqs, unsigned n)
{
    aml_byte(a, 0x89);
    put_le(a, 2 + 4 * n, 2);
    aml_byte(a, 0x09); /* consumer, level, active high, shared */
    aml_byte(a, n);
    for (unsigned i = 0; i < n; i++)
        put_le(a, irqs[i], 4);
}

void aml_interrupt(Aml *a, uint32_t irq, bool edge)
{
    aml_byte(a, 0x89);
    put_le(a, 6, 2);
    aml_byte(a, 0x01 | edge << 1); /* consumer, active high, exclusive */
    aml_byte(a, 1);
    put_le(a, irq, 4);
}

/* ACPI 6.4, 6.4.3.8.1: one pin, then the controller's name. */
void aml_gpio_int(Aml *a, const char *controller, uint16_t pin)
{
    enum { HEAD = 23, PINS = 2 };
    size_t name = strlen(controller) + 1;
    aml_byte(a, 0x8c);
    put_le(a, HEAD - 3 + PINS + name, 2);
    aml_byte(a, 1);              /* revision */
    aml_byte(a, 0);              /* interrupt connection */
    put_le(a, 1, 2);             /* consumer */
    put_le(a, 1, 2);             /* edge, active high, exclusive */
    aml_byte(a, 1);              /* pull up */
    put_le(a, 0, 2);             /* drive strength */
    put_le(a, 0, 2);             /* debounce */
    put_le(a, HEAD, 2);          /* where the pins are */
    aml_byte(a, 0);
    put_le(a, HEAD + PINS, 2);   /* and the name */
    put_le(a, HEAD + PINS + name, 2);
    put_le(a, 0, 2);             /* no vendor data */
    put_le(a, pin, 2);
    g_byte_array_append(a, (const uint8_t *)controller, name);
}

void aml_memory32_fixed(Aml *a, uint32_t base, uint32_t len, bool writable)
{
    aml_byte(a, 0x86);
    put_le(a, 9, 2);
    aml_byte(a, writable);
    put_le(a, base, 4);
    put_le(a, len, 4);
}

void aml_window_at(Aml *a, AmlRange kind, unsigned bytes, uint64_t first, uint64_t last, uint64_t translation)
{
    static const uint8_t type_flags[] = {
        [AML_RANGE_MEMORY] = 0x01 /* read-write, not cacheable */, [AML_RANGE_IO] = 0x03 /* entire range */, 0,
    };
    aml_byte(a, bytes == 2 ? 0x88 : bytes == 4 ? 0x87 : 0x8a);
    put_le(a, 3 + 5 * bytes, 2);
    aml_byte(a, kind);
    aml_byte(a, 0x0c); /* both ends fixed, positive decode, produced */
    aml_byte(a, type_flags[kind]);
    const uint64_t fields[5] = { 0 /* granularity */, first, last, translation, last - first + 1 };
    for (unsigned i = 0; i < 5; i++)
        put_le(a, fields[i], bytes);
}

void aml_window(Aml *a, AmlRange kind, unsigned bytes, uint64_t first, uint64_t last)
{
    aml_window_at(a, kind, bytes, first, last, 0);
}
