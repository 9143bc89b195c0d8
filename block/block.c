/* SPDX-License-Identifier: MIT */
/*
 * The graph of block nodes: drivers, opening with probing, children, backing files, and I/O on a node with what all drivers would
 * otherwise check: ranges, read-only, alignment, functions a driver lacks.
 */
#include "bitmap.h"
#include "gate.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define DRIVERS_MAX 32
#define PROBE_BYTES 2048
#define CHAIN_MAX 64 /* backing files in a row: more is a loop or a mistake */

static const BlockDriver *drivers[DRIVERS_MAX];
static unsigned ndrivers;
static BlockNode *nodes; /* machine lock */
static unsigned depth;   /* of nested opens */

/* ---- Drivers ---- */

void block_driver_register(const BlockDriver *d)
{
    g_assert(ndrivers < DRIVERS_MAX);
    unsigned i = ndrivers++;
    for (; i && strcmp(drivers[i - 1]->name, d->name) > 0; i--)
        drivers[i] = drivers[i - 1];
    drivers[i] = d;
}

const BlockDriver *block_driver_find(const char *name)
{
    for (unsigned i = 0; i < ndrivers; i++) {
        if (!strcmp(drivers[i]->name, name))
            return drivers[i];
    }
    return NULL;
}

void block_driver_foreach(void (*fn)(const BlockDriver *d, void *opaque), void *opaque)
{
    for (unsigned i = 0; i < ndrivers; i++)
        fn(drivers[i], opaque);
}

static const BlockDriver *probe(BlockNode *file)
{
    uint8_t head[PROBE_BYTES] = { 0 };
    uint64_t size = block_size(file), len = size < sizeof(head) ? size : sizeof(head);
    const BlockDriver *best = block_driver_find("raw");
    int best_score = 1;
    if (len && block_read(file, 0, head, len) < 0)
        return best;
    for (unsigned i = 0; i < ndrivers; i++) {
        int score = drivers[i]->probe && !drivers[i]->protocol ? drivers[i]->probe(head, len, file->filename) : 0;
        if (score > best_score) {
            best = drivers[i];
            best_score = score;
        }
    }
    return best;
}

/* ---- Nodes ---- */

static char *key_of(const char *prefix, const char *key)
{
    return g_strconcat(prefix, key, NULL);
}

static const char *get(OptGroup *o, const char *prefix, const char *key)
{
    char *k = key_of(prefix, key);
    const char *v = o ? opts_get(o, k) : NULL;
    g_free(k);
    return v;
}

static bool has_prefix(const OptGroup *o, const char *prefix)
{
    for (unsigned i = 0; o && i < o->count; i++) {
        if (g_str_has_prefix(o->opts[i].key, prefix))
            return true;
    }
    return false;
}

BlockNode *block_find_node(const char *node_name)
{
    for (BlockNode *n = nodes; n; n = n->next) {
        if (n->node_name && !strcmp(n->node_name, node_name))
            return n;
    }
    return NULL;
}

BlockNode *block_first_node(void)
{
    return nodes;
}

BlockNode *block_ref(BlockNode *n)
{
    if (n)
        n->refs++;
    return n;
}

static void node_free(BlockNode *n)
{
    for (BlockNode **p = &nodes; *p; p = &(*p)->next) {
        if (*p == n) {
            *p = n->next;
            break;
        }
    }
    block_unref(n->file);
    block_unref(n->backing);
    block_unref(n->data_file);
    block_bitmaps_free(n);
    pthread_mutex_destroy(&n->bitmap_lock);
    g_free(n->state);
    g_free(n->node_name);
    g_free(n->filename);
    g_free(n->backing_file);
    g_free(n->backing_format);
    g_free(n);
}

void block_unref(BlockNode *n)
{
    if (!n || --n->refs)
        return;
    if (n->drv->close)
        n->drv->close(n);
    node_free(n);
}

void block_replace_child(BlockNode *old, BlockNode *by)
{
    for (BlockNode *n = nodes; n; n = n->next) {
        BlockNode **place = n->file == old ? &n->file : n->backing == old ? &n->backing : n->data_file == old ? &n->data_file : NULL;
        if (n == by || !place)
            continue;
        *place = block_ref(by);
        block_unref(old);
    }
}

bool block_is_child(const BlockNode *n)
{
    for (const BlockNode *each = nodes; each; each = each->next)
        if (each->file == n || each->backing == n || each->data_file == n)
            return true;
    return false;
}

static BlockNode *node_new(const BlockDriver *drv, const char *filename, int flags)
{
    static unsigned anonymous;
    BlockNode *n = g_new0(BlockNode, 1);
    n->drv = drv;
    n->state = g_malloc0(drv->state_size ? drv->state_size : 1);
    n->filename = g_strdup(filename ? filename : "");
    n->node_name = g_strdup_printf("#block%03u", anonymous++);
    n->flags = flags;
    n->read_only = !(flags & BLOCK_RDWR);
    n->align = 1;
    n->refs = 1;
    pthread_mutex_init(&n->bitmap_lock, NULL);
    n->next = nodes;
    nodes = n;
    return n;
}

char *block_relative_name(const char *base, const char *name)
{
    const char *slash = strrchr(base, '/');
    if (name[0] == '/' || strstr(name, "://") || !slash)
        return g_strdup(name);
    return g_strdup_printf("%.*s/%s", (int)(slash - base), base, name);
}

BlockNode *block_open_backing(const char *base, const char *name, const char *format, Error **errp)
{
    char *full = block_relative_name(base, name);
    BlockNode *n = block_open_file(full, format, BLOCK_NO_LOCK, errp);
    g_free(full);
    if (!n)
        error_prepend(errp, "Could not open backing file: ");
    return n;
}

/* The flags an open option changes. */
static bool node_flags(OptGroup *o, const char *prefix, int *flags, Error **errp)
{
    static const struct {
        const char *key;
        int flag;
        bool inverse;
    } rows[] = {
        { "read-only", BLOCK_RDWR, true }, { "cache.direct", BLOCK_NOCACHE, false }, { "cache.no-flush", BLOCK_NO_FLUSH, false },
        { "force-share", BLOCK_NO_LOCK, false },
    };
    for (unsigned i = 0; o && i < ARRAY_SIZE(rows); i++) {
        char *k = key_of(prefix, rows[i].key);
        bool was = !!(*flags & rows[i].flag) != rows[i].inverse, v = was;
        bool ok = opts_get_bool(o, k, &v, errp);
        g_free(k);
        if (!ok)
            return false;
        *flags = v != rows[i].inverse ? *flags | rows[i].flag : *flags & ~rows[i].flag;
    }
    const char *discard = o ? get(o, prefix, "discard") : NULL;
    if (discard && (!strcmp(discard, "unmap") || !strcmp(discard, "on")))
        *flags |= BLOCK_UNMAP;
    else if (discard && strcmp(discard, "ignore") && strcmp(discard, "off")) {
        error_setg(errp, "Parameter 'discard' does not accept value '%s' (unmap or ignore)", discard);
        return false;
    }
    const char *zeroes = o ? get(o, prefix, "detect-zeroes") : NULL;
    if (zeroes && strcmp(zeroes, "off") && strcmp(zeroes, "on") && strcmp(zeroes, "unmap")) {
        error_setg(errp, "Parameter 'detect-zeroes' does not accept value '%s'", zeroes);
        return false;
    }
    if (zeroes && !strcmp(zeroes, "unmap") && !(*flags & BLOCK_UNMAP)) {
        error_setg(errp, "setting detect-zeroes to unmap is not allowed without setting discard operation to unmap");
        return false;
    }
    if (zeroes)
        *flags = (*flags & ~(BLOCK_DETECT_ZEROES | BLOCK_DETECT_UNMAP)) | (strcmp(zeroes, "off") ? BLOCK_DETECT_ZEROES : 0) |
                 (strcmp(zeroes, "unmap") ? 0 : BLOCK_DETECT_UNMAP);
    return true;
}

/* What images below inherit. */
static int child_flags(int flags)
{
    return flags & ~(BLOCK_DETECT_ZEROES | BLOCK_DETECT_UNMAP);
}

/* Opens the backing file the header names, or the options do; "" and null say there is none. */
static bool open_backing(BlockNode *n, OptGroup *o, const char *prefix, Error **errp)
{
    char *sub = key_of(prefix, "backing.");
    const char *given = o ? get(o, prefix, "backing") : NULL;
    int flags = child_flags(n->flags & ~(BLOCK_RDWR | BLOCK_UNMAP | BLOCK_CHECK));
    bool ok = true;
    if (!n->drv->backing || n->flags & BLOCK_NO_BACKING || (given && (!given[0] || !strcmp(given, "null")))) {
        /* stands alone */
    } else if (given) {
        n->backing = block_ref(block_find_node(given));
        ok = n->backing != NULL;
        if (!ok)
            error_setg(errp, "Cannot find device='' nor node-name='%s'", given);
    } else if (has_prefix(o, sub)) {
        n->backing = block_open(o, sub, NULL, flags, errp);
        ok = n->backing != NULL;
    } else if (n->backing_file) {
        char *name = block_relative_name(n->filename, n->backing_file);
        n->backing = block_open_file(name, n->backing_format, flags, errp);
        ok = n->backing != NULL;
        if (!ok)
            error_prepend(errp, "Could not open backing file: ");
        g_free(name);
    }
    g_free(sub);
    return ok;
}

static bool set_node_name(BlockNode *n, const char *name, Error **errp)
{
    if (!name)
        return true;
    if (!name[0] || strlen(name) > 31 || !g_ascii_isalpha(name[0])) {
        error_setg(errp, "Invalid node-name: '%s'", name);
        return false;
    }
    if (block_find_node(name)) {
        error_setg(errp, "Duplicate nodes with node-name='%s'", name);
        return false;
    }
    g_free(n->node_name);
    n->node_name = g_strdup(name);
    return true;
}

static BlockNode *open_with(const BlockDriver *drv, OptGroup *o, const char *prefix, const char *filename, int flags, BlockNode *file,
                            Error **errp)
{
    BlockNode *n = node_new(drv, filename, flags);
    n->file = file;
    if (file)
        n->read_only |= file->read_only;
    for (unsigned i = 0; drv->keys && drv->keys[i]; i++)
        get(o, prefix, drv->keys[i]); /* known, if only to be accepted */
    if (!set_node_name(n, get(o, prefix, "node-name"), errp) || !drv->open(n, o, prefix, errp)) {
        node_free(n);
        return NULL;
    }
    if (!open_backing(n, o, prefix, errp)) {
        block_unref(n);
        return NULL;
    }
    return n;
}

/* The node below a format: the options' file, file.*, or the file name. Without a driver of its own that is a protocol, but below filters. */
static BlockNode *open_below(const BlockDriver *above, OptGroup *o, const char *prefix, const char *filename, int flags, Error **errp)
{
    char *sub = key_of(prefix, "file.");
    const char *name = get(o, prefix, "file");
    BlockNode *file = NULL;
    flags = child_flags(flags);
    if (name && !filename && (file = block_find_node(name))) {
        block_ref(file);
    } else if (has_prefix(o, sub)) {
        /* file=NAME,file.KEY=VALUE: the name goes with what else is said of the file. */
        char *driver = key_of(sub, "driver"), *own_name = key_of(sub, "filename");
        const char *f = opts_get(o, own_name) ? NULL : filename ? filename : name;
        if (!opts_get(o, driver) && !(above && above->filter))
            opts_set(o, driver, "file");
        g_free(driver);
        g_free(own_name);
        file = block_open(o, sub, f && g_str_has_prefix(f, "file:") ? f + 5 : f, flags, errp);
    } else if (filename || name) {
        const BlockDriver *drv = block_driver_find("file");
        const char *f = filename ? filename : name;
        if (g_str_has_prefix(f, "file:"))
            f += 5;
        else if (g_str_has_prefix(f, "null-co:") || g_str_has_prefix(f, "null-aio:"))
            drv = block_driver_find("null-co");
        file = open_with(drv, NULL, "", f, flags & ~BLOCK_UNMAP, NULL, errp);
        if (file && flags & BLOCK_UNMAP)
            file->flags |= BLOCK_UNMAP;
    } else {
        error_setg(errp, "A block device must be specified for \"file\"");
    }
    g_free(sub);
    return file;
}

static BlockNode *open_node(OptGroup *o, const char *prefix, const char *filename, int flags, Error **errp)
{
    const char *driver = get(o, prefix, "driver");
    if (!filename)
        filename = get(o, prefix, "filename");
    if (!node_flags(o, prefix, &flags, errp))
        return NULL;
    const BlockDriver *drv = driver ? block_driver_find(driver) : NULL;
    if (driver && !drv) {
        const char *names[DRIVERS_MAX + 1] = { NULL };
        for (unsigned i = 0; i < ndrivers; i++)
            names[i] = drivers[i]->name;
        const char *near = nearest_word(driver, names);
        error_setg(errp, "Unknown driver '%s'%s%s%s", driver, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        return NULL;
    }
    if (drv && drv->protocol)
        return open_with(drv, o, prefix, filename, flags, NULL, errp);
    BlockNode *file = open_below(drv, o, prefix, filename, flags, errp);
    if (!file)
        return NULL;
    if (!drv)
        drv = probe(file);
    BlockNode *n = open_with(drv, o, prefix, file->filename, flags, file, errp);
    return n;
}

BlockNode *block_open(OptGroup *o, const char *prefix, const char *filename, int flags, Error **errp)
{
    if (depth >= CHAIN_MAX) {
        error_setg(errp, "more than %d images stand on each other", CHAIN_MAX);
        return NULL;
    }
    depth++;
    BlockNode *n = open_node(o, prefix, filename, flags, errp);
    depth--;
    return n;
}

BlockNode *block_open_file(const char *filename, const char *format, int flags, Error **errp)
{
    OptGroup *o = opts_parse("image", "", NULL, NULL);
    if (format)
        opts_set(o, "driver", format);
    BlockNode *n = block_open(o, "", filename, flags, errp);
    opts_free(o);
    return n;
}

bool block_set_writable(BlockNode *n, bool on, Error **errp)
{
    if (n->read_only == !on)
        return true;
    if (!on)
        block_flush(n);
    if (on && ((n->file && !block_set_writable(n->file, true, errp)) || (n->data_file && !block_set_writable(n->data_file, true, errp))))
        return false;
    n->read_only = !on;
    n->flags = on ? n->flags | BLOCK_RDWR : n->flags & ~BLOCK_RDWR;
    if (n->drv->set_writable && !n->drv->set_writable(n, on, errp)) {
        n->read_only = on;
        n->flags = on ? n->flags & ~BLOCK_RDWR : n->flags | BLOCK_RDWR;
        return false;
    }
    return on || ((!n->data_file || block_set_writable(n->data_file, false, errp)) && (!n->file || block_set_writable(n->file, false, errp)));
}

bool block_create(const char *format, const char *filename, OptGroup *o, Error **errp)
{
    const BlockDriver *d = block_driver_find(format);
    if (!d) {
        error_setg(errp, "Unknown file format '%s'", format);
        return false;
    }
    if (!d->create) {
        error_setg(errp, "Format driver '%s' does not support image creation", format);
        return false;
    }
    return d->create(filename, o, errp);
}

BlockNode *block_create_file(const char *filename, Error **errp)
{
    OptGroup *none = opts_parse("create", "", NULL, errp);
    bool ok = none && block_create("file", filename, none, errp);
    opts_free(none);
    return ok ? block_open_file(g_str_has_prefix(filename, "file:") ? filename + 5 : filename, "file", BLOCK_RDWR, errp) : NULL;
}

void block_snapshots_free(BlockSnapshot *s, int n)
{
    for (int i = 0; i < n; i++) {
        g_free(s[i].id);
        g_free(s[i].name);
    }
    g_free(s);
}

/* ---- I/O ---- */

static int check_range(const BlockNode *n, uint64_t offset, uint64_t size)
{
    uint64_t end = block_size(n);
    return offset > end || size > end - offset ? -EIO : 0;
}

static bool aligned(const BlockNode *n, uint64_t offset, const BlockVec *v)
{
    uint64_t mask = n->align - 1;
    if ((offset | v->size) & mask)
        return false;
    for (unsigned i = 0; i < v->n; i++) {
        if (((uintptr_t)v->v[i].iov_base | v->v[i].iov_len) & mask)
            return false;
    }
    return true;
}

/* O_DIRECT and the like: through a buffer of whole aligned blocks. */
static int bounce(BlockNode *n, uint64_t offset, const BlockVec *v, bool write)
{
    uint64_t mask = n->align - 1, first = offset & ~mask, end = (offset + v->size + mask) & ~mask;
    void *buf = NULL;
    if (posix_memalign(&buf, MAX(n->align, sizeof(void *)), end - first))
        return -ENOMEM;
    struct iovec part = { buf, end - first };
    BlockVec whole = { &part, 1, end - first };
    int ret = 0;
    if (!write || first != offset || end != offset + v->size)
        ret = n->drv->read(n, first, &whole);
    if (ret == 0 && write) {
        block_vec_to(v, 0, (uint8_t *)buf + (offset - first), v->size);
        ret = n->drv->write(n, first, &whole);
    } else if (ret == 0) {
        block_vec_from(v, 0, (uint8_t *)buf + (offset - first), v->size);
    }
    free(buf);
    return ret;
}

int block_readv(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    if (v->size == 0)
        return 0;
    /* Past the end of a file there are zeroes: a disk is whole sectors. */
    int ret = n->drv->protocol ? 0 : check_range(n, offset, v->size);
    if (ret < 0)
        return ret;
    return n->align > 1 && !aligned(n, offset, v) ? bounce(n, offset, v, false) : n->drv->read(n, offset, v);
}

static bool all_zero(const BlockVec *v)
{
    for (unsigned i = 0; i < v->n; i++) {
        const uint8_t *p = v->v[i].iov_base;
        size_t n = v->v[i].iov_len;
        if (n && (p[0] || memcmp(p, p + 1, n - 1)))
            return false;
    }
    return true;
}

static void note_write(BlockNode *n, uint64_t end)
{
    uint64_t was = __atomic_load_n(&n->highest_write, __ATOMIC_RELAXED);
    while (was < end && !__atomic_compare_exchange_n(&n->highest_write, &was, end, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

static void write_done(BlockNode *n, GateRange *r)
{
    block_bitmaps_mark(n, r->first, r->end - r->first); /* one that failed may have changed a part */
    gate_leave(r);
}

static int write_zeroes(BlockNode *n, uint64_t offset, uint64_t size, bool unmap);

static int write_data(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    if (n->flags & BLOCK_DETECT_ZEROES && all_zero(v))
        return write_zeroes(n, offset, v->size, n->flags & BLOCK_DETECT_UNMAP);
    note_write(n, offset + v->size);
    return n->align > 1 && !aligned(n, offset, v) ? bounce(n, offset, v, true) : n->drv->write(n, offset, v);
}

int block_writev(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    if (n->read_only || !n->drv->write)
        return -EROFS;
    if (v->size == 0)
        return 0;
    if (!n->drv->protocol) {
        int ret = check_range(n, offset, v->size);
        if (ret < 0)
            return ret;
    }
    GateRange r;
    gate_enter(n, &r, offset, v->size);
    int ret = write_data(n, offset, v);
    write_done(n, &r);
    return ret;
}

bool block_direct(BlockNode *n, bool write, uint64_t offset, const BlockVec *v, BlockDirect *out)
{
    if (!n->drv->direct || !v->size || (write && (n->read_only || n->flags & BLOCK_DETECT_ZEROES || n->gate || n->bitmaps)) || (n->align > 1 && !aligned(n, offset, v)) ||
        (!n->drv->protocol && check_range(n, offset, v->size) < 0) || !n->drv->direct(n, write, offset, v, out))
        return false;
    if (write)
        note_write(n, offset + v->size);
    return true;
}

int block_write_compressed(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    int ret = n->read_only ? -EROFS : !n->drv->write_compressed ? -ENOTSUP : check_range(n, offset, v->size);
    if (ret < 0 || v->size == 0)
        return ret;
    note_write(n, offset + v->size);
    GateRange r;
    gate_enter(n, &r, offset, v->size);
    ret = n->drv->write_compressed(n, offset, v);
    write_done(n, &r);
    return ret;
}

int block_read(BlockNode *n, uint64_t offset, void *buf, uint64_t size)
{
    struct iovec part = { buf, size };
    return block_readv(n, offset, &(BlockVec){ &part, 1, size });
}

int block_write(BlockNode *n, uint64_t offset, const void *buf, uint64_t size)
{
    struct iovec part = { (void *)buf, size };
    return block_writev(n, offset, &(BlockVec){ &part, 1, size });
}

#define ZERO_CHUNK (1u << 20)
static int write_zeroes_plainly(BlockNode *n, uint64_t offset, uint64_t size)
{
    uint64_t chunk = size < ZERO_CHUNK ? size : ZERO_CHUNK;
    void *buf = g_try_malloc0(chunk);
    int ret = buf ? 0 : -ENOMEM;
    for (uint64_t len; ret == 0 && size; offset += len, size -= len) {
        len = size < chunk ? size : chunk;
        struct iovec part = { buf, len };
        BlockVec v = { &part, 1, len };
        note_write(n, offset + len);
        ret = n->align > 1 && !aligned(n, offset, &v) ? bounce(n, offset, &v, true) : n->drv->write(n, offset, &v);
    }
    g_free(buf);
    return ret;
}

static int write_zeroes(BlockNode *n, uint64_t offset, uint64_t size, bool unmap)
{
    int ret = n->drv->write_zeroes ? n->drv->write_zeroes(n, offset, size, unmap) : -ENOTSUP;
    return ret == -ENOTSUP ? write_zeroes_plainly(n, offset, size) : ret;
}

int block_write_zeroes(BlockNode *n, uint64_t offset, uint64_t size, bool unmap)
{
    if (n->read_only)
        return -EROFS;
    int ret = n->drv->protocol ? 0 : check_range(n, offset, size);
    if (ret < 0 || size == 0)
        return ret;
    GateRange r;
    gate_enter(n, &r, offset, size);
    ret = write_zeroes(n, offset, size, unmap);
    write_done(n, &r);
    return ret;
}

int block_write_unchanged(BlockNode *n, uint64_t offset, const void *buf, uint64_t size)
{
    struct iovec part = { (void *)buf, size };
    int ret = n->read_only ? -EROFS : check_range(n, offset, size);
    if (ret < 0 || !size)
        return ret;
    return buf ? write_data(n, offset, &(BlockVec){ &part, 1, size }) : write_zeroes(n, offset, size, true);
}

int block_discard(BlockNode *n, uint64_t offset, uint64_t size)
{
    if (n->read_only)
        return -EROFS;
    int ret = check_range(n, offset, size);
    if (ret < 0 || size == 0 || !(n->flags & BLOCK_UNMAP) || !n->drv->discard)
        return ret;
    GateRange r;
    gate_enter(n, &r, offset, size);
    ret = n->drv->discard(n, offset, size);
    write_done(n, &r);
    return ret == -ENOTSUP || ret == -EOPNOTSUPP ? 0 : ret; /* a hint */
}

int block_flush(BlockNode *n)
{
    if (n->read_only)
        return 0;
    int ret = n->drv->flush ? n->drv->flush(n) : 0;
    return ret == 0 && n->file ? block_flush(n->file) : ret;
}

int block_truncate(BlockNode *n, uint64_t size, const char *prealloc, Error **errp)
{
    if (n->read_only) {
        error_setg(errp, "Image is read-only");
        return -EROFS;
    }
    if (size > BLOCK_MAX_LENGTH) {
        error_setg(errp, "Required too big image size, it must be not greater than %llu", (unsigned long long)BLOCK_MAX_LENGTH);
        return -EFBIG;
    }
    if (!n->drv->truncate) {
        error_setg(errp, "Image format driver does not support resize");
        return -ENOTSUP;
    }
    int ret = n->drv->truncate(n, size, prealloc, errp);
    if (ret == 0)
        block_bitmaps_resize(n, block_size(n));
    return ret;
}

int block_status(BlockNode *n, uint64_t offset, uint64_t *size, uint64_t *map)
{
    uint64_t unused, end = block_size(n);
    if (!map)
        map = &unused;
    *map = 0;
    if (offset >= end) {
        *size = 0;
        return 0;
    }
    if (*size > end - offset)
        *size = end - offset;
    if (!n->drv->status)
        return BLOCK_DATA | BLOCK_ALLOCATED;
    return n->drv->status(n, offset, size, map);
}

int block_reads_as_zero(BlockNode *n, uint64_t offset, uint64_t *size)
{
    for (; n; n = n->backing) {
        int s = block_status(n, offset, size, NULL);
        if (s < 0)
            return s;
        if (s & (BLOCK_DATA | BLOCK_ZERO))
            return !!(s & BLOCK_ZERO);
        if (n->backing && offset >= block_size(n->backing))
            return 1;
        if (n->backing && *size > block_size(n->backing) - offset)
            *size = block_size(n->backing) - offset;
    }
    return 1;
}
