/* SPDX-License-Identifier: MIT */
/*
 * First program of guests that test disks: loads the files of /modules in order, waits for the disk named by disk=NAME on the kernel's command line
 * and runs what test= names, then powers off. Each check prints "ok NAME" or "FAILED NAME: …"; "GUEST-DONE" at the end says all were run.
 *   test=raw   patterns by O_DIRECT in sizes and places of all kinds, several threads at once, flush, discard, zeroes; reads all back
 *   test=fs    mke2fs, files by several writers, fsync, remount, read back; leaves the file system for the host to check
 *   test=speed sequential and random reads and writes, KiB/s
 *   test=probe only lists what is there
 *   test=fill  writes until an error comes, reads back what was written before, and says where it was
 *   test=acks  writes to the ext4 file system that is there until it is killed; marks it with round=NUMBER, prints "ACK WRITER N" when fsync of block N has returned
 *   test=cd    mounts a CD-ROM and prints a file
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char disk[64], test[32] = "raw";
static unsigned test_round;
static char path[96];
static long long disk_size;

static void failed(const char *name, const char *fmt, ...)
{
    va_list ap;
    printf("FAILED %s: ", name);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf(" (%s)\n", strerror(errno));
}

static void off(void)
{
    printf("GUEST-DONE\n");
    fflush(stdout);
    sync();
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}

/* ---- Set-up ---- */

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void load_modules(void)
{
    struct dirent **list;
    int n = scandir("/modules", &list, NULL, by_name);
    for (int i = 0; i < n; i++) {
        char file[300];
        snprintf(file, sizeof(file), "/modules/%s", list[i]->d_name);
        int fd = strstr(file, ".ko") ? open(file, O_RDONLY) : -1;
        if (fd >= 0 && syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
            failed("module", "%s", file);
        if (fd >= 0)
            close(fd);
    }
}

static void read_cmdline(void)
{
    char line[2048] = { 0 };
    int fd = open("/proc/cmdline", O_RDONLY);
    if (fd < 0 || read(fd, line, sizeof(line) - 1) < 0)
        failed("cmdline", "cannot read");
    close(fd);
    for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n")) {
        sscanf(word, "disk=%63s", disk);
        sscanf(word, "test=%31s", test);
        sscanf(word, "round=%u", &test_round);
    }
    snprintf(path, sizeof(path), "/dev/%s", disk);
}

static int wait_for_disk(int flags)
{
    for (int i = 0; i < 600; i++) {
        int fd = open(path, flags);
        unsigned long long size = 0;
        if (fd >= 0 && ioctl(fd, BLKGETSIZE64, &size) == 0 && size) {
            disk_size = (long long)size;
            return fd;
        }
        if (fd >= 0)
            close(fd);
        usleep(100000);
    }
    failed("disk", "%s did not come", path);
    off();
    return -1;
}

/* ---- Patterns ---- */

/* What byte block 512 * n holds after write number round. */
static void fill(uint8_t *buf, size_t len, long long offset, unsigned round)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t v = ((uint64_t)offset + i) * 0x9e3779b97f4a7c15ull + round * 0x1234567ull;
        memcpy(buf + i, &v, 8);
    }
}

typedef struct Worker {
    int fd, number;
    long long start, size;
    int bad;
} Worker;

static const size_t sizes[] = { 512, 4096, 1024, 65536, 8192, 1 << 20, 512, 131072, 4608, 262144 };
#define NSIZES (sizeof(sizes) / sizeof(sizes[0]))

static void *write_and_read(void *opaque)
{
    Worker *w = opaque;
    uint8_t *buf, *want;
    if (posix_memalign((void **)&buf, 4096, 1 << 20) || posix_memalign((void **)&want, 4096, 1 << 20))
        abort();
    for (unsigned pass = 0; pass < 2; pass++) {
        long long at = w->start;
        for (unsigned i = 0; at < w->start + w->size; i++) {
            size_t len = sizes[(i + (unsigned)w->number) % NSIZES];
            if ((long long)len > w->start + w->size - at)
                len = (size_t)(w->start + w->size - at);
            fill(want, len, at, (unsigned)w->number);
            ssize_t n = pass ? pread(w->fd, buf, len, at) : pwrite(w->fd, want, len, at);
            if (n != (ssize_t)len || (pass && memcmp(buf, want, len))) {
                if (!w->bad++)
                    failed("pattern", "%s of %zu at %lld: %zd", pass ? "read" : "write", len, at, n);
            }
            at += (long long)len;
        }
        if (!pass && fdatasync(w->fd))
            failed("flush", "fdatasync");
    }
    free(buf);
    free(want);
    return NULL;
}

static void patterns(int fd, int threads)
{
    pthread_t t[8];
    Worker w[8];
    int bad = 0;
    for (int i = 0; i < threads; i++) {
        long long each = disk_size / 2 / threads / 4096 * 4096;
        w[i] = (Worker){ fd, i, i * each, each, 0 };
        pthread_create(&t[i], NULL, write_and_read, &w[i]);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(t[i], NULL);
        bad += w[i].bad;
    }
    if (!bad)
        printf("ok patterns of %d threads\n", threads);
}

static int range_is(int fd, uint64_t *range, int byte)
{
    static uint8_t buf[65536] __attribute__((aligned(4096)));
    for (uint64_t at = 0; at < range[1]; at += sizeof(buf)) {
        if (pread(fd, buf, sizeof(buf), (off_t)(range[0] + at)) != sizeof(buf) || buf[0] != byte || memcmp(buf, buf + 1, sizeof(buf) - 1))
            return 0;
    }
    return 1;
}

static void zeroes(int fd)
{
    uint64_t range[2] = { 1 << 20, 1 << 20 };
    static uint8_t ones[1 << 20] __attribute__((aligned(4096)));
    memset(ones, 0xff, sizeof(ones));
    if (pwrite(fd, ones, sizeof(ones), (off_t)range[0]) != sizeof(ones))
        failed("zeroes", "write");
    int r = ioctl(fd, BLKZEROOUT, range);
    if (r || !range_is(fd, range, 0))
        failed("zeroes", "BLKZEROOUT gave %d", r);
    else
        printf("ok zeroes\n");
    if (pwrite(fd, ones, sizeof(ones), (off_t)range[0]) != sizeof(ones))
        failed("discard", "write");
    r = ioctl(fd, BLKDISCARD, range);
    if (r && errno != EOPNOTSUPP)
        failed("discard", "BLKDISCARD");
    else
        printf("ok discard%s\n", r ? " (not supported)" : range_is(fd, range, 0) ? " (reads zeroes)" : "");
    pread(fd, ones, sizeof(ones), (off_t)range[0]);
}

static void test_raw(void)
{
    int fd = wait_for_disk(O_RDWR | O_DIRECT);
    int logical = 0, read_only = 0;
    unsigned physical = 0;
    ioctl(fd, BLKSSZGET, &logical);
    ioctl(fd, BLKPBSZGET, &physical);
    ioctl(fd, BLKROGET, &read_only);
    printf("disk %s: %lld bytes, blocks %d/%u, read-only %d\n", disk, disk_size, logical, physical, read_only);
    patterns(fd, 1);
    patterns(fd, 8);
    zeroes(fd);
    uint8_t *b;
    if (posix_memalign((void **)&b, 4096, 4096))
        abort();
    if (pread(fd, b, 4096, disk_size - 4096) != 4096 || pread(fd, b, 4096, disk_size) != 0)
        failed("end", "reads around the end of the disk");
    else
        printf("ok end\n");
    fill(b, 4096, disk_size - 4096, 77);
    if (pwrite(fd, b, 4096, disk_size - 4096) != 4096 || fsync(fd))
        failed("last", "write of the last block");
    close(fd);
}

/* ---- File systems ---- */

static int run(char *const argv[])
{
    pid_t pid = fork();
    if (!pid) {
        execv("/bin/busybox", argv);
        _exit(127);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

static void write_file(int n)
{
    char name[64];
    static uint8_t buf[100000];
    snprintf(name, sizeof(name), "/mnt/file%d", n);
    int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    for (unsigned i = 0; i < 20; i++) {
        fill(buf, sizeof(buf), i, (unsigned)n);
        if (write(fd, buf, sizeof(buf)) != sizeof(buf))
            failed("fs", "write %s", name);
    }
    if (fsync(fd) || close(fd))
        failed("fs", "fsync %s", name);
    _exit(0);
}

static int read_file(int n)
{
    char name[64];
    static uint8_t buf[100000], want[100000];
    snprintf(name, sizeof(name), "/mnt/file%d", n);
    int fd = open(name, O_RDONLY), ok = fd >= 0;
    for (unsigned i = 0; ok && i < 20; i++) {
        fill(want, sizeof(want), i, (unsigned)n);
        ok = read(fd, buf, sizeof(buf)) == sizeof(buf) && !memcmp(buf, want, sizeof(buf));
    }
    close(fd);
    return ok;
}

static void test_fs(void)
{
    close(wait_for_disk(O_RDWR));
    char *mkfs[] = { "mke2fs", path, NULL };
    if (run(mkfs))
        failed("fs", "mke2fs");
    if (mount(path, "/mnt", "ext4", 0, NULL) && mount(path, "/mnt", "ext2", 0, NULL))
        failed("fs", "mount");
    for (int i = 0; i < 6; i++) {
        if (!fork())
            write_file(i);
    }
    while (wait(NULL) > 0) {
    }
    if (umount("/mnt"))
        failed("fs", "umount");
    int fd = open(path, O_RDWR), bad = 0;
    ioctl(fd, BLKFLSBUF, 0);
    close(fd);
    if (mount(path, "/mnt", "ext4", 0, NULL) && mount(path, "/mnt", "ext2", 0, NULL))
        failed("fs", "second mount");
    for (int i = 0; i < 6; i++)
        bad += !read_file(i);
    if (bad || umount("/mnt"))
        failed("fs", "%d of 6 files", bad);
    else
        printf("ok fs\n");
}

/* ---- Where the host's disk ends ---- */

/* Writes blocks from the start until one fails, reads back what went well, and says at which byte it ended. */
static void test_fill(void)
{
    enum { BLOCK = 1 << 20 };
    int fd = wait_for_disk(O_RDWR | O_DIRECT);
    uint8_t *buf, *got;
    if (posix_memalign((void **)&buf, 4096, BLOCK) || posix_memalign((void **)&got, 4096, BLOCK))
        abort();
    long long at = 0;
    int error = 0;
    for (; at + BLOCK <= disk_size && !error; at += BLOCK) {
        fill(buf, BLOCK, at, 7);
        if (pwrite(fd, buf, BLOCK, (off_t)at) != BLOCK)
            error = errno;
    }
    long long written = error ? at - BLOCK : at;
    int flushed = fsync(fd) ? errno : 0;
    for (at = 0; at < written; at += BLOCK) {
        fill(buf, BLOCK, at, 7);
        if (pread(fd, got, BLOCK, (off_t)at) != BLOCK || memcmp(buf, got, BLOCK)) {
            failed("fill", "block at %lld differs", at);
            break;
        }
    }
    printf("fill: %lld MiB written, then: %s; flush: %s\n", written >> 20, error ? strerror(error) : "the end", flushed ? strerror(flushed) : "ok");
    close(fd);
}

/* ---- Until it is killed ---- */

enum { ACK_WRITERS = 4, ACK_BLOCK = 4096, ACK_SLOTS = 128, ACK_FILES = 8 };

/* Block n of a writer goes to a slot of one of its files, over what was there ACK_SLOTS * ACK_FILES blocks ago. New files change directories,
 * new slots change what the file system has allocated. */
static void *write_for_ever(void *opaque)
{
    unsigned writer = *(unsigned *)opaque;
    uint8_t *buf = malloc(ACK_BLOCK);
    for (unsigned n = 0;; n++) {
        char file[64], line[64];
        unsigned slot = n % (ACK_SLOTS * ACK_FILES);
        snprintf(file, sizeof(file), "/mnt/w%u-%u", writer, slot % ACK_FILES);
        int fd = open(file, O_WRONLY | O_CREAT, 0644);
        uint32_t head[3] = { writer, n, test_round };
        fill(buf, ACK_BLOCK, (long long)n * ACK_BLOCK, writer);
        memcpy(buf, head, sizeof(head));
        if (fd < 0 || pwrite(fd, buf, ACK_BLOCK, (off_t)(slot / ACK_FILES) * ACK_BLOCK) != ACK_BLOCK || (n & 1 ? fsync(fd) : fdatasync(fd)))
            failed("acks", "writer %u block %u", writer, n);
        int len = snprintf(line, sizeof(line), "ACK %u %u\n", writer, n);
        if (write(1, line, (size_t)len) != len || close(fd))
            failed("acks", "report");
    }
    return NULL;
}

static void test_acks(void)
{
    unsigned numbers[ACK_WRITERS];
    pthread_t t[ACK_WRITERS];
    close(wait_for_disk(O_RDWR));
    if (mount(path, "/mnt", "ext4", 0, NULL)) {
        failed("acks", "mount");
        return;
    }
    for (unsigned i = 0; i < ACK_WRITERS; i++) {
        numbers[i] = i;
        pthread_create(&t[i], NULL, write_for_ever, &numbers[i]);
    }
    pthread_join(t[0], NULL);
}

/* ---- Speed ---- */

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

typedef struct Load {
    int fd, write, random, number;
    size_t size;
    long long bytes;
    double until;
} Load;

static void *load(void *opaque)
{
    Load *l = opaque;
    uint8_t *buf;
    if (posix_memalign((void **)&buf, 4096, l->size))
        abort();
    memset(buf, 0x5a, l->size);
    uint64_t x = 88172645463325252ull + (uint64_t)l->number, at = (uint64_t)l->number * 8 << 20;
    while (now() < l->until) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        uint64_t where = (l->random ? x : at) % (uint64_t)(disk_size - (long long)l->size) / l->size * l->size;
        ssize_t n = l->write ? pwrite(l->fd, buf, l->size, (off_t)where) : pread(l->fd, buf, l->size, (off_t)where);
        if (n != (ssize_t)l->size)
            failed("speed", "%zd", n);
        at += l->size;
        l->bytes += n;
    }
    free(buf);
    return NULL;
}

static void test_speed(void)
{
    static const struct { const char *name; int write, random, threads; size_t size; } rows[] = {
        { "seq-read-1M", 0, 0, 1, 1 << 20 }, { "seq-write-1M", 1, 0, 1, 1 << 20 }, { "rand-read-4k", 0, 1, 1, 4096 },
        { "rand-write-4k", 1, 1, 1, 4096 }, { "rand-read-4k-x8", 0, 1, 8, 4096 }, { "rand-write-4k-x8", 1, 1, 8, 4096 },
    };
    int fd = wait_for_disk(O_RDWR | O_DIRECT);
    for (unsigned r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        pthread_t t[8];
        Load l[8];
        long long bytes = 0;
        double begin = now();
        for (int i = 0; i < rows[r].threads; i++) {
            l[i] = (Load){ fd, rows[r].write, rows[r].random, i, rows[r].size, 0, begin + 2 };
            pthread_create(&t[i], NULL, load, &l[i]);
        }
        for (int i = 0; i < rows[r].threads; i++) {
            pthread_join(t[i], NULL);
            bytes += l[i].bytes;
        }
        printf("speed %s %.0f KiB/s\n", rows[r].name, (double)bytes / 1024 / (now() - begin));
    }
}

static void test_probe(void)
{
    if (disk[0])
        close(wait_for_disk(O_RDONLY));
    char *ls[] = { "sh", "-c", "busybox cat /proc/partitions; for d in /sys/block/*; do echo \"$d $(busybox cat $d/device/model $d/serial $d/device/serial 2>/dev/null)\"; done; "
        "busybox cat /sys/class/misc/hw_random/rng_current 2>/dev/null; busybox head -c 64 /dev/hwrng 2>/dev/null | busybox md5sum; busybox ls /dev/hvc* /dev/vport* 2>/dev/null; "
        "busybox grep -i virtio /proc/interrupts", NULL };
    run(ls);
}

static void test_cd(void)
{
    close(wait_for_disk(O_RDONLY | O_NONBLOCK));
    if (mount(path, "/mnt", "iso9660", MS_RDONLY, NULL))
        failed("cd", "mount");
    char *ls[] = { "sh", "-c", "busybox find /mnt -type f | busybox sort | busybox xargs busybox md5sum", NULL };
    if (!run(ls))
        printf("ok cd\n");
}

int main(void)
{
    static const struct { const char *name; void (*fn)(void); } tests[] = {
        { "raw", test_raw }, { "fs", test_fs }, { "speed", test_speed }, { "probe", test_probe }, { "cd", test_cd },
        { "acks", test_acks }, { "fill", test_fill },
    };
    setvbuf(stdout, NULL, _IOLBF, 0);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    int console = open("/dev/console", O_RDWR);
    if (console >= 0) {
        dup2(console, 0);
        dup2(console, 1);
        dup2(console, 2);
    }
    read_cmdline();
    load_modules();
    for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        for (char *t = strdup(test), *word; (word = strsep(&t, ","));) {
            if (!strcmp(word, tests[i].name))
                tests[i].fn();
        }
    }
    off();
}
