/* SPDX-License-Identifier: MIT */
/*
 * virtio-scsi with a disk and a CD-ROM drive behind it, as a driver sees them: unit attention, inquiry and its pages, capacity, reads and
 * writes of all lengths of command, mode pages, UNMAP, WRITE SAME, sense data of what cannot be, units that are not there, removal, task
 * management. Expected values: SPC-4, SBC-3, MMC-6, Virtual I/O Device 1.2, 5.6.
 */
#include "libqtest-virtio.h"

enum { SIZE = 1 << 20, REQUEST = 0x200000, RESPONSE = 0x201000, DATA = 0x210000, REQ_LEN = 19 + 32, RESP_LEN = 12 + 96 };
enum { DISK = 0, CD = 1 };

static QTest *q;
static VD d;
static VDQueue *vq, *control;
static char *image, *cd_image;
static uint8_t response, sense_key, asc, ascq;
static uint32_t residual;

static void start(const char *options)
{
    image = vdq_image(SIZE);
    cd_image = vdq_image(SIZE);
    q = qtest_start("-M pc -nodefaults -device virtio-scsi-pci,id=s -drive file=%s,format=raw,if=none,id=d,discard=unmap "
                    "-device scsi-hd,drive=d,scsi-id=0,lun=0,serial=abc,wwn=0x5000c50015ea71aa%s "
                    "-drive file=%s,format=raw,if=none,id=c,readonly=on -device scsi-cd,drive=c,scsi-id=1,bus=s.0", image, options, cd_image);
    d = vdq_open(q, qtest_pci_find(q, 0x1af4, 0x1004), VD_PCI_MODERN);
    vd_start(&d, 1ull << VD_INDIRECT);
    control = vd_queue(&d, 0, 8, 0xffff);
    vq = vd_queue(&d, 2, 64, 0xffff);
    vd_driver_ok(&d);
}

static void end(void)
{
    g_free(vq);
    g_free(control);
    qtest_end(q);
    unlink(image);
    unlink(cd_image);
    g_free(image);
    g_free(cd_image);
}

/* Sends a command, len bytes of data at DATA; returns the status. */
static uint8_t command_to(uint8_t target, uint8_t lun, const uint8_t *cdb, size_t cdb_len, uint32_t len, bool to_device)
{
    uint8_t b[REQ_LEN] = { 1, target, 0, lun };
    memcpy(b + 19, cdb, cdb_len);
    qtest_memwrite(q, REQUEST, b, sizeof(b));
    qtest_memset(q, RESPONSE, 0xee, RESP_LEN);
    VDPart p[3] = { { REQUEST, REQ_LEN, false }, { RESPONSE, RESP_LEN, true }, { DATA, len, true } };
    if (len && to_device) {
        p[2] = p[1];
        p[1] = (VDPart){ DATA, len, false };
    }
    vd_do(vq, p, len ? 3 : 2, false);
    uint8_t r[RESP_LEN];
    qtest_memread(q, RESPONSE, r, sizeof(r));
    residual = r[4] | r[5] << 8 | r[6] << 16 | (uint32_t)r[7] << 24;
    response = r[11];
    sense_key = r[0] ? r[12 + 2] & 0xf : 0;
    asc = r[0] ? r[12 + 12] : 0;
    ascq = r[0] ? r[12 + 13] : 0;
    return r[10];
}
#define CDB(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })
#define IN(target, len, ...) command_to(target, 0, CDB(__VA_ARGS__), len, false)
#define OUT(target, len, ...) command_to(target, 0, CDB(__VA_ARGS__), len, true)
#define assert_sense(k, c) g_assert_cmphex(sense_key << 16 | asc << 8 | ascq, ==, (k) << 16 | (c))

static uint32_t be32(uint64_t addr)
{
    return GUINT32_FROM_BE(qtest_readl(q, addr));
}

static void clear_attention(uint8_t target)
{
    g_assert_cmpuint(IN(target, 0, 0), ==, 2);
    assert_sense(6, 0x2900);
    g_assert_cmpuint(IN(target, 0, 0), ==, 0);
}

static void test_identity(void)
{
    char text[64] = { 0 };
    start("");
    g_assert_cmpuint(vd_config(&d, 0, 4), ==, 1);
    g_assert_cmpuint(IN(DISK, 36, 0x12, 0, 0, 0, 36), ==, 0); /* passes the condition */
    qtest_memread(q, DATA, text, 36);
    g_assert_cmpmem(text + 8, 28, "QEMU    QEMU HARDDISK   2.5+", 28);
    g_assert_cmphex(text[0], ==, 0);
    clear_attention(DISK);
    g_assert_cmpuint(IN(CD, 36, 0x12, 0, 0, 0, 255), ==, 0);
    g_assert_cmphex(qtest_readw(q, DATA), ==, 0x8005);
    g_assert_cmpuint(IN(DISK, 64, 0x12, 1, 0, 0, 64), ==, 0);
    static const uint8_t pages[] = { 0, 0, 0, 6, 0, 0x80, 0x83, 0xb0, 0xb1, 0xb2 };
    qtest_memread(q, DATA, text, 10);
    g_assert_cmpmem(text, 10, pages, 10);
    g_assert_cmpuint(residual, ==, 54);
    g_assert_cmpuint(IN(DISK, 64, 0x12, 1, 0x80, 0, 64), ==, 0);
    qtest_memread(q, DATA, text, 7);
    g_assert_cmpmem(text, 7, "\0\x80\0\3abc", 7);
    g_assert_cmpuint(IN(DISK, 64, 0x12, 1, 0x83, 0, 64), ==, 0);
    g_assert_cmphex(be32(DATA + 4 + 7 + 4), ==, 0x5000c500);
    g_assert_cmpuint(IN(DISK, 64, 0x12, 1, 0x77, 0, 64), ==, 2);
    assert_sense(5, 0x2400);
    g_assert_cmpuint(IN(DISK, 64, 0x12, 0, 1, 0, 64), ==, 2); /* a page without EVPD */
    g_assert_cmpuint(IN(DISK, 64, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0), ==, 0);
    g_assert_cmpuint(be32(DATA), ==, SIZE / 512 - 1);
    g_assert_cmpuint(be32(DATA + 4), ==, 512);
    g_assert_cmpuint(IN(DISK, 32, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32), ==, 0);
    g_assert_cmpuint(be32(DATA + 4), ==, SIZE / 512 - 1);
    g_assert_cmphex(qtest_readb(q, DATA + 14), ==, 0x80);
    g_assert_cmpuint(IN(DISK, 64, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0), ==, 0);
    g_assert_cmpuint(be32(DATA), ==, 8);
    g_assert_cmpuint(IN(DISK, 0, 0xff), ==, 2);
    assert_sense(5, 0x2000);
    end();
}

/* The same two blocks by every kind of command. */
static void test_transfers(void)
{
    start(",dpofua=on");
    clear_attention(DISK);
    g_assert_cmpuint(IN(DISK, 1024, 0x08, 0, 0, 5, 2), ==, 0);
    g_assert_cmpuint(qtest_readq(q, DATA + 512), ==, 6);
    g_assert_cmpuint(IN(DISK, 1024, 0x28, 0, 0, 0, 0, 7, 0, 0, 2, 0), ==, 0);
    g_assert_cmpuint(qtest_readq(q, DATA), ==, 7);
    g_assert_cmpuint(IN(DISK, 1024, 0xa8, 0, 0, 0, 0, 9, 0, 0, 0, 2, 0, 0), ==, 0);
    g_assert_cmpuint(qtest_readq(q, DATA), ==, 9);
    g_assert_cmpuint(IN(DISK, 2048, 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 11, 0, 0, 0, 2, 0, 0), ==, 0);
    g_assert_cmpuint(qtest_readq(q, DATA), ==, 11);
    g_assert_cmpuint(residual, ==, 1024);
    g_assert_cmpuint(IN(DISK, 131072, 0x08, 0, 0, 0, 0), ==, 0); /* 0 is 256 blocks */
    g_assert_cmpuint(qtest_readq(q, DATA + 255 * 512), ==, 255);
    qtest_memset(q, DATA, 0x44, 1024);
    g_assert_cmpuint(OUT(DISK, 1024, 0x0a, 0, 0, 20, 2), ==, 0);
    g_assert_cmpuint(OUT(DISK, 1024, 0x2a, 8, 0, 0, 0, 30, 0, 0, 2, 0), ==, 0); /* FUA */
    g_assert_cmpuint(OUT(DISK, 1024, 0xaa, 0, 0, 0, 0, 40, 0, 0, 0, 2, 0, 0), ==, 0);
    g_assert_cmpuint(OUT(DISK, 1024, 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 50, 0, 0, 0, 2, 0, 0), ==, 0);
    g_assert_cmpuint(IN(DISK, 0, 0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0), ==, 0);
    for (unsigned at = 20; at <= 50; at += 10) {
        g_assert_cmpuint(IN(DISK, 1536, 0x28, 0, 0, 0, 0, (uint8_t)at, 0, 0, 3, 0), ==, 0);
        g_assert_cmphex(qtest_readq(q, DATA + 1016), ==, 0x4444444444444444);
        g_assert_cmpuint(qtest_readq(q, DATA + 1024), ==, at + 2);
    }
    /* Past the end; more than the guest's buffer; in the wrong direction. */
    g_assert_cmpuint(IN(DISK, 1024, 0x28, 0, 0, 0, 7, 0xff, 0, 0, 2, 0), ==, 2);
    assert_sense(5, 0x2100);
    g_assert_cmpuint(IN(DISK, 1024, 0x88, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2, 0, 0), ==, 2);
    g_assert_cmpuint(IN(DISK, 512, 0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0), ==, 2);
    g_assert_cmpuint(IN(DISK, 512, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0), ==, 2);
    g_assert_cmpuint(OUT(DISK, 512, 0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0), ==, 2);
    g_assert_cmpuint(IN(DISK, 0, 0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0), ==, 0);
    end();
}

static void put(uint64_t at, const char *bytes, size_t n)
{
    qtest_memset(q, DATA, 0, 512);
    qtest_memwrite(q, at, bytes, n);
}

static void test_unmap_and_same(void)
{
    start("");
    clear_attention(DISK);
    static const char unmap[] = "\0\x26\0\x20\0\0\0\0" "\0\0\0\0\0\0\0\x10\0\0\0\4\0\0\0\0" "\0\0\0\0\0\0\0\x40\0\0\0\1\0\0\0\0";
    put(DATA, unmap, 40);
    g_assert_cmpuint(OUT(DISK, 40, 0x42, 0, 0, 0, 0, 0, 0, 0, 40, 0), ==, 0);
    g_assert_cmpuint(OUT(DISK, 40, 0x42, 0, 0, 0, 0, 0, 0, 0, 30, 0), ==, 2); /* shorter than it says */
    assert_sense(5, 0x2600);
    g_assert_cmpuint(OUT(DISK, 40, 0x42, 0, 0, 0, 0, 0, 0, 0, 80, 0), ==, 2);
    assert_sense(5, 0x1a00);
    static const char beyond[] = "\0\x16\0\x10\0\0\0\0" "\0\0\0\0\0\0\x08\0\0\0\0\1\0\0\0\0";
    put(DATA, beyond, 24);
    g_assert_cmpuint(OUT(DISK, 24, 0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0), ==, 2);
    assert_sense(5, 0x2100);
    qtest_memset(q, DATA, 0x77, 512);
    g_assert_cmpuint(OUT(DISK, 512, 0x41, 0, 0, 0, 0, 100, 0, 0x4, 0, 0), ==, 0); /* 1024 blocks of it */
    g_assert_cmpuint(IN(DISK, 1024, 0x28, 0, 0, 0, 4, 99, 0, 0, 2, 0), ==, 0);
    g_assert_cmphex(qtest_readq(q, DATA), ==, 0x7777777777777777);
    g_assert_cmpuint(qtest_readq(q, DATA + 512), ==, 1124);
    qtest_memset(q, DATA, 0, 512);
    g_assert_cmpuint(OUT(DISK, 512, 0x93, 8, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 8, 0, 0), ==, 0);
    g_assert_cmpuint(IN(DISK, 1024, 0x28, 0, 0, 0, 0, 107, 0, 0, 2, 0), ==, 0);
    g_assert_cmphex(qtest_readq(q, DATA), ==, 0);
    g_assert_cmphex(qtest_readq(q, DATA + 512), ==, 0x7777777777777777);
    end();
}

/* Blocks larger than what WRITE SAME writes at a time of small ones. */
static void test_same_large(void)
{
    start(",logical_block_size=524288,physical_block_size=524288");
    clear_attention(DISK);
    qtest_memset(q, DATA, 0x11, 512 << 10);
    qtest_memset(q, DATA + (300 << 10), 0x22, 4096);
    g_assert_cmpuint(OUT(DISK, 512 << 10, 0x41, 0, 0, 0, 0, 0, 0, 0, 2, 0), ==, 0);
    qtest_memset(q, DATA, 0, 512 << 10);
    g_assert_cmpuint(IN(DISK, 512 << 10, 0x28, 0, 0, 0, 0, 1, 0, 0, 1, 0), ==, 0);
    g_assert_cmphex(qtest_readq(q, DATA), ==, 0x1111111111111111);
    g_assert_cmphex(qtest_readq(q, DATA + (300 << 10)), ==, 0x2222222222222222);
    g_assert_cmphex(qtest_readq(q, DATA + (304 << 10)), ==, 0x1111111111111111);
    end();
}

static void test_modes(void)
{
    start("");
    clear_attention(DISK);
    g_assert_cmpuint(IN(DISK, 255, 0x1a, 8, 8, 0, 255), ==, 0);
    g_assert_cmphex(qtest_readw(q, DATA + 4), ==, 0x1208);
    g_assert_cmphex(qtest_readb(q, DATA + 6) & 4, ==, 4);
    g_assert_cmpuint(IN(DISK, 255, 0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 255, 0), ==, 0);
    g_assert_cmpuint(qtest_readb(q, DATA + 7), ==, 8);
    g_assert_cmpuint(be32(DATA + 12), ==, 512);
    g_assert_cmpuint(IN(DISK, 255, 0x1a, 8, 0xc8, 0, 255), ==, 2); /* saved values */
    assert_sense(5, 0x3900);
    g_assert_cmpuint(IN(DISK, 255, 0x1a, 8, 0x2a, 0, 255), ==, 2); /* a CD's page */
    put(DATA, "\0\0\0\0\x08\x12\0", 7);
    g_assert_cmpuint(OUT(DISK, 24, 0x15, 0x10, 0, 0, 24), ==, 0); /* write cache off */
    g_assert_cmpuint(IN(DISK, 255, 0x1a, 8, 8, 0, 255), ==, 0);
    g_assert_cmphex(qtest_readb(q, DATA + 6) & 4, ==, 0);
    put(DATA, "\0\0\0\0\x08\x12\x01", 7);
    g_assert_cmpuint(OUT(DISK, 24, 0x15, 0x10, 0, 0, 24), ==, 2); /* a bit that cannot change */
    assert_sense(5, 0x2600);
    put(DATA, "\0\0\0\x09\x08\x12\0", 7);
    g_assert_cmpuint(OUT(DISK, 24, 0x15, 0x10, 0, 0, 24), ==, 2);
    end();
}

static void test_absent(void)
{
    start("");
    g_assert_cmpuint(IN(9, 36, 0x12, 0, 0, 0, 36), ==, 0);
    g_assert_cmpuint(response, ==, 3); /* bad target */
    g_assert_cmpuint(command_to(DISK, 5, CDB(0x12, 0, 0, 0, 36), 36, false), ==, 0);
    g_assert_cmphex(qtest_readb(q, DATA), ==, 0x7f);
    g_assert_cmpuint(command_to(DISK, 5, CDB(0), 0, false), ==, 2);
    assert_sense(5, 0x2500);
    g_assert_cmpuint(command_to(DISK, 5, CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0), 64, false), ==, 0);
    g_assert_cmpuint(be32(DATA), ==, 8);
    /* A request too short for its headers breaks the device. */
    vd_add(vq, &(VDPart){ REQUEST, 10, false }, 1, false);
    vd_kick(vq);
    g_assert_cmphex(vd_status(&d) & VD_NEEDS_RESET, ==, VD_NEEDS_RESET);
    end();
}

static void test_cd(void)
{
    start("");
    clear_attention(CD);
    g_assert_cmpuint(IN(CD, 64, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0), ==, 0);
    g_assert_cmpuint(be32(DATA), ==, SIZE / 2048 - 1);
    g_assert_cmpuint(be32(DATA + 4), ==, 2048);
    g_assert_cmpuint(IN(CD, 4096, 0x28, 0, 0, 0, 0, 3, 0, 0, 2, 0), ==, 0);
    g_assert_cmpuint(qtest_readq(q, DATA + 2048), ==, 16);
    g_assert_cmpuint(IN(CD, 2048, 0xbe, 0, 0, 0, 0, 4, 0, 0, 1, 0x10, 0, 0), ==, 0);
    g_assert_cmpuint(qtest_readq(q, DATA), ==, 16);
    g_assert_cmpuint(OUT(CD, 2048, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0), ==, 2);
    assert_sense(5, 0x2000);
    g_assert_cmpuint(IN(CD, 64, 0x43, 0, 0, 0, 0, 0, 0, 0, 64, 0), ==, 0);
    g_assert_cmphex(be32(DATA), ==, 0x00120101);
    g_assert_cmphex(qtest_readb(q, DATA + 14), ==, 0xaa);
    g_assert_cmpuint(be32(DATA + 16), ==, SIZE / 2048);
    g_assert_cmpuint(IN(CD, 64, 0x46, 0, 0, 0, 0, 0, 0, 0, 64, 0), ==, 0);
    g_assert_cmphex(be32(DATA + 4) & 0xffff, ==, 8);
    /* Locked: no eject. Unlocked: the tray opens, and there is no medium until it is loaded again. */
    g_assert_cmpuint(IN(CD, 0, 0x1e, 0, 0, 0, 1), ==, 0);
    g_assert_cmpuint(IN(CD, 0, 0x1b, 0, 0, 0, 2), ==, 2);
    assert_sense(5, 0x5302);
    g_assert_cmpuint(IN(CD, 0, 0x1e, 0, 0, 0, 0), ==, 0);
    g_assert_cmpuint(IN(CD, 0, 0x1b, 0, 0, 0, 2), ==, 0);
    g_assert_cmpuint(IN(CD, 0, 0), ==, 2);
    assert_sense(2, 0x3a02);
    g_assert_cmpuint(IN(CD, 8, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8, 0), ==, 0);
    g_assert_cmphex(qtest_readb(q, DATA + 5), ==, 1);
    g_assert_cmpuint(IN(CD, 0, 0x1b, 0, 0, 0, 3), ==, 0);
    g_assert_cmpuint(IN(CD, 0, 0), ==, 0);
    end();
}

static uint8_t manage(uint32_t subtype, uint8_t target, uint8_t lun)
{
    uint8_t b[24] = { 0, 0, 0, 0, (uint8_t)subtype, 0, 0, 0, 1, target, 0, lun };
    qtest_memwrite(q, REQUEST, b, sizeof(b));
    vd_do(control, (VDPart[]){ { REQUEST, 24, false }, { RESPONSE, 1, true } }, 2, false);
    return qtest_readb(q, RESPONSE);
}

static void test_management(void)
{
    start("");
    clear_attention(DISK);
    g_assert_cmpuint(manage(5, DISK, 0), ==, 0); /* reset of the unit */
    clear_attention(DISK);
    g_assert_cmpuint(manage(4, DISK, 0), ==, 0);
    clear_attention(DISK);
    g_assert_cmpuint(manage(5, DISK, 3), ==, 12);
    g_assert_cmpuint(manage(5, 77, 0), ==, 3);
    g_assert_cmpuint(manage(0, DISK, 0), ==, 0);
    g_assert_cmpuint(manage(7, DISK, 0), ==, 0);
    g_assert_cmpuint(manage(99, DISK, 0), ==, 11);
    end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-scsi/identity", test_identity);
    g_test_add_func("/virtio-scsi/transfers", test_transfers);
    g_test_add_func("/virtio-scsi/unmap-and-same", test_unmap_and_same);
    g_test_add_func("/virtio-scsi/same-large", test_same_large);
    g_test_add_func("/virtio-scsi/modes", test_modes);
    g_test_add_func("/virtio-scsi/absent", test_absent);
    g_test_add_func("/virtio-scsi/cd", test_cd);
    g_test_add_func("/virtio-scsi/management", test_management);
    return g_test_run();
}
