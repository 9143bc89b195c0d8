/* SPDX-License-Identifier: MIT */
/*
 * Disk images: a graph of nodes, each driven by a format (raw, qcow2 …) on top of another node or by a protocol (file …).
 * What a guest device holds is a BlockBackend; it sends requests and gets their completions in the main loop.
 *
 * Threads: the graph is built and taken down under the machine lock. Drivers do blocking I/O on the block pool's
 * threads, several requests of one node at a time: a driver guards its own tables. Nothing here needs a vCPU.
 */
#ifndef RHEA_BLOCK_BLOCK_H
#define RHEA_BLOCK_BLOCK_H

#include "typedefs.h"
#include <pthread.h>
#include <stdio.h>
#include <sys/uio.h>

typedef struct BlockNode BlockNode;
typedef struct BlockDriver BlockDriver;
typedef struct BlockRequest BlockRequest;
typedef struct BlockBitmap BlockBitmap;
typedef struct BlockGate BlockGate;

#define BLOCK_SECTOR 512u
#define BLOCK_MAX_LENGTH ((uint64_t)INT64_MAX - (1ull << 30))

/* A scatter list of host memory. */
typedef struct BlockVec {
    struct iovec *v;
    unsigned n;
    uint64_t size; /* sum of the parts */
} BlockVec;
/* The part [offset, offset + size) of a list, in parts[] (room for in->n). */
BlockVec block_vec_slice(const BlockVec *in, uint64_t offset, uint64_t size, struct iovec *parts);
void block_vec_from(const BlockVec *v, uint64_t offset, const void *buf, uint64_t size); /* buf -> list */
void block_vec_to(const BlockVec *v, uint64_t offset, void *buf, uint64_t size);         /* list -> buf */
void block_vec_zero(const BlockVec *v, uint64_t offset, uint64_t size);

/* What lies behind a range of a node. */
typedef enum BlockStatus {
    BLOCK_DATA = 1,      /* this node holds the data */
    BLOCK_ZERO = 2,      /* it reads as zeroes */
    BLOCK_ALLOCATED = 4, /* decided here, not in a backing file */
    BLOCK_OFFSET = 8,    /* *map is where in the underlying file */
    BLOCK_COMPRESSED = 16,
} BlockStatus;

typedef struct BlockCheck { /* rhea-img check */
    bool report;             /* in: a line on stdout for each cluster that is wrong */
    uint64_t corruptions, leaks, errors, fixed_corruptions, fixed_leaks;
    uint64_t clusters, allocated, fragmented, compressed, end_offset;
} BlockCheck;
enum { BLOCK_FIX_LEAKS = 1, BLOCK_FIX_ERRORS = 2 };

typedef struct BlockSnapshot { /* internal snapshots */
    char *id, *name;
    uint64_t vm_state_size, date_sec, vm_clock_ns, disk_size, icount;
    uint32_t date_nsec;
} BlockSnapshot;

typedef struct BlockMeasure { /* bytes of a file for a new image */
    uint64_t required, fully_allocated, bitmaps;
    bool has_bitmaps; /* there could be some */
} BlockMeasure;

enum {
    BLOCK_RDWR = 1,
    BLOCK_NO_BACKING = 2,   /* leave the backing file alone: info, check */
    BLOCK_NOCACHE = 4,      /* cache.direct */
    BLOCK_NO_FLUSH = 8,     /* cache.no-flush */
    BLOCK_UNMAP = 16,       /* discard=unmap */
    BLOCK_NO_LOCK = 32,     /* force-share, locking=off */
    BLOCK_CHECK = 64,       /* open damaged images, too */
    BLOCK_DETECT_ZEROES = 128, /* writes of zeroes become zero clusters … */
    BLOCK_DETECT_UNMAP = 256,  /* … or, with this, holes */
    BLOCK_AIO_NATIVE = 512, BLOCK_AIO_URING = 1024, /* aio=; neither: threads */
};

/* Where data lies that a transfer can go to or come from as it is, without a thread that waits for it. */
typedef struct BlockDirect {
    BlockNode *node;                 /* the protocol's */
    int fd;
    uint64_t offset;
    const struct AioEngine *engine, *then; /* that move it (block/aio.h): then, when the first cannot do it at once; NULL: a thread */
} BlockDirect;

/*
 * One format or protocol. Functions on worker threads: offsets and sizes in bytes of any alignment (unless align says more), inside the
 * node; they return 0 or -errno and transfer all or fail. Missing functions are refused or done by others: see block.c.
 */
struct BlockDriver {
    const char *name;
    const char *desc;
    bool protocol;             /* opens its own descriptor instead of a child */
    bool filter;               /* reads and writes its child's bytes; what is asked of the image goes to the child, too */
    bool backing;              /* may have a backing file */
    size_t state_size;
    const char *const *keys;   /* its open options, NULL-terminated; those not looked at have no effect here. file and backing are known */
    const char *const *create_keys; /* options of create with " help" after the name, NULL-terminated; NULL: cannot */
    /* How sure we are that an image with this first block is ours: 0 to 100. */
    int (*probe)(const uint8_t *head, size_t len, const char *filename);
    bool (*open)(BlockNode *n, OptGroup *o, const char *prefix, Error **errp);
    void (*close)(BlockNode *n);
    int (*read)(BlockNode *n, uint64_t offset, const BlockVec *v);
    int (*write)(BlockNode *n, uint64_t offset, const BlockVec *v);
    /* Optional, machine lock, does not wait: a transfer that needs nothing but moving the bytes. False: read or write does it. */
    bool (*direct)(BlockNode *n, bool write, uint64_t offset, const BlockVec *v, BlockDirect *out);
    int (*write_zeroes)(BlockNode *n, uint64_t offset, uint64_t size, bool unmap);
    int (*write_compressed)(BlockNode *n, uint64_t offset, const BlockVec *v); /* whole clusters */
    int (*discard)(BlockNode *n, uint64_t offset, uint64_t size);
    int (*flush)(BlockNode *n);      /* all finished writes are on stable storage afterwards */
    int (*truncate)(BlockNode *n, uint64_t size, const char *prealloc, Error **errp);
    /* Status of [offset, offset + *size); shortens *size to the run it holds for. */
    int (*status)(BlockNode *n, uint64_t offset, uint64_t *size, uint64_t *map);
    const char *(*map_file)(BlockNode *n, uint64_t offset); /* whose offset *map is, when the image has several files */
    int64_t (*allocated)(BlockNode *n); /* bytes used in the file system */
    bool (*create)(const char *filename, OptGroup *o, Error **errp);
    /* How large a new image of size bytes would be, made with these create options; with in: that has its data. */
    bool (*measure)(OptGroup *o, BlockNode *in, uint64_t size, BlockMeasure *out, Error **errp);
    bool (*check)(BlockNode *n, int fix, BlockCheck *out, Error **errp);
    void (*info)(BlockNode *n, void *json); /* adds format-specific members to a json_t object */
    int (*snapshot_list)(BlockNode *n, BlockSnapshot **out); /* count; caller frees with block_snapshots_free */
    bool (*snapshot_create)(BlockNode *n, const BlockSnapshot *s, Error **errp); /* name and state of the machine; the rest is found here */
    bool (*snapshot_apply)(BlockNode *n, const char *name, Error **errp);
    bool (*snapshot_delete)(BlockNode *n, const char *name, Error **errp);
    /* A node that is only read shows this snapshot from now on; id, name: one of them may be NULL. */
    bool (*snapshot_show)(BlockNode *n, const char *id, const char *name, Error **errp);
    /* State of the machine beside the disk's contents, whole clusters in order; the next snapshot takes it along, drop forgets it. */
    int (*vmstate_write)(BlockNode *n, uint64_t pos, const void *buf, size_t size);
    int (*vmstate_read)(BlockNode *n, uint64_t pos, void *buf, size_t size);
    void (*vmstate_drop)(BlockNode *n);
    int (*make_empty)(BlockNode *n); /* lets go of all data: the backing image shows */
    /* Switches between reading and writing; the child is writable in both cases. */
    bool (*set_writable)(BlockNode *n, bool on, Error **errp);
    bool (*set_backing)(BlockNode *n, const char *file, const char *format, Error **errp); /* header only */
    /* Keeps a bitmap in the image from now on; forgets it. Machine lock. */
    bool (*bitmap_add)(BlockNode *n, BlockBitmap *b, Error **errp);
    bool (*bitmap_remove)(BlockNode *n, BlockBitmap *b, Error **errp);
    bool (*bitmaps_possible)(const BlockNode *n); /* in this image */
    const char *const *amend_keys; /* options of amend, as create_keys */
    /* Changes a whole image that nobody uses; progress: 0 to 1. */
    bool (*amend)(BlockNode *n, OptGroup *o, void (*progress)(void *opaque, double part), void *opaque, Error **errp);
};

struct BlockNode {
    const BlockDriver *drv;
    void *state;
    char *node_name;
    char *filename;          /* as given, for messages and json */
    int flags;
    bool read_only;
    uint64_t highest_write;  /* end of the farthest write; atomic */
    uint64_t size;           /* virtual size in bytes; read with __atomic, changes by truncate */
    uint32_t align;          /* requests to this node must be multiples; 1 = any */
    uint32_t cluster_size;   /* of the format, 0 = none */
    bool compressed_only;    /* whole clusters, each once, compressed */
    bool always_waits;       /* reads cannot be asked to take only what is in memory; machine lock */
    BlockNode *file;         /* child with the image's bytes */
    BlockNode *backing;      /* or NULL */
    BlockNode *data_file;    /* child with the guest's data, beside file; or NULL */
    char *backing_file, *backing_format; /* as in the image's header, or NULL */
    BlockBitmap *bitmaps;    /* bitmap.h: bitmap_lock; read without it whether there is one */
    pthread_mutex_t bitmap_lock;
    BlockGate *gate;         /* gate.h: a job wants to know of writes; or NULL */
    unsigned refs;           /* machine lock */
    BlockNode *next;         /* all nodes */
};

void block_driver_register(const BlockDriver *d);
#define block_driver(d) \
    __attribute__((constructor)) static void block_driver_register_##d(void) { block_driver_register(&d); }
const BlockDriver *block_driver_find(const char *name);
void block_driver_foreach(void (*fn)(const BlockDriver *d, void *opaque), void *opaque); /* by name */

/* ---- Graph (machine lock) ---- */

/*
 * Opens the image the options say: [prefix]driver, [prefix]filename, [prefix]file.*, [prefix]backing.* …; a file name alone is probed.
 * Options it uses are marked used. NULL and errp on failure.
 */
BlockNode *block_open(OptGroup *o, const char *prefix, const char *filename, int flags, Error **errp);
/* filename with format (NULL = probe). */
BlockNode *block_open_file(const char *filename, const char *format, int flags, Error **errp);
BlockNode *block_ref(BlockNode *n);
void block_unref(BlockNode *n);
BlockNode *block_find_node(const char *node_name);
BlockNode *block_first_node(void);
bool block_set_writable(BlockNode *n, bool on, Error **errp); /* and what it stands on; nothing is under way */
bool block_create(const char *format, const char *filename, OptGroup *o, Error **errp);
/* For formats that make images: an empty file, as a node that grows by writes. */
BlockNode *block_create_file(const char *filename, Error **errp);
/* A name relative to the image that refers to it. Caller frees. */
char *block_relative_name(const char *base, const char *name);
/* Opens what the image base is to have as its backing file, for reading and without locks; base need not exist yet. */
BlockNode *block_open_backing(const char *base, const char *name, const char *format, Error **errp);
void block_snapshots_free(BlockSnapshot *s, int n);
void *block_image_info(BlockNode *n, bool chain); /* json_t: QMP's ImageInfo; chain: with its backing images */
void block_print_image_info(FILE *out, BlockNode *n);
void block_print_specific_info(FILE *out, BlockNode *n); /* the part of it that only this format has */
char *block_human_size(uint64_t v); /* "196 KiB"; caller frees */
void block_print_snapshots(FILE *out, const BlockSnapshot *s, int n);

/* ---- Node I/O: any thread that may block ---- */
static inline uint64_t block_size(const BlockNode *n)
{
    return __atomic_load_n(&n->size, __ATOMIC_RELAXED);
}
int block_readv(BlockNode *n, uint64_t offset, const BlockVec *v);
int block_writev(BlockNode *n, uint64_t offset, const BlockVec *v);
/* Whether the transfer can go straight to a file, and where; a write is noted as block_writev does. Machine lock. */
bool block_direct(BlockNode *n, bool write, uint64_t offset, const BlockVec *v, BlockDirect *out);
/* The same, compressed; whole clusters. -ENOTSUP: the format has no such thing. */
int block_write_compressed(BlockNode *n, uint64_t offset, const BlockVec *v);
int block_read(BlockNode *n, uint64_t offset, void *buf, uint64_t size);
int block_write(BlockNode *n, uint64_t offset, const void *buf, uint64_t size);
int block_write_zeroes(BlockNode *n, uint64_t offset, uint64_t size, bool unmap);
/* For jobs: writes what the node reads as already. Neither bitmaps nor gates hear of it. buf NULL: zeroes. */
int block_write_unchanged(BlockNode *n, uint64_t offset, const void *buf, uint64_t size);
int block_discard(BlockNode *n, uint64_t offset, uint64_t size);
int block_flush(BlockNode *n); /* this node, then what it stands on */
int block_truncate(BlockNode *n, uint64_t size, const char *prealloc, Error **errp);
/* BlockStatus bits of the run at offset; *size is shortened to it. */
int block_status(BlockNode *n, uint64_t offset, uint64_t *size, uint64_t *map);
/* Through the backing chain: 1 when [offset, offset + *size) surely reads as zeroes, 0, or -errno. Shortens *size to the run. */
int block_reads_as_zero(BlockNode *n, uint64_t offset, uint64_t *size);

/* ---- Backends: what devices hold ---- */

typedef enum BlockOp { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_WRITE_ZEROES } BlockOp;

/* Owned by the device; lives until done was called. */
struct BlockRequest {
    BlockOp op;
    uint64_t offset, size;    /* size: of discard and write zeroes */
    BlockVec vec;             /* of read and write */
    bool unmap;
    /* ret: 0 or -errno. Machine lock, outside of devices' code but for blk_drain and its like. */
    void (*done)(BlockRequest *r, int ret);
    void *opaque;
    /* of the block layer */
    BlockBackend *blk;
    int ret;
    bool refused;             /* ret is about the request: nothing was tried */
    int64_t due, start;       /* virtual, host clock */
    BlockDirect direct;       /* engine NULL: on a pool thread */
    int64_t moved;            /* bytes, or -errno */
    BlockRequest *next;
};

/* What a device does when something happens to its medium. Machine lock; functions may be missing. */
typedef struct BlockDevOps {
    bool io_status;           /* the device can wait while the machine is stopped for an error */
    /* The tray closed over what is in it now (loaded), or opened; without a tray: the medium came or went. Having it makes media removable. */
    void (*change_medium)(void *dev, BlockBackend *b, bool loaded);
    void (*eject_request)(void *dev, bool force); /* the user would like the tray to open; force: unlock it */
    bool (*tray_open)(void *dev);                 /* having it means: there is a tray */
    bool (*medium_locked)(void *dev);
    void (*resized)(void *dev);
} BlockDevOps;

/* What was done by kind of request, in the order of BlockOp; write zeroes count as writes. */
typedef enum BlockAccount { BLOCK_ACCOUNT_READ, BLOCK_ACCOUNT_WRITE, BLOCK_ACCOUNT_FLUSH, BLOCK_ACCOUNT_UNMAP, BLOCK_ACCOUNTS } BlockAccount;
typedef struct BlockStats {
    uint64_t bytes[BLOCK_ACCOUNTS], operations[BLOCK_ACCOUNTS], failed[BLOCK_ACCOUNTS], invalid[BLOCK_ACCOUNTS], time_ns[BLOCK_ACCOUNTS];
    uint64_t highest_write;   /* end of the farthest write */
    int64_t last_ns;          /* of the last request, host clock; 0: none */
} BlockStats;

BlockBackend *blk_new(const char *id, Error **errp); /* NULL: for a device, goes with it */
void blk_free(BlockBackend *b);
BlockBackend *blk_find(const char *id);           /* by -drive id */
BlockBackend *blk_of_node(const char *node_name, Error **errp); /* a nameless backend on a -blockdev node */
BlockBackend *blk_next(BlockBackend *b);           /* NULL: first */
const char *blk_name(const BlockBackend *b);
BlockNode *blk_root(const BlockBackend *b);        /* NULL: no medium */
void blk_insert(BlockBackend *b, BlockNode *root); /* takes the reference */
void blk_eject(BlockBackend *b);                   /* waits for requests under way; tells no device, as insert does not */
/* Claims the backend for a device, which has exclusive use; false when another has it. */
bool blk_attach(BlockBackend *b, Device *dev, const BlockDevOps *ops, Error **errp);
/* Ends that; requests under way are done before, those that wait for the user to act on an error fail. */
void blk_detach(BlockBackend *b, Device *dev);
/* The device that had b in a property is gone: so is a backend made for it and, when it was at work, the -drive that b stands for. */
void blk_device_gone(BlockBackend *b, bool was_realized);
/* The device gives up its requests (reset): waits for them; those that wait for the user to act on an error fail now. */
void blk_cancel(BlockBackend *b);
Device *blk_device(const BlockBackend *b);
uint64_t blk_size(const BlockBackend *b);
bool blk_read_only(const BlockBackend *b);
void blk_set_read_only(BlockBackend *b, bool on);
bool blk_write_cache(const BlockBackend *b);
void blk_set_write_cache(BlockBackend *b, bool on); /* off: each write is flushed */
typedef enum BlockOnError { BLOCK_ON_REPORT, BLOCK_ON_IGNORE, BLOCK_ON_ENOSPC, BLOCK_ON_STOP } BlockOnError;
/* What a device's rerror= and werror= say instead of the drive's. */
void blk_set_on_error(BlockBackend *b, BlockOnError read, BlockOnError write);
void blk_get_on_error(const BlockBackend *b, BlockOnError *read, BlockOnError *write);
/* Starts a request; done is not called before this returns. Ranges outside the medium, writes to a read-only one: done with -EIO, -EPERM … Machine lock. */
void blk_submit(BlockBackend *b, BlockRequest *r);
/* What a replayed guest has written to its disks, for snapshots of the machine. */
typedef struct BlockOverlays BlockOverlays;
BlockOverlays *block_overlays_save(void);
void block_overlays_load(const BlockOverlays *s);
void block_overlays_free(BlockOverlays *s);
bool block_busy(void);  /* a request of some backend is under way */
/* Waits for all requests of b (NULL: of all) and runs their completions. Machine lock. */
void blk_drain(BlockBackend *b);
bool blk_waits_for_user(void); /* a request failed, the machine was stopped for it (werror=stop), and will try it again when it goes on */
const BlockStats *blk_stats(const BlockBackend *b);
const char *blk_io_status(const BlockBackend *b); /* "ok", "failed", "nospace"; NULL: not for this device */
/* Puts another node in the place of root for everyone who uses it: backends, and nodes that stand on it except by. Both keep running. */
void block_replace(BlockNode *old, BlockNode *by);
bool block_in_use(const BlockNode *n); /* by a backend or another node */

/* ---- Media (medium.c): what eject, change and their like do, with their messages ---- */
bool blk_removable(const BlockBackend *b);
bool blk_has_tray(const BlockBackend *b);
bool blk_tray_is_open(const BlockBackend *b);
bool blk_medium_locked(const BlockBackend *b);
typedef enum BlockTray { BLOCK_TRAY_OPENED, BLOCK_TRAY_NONE /* with errp */, BLOCK_TRAY_LOCKED /* asked the guest */, BLOCK_TRAY_FAILED } BlockTray;
BlockTray blk_open_tray(BlockBackend *b, bool force, Error **errp);
bool blk_close_tray(BlockBackend *b, Error **errp);
bool blk_remove_medium(BlockBackend *b, Error **errp);
bool blk_insert_medium(BlockBackend *b, BlockNode *n, Error **errp); /* takes the reference when it returns true */
void blk_tray_moved(BlockBackend *b); /* the guest moved it: tells clients */
void blk_resized(BlockBackend *b);
/* For blocking callers such as firmware tables and pflash: as block_readv… of the root. */
int blk_pread(BlockBackend *b, uint64_t offset, void *buf, uint64_t size);
int blk_pwrite(BlockBackend *b, uint64_t offset, const void *buf, uint64_t size);

/* ---- -drive ---- */

typedef enum DriveInterface { DRIVE_IDE, DRIVE_SCSI, DRIVE_FLOPPY, DRIVE_PFLASH, DRIVE_VIRTIO, DRIVE_SD, DRIVE_NONE } DriveInterface;
typedef struct Drive {
    DriveInterface interface;
    int bus, unit;
    bool cdrom;
    bool used;          /* a board took it */
    BlockBackend *blk;
    char *serial;
} Drive;
/* Makes a drive of -drive options; def is what if= is when not said. */
Drive *drive_add(OptGroup *o, DriveInterface def, unsigned units_per_bus, Error **errp);
Drive *drive_get(DriveInterface interface, int bus, int unit); /* NULL: none */
Drive *drive_at(unsigned i);                                   /* i-th, NULL past the end */
bool drive_del(const char *id, Error **errp); /* a device that has it loses its medium, and the drive when it goes */
/* Makes a node of -blockdev (dotted keys; JSON was flattened). */
bool blockdev_add(OptGroup *o, Error **errp);
bool blockdev_del(const char *node_name, Error **errp);
/* Lends a node that commands made the reference that blockdev_add would hold (takes it). */
void blockdev_own(BlockNode *n);
/* Names what no board or device took. */
bool drives_check_used(Error **errp);
void block_exit(void);
bool block_aio_flags(const char *mode, int *flags); /* a value of aio= as flags of images; false: it is none */
void block_driver_help(FILE *out); /* -drive help: formats */
/* {"a": {"b": 1}} as options a.b=1. */
OptGroup *opts_from_json_value(const char *source, const void *object, Error **errp); /* json_t */
OptGroup *opts_from_json(const char *option_name, const char *text, Error **errp);

/* ---- Pool of threads that may block ---- */

/* Runs fn on a pool thread, then done (may be NULL) in the main loop under the machine lock. Any thread. */
void block_pool_submit(void (*fn)(void *opaque), void (*done)(void *opaque), void *opaque);
/* The same, but done may run on any thread. */
void block_pool_submit_anywhere(void (*fn)(void *opaque), void (*done)(void *opaque), void *opaque);
/* Runs completions that are ready, waiting for at least one when there is none. Machine lock. */
void block_pool_wait(void);
void block_pool_exit(void);

#endif
