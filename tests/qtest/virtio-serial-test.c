/* SPDX-License-Identifier: MIT */
/*
 * virtio-serial, virtio-balloon and virtio-rng over PCI as a driver sees them: ports announced by control messages, names, open and closed
 * ends, data in both directions, a host that comes and goes; pages given back; random bytes from a host file. Expected values: Virtual I/O
 * Device 1.2, 5.3 to 5.5.
 */
#include "libqtest-virtio.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { MESSAGE = 0x200000, IN_BUFFERS = 0x210000, DATA = 0x220000 };
enum { READY = 0, ADD = 1, REMOVE = 2, PORT_READY = 3, CONSOLE = 4, OPEN = 6, NAME = 7 };

static QTest *q;
static VD d;
static VDQueue *control_in, *control_out;
static char *folder, *path;
static unsigned in_count;

static int connect_host(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_strlcpy(a.sun_path, path, sizeof(a.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&a, sizeof(a)), ==, 0);
    return fd;
}

static void give_control_buffer(void)
{
    vd_add(control_in, &(VDPart){ IN_BUFFERS + 0x100 * (in_count++ % 32), 64, true }, 1, false);
    vd_kick(control_in);
}

static void start_ports(void)
{
    folder = g_dir_make_tmp("rhea-serial-XXXXXX", NULL);
    path = g_build_filename(folder, "host", NULL);
    q = qtest_start("-M pc -nodefaults -device virtio-serial-pci,max_ports=4 -chardev socket,id=c,path=%s,server=on,wait=off "
                    "-chardev file,id=f,path=%s/console -device virtconsole,chardev=f -device virtserialport,chardev=c,name=org.test.port", path, folder);
    d = vdq_open(q, qtest_pci_find(q, 0x1af4, 0x1003), VD_PCI_MODERN);
    vd_start(&d, 1 << 1 | 1ull << VD_EVENT_IDX);
    g_assert_cmpuint(vd_config(&d, 4, 4), ==, 4);
    control_in = vd_queue(&d, 2, 0, 0xffff);
    control_out = vd_queue(&d, 3, 0, 0xffff);
    in_count = 0;
}

static void end_ports(void)
{
    g_autofree char *console = g_build_filename(folder, "console", NULL);
    qtest_end(q);
    unlink(console);
    unlink(path);
    rmdir(folder);
    g_free(folder);
    g_free(path);
    g_free(control_in);
    g_free(control_out);
}

static void say(uint32_t id, uint16_t event, uint16_t value)
{
    qtest_writel(q, MESSAGE, id);
    qtest_writew(q, MESSAGE + 4, event);
    qtest_writew(q, MESSAGE + 6, value);
    vd_do(control_out, &(VDPart){ MESSAGE, 8, false }, 1, false);
}

/* The next message from the device; its text, if there is one, in *text. */
static void hear(uint32_t id, uint16_t event, uint16_t value, const char *text)
{
    unsigned got;
    uint32_t len;
    for (unsigned i = 0; !vd_get(control_in, 1, &got, &len); i++) {
        g_assert_cmpuint(i, <, 30000);
        g_usleep(1000);
    }
    uint64_t at = qtest_readq(q, control_in->desc + 16 * got);
    g_assert_cmpuint(qtest_readl(q, at), ==, id);
    g_assert_cmpuint(qtest_readw(q, at + 4), ==, event);
    g_assert_cmpuint(qtest_readw(q, at + 6), ==, value);
    g_assert_cmpuint(len, ==, 8 + (text ? strlen(text) : 0));
    char b[64] = { 0 };
    qtest_memread(q, at + 8, b, len - 8 ? len - 8 : 1);
    if (text)
        g_assert_cmpstr(b, ==, text);
}

static void test_ports(void)
{
    start_ports();
    VDQueue *console_out = vd_queue(&d, 1, 0, 0xffff), *in = vd_queue(&d, 4, 0, 0xffff), *out = vd_queue(&d, 5, 0, 0xffff);
    vd_driver_ok(&d);
    say(0, READY, 1); /* answers wait for buffers */
    for (unsigned i = 0; i < 16; i++)
        give_control_buffer();
    hear(0, ADD, 1, NULL);
    hear(1, ADD, 1, NULL);
    say(0, PORT_READY, 1);
    hear(0, CONSOLE, 1, NULL);
    hear(0, OPEN, 1, NULL);
    say(1, PORT_READY, 1);
    hear(1, NAME, 1, "org.test.port");
    say(1, OPEN, 1);
    say(77, OPEN, 1);    /* no such port */
    say(2, PORT_READY, 1);
    say(1, 1000, 0);
    qtest_memwrite(q, DATA, "nobody", 6);
    vd_do(out, &(VDPart){ DATA, 6, false }, 1, false); /* nobody listens */
    int host = connect_host();
    hear(1, OPEN, 1, NULL);
    qtest_memwrite(q, DATA, "to the host", 11);
    vd_do(out, (VDPart[]){ { DATA, 3, false }, { DATA + 3, 8, false } }, 2, false);
    char b[64] = { 0 };
    g_assert_cmpint(read(host, b, sizeof(b)), ==, 11);
    g_assert_cmpstr(b, ==, "to the host");
    /* What the host says waits until there are buffers, and fills as many as it needs. */
    g_assert_cmpint(write(host, "to the guest", 12), ==, 12);
    unsigned first = vd_add(in, &(VDPart){ DATA + 0x1000, 5, true }, 1, false), then = vd_add(in, &(VDPart){ DATA + 0x2000, 50, true }, 1, false);
    vd_kick(in);
    g_assert_cmpuint(vd_wait(in, 1, first), ==, 5);
    g_assert_cmpuint(vd_wait(in, 1, then), ==, 7);
    qtest_memread(q, DATA + 0x2000, b, 7);
    g_assert_cmpmem(b, 7, "e guest", 7);
    vd_add(in, &(VDPart){ DATA + 0x3000, 50, true }, 1, false); /* while it has no room, the end of the stream is not looked for */
    vd_kick(in);
    close(host);
    hear(1, OPEN, 0, NULL);
    qtest_memwrite(q, DATA, "console\n", 8);
    vd_do(console_out, &(VDPart){ DATA, 8, false }, 1, false);
    vd_set_config(&d, 8, '!', 4); /* emergency write */
    g_autofree char *file = g_build_filename(folder, "console", NULL), *text = NULL;
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "console\n!");
    g_free(console_out);
    g_free(in);
    g_free(out);
    end_ports();
}

/* A host that does not read: bytes wait and none is lost. */
static void test_slow_host(void)
{
    enum { BYTES = 3 << 20, BUFFER = 65536 };
    start_ports();
    VDQueue *out = vd_queue(&d, 5, 0, 0xffff);
    vd_driver_ok(&d);
    for (unsigned i = 0; i < 8; i++)
        give_control_buffer();
    int host = connect_host();
    say(1, PORT_READY, 1);
    say(1, OPEN, 1);
    for (unsigned i = 0; i < BUFFER / 4; i++)
        qtest_writel(q, DATA + 4 * i, i);
    for (unsigned i = 0; i < BYTES / BUFFER; i++)
        vd_add(out, &(VDPart){ DATA, BUFFER, false }, 1, false);
    vd_kick(out);
    uint32_t expected = 0, v;
    for (unsigned got = 0; got < BYTES; got += 4) {
        for (unsigned n = 0; n < 4;) {
            ssize_t r = read(host, (char *)&v + n, 4 - n);
            g_assert_cmpint(r, >, 0);
            n += (unsigned)r;
        }
        g_assert_cmpuint(v, ==, expected);
        expected = (expected + 1) % (BUFFER / 4);
    }
    close(host);
    g_free(out);
    end_ports();
}

static void test_balloon(void)
{
    q = qtest_start("-M pc -m 64 -nodefaults -device virtio-balloon-pci,free-page-reporting=on");
    d = vdq_open(q, qtest_pci_find(q, 0x1af4, 0x1002), VD_PCI_MODERN);
    vd_start(&d, 1 << 5);
    VDQueue *inflate = vd_queue(&d, 0, 0, 0xffff), *deflate = vd_queue(&d, 1, 0, 0xffff), *report = vd_queue(&d, 3, 0, 0xffff);
    vd_driver_ok(&d);
    g_assert_cmpuint(vd_config(&d, 0, 4), ==, 0);
    static const uint32_t pages[] = { 0x1000, 0x1001, 0xfffff, 0xffffffff, 0xb8 }; /* some are no memory */
    for (unsigned i = 0; i < G_N_ELEMENTS(pages); i++)
        qtest_writel(q, DATA + 4 * i, pages[i]);
    qtest_memset(q, 0x1000000, 0x55, 0x4000);
    vd_do(inflate, &(VDPart){ DATA, 4 * G_N_ELEMENTS(pages) + 3, false }, 1, false);
    g_assert_cmpuint(qtest_readl(q, 0x1000ffc), ==, 0);
    g_assert_cmpuint(qtest_readl(q, 0x1001ffc), ==, 0);
    g_assert_cmphex(qtest_readl(q, 0x1002000), ==, 0x55555555);
    vd_do(deflate, &(VDPart){ DATA, 8, false }, 1, false);
    vd_set_config(&d, 4, 2, 4);
    g_assert_cmpuint(vd_config(&d, 4, 4), ==, 2);
    vd_do(report, &(VDPart){ 0x1002000, 0x1800, true }, 1, false); /* whole pages only */
    g_assert_cmpuint(qtest_readl(q, 0x1002000), ==, 0);
    g_assert_cmphex(qtest_readl(q, 0x1003000), ==, 0x55555555);
    vd_add(inflate, &(VDPart){ 0x1000000, 512 << 10, false }, 1, false); /* nobody sends so many at a time */
    vd_kick(inflate);
    g_assert_cmphex(vd_status(&d) & VD_NEEDS_RESET, ==, VD_NEEDS_RESET);
    g_free(inflate);
    g_free(deflate);
    g_free(report);
    qtest_end(q);
}

static void test_rng(void)
{
    char *file;
    int fd = g_file_open_tmp("rhea-rng-XXXXXX", &file, NULL);
    g_assert_cmpint(write(fd, "not very random bytes", 21), ==, 21);
    close(fd);
    q = qtest_start("-M pc -nodefaults -object rng-random,id=r,filename=%s -device virtio-rng-pci,rng=r", file);
    d = vdq_open(q, qtest_pci_find(q, 0x1af4, 0x1005), VD_PCI_LEGACY);
    vd_start(&d, 0);
    VDQueue *vq = vd_queue(&d, 0, 0, 0xffff);
    vd_driver_ok(&d);
    char b[32] = { 0 };
    g_assert_cmpuint(vd_do(vq, (VDPart[]){ { DATA, 10, true }, { DATA + 0x100, 30, true } }, 2, false), ==, 21);
    qtest_memread(q, DATA + 0x100, b, 11);
    g_assert_cmpstr(b, ==, "andom bytes");
    g_free(vq);
    qtest_end(q);
    unlink(file);
    g_free(file);
}

/* Two devices wait for bytes of one source: both get some. */
static void test_rng_shared(void)
{
    folder = g_dir_make_tmp("rhea-rng-XXXXXX", NULL);
    path = g_build_filename(folder, "fifo", NULL);
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    g_assert_cmpint(fd, >=, 0);
    q = qtest_start("-M pc -nodefaults -object rng-random,id=r,filename=%s -device virtio-rng-pci,rng=r,addr=4 "
                    "-device virtio-rng-pci,rng=r,addr=5", path);
    VD both[2];
    VDQueue *vq[2];
    unsigned id[2];
    for (unsigned i = 0; i < 2; i++) {
        qtest_pci_map(q, 4 + i, 0, VD_PORTS + 0x100 * i);
        both[i] = vdq_open(q, 4 + i, VD_PCI_LEGACY);
        qtest_pci_map(q, 4 + i, 0, VD_PORTS + 0x100 * i);
        both[i].base = VD_PORTS + 0x100 * i;
        both[i].heap = VD_HEAP + 0x10000 * i;
        vd_start(&both[i], 0);
        vq[i] = vd_queue(&both[i], 0, 0, 0xffff);
        vd_driver_ok(&both[i]);
        id[i] = vd_add(vq[i], &(VDPart){ DATA + 0x100 * i, 16, true }, 1, false);
        vd_kick(vq[i]);
    }
    g_assert_cmpint(write(fd, "0123456789abcdef0123456789abcdef", 32), ==, 32);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpuint(vd_wait(vq[i], 1, id[i]), ==, 16);
        g_free(vq[i]);
    }
    qtest_end(q);
    close(fd);
    unlink(path);
    rmdir(folder);
    g_free(folder);
    g_free(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-serial/ports", test_ports);
    g_test_add_func("/virtio-serial/slow-host", test_slow_host);
    g_test_add_func("/virtio-balloon", test_balloon);
    g_test_add_func("/virtio-rng", test_rng);
    g_test_add_func("/virtio-rng/shared", test_rng_shared);
    return g_test_run();
}
