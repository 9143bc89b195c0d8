/* SPDX-License-Identifier: MIT */
/*
 * The "file" protocol: regular files and host block devices. Images are locked with open-file-description locks on the bytes that
 * other emulators and image tools use for the same, so that two writers of one image find each other: byte 100 + p is held shared by whoever uses
 * permission p, byte 200 + p by whoever will not share it.
 */
#include "aio.h"
#include "block/block.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct FileState {
    int fd;
    bool device;
    bool no_punch, no_zero; /* the file system cannot; set by any thread, never cleared */
    const AioEngine *engine; /* of direct transfers, NULL: threads */
} FileState;

enum { PERM_READ, PERM_WRITE, PERM_WRITE_UNCHANGED, PERM_RESIZE, PERMS };
static const char *const perm_names[PERMS] = { "consistent read", "write", "write unchanged", "resize" };

/* ---- Locks ---- */

static bool lock_byte(int fd, off_t byte)
{
    struct flock l = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
    return fcntl(fd, F_OFD_SETLK, &l) == 0 || errno == EINVAL || errno == ENOLCK || errno == EOPNOTSUPP;
}

static bool byte_taken(int fd, off_t byte)
{
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
    return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

static bool lock_image(BlockNode *n, int fd, Error **errp)
{
    unsigned used = n->read_only ? 1 << PERM_READ : 1 << PERM_READ | 1 << PERM_WRITE | 1 << PERM_RESIZE;
    unsigned unshared = 1 << PERM_WRITE | 1 << PERM_RESIZE;
    for (unsigned p = 0; p < PERMS; p++) {
        bool ok = (!(used >> p & 1) || lock_byte(fd, 100 + p)) && (!(unshared >> p & 1) || lock_byte(fd, 200 + p));
        bool wanted = ok && used >> p & 1 && byte_taken(fd, 200 + p), shared = ok && unshared >> p & 1 && byte_taken(fd, 100 + p);
        if (!ok || wanted || shared) {
            error_setg(errp, "Failed to get %s\"%s\" lock", shared && !wanted ? "shared " : "", perm_names[p]);
            error_append_hint(errp, "Is another process using the image [%s]?\n", n->filename);
            return false;
        }
    }
    return true;
}

/* ---- Opening ---- */

static const char *const file_keys[] = { "filename", "aio", "locking", NULL };

static bool file_size(int fd, bool device, uint64_t *size)
{
    off_t end = lseek(fd, 0, SEEK_END);
    if (device && end <= 0)
        return ioctl(fd, BLKGETSIZE64, size) == 0;
    *size = end < 0 ? 0 : (uint64_t)end;
    return end >= 0;
}

static bool set_up(BlockNode *n, FileState *s, Error **errp)
{
    struct stat st;
    if (fstat(s->fd, &st) < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", n->filename);
        return false;
    }
    s->device = S_ISBLK(st.st_mode);
    if (!S_ISREG(st.st_mode) && !s->device) {
        error_setg(errp, "Could not open '%s': %s", n->filename, S_ISDIR(st.st_mode) ? "Is a directory" : "not a regular file or block device");
        return false;
    }
    if (!file_size(s->fd, s->device, &n->size)) {
        error_setg_errno(errp, errno, "Could not get the size of '%s'", n->filename);
        return false;
    }
    return n->flags & BLOCK_NO_LOCK || lock_image(n, s->fd, errp);
}

/* What O_DIRECT wants of addresses and offsets, as far as the host says. */
static uint32_t direct_alignment(int fd)
{
#ifdef STATX_DIOALIGN
    struct statx x;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &x) == 0 && x.stx_mask & STATX_DIOALIGN && x.stx_dio_offset_align) {
        uint32_t align = MAX(x.stx_dio_offset_align, x.stx_dio_mem_align);
        if (align >= BLOCK_SECTOR && align <= 65536 && !(align & (align - 1)))
            return align;
    }
#endif
    return 4096;
}

/* ---- aio= ---- */

static const struct {
    const char *mode;
    int flag;
    const AioEngine *engine; /* NULL: not in this build */
} aio_modes[] = {
    { "threads", 0, &aio_cached },
#ifdef CONFIG_LINUX_AIO
    { "native", BLOCK_AIO_NATIVE, &aio_native },
#else
    { "native", BLOCK_AIO_NATIVE, NULL },
#endif
#ifdef CONFIG_LIBURING
    { "io_uring", BLOCK_AIO_URING, &aio_uring },
#else
    { "io_uring", BLOCK_AIO_URING, NULL },
#endif
};

bool block_aio_flags(const char *mode, int *flags)
{
    for (unsigned i = 0; i < ARRAY_SIZE(aio_modes); i++) {
        if (strcmp(mode, aio_modes[i].mode))
            continue;
        *flags = (*flags & ~(BLOCK_AIO_NATIVE | BLOCK_AIO_URING)) | aio_modes[i].flag;
        return true;
    }
    return false;
}

/* The option of this file, or what its drive said. */
static bool parse_aio(BlockNode *n, OptGroup *o, const char *prefix, Error **errp)
{
    g_autofree char *key = g_strconcat(prefix, "aio", NULL);
    const char *mode = o ? opts_get(o, key) : NULL;
    if (!mode || block_aio_flags(mode, &n->flags))
        return true;
    error_setg(errp, "Parameter 'aio' does not accept value '%s'", mode);
    return false;
}

static bool choose_engine(BlockNode *n, FileState *s, Error **errp)
{
    for (unsigned i = 1; i < ARRAY_SIZE(aio_modes); i++) {
        if (!(n->flags & aio_modes[i].flag))
            continue;
        const char *mode = aio_modes[i].mode;
        s->engine = aio_modes[i].engine;
        if (!s->engine)
            error_setg(errp, "aio=%s was specified, but is not supported in this build.", mode);
        else if (n->flags & BLOCK_AIO_NATIVE && !(n->flags & BLOCK_NOCACHE))
            error_setg(errp, "aio=native was specified, but it requires cache.direct=on, which was not specified.");
        else
            return s->engine->start(errp);
        return false;
    }
    return true;
}

static bool file_open(BlockNode *n, OptGroup *o, const char *prefix, Error **errp)
{
    FileState *s = n->state;
    char *key = g_strconcat(prefix, "locking", NULL);
    const char *locking = o ? opts_get(o, key) : NULL;
    if (locking && !strcmp(locking, "off"))
        n->flags |= BLOCK_NO_LOCK;
    g_free(key);
    if (locking && strcmp(locking, "off") && strcmp(locking, "on") && strcmp(locking, "auto")) {
        error_setg(errp, "invalid parameter value: %s (locking is on, off or auto)", locking);
        return false;
    }
    if (!n->filename[0]) {
        error_setg(errp, "The 'file' block driver requires a file name");
        return false;
    }
    if (!parse_aio(n, o, prefix, errp))
        return false;
    int flags = (n->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | (n->flags & BLOCK_NOCACHE ? O_DIRECT : 0);
    s->fd = open(n->filename, flags);
    if (s->fd < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", n->filename);
        return false;
    }
    if (n->flags & BLOCK_NOCACHE)
        n->align = direct_alignment(s->fd);
    if (!choose_engine(n, s, errp) || !set_up(n, s, errp)) {
        close(s->fd);
        return false;
    }
    return true;
}

/* A descriptor of the other kind takes the place of the first, and its locks. */
static bool file_set_writable(BlockNode *n, bool on, Error **errp)
{
    FileState *s = n->state;
    int fd = open(n->filename, (on ? O_RDWR : O_RDONLY) | O_CLOEXEC | (n->flags & BLOCK_NOCACHE ? O_DIRECT : 0));
    if (fd < 0) {
        error_setg_errno(errp, errno, "Could not reopen '%s'", n->filename);
        return false;
    }
    int old = s->fd;
    struct stat a, b;
    if (fstat(old, &a) < 0 || fstat(fd, &b) < 0 || a.st_ino != b.st_ino || a.st_dev != b.st_dev) {
        close(fd);
        error_setg(errp, "Could not reopen '%s': the file was replaced", n->filename);
        return false;
    }
    close(old); /* its locks would be in the way */
    s->fd = fd;
    if (n->flags & BLOCK_NO_LOCK || lock_image(n, fd, errp))
        return true;
    n->read_only = on;
    struct flock none = { .l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 200 };
    fcntl(fd, F_OFD_SETLK, &none);
    lock_image(n, fd, NULL);
    return false;
}

static void file_close(BlockNode *n)
{
    close(((FileState *)n->state)->fd);
}

/* ---- I/O ---- */

/* Transfers all of v. Past the end of the file a read gives zeroes. */
static int transfer(BlockNode *n, uint64_t offset, const BlockVec *v, bool write)
{
    FileState *s = n->state;
    struct iovec *parts = v->n <= 32 ? g_alloca(sizeof(*parts) * 32) : g_new(struct iovec, v->n);
    uint64_t done = 0;
    int ret = 0;
    while (done < v->size) {
        BlockVec rest = block_vec_slice(v, done, v->size - done, parts);
        int count = (int)MIN(rest.n, 1024u);
        ssize_t r = write ? pwritev(s->fd, rest.v, count, (off_t)(offset + done)) : preadv(s->fd, rest.v, count, (off_t)(offset + done));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0) {
            ret = -errno;
            break;
        }
        if (r == 0) {
            if (write)
                ret = -ENOSPC;
            else
                block_vec_zero(v, done, v->size - done);
            break;
        }
        done += (uint64_t)r;
    }
    if (v->n > 32)
        g_free(parts);
    return ret;
}

/* The file grew: the size only ever goes up here. */
static void note_end(BlockNode *n, uint64_t end)
{
    uint64_t was = block_size(n);
    while (was < end && !__atomic_compare_exchange_n(&n->size, &was, end, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

static int file_read(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    return transfer(n, offset, v, false);
}

static int file_write(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    int ret = transfer(n, offset, v, true);
    if (ret == 0)
        note_end(n, offset + v->size);
    return ret;
}

/*
 * Inside the file as it is now: past its end, threads know what to do. Writes to the page cache are a thread's in any case: the host's io_uring gives
 * them to threads of its own, one after the other, whose ends take longer to come here.
 */
static bool file_direct(BlockNode *n, bool write, uint64_t offset, const BlockVec *v, BlockDirect *out)
{
    const FileState *s = n->state;
    const AioEngine *engine = s->engine, *then = NULL;
    if (!write && !(n->flags & BLOCK_NOCACHE) && !n->always_waits) {
        then = engine;
        engine = &aio_cached;
    } else if (write && !(n->flags & BLOCK_NOCACHE)) {
        engine = NULL;
    }
    uint64_t end = block_size(n);
    if (!engine || v->n > AIO_PARTS_MAX || offset > end || v->size > end - offset)
        return false;
    *out = (BlockDirect){ n, s->fd, offset, engine, then };
    return true;
}

static int file_discard(BlockNode *n, uint64_t offset, uint64_t size)
{
    FileState *s = n->state;
    if (s->no_punch)
        return -ENOTSUP;
    uint64_t range[2] = { offset, size };
    int r = s->device ? ioctl(s->fd, BLKDISCARD, range)
                      : fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size);
    if (r == 0)
        return 0;
    if (errno == EOPNOTSUPP || errno == ENOTSUP || errno == ENOTTY || errno == ENODEV) {
        s->no_punch = true;
        return -ENOTSUP;
    }
    return -errno;
}

static int file_write_zeroes(BlockNode *n, uint64_t offset, uint64_t size, bool unmap)
{
    FileState *s = n->state;
    uint64_t end = block_size(n);
    if (!s->device && offset >= end) { /* what lies past the end reads as zeroes once the file is that long */
        if (ftruncate(s->fd, (off_t)(offset + size)) < 0)
            return -errno;
        note_end(n, offset + size);
        return 0;
    }
    if (s->device)
        return -ENOTSUP;
    if (unmap && offset + size <= end && file_discard(n, offset, size) == 0)
        return 0;
    if (s->no_zero)
        return -ENOTSUP;
    if (fallocate(s->fd, FALLOC_FL_ZERO_RANGE, (off_t)offset, (off_t)size) == 0) {
        note_end(n, offset + size);
        return 0;
    }
    if (errno == EOPNOTSUPP || errno == ENOTSUP) {
        s->no_zero = true;
        return -ENOTSUP;
    }
    return -errno;
}

static int file_flush(BlockNode *n)
{
    if (n->flags & BLOCK_NO_FLUSH)
        return 0;
    return fdatasync(((FileState *)n->state)->fd) < 0 ? -errno : 0;
}

static int file_truncate(BlockNode *n, uint64_t size, const char *prealloc, Error **errp)
{
    FileState *s = n->state;
    int ret = 0;
    uint64_t old = block_size(n);
    if (s->device) {
        if (size <= old)
            return 0;
        error_setg(errp, "Cannot grow device files");
        return -EINVAL;
    }
    if (ftruncate(s->fd, (off_t)size) < 0)
        ret = -errno;
    if (ret == 0 && prealloc && size > old && !strcmp(prealloc, "falloc"))
        ret = -posix_fallocate(s->fd, (off_t)old, (off_t)(size - old));
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not resize file");
        return ret;
    }
    __atomic_store_n(&n->size, size, __ATOMIC_RELAXED);
    return prealloc && size > old && !strcmp(prealloc, "full") ? block_write_zeroes(n, old, size - old, false) : 0;
}

static int file_status(BlockNode *n, uint64_t offset, uint64_t *size, uint64_t *map)
{
    FileState *s = n->state;
    *map = offset;
    if (s->device)
        return BLOCK_DATA | BLOCK_ALLOCATED | BLOCK_OFFSET;
    off_t data = lseek(s->fd, (off_t)offset, SEEK_DATA);
    if (data < 0 && errno == ENXIO) /* a hole to the end */
        return BLOCK_ZERO | BLOCK_ALLOCATED | BLOCK_OFFSET;
    if (data < 0)
        return BLOCK_DATA | BLOCK_ALLOCATED | BLOCK_OFFSET;
    if ((uint64_t)data > offset) {
        *size = MIN(*size, (uint64_t)data - offset);
        return BLOCK_ZERO | BLOCK_ALLOCATED | BLOCK_OFFSET;
    }
    off_t hole = lseek(s->fd, (off_t)offset, SEEK_HOLE);
    if (hole > data)
        *size = MIN(*size, (uint64_t)hole - offset);
    return BLOCK_DATA | BLOCK_ALLOCATED | BLOCK_OFFSET;
}

static int64_t file_allocated(BlockNode *n)
{
    struct stat st;
    return fstat(((FileState *)n->state)->fd, &st) < 0 ? -errno : (int64_t)st.st_blocks * 512;
}

static const char *const file_create_keys[] = { "size=Virtual disk size", "preallocation=Preallocation mode (allowed values: off, falloc, full)",
                                                "nocow=Turn off copy-on-write (valid only on btrfs)", NULL };

static bool file_create(const char *filename, OptGroup *o, Error **errp)
{
    uint64_t size = 0;
    const char *prealloc = opts_get(o, "preallocation");
    opts_get(o, "nocow");
    if (!opts_get_size(o, "size", &size, errp))
        return false;
    if (prealloc && strcmp(prealloc, "off") && strcmp(prealloc, "falloc") && strcmp(prealloc, "full")) {
        error_setg(errp, "Invalid parameter '%s'", prealloc);
        return false;
    }
    if (g_str_has_prefix(filename, "file:"))
        filename += 5;
    int fd = open(filename, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Could not create '%s'", filename);
        return false;
    }
    close(fd);
    /* Locked before it is emptied: an image in use stays as it is. */
    OptGroup *none = opts_parse("create", "", NULL, NULL);
    opts_set(none, "driver", "file");
    BlockNode *n = block_open(none, "", filename, BLOCK_RDWR, errp);
    opts_free(none);
    if (!n)
        return false;
    bool ok = block_truncate(n, 0, NULL, errp) == 0 && block_truncate(n, size, prealloc, errp) == 0;
    block_unref(n);
    return ok;
}

static const BlockDriver file_driver = {
    .name = "file", .desc = "files and block devices of the host", .protocol = true, .state_size = sizeof(FileState), .keys = file_keys,
    .open = file_open, .close = file_close, .read = file_read, .write = file_write, .direct = file_direct, .write_zeroes = file_write_zeroes,
    .discard = file_discard, .flush = file_flush, .truncate = file_truncate, .status = file_status, .allocated = file_allocated,
    .create_keys = file_create_keys, .create = file_create, .set_writable = file_set_writable,
};
block_driver(file_driver)

/* Block devices by their own name, as some command lines have it. */
static const BlockDriver host_device_driver = {
    .name = "host_device", .desc = "block devices of the host", .protocol = true, .state_size = sizeof(FileState), .keys = file_keys,
    .open = file_open, .close = file_close, .read = file_read, .write = file_write, .direct = file_direct, .write_zeroes = file_write_zeroes,
    .discard = file_discard, .flush = file_flush, .truncate = file_truncate, .status = file_status, .allocated = file_allocated,
    .set_writable = file_set_writable,
};
block_driver(host_device_driver)
