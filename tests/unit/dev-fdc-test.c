/* SPDX-License-Identifier: MIT */
/*
 * Floppy controller and DMA controllers: registers, transfers by DMA and by hand, errors, media change. Oracle: Intel's
 * 82078 and 8237A datasheets.
 */
#include "block/block.h"
#include "dev-test.h"
#include "hw/fdc.h"
#include "hw/isa-dma.h"
#include "util/options.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#define SECTORS 2880u
#define BUFFER 0x5000u /* where DMA goes */

static Device *dma, *fdc;
static Drive *drive;
static char *image;

static uint8_t pattern(unsigned sector, unsigned at)
{
    return (uint8_t)(sector * 7 + at + (sector >> 8));
}

static void make_image(unsigned sectors)
{
    g_autofree uint8_t *data = g_malloc(sectors * 512);
    for (unsigned i = 0; i < sectors * 512; i++)
        data[i] = pattern(i / 512, i % 512);
    g_assert_true(g_file_set_contents(image, (char *)data, sectors * 512, NULL));
}

static void fresh(unsigned sectors, bool read_only)
{
    if (fdc) {
        device_unrealize(fdc);
        device_unrealize(dma);
        block_exit();
    }
    make_image(sectors);
    g_autofree char *text = g_strdup_printf("if=floppy,index=0,format=raw,file=%s%s", image, read_only ? ",readonly=on" : "");
    OptGroup *o = opts_parse("-drive", text, NULL, NULL);
    Error *err = NULL;
    drive = drive_add(o, DRIVE_FLOPPY, 2, &err);
    if (!drive)
        g_error("%s", error_get_pretty(err));
    opts_free(o);
    dma = create("i8257");
    device_reset(dma);
    fdc = device_new("isa-fdc");
    device_set_drive(fdc, "driveA", drive->blk);
    fdc = realize(fdc);
    device_reset(fdc);
    outb(0xd6, 0xc0); /* channel 4 joins the two controllers */
    outb(0xd4, 0x00);
    outb(0x3f2, 0x1c); /* motor, DMA and interrupts, running */
    outb(0x3f7, sectors == 2880 ? 0 : sectors == 5760 ? 3 : 2);
    clear_lines();
}

static void command(const char *hex)
{
    g_auto(GStrv) bytes = g_strsplit(hex, " ", -1);
    for (unsigned i = 0; bytes[i]; i++) {
        g_assert_cmphex(inb(0x3f4) & 0xc0, ==, 0x80);
        outb(0x3f5, (uint8_t)g_ascii_strtoull(bytes[i], NULL, 16));
    }
}

static void expect_result(const char *hex)
{
    GString *got = g_string_new(NULL);
    while ((inb(0x3f4) & 0xd0) == 0xd0 && got->len < 60)
        g_string_append_printf(got, "%s%02x", got->len ? " " : "", inb(0x3f5));
    g_assert_cmpstr(got->str, ==, hex);
    g_string_free(got, TRUE);
}

/* mode: 46 device to memory, 4a memory to device, on channel 2 */
static void program_dma(uint8_t mode, uint32_t address, unsigned count)
{
    outb(0x0a, 0x06);
    outb(0x0c, 0);
    outb(0x0b, mode);
    outb(0x04, address & 0xff);
    outb(0x04, address >> 8 & 0xff);
    outb(0x05, (count - 1) & 0xff);
    outb(0x05, (count - 1) >> 8);
    outb(0x81, address >> 16);
    outb(0x0a, 0x02);
}

static void assert_memory(uint32_t address, unsigned sector, unsigned sectors)
{
    for (unsigned i = 0; i < sectors * 512; i++) {
        uint8_t v = (uint8_t)address_space_ld(address_space_memory, address + i, 1, NULL);
        g_assert_cmphex(v, ==, pattern(sector + i / 512, i % 512));
    }
}

static void test_reset(void)
{
    fresh(SECTORS, false);
    outb(0x3f2, 0x18);
    g_assert_cmphex(inb(0x3f4), ==, 0);
    g_assert_cmpint(line_level[6], ==, 0);
    outb(0x3f2, 0x1c);
    g_assert_cmpint(line_level[6], ==, 1);
    for (unsigned i = 0; i < 4; i++) {
        g_autofree char *want = g_strdup_printf("c%u 00", i);
        command("08");
        expect_result(want);
        g_assert_cmpint(line_level[6], ==, 0);
    }
    command("08"); /* nothing more to sense */
    expect_result("80");
    outb(0x3f4, 0x80); /* a reset by the data rate register comes back by itself */
    g_assert_cmpint(line_level[6], ==, 1);
    outb(0x3f2, 0x14); /* interrupts off at the gate */
    g_assert_cmpint(line_level[6], ==, 0);
}

static void test_controller_commands(void)
{
    fresh(SECTORS, false);
    command("10");
    expect_result("90");
    command("18");
    expect_result("41");
    command("03 af 02");
    command("13 00 57 00");
    command("94");
    expect_result("10");
    command("0e");
    expect_result("00 00 00 00 af 02 00 80 57 00");
    outb(0x3f2, 0x18); /* locked: the configuration lives through a reset */
    outb(0x3f2, 0x1c);
    command("0e");
    expect_result("00 00 00 00 af 02 00 80 57 00");
    command("14");
    expect_result("00");
    outb(0x3f2, 0x18);
    outb(0x3f2, 0x1c);
    command("0e");
    expect_result("00 00 00 00 af 02 00 00 00 00");
    command("04 04");
    expect_result("3c");
    command("1f"); /* no such command */
    expect_result("80");
}

static void test_seek(void)
{
    fresh(SECTORS, false);
    g_assert_cmphex(inb(0x3f7) & 0x80, ==, 0x80); /* changed until a step */
    command("0f 04 14");
    g_assert_cmpint(line_level[6], ==, 1);
    command("08");
    expect_result("24 14");
    g_assert_cmphex(inb(0x3f7) & 0x80, ==, 0);
    command("cf 00 03"); /* three more inwards */
    command("08");
    expect_result("20 17");
    command("8f 00 ff");
    command("08");
    expect_result("20 00");
    command("0f 00 20");
    command("08");
    expect_result("20 20");
    command("07 00");
    command("08");
    expect_result("20 00");
    command("4a 00");
    expect_result("00 00 00 00 00 01 02");
}

static void test_read_dma(void)
{
    fresh(SECTORS, false);
    program_dma(0x46, BUFFER, 3 * 512);
    command("46 00 00 00 05 02 12 1b ff");
    g_assert_cmpint(line_level[6], ==, 1);
    expect_result("00 00 00 00 00 08 02"); /* the sector after the last one moved */
    assert_memory(BUFFER, 4, 3);
    g_assert_cmphex(inb(0x08), ==, 0x04); /* terminal count of channel 2, cleared by reading */
    g_assert_cmphex(inb(0x08), ==, 0x00);
    /* Across the sides of a cylinder. */
    command("0f 00 03");
    command("08");
    expect_result("20 03");
    program_dma(0x46, 0x12000, 4 * 512);
    command("c6 00 03 00 11 02 12 1b ff");
    expect_result("04 00 00 03 01 03 02");
    assert_memory(0x12000, 3 * 36 + 16, 4);
    /* To the end of the track without a terminal count. */
    program_dma(0x46, BUFFER, 8 * 512);
    command("46 00 03 00 11 02 12 1b ff");
    expect_result("40 80 00 03 00 12 02");
    assert_memory(BUFFER, 3 * 36 + 16, 2);
    outb(0x0c, 0);
    unsigned left = inb(0x05);
    left |= inb(0x05) << 8;
    g_assert_cmpuint(left, ==, 6 * 512 - 1);
}

/* The channel opens only after the command was given. */
static void test_dma_waits(void)
{
    fresh(SECTORS, false);
    program_dma(0x46, BUFFER, 512);
    outb(0x0a, 0x06);
    command("46 00 00 00 01 02 12 1b ff");
    g_assert_cmphex(inb(0x3f4), ==, 0x10);
    g_assert_cmphex(inb(0x08) & 0x40, ==, 0x40); /* request of channel 2 */
    g_assert_cmpint(line_level[6], ==, 0);
    outb(0x0a, 0x02);
    g_assert_cmpint(line_level[6], ==, 1);
    expect_result("00 00 00 00 00 02 02");
    assert_memory(BUFFER, 0, 1);
}

static void test_write_dma(void)
{
    fresh(SECTORS, false);
    for (unsigned i = 0; i < 1024; i++)
        address_space_st(address_space_memory, BUFFER + i, 255 - (i & 255), 1);
    program_dma(0x4a, BUFFER, 1024);
    command("45 04 00 01 12 02 12 1b ff"); /* one fits on the track */
    expect_result("44 80 00 00 01 12 02");
    uint8_t got[512];
    g_assert_cmpint(blk_pread(drive->blk, 35 * 512, got, 512), >=, 0);
    for (unsigned i = 0; i < 512; i++)
        g_assert_cmphex(got[i], ==, 255 - (i & 255));
    g_assert_cmpint(blk_pread(drive->blk, 36 * 512, got, 512), >=, 0);
    g_assert_cmphex(got[0], ==, pattern(36, 0));
}

static void test_programmed_transfers(void)
{
    fresh(SECTORS, false);
    command("03 af 03"); /* no DMA */
    command("46 00 00 00 12 02 12 1b ff");
    for (unsigned i = 0; i < 512; i++) {
        g_assert_cmphex(inb(0x3f4), ==, 0xf0);
        g_assert_cmphex(inb(0x3f5), ==, pattern(17, i));
    }
    expect_result("40 80 00 00 00 12 02");
    command("45 00 00 00 12 02 12 1b ff");
    for (unsigned i = 0; i < 512; i++) {
        g_assert_cmphex(inb(0x3f4), ==, 0xb0);
        outb(0x3f5, (uint8_t)(i * 3));
    }
    expect_result("40 80 00 00 00 12 02");
    uint8_t got[512];
    g_assert_cmpint(blk_pread(drive->blk, 17 * 512, got, 512), >=, 0);
    for (unsigned i = 0; i < 512; i++)
        g_assert_cmphex(got[i], ==, (uint8_t)(i * 3));
}

static void test_format(void)
{
    fresh(SECTORS, false);
    uint8_t ids[18 * 4];
    for (unsigned i = 0; i < 18; i++)
        memcpy(ids + 4 * i, (uint8_t[]){ 0, 1, (uint8_t)(i + 1), 2 }, 4);
    address_space_write(address_space_memory, BUFFER, ids, sizeof(ids));
    program_dma(0x4a, BUFFER, sizeof(ids));
    command("4d 04 02 12 1b f6");
    g_assert_cmpint(line_level[6], ==, 1);
    expect_result("04 00 00 00 01 12 02");
    uint8_t got[36 * 512];
    g_assert_cmpint(blk_pread(drive->blk, 0, got, sizeof(got)), >=, 0);
    for (unsigned i = 0; i < sizeof(got); i++)
        g_assert_cmphex(got[i], ==, i >= 18 * 512 ? 0xf6 : pattern(i / 512, i % 512));
}

static void test_verify_and_scan(void)
{
    fresh(SECTORS, false);
    command("56 00 00 00 01 02 12 1b ff");
    expect_result("00 00 00 01 00 01 02");
    for (unsigned i = 0; i < 512; i++)
        address_space_st(address_space_memory, BUFFER + i, pattern(4, i), 1);
    program_dma(0x4a, BUFFER, 512);
    command("51 00 00 00 05 02 05 1b 01");
    expect_result("00 00 08 00 00 05 02");
    address_space_st(address_space_memory, BUFFER + 100, pattern(4, 100) ^ 1, 1);
    program_dma(0x4a, BUFFER, 512);
    command("51 00 00 00 05 02 05 1b 01");
    expect_result("40 00 04 00 00 05 02");
}

static void test_errors(void)
{
    fresh(SECTORS, true);
    program_dma(0x4a, BUFFER, 512);
    command("45 00 00 00 01 02 12 1b ff"); /* protected */
    expect_result("40 02 00 00 00 01 02");
    command("04 00");
    expect_result("78");
    program_dma(0x46, BUFFER, 512);
    command("46 00 00 00 13 02 13 1b ff"); /* no such sector */
    expect_result("40 04 00 00 00 13 02");
    command("46 00 05 00 01 02 12 1b ff"); /* the head is elsewhere */
    expect_result("40 04 10 05 00 01 02");
    outb(0x3f7, 2); /* the wrong data rate */
    command("46 00 00 00 01 02 12 1b ff");
    expect_result("40 01 00 00 00 01 02");
    command("4a 00");
    expect_result("40 01 00 00 00 01 02");
    outb(0x3f7, 0);
    outb(0x3f2, 0x2d); /* drive B has no medium */
    command("46 01 00 00 01 02 12 1b ff");
    expect_result("41 01 00 00 00 01 02");
    g_assert_cmphex(fdc_cmos_types(fdc), ==, 0x40);
}

static void test_implied_seek(void)
{
    fresh(SECTORS, false);
    command("13 00 57 00");
    program_dma(0x46, BUFFER, 512);
    command("46 00 4f 01 12 02 12 1b ff");
    expect_result("04 00 00 50 01 01 02"); /* last sector of the medium */
    assert_memory(BUFFER, 2879, 1);
}

static void test_media(void)
{
    fresh(1440, false);
    g_assert_cmphex(fdc_cmos_types(fdc), ==, 0x40);
    program_dma(0x46, BUFFER, 512);
    command("46 04 00 01 01 02 09 1b ff");
    expect_result("04 00 00 00 01 02 02");
    assert_memory(BUFFER, 9, 1);
    command("07 00");
    command("08");
    expect_result("20 00");
    g_assert_cmphex(inb(0x3f7) & 0x80, ==, 0);
    g_assert_true(blk_remove_medium(drive->blk, NULL));
    g_assert_cmphex(inb(0x3f7) & 0x80, ==, 0x80);
    command("07 00");
    command("08");
    expect_result("20 00");
    g_assert_cmphex(inb(0x3f7) & 0x80, ==, 0x80); /* a step without a medium does not help */
    make_image(2880);
    BlockNode *node = block_open_file(image, "raw", BLOCK_RDWR, NULL);
    g_assert_nonnull(node);
    g_assert_true(blk_insert_medium(drive->blk, node, NULL));
    command("0f 00 01");
    command("08");
    expect_result("20 01");
    g_assert_cmphex(inb(0x3f7) & 0x80, ==, 0);
    outb(0x3f7, 0);
    program_dma(0x46, BUFFER, 512);
    command("46 00 01 00 12 02 12 1b ff");
    expect_result("00 00 00 02 00 01 02");
    assert_memory(BUFFER, 36 + 17, 1);
    fresh(5760, false);
    g_assert_cmphex(fdc_cmos_types(fdc), ==, 0x50);
    command("03 af 03"); /* no DMA; the medium goes in the middle of a sector */
    command("46 00 00 00 01 02 12 1b ff");
    for (unsigned i = 0; i < 100; i++)
        inb(0x3f5);
    g_assert_true(blk_remove_medium(drive->blk, NULL));
    expect_result("40 01 00 00 00 01 02");
    command("46 00 00 00 01 02 12 1b ff");
    expect_result("40 01 00 00 00 01 02");
}

static void test_dma_registers(void)
{
    fresh(SECTORS, false);
    outb(0x0d, 0);
    g_assert_cmphex(inb(0x0f), ==, 0xff); /* all masked */
    outb(0x0e, 0);
    g_assert_cmphex(inb(0x0f), ==, 0xf0);
    outb(0x0f, 0x05);
    g_assert_cmphex(inb(0x0f), ==, 0xf5);
    outb(0x0a, 0x05);
    g_assert_cmphex(inb(0x0f), ==, 0xf7);
    for (unsigned ch = 0; ch < 4; ch++) {
        outb(0x0c, 0);
        outb(2 * ch, 0x34 + ch);
        outb(2 * ch, 0x12);
        outb(0xd8, 0);
        outb(0xc0 + 4 * ch + 2, 0x78);
        outb(0xc0 + 4 * ch + 2, 0x56 + ch);
    }
    for (unsigned ch = 0; ch < 4; ch++) {
        outb(0x0c, 0);
        g_assert_cmphex(inb(2 * ch), ==, 0x34 + ch);
        g_assert_cmphex(inb(2 * ch), ==, 0x12);
        outb(0xd8, 0);
        g_assert_cmphex(inb(0xc0 + 4 * ch + 2), ==, 0x78);
        g_assert_cmphex(inb(0xc0 + 4 * ch + 2), ==, 0x56 + ch);
    }
    for (unsigned i = 0; i < 16; i++) {
        outb(0x80 + i, 0xa0 + i);
        g_assert_cmphex(inb(0x80 + i), ==, 0xa0 + i);
    }
}

static void use_nothing(void *opaque)
{
}

static void program_channel(unsigned ch, uint8_t mode, uint8_t page, uint16_t address, uint16_t count)
{
    static const uint8_t pages[8] = { 0x87, 0x83, 0x81, 0x82, 0, 0x8b, 0x89, 0x8a };
    uint16_t base = ch < 4 ? 0x00 : 0xc0, step = ch < 4 ? 1 : 2, n = ch & 3;
    outb(base + 0xc * step, 0);
    outb(base + 0xb * step, mode | n);
    outb(base + 2 * n * step, address & 0xff);
    outb(base + 2 * n * step, address >> 8);
    outb(base + (2 * n + 1) * step, count & 0xff);
    outb(base + (2 * n + 1) * step, count >> 8);
    outb(pages[ch], page);
    outb(base + 0xa * step, n);
}

static void test_dma_transfers(void)
{
    uint8_t buf[64];
    bool end;
    fresh(SECTORS, false);
    for (unsigned i = 0; i < sizeof(buf); i++)
        buf[i] = (uint8_t)(i + 1);
    isa_dma_register(5, use_nothing, NULL);
    program_channel(5, 0x44, 0x03, 0x0800, 7); /* words: page bit 0 does not count */
    g_assert_cmpuint(isa_dma_transfer(5, true, buf, 64, &end), ==, 16);
    g_assert_true(end);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x21000, 2, NULL), ==, 0x0201);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x2100e, 2, NULL), ==, 0x100f);
    g_assert_cmpuint(isa_dma_transfer(5, true, buf, 64, &end), ==, 0); /* masked by its end */
    /* Automatic reload. */
    program_channel(5, 0x54, 0x02, 0x0800, 7);
    g_assert_cmpuint(isa_dma_transfer(5, true, buf, 64, &end), ==, 16);
    g_assert_true(end);
    g_assert_cmpuint(isa_dma_transfer(5, true, buf, 6, &end), ==, 6);
    g_assert_false(end);
    /* Down, and around the end of the page. */
    program_channel(1, 0x64, 0x01, 0x0001, 3);
    g_assert_cmpuint(isa_dma_transfer(1, true, buf, 64, &end), ==, 4);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x10001, 1, NULL), ==, 1);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x10000, 1, NULL), ==, 2);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x1ffff, 1, NULL), ==, 3);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x1fffe, 1, NULL), ==, 4);
    program_channel(1, 0x44, 0x01, 0xfffe, 3);
    g_assert_cmpuint(isa_dma_transfer(1, true, buf, 64, &end), ==, 4);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x1ffff, 1, NULL), ==, 2);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x10000, 1, NULL), ==, 3);
    /* Another direction, a verify, the controller off. */
    program_channel(1, 0x48, 0x01, 0x0000, 3);
    g_assert_cmpuint(isa_dma_transfer(1, true, buf, 64, &end), ==, 0);
    g_assert_cmpuint(isa_dma_transfer(1, false, buf, 4, &end), ==, 4);
    g_assert_cmphex(buf[0], ==, 3);
    program_channel(1, 0x40, 0x01, 0x0100, 3);
    g_assert_cmpuint(isa_dma_transfer(1, true, buf, 4, &end), ==, 4);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x10100, 1, NULL), ==, 0);
    program_channel(1, 0x44, 0x01, 0x0100, 3);
    outb(0x08, 4);
    g_assert_cmpuint(isa_dma_transfer(1, true, buf, 4, &end), ==, 0);
    outb(0x08, 0);
    g_assert_cmpuint(isa_dma_transfer(4, true, buf, 4, &end), ==, 0);
    isa_dma_unregister(5);
}

static Device *reload(Device *dev)
{
    uint8_t *buf = NULL, *again = NULL;
    size_t len = 0, again_len = 0;
    device_save(dev, &buf, &len);
    device_reset(dev);
    g_assert_false(device_load(dev, buf, len - 1, NULL));
    g_assert_true(device_load(dev, buf, len, NULL));
    device_save(dev, &again, &again_len);
    g_assert_cmpmem(buf, len, again, again_len);
    g_free(buf);
    g_free(again);
    return dev;
}

static void test_save_load(void)
{
    fresh(SECTORS, false);
    program_dma(0x46, BUFFER, 1024);
    outb(0x0a, 0x06);
    command("46 00 00 00 03 02 12 1b ff"); /* waits for its channel */
    reload(dma);
    reload(fdc);
    outb(0x0a, 0x02);
    expect_result("00 00 00 00 00 05 02");
    assert_memory(BUFFER, 2, 2);
    command("03 af 03");
    command("46 00 00 00 12 02 12 1b ff");
    for (unsigned i = 0; i < 200; i++)
        inb(0x3f5);
    reload(fdc);
    for (unsigned i = 200; i < 512; i++)
        g_assert_cmphex(inb(0x3f5), ==, pattern(17, i));
    expect_result("40 80 00 00 00 12 02");
    load_garbage(fdc, 300);
    load_garbage(dma, 300);
}

static void test_random_programs(void)
{
    for (unsigned round = 0; round < 200; round++) {
        fresh(round & 1 ? 2880 : 1440, round & 2);
        for (unsigned i = 0; i < 400; i++) {
            uint8_t v = (uint8_t)g_test_rand_int();
            unsigned r = (unsigned)g_test_rand_int_range(0, 10);
            if (r < 6)
                outb(0x3f5, r < 2 ? v : v & 0x1f);
            else if (r == 6)
                outb(0x3f0 + (v & 7), (uint8_t)g_test_rand_int() | 0xc);
            else if (r == 7)
                outb(v & 15, (uint8_t)g_test_rand_int());
            else
                inb(0x3f0 + (v & 7));
        }
    }
}

int main(int argc, char **argv)
{
    static MemoryRegion ram;
    dev_test_init(&argc, &argv);
    image = g_strdup_printf("%s/fdc-test-%d.img", g_get_tmp_dir(), g_test_rand_int_range(0, 1 << 30));
    g_assert_true(memory_region_init_ram(&ram, NULL, "ram", 16 * MiB, NULL));
    memory_region_add(system_memory, 0, &ram);
    g_test_add_func("/fdc/reset", test_reset);
    g_test_add_func("/fdc/controller", test_controller_commands);
    g_test_add_func("/fdc/seek", test_seek);
    g_test_add_func("/fdc/read-dma", test_read_dma);
    g_test_add_func("/fdc/dma-waits", test_dma_waits);
    g_test_add_func("/fdc/write-dma", test_write_dma);
    g_test_add_func("/fdc/programmed", test_programmed_transfers);
    g_test_add_func("/fdc/format", test_format);
    g_test_add_func("/fdc/verify-scan", test_verify_and_scan);
    g_test_add_func("/fdc/errors", test_errors);
    g_test_add_func("/fdc/implied-seek", test_implied_seek);
    g_test_add_func("/fdc/media", test_media);
    g_test_add_func("/dma/registers", test_dma_registers);
    g_test_add_func("/dma/transfers", test_dma_transfers);
    g_test_add_func("/fdc/save-load", test_save_load);
    g_test_add_func("/fdc/random", test_random_programs);
    int status = g_test_run();
    device_unrealize(fdc);
    device_unrealize(dma);
    block_exit();
    g_unlink(image);
    return status;
}
