/* SPDX-License-Identifier: MIT */
/*
 * SD cards behind a PL181: identification, registers, blocks in both directions, erasing, write protection, errors, an empty slot, saved
 * state, nonsense. Expected values are from the SD Physical Layer Simplified Specification 2.00 and Arm's DDI 0205.
 */
#include "dev-test.h"
#include "hw/loader.h"
#include "hw/sd.h"

#include <glib/gstdio.h>
#include <unistd.h>

#define BASE 0x10000000u
enum { POWER = 0x00, CLOCK = 0x04, ARGUMENT = 0x08, COMMAND = 0x0c, RESPCMD = 0x10, RESPONSE = 0x14, TIMER = 0x24, LENGTH = 0x28,
       CTRL = 0x2c, COUNT = 0x30, STATUS = 0x34, CLEAR = 0x38, MASK0 = 0x3c, MASK1 = 0x40, FIFO = 0x80 };
enum { R1 = 0x440, R2 = 0x4c0, NONE = 0x400 };
enum { TIMEOUT = 4, DATA_TIMEOUT = 8, RESPONDED = 0x40, SENT = 0x80, DATA_END = 0x100 };

static Device *host;
static char *image;
static BlockBackend *blk;
static uint32_t rca;

static uint32_t get(unsigned reg) { return (uint32_t)address_space_ld(address_space_memory, BASE + reg, 4, NULL); }
static void set(unsigned reg, uint32_t v) { address_space_st(address_space_memory, BASE + reg, v, 4); }

static void setup(uint64_t size, bool read_only)
{
    host = create("pl181");
    map_region(system_memory, BASE, host, 0);
    for (int n = 0; n < 4; n++)
        connect_line(host, (unsigned)n, line(n));
    if (!size)
        return;
    image = g_strdup("/tmp/rhea-sd-XXXXXX");
    int fd = g_mkstemp(image);
    g_assert_true(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
    close(fd);
    Error *err = NULL;
    BlockNode *n = block_open_file(image, "raw", read_only ? 0 : BLOCK_RDWR, &err);
    if (!n)
        g_error("%s", error_get_pretty(err));
    blk = blk_new("sd", NULL);
    blk_insert(blk, n);
    Drive drive = { .interface = DRIVE_SD, .blk = blk };
    if (!pl181_add_card(host, &drive, &err))
        g_error("%s", error_get_pretty(err));
    g_assert_true(drive.used);
}

static void finish(void)
{
    device_unrealize(host); /* the card goes with its bus */
    if (!image)
        return;
    blk_free(blk);
    g_unlink(image);
    g_clear_pointer(&image, g_free);
}

/* Status bits that the command left, cleared. */
static uint32_t command(unsigned cmd, uint32_t arg, unsigned kind)
{
    set(ARGUMENT, arg);
    set(COMMAND, cmd | kind);
    uint32_t status = get(STATUS) & 0xc5;
    set(CLEAR, 0xc5);
    return status;
}

static uint32_t ok(unsigned cmd, uint32_t arg)
{
    g_assert_cmphex(command(cmd, arg, R1), ==, RESPONDED);
    g_assert_cmpuint(get(RESPCMD), ==, cmd);
    return get(RESPONSE);
}

static uint32_t app(unsigned cmd, uint32_t arg)
{
    g_assert_cmphex(ok(55, rca) & 0x20, ==, 0x20);
    return ok(cmd, arg);
}

/* 4.2: to the transfer state. */
static void identify(bool high_capacity)
{
    rca = 0;
    g_assert_cmphex(command(0, 0, NONE), ==, SENT);
    g_assert_cmphex(ok(8, 0x1aa), ==, 0x1aa);
    g_assert_cmphex(app(41, 0) & 0x80ffff00, ==, 0x00ff8000); /* inquiry */
    g_assert_cmphex(app(41, 0x40300000), ==, high_capacity ? 0xc0ff8000 : 0x80ff8000);
    g_assert_cmphex(command(2, 0, R2), ==, RESPONDED);
    g_assert_cmpuint(get(RESPCMD), ==, 0x3f);
    rca = ok(3, 0) & 0xffff0000;
    g_assert_cmphex(rca, !=, 0);
    g_assert_cmphex(command(9, rca, R2), ==, RESPONDED);
}

static void select_card(void)
{
    g_assert_cmphex(ok(7, rca), ==, 0x700); /* was in standby, ready */
    g_assert_cmphex(ok(13, rca), ==, 0x900); /* transfer */
}

static void read_data(unsigned len, uint8_t *out)
{
    for (unsigned i = 0; i < len; i += 4) {
        g_assert_cmphex(get(STATUS) & 1u << 21, !=, 0);
        put_le32(out + i, get(FIFO));
    }
    g_assert_cmphex(get(STATUS) & 0x3fff00, ==, 0x500);
    set(CLEAR, 0x7ff);
}

static void test_identify(void)
{
    setup(64 * MiB, false);
    g_assert_cmpint(line_level[2], ==, 1);
    g_assert_cmpint(line_level[3], ==, 0);
    identify(false);
    /* C_SIZE, C_SIZE_MULT, READ_BL_LEN say 64 MiB. */
    uint32_t w1 = get(RESPONSE + 4), w2 = get(RESPONSE + 8);
    g_assert_cmphex(get(RESPONSE) >> 30, ==, 0);
    uint32_t c_size = (w1 & 0x3ff) << 2 | w2 >> 30, mult = w2 >> 15 & 7, block = w1 >> 16 & 15;
    g_assert_cmpuint((uint64_t)(c_size + 1) << (mult + 2 + block), ==, 64 * MiB);
    select_card();
    finish();
    setup(4 * GiB, false);
    identify(true);
    g_assert_cmphex(get(RESPONSE) >> 30, ==, 1);
    g_assert_cmpuint(((get(RESPONSE + 4) & 0x3f) << 16 | get(RESPONSE + 8) >> 16) + 1, ==, 4 * GiB / (512 * KiB));
    select_card();
    finish();
    setup(2 * GiB, true);
    g_assert_cmpint(line_level[3], ==, 1);
    identify(false);
    w1 = get(RESPONSE + 4), w2 = get(RESPONSE + 8);
    c_size = (w1 & 0x3ff) << 2 | w2 >> 30, mult = w2 >> 15 & 7, block = w1 >> 16 & 15;
    g_assert_cmpuint((uint64_t)(c_size + 1) << (mult + 2 + block), ==, 2 * GiB);
    finish();
}

static void test_registers(void)
{
    uint8_t buf[64];
    setup(64 * MiB, false);
    identify(false);
    select_card();
    set(LENGTH, 8), set(TIMER, 1000), set(CTRL, 0x33); /* 8-byte blocks from the card */
    app(51, 0);
    read_data(8, buf);
    g_assert_cmphex(buf[0], ==, 2);
    g_assert_cmphex(buf[1] & 0xf, ==, 5); /* one and four lines */
    app(6, 2);
    set(LENGTH, 64), set(CTRL, 0x63);
    app(13, 0);
    read_data(64, buf);
    g_assert_cmphex(buf[0] >> 6, ==, 2);
    set(LENGTH, 64), set(CTRL, 0x63);
    ok(6, 0x00fffff1); /* asks for high speed: there is only function 0 */
    read_data(64, buf);
    g_assert_cmphex(buf[13], ==, 1);
    g_assert_cmphex(buf[16] & 15, ==, 15);
    finish();
}

static void test_write_and_read(void)
{
    uint8_t buf[1024], back[1024];
    setup(64 * MiB, false);
    identify(false);
    select_card();
    for (unsigned i = 0; i < sizeof(buf); i++)
        buf[i] = (uint8_t)(i * 7 + i / 256);
    ok(16, 512);
    ok(25, 0x100000); /* several blocks */
    set(LENGTH, 1024), set(TIMER, 100000), set(MASK1, 1u << 14), set(CTRL, 0x91);
    g_assert_cmpint(line_level[1], ==, 1); /* the FIFO is half empty */
    for (unsigned i = 0; i < sizeof(buf); i += 4)
        set(FIFO, get_le32(buf + i));
    g_assert_cmphex(get(STATUS) & 0x100, ==, DATA_END);
    g_assert_cmpint(line_level[1], ==, 0);
    g_assert_cmpuint(get(COUNT), ==, 0);
    set(CLEAR, 0x7ff);
    g_assert_cmphex(ok(12, 0) & 0x1e00, ==, 0xc00); /* was receiving */
    set(LENGTH, 4), set(CTRL, 0x23);
    app(22, 0);
    read_data(4, back);
    g_assert_cmphex(back[3], ==, 2); /* blocks written */
    set(MASK0, DATA_END), set(LENGTH, 1024), set(CTRL, 0x93);
    ok(18, 0x100000);
    read_data(1024, back);
    g_assert_cmpmem(buf, 1024, back, 1024);
    ok(12, 0);
    set(LENGTH, 512), set(CTRL, 0x93);
    ok(17, 0x100200);
    g_assert_cmphex(get(STATUS) & 0x28000, ==, 0x28000); /* FIFO half full and full */
    read_data(512, back);
    g_assert_cmpmem(buf + 512, 512, back, 512);
    g_assert_cmphex(ok(13, rca), ==, 0x900);
    ok(23, 2); /* announced: stops by itself */
    set(LENGTH, 1024), set(CTRL, 0x93);
    ok(18, 0x100000);
    read_data(1024, back);
    g_assert_cmphex(ok(13, rca), ==, 0x900);
    ok(32, 0x100000), ok(33, 0x100000), ok(38, 0);
    set(LENGTH, 1024), set(CTRL, 0x93);
    ok(18, 0x100000);
    read_data(1024, back);
    g_assert_cmphex(back[1], ==, 0);
    g_assert_cmpmem(buf + 512, 512, back + 512, 512);
    finish();
}

static void test_mistakes(void)
{
    setup(64 * MiB, true);
    g_assert_cmphex(command(17, 0, R1), ==, TIMEOUT); /* not in idle */
    identify(false);
    select_card();
    g_assert_cmphex(command(63, 0, R1), ==, TIMEOUT);
    g_assert_cmphex(ok(13, rca) & 0x400000, ==, 0x400000); /* illegal command; reading clears it */
    g_assert_cmphex(ok(13, rca), ==, 0x900);
    g_assert_cmphex(ok(17, 64 * MiB) & 0x80000000, ==, 0x80000000);
    g_assert_cmphex(ok(16, 513) & 0x20000000, ==, 0x20000000);
    g_assert_cmphex(ok(24, 3) & 0x40000000, ==, 0x40000000);
    ok(24, 0);
    set(LENGTH, 512), set(TIMER, 1000), set(CTRL, 0x91);
    for (unsigned i = 0; i < 512; i += 4)
        set(FIFO, i);
    g_assert_cmphex(ok(13, rca) & 0x4000000, ==, 0x4000000); /* write protected */
    g_assert_cmphex(ok(38, 0) & 0x10000000, ==, 0x10000000);
    set(CLEAR, 0x7ff), set(MASK0, DATA_TIMEOUT), set(CLOCK, 0x500); /* 24 MHz */
    set(TIMER, 24000), set(CTRL, 0x93); /* no read command comes */
    advance(900 * US);
    g_assert_cmpint(line_level[0], ==, 0);
    advance(200 * US);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(get(STATUS), ==, DATA_TIMEOUT);
    finish();
}

static void test_empty(void)
{
    setup(0, false);
    g_assert_cmpint(line_level[2], ==, 0);
    g_assert_cmphex(command(0, 0, NONE), ==, SENT);
    g_assert_cmphex(command(8, 0x1aa, R1), ==, TIMEOUT);
    finish();
}

/* The data timeout is over at once, but it is the host that is slow: the card waits, and the emulator has nothing to do. */
static void test_short_timeout(void)
{
    uint8_t data[512];
    setup(16 * MiB, false);
    identify(false);
    select_card();
    set(TIMER, 0), set(LENGTH, 512), set(CTRL, 0x93);
    g_assert_cmphex(ok(17, 0), ==, 0x900);
    int64_t now = clock_ns(CLOCK_VIRTUAL);
    timers_run_virtual();
    g_assert_cmpint(timers_next_deadline(CLOCK_VIRTUAL), >, now);
    read_data(512, data);
    g_assert_cmpint(line_level[2], ==, 1);
    device_unrealize(host->child_bus->first);
    g_assert_cmpint(line_level[2], ==, 0);
    finish();
}

static Device *find_card(void)
{
    return host->child_bus->first;
}

static void test_state(void)
{
    uint8_t *buf = NULL, *again = NULL, data[512];
    size_t len = 0, again_len = 0;
    setup(64 * MiB, false);
    identify(false);
    select_card();
    set(LENGTH, 512), set(TIMER, 1000), set(CTRL, 0x93);
    ok(17, 0);
    get(FIFO);
    device_save(find_card(), &buf, &len);
    read_data(508, data);
    ok(24, 0);
    g_assert_true(device_load(find_card(), buf, len, NULL));
    device_save(find_card(), &again, &again_len);
    g_assert_cmpmem(buf, len, again, again_len);
    g_assert_cmphex(ok(13, rca) & 0x1e00, ==, 0xa00); /* sending data */
    g_free(buf);
    g_free(again);
    load_garbage(find_card(), 200);
    finish();
}

/* Any command with any argument in any order, any register access: nothing may crash. */
static void test_any(void)
{
    setup(64 * MiB, false);
    for (unsigned i = 0; i < 200000; i++) {
        static const uint8_t usual[] = { 55, 41, 2, 3, 7, 17, 18, 24, 25, 12, 13, 6, 51, 32, 33 };
        unsigned cmd = i & 1 ? usual[(uint32_t)g_test_rand_int() % ARRAY_SIZE(usual)] : (uint32_t)g_test_rand_int() & 63;
        if (i % 3)
            command(cmd, i & 4 ? rca : (uint32_t)g_test_rand_int() & 0x7ffffff, i & 8 ? R1 : (uint32_t)g_test_rand_int() & 0x7ff);
        else
            set(((uint32_t)g_test_rand_int() & 0xfc), (uint32_t)g_test_rand_int() & (i & 2 ? 0xffff : 3));
        if (cmd == 3)
            rca = get(RESPONSE) & 0xffff0000;
        get((uint32_t)g_test_rand_int() & 0xfc);
    }
    device_reset(find_card());
    device_reset(host);
    identify(false);
    finish();
}

static void test_refused(void)
{
    setup(64 * MiB, false);
    Drive second = { .interface = DRIVE_SD, .blk = blk };
    Error *err = NULL;
    g_assert_false(pl181_add_card(host, &second, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "has a card already"));
    error_free(err);
    finish();
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_test_add_func("/sd/identify", test_identify);
    g_test_add_func("/sd/registers", test_registers);
    g_test_add_func("/sd/write-and-read", test_write_and_read);
    g_test_add_func("/sd/mistakes", test_mistakes);
    g_test_add_func("/sd/empty", test_empty);
    g_test_add_func("/sd/short-timeout", test_short_timeout);
    g_test_add_func("/sd/state", test_state);
    g_test_add_func("/sd/any", test_any);
    g_test_add_func("/sd/refused", test_refused);
    return g_test_run();
}
