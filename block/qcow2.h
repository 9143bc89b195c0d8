/* SPDX-License-Identifier: MIT */
/*
 * The qcow2 format ("qcow2 image format", versions 2 and 3), shared between qcow2.c (opening, header), qcow2-meta.c (table caches, refcounts),
 * qcow2-data.c (reading and writing) and qcow2-manage.c (create, check, snapshots).
 *
 * Tables are cached and written back by flush: first refcounts (and the data before them), then the L2 tables that point to clusters,
 * with a sync between, so that what a crash leaves behind is at worst a cluster nobody points to.
 *
 * Threads: lock guards all tables; guest data moves without it. Whoever moves data holds io as a reader, flush frees clusters as a writer: a
 * cluster is not reused under a transfer.
 */
#ifndef RHEA_BLOCK_QCOW2_H
#define RHEA_BLOCK_QCOW2_H

#include "block/block.h"

#include <glib.h>
#include <pthread.h>

#define QCOW_MAGIC 0x514649fbu
#define QCOW_OFFSET_MASK 0x00fffffffffffe00ull
#define QCOW_COPIED (1ull << 63)
#define QCOW_COMPRESSED (1ull << 62)
#define QCOW_ZERO 1ull
enum { QCOW_INCOMPAT_DIRTY = 1, QCOW_INCOMPAT_CORRUPT = 2, QCOW_INCOMPAT_DATA_FILE = 4, QCOW_INCOMPAT_COMPRESSION = 8, QCOW_INCOMPAT_EXTL2 = 16 };
enum { QCOW_COMPAT_LAZY = 1 };
enum { QCOW_AUTOCLEAR_BITMAPS = 1, QCOW_AUTOCLEAR_DATA_RAW = 2 };
enum { QCOW_EXT_END = 0, QCOW_EXT_BACKING_FORMAT = 0xe2792aca, QCOW_EXT_FEATURES = 0x6803f857, QCOW_EXT_BITMAPS = 0x23852875,
       QCOW_EXT_DATA_FILE = 0x44415441 };
#define QCOW_MAX_L1 (32u << 20)       /* bytes */
#define QCOW_MAX_REFTABLE (8u << 20)  /* bytes */
#define QCOW_MAX_SNAPSHOTS 65536u

typedef struct QcowTable { /* one cached cluster of metadata */
    uint64_t offset;  /* in the file */
    uint64_t used;    /* tick of last use */
    bool dirty;
    uint64_t *entries; /* the cluster's bytes; big endian as on disk */
} QcowTable;

typedef struct QcowCache {
    GHashTable *by_offset; /* QcowTable.offset -> QcowTable */
    unsigned limit;
    uint64_t tick;
} QcowCache;

typedef struct QcowSnapshot {
    BlockSnapshot s;
    uint64_t l1_offset;
    uint32_t l1_size;
    uint8_t *extra;   /* extra data as found, kept */
    uint32_t extra_size;
} QcowSnapshot;

typedef struct QcowWrite { /* clusters some thread is allocating: others wait */
    uint64_t first, last; /* guest cluster numbers */
    struct QcowWrite *next;
} QcowWrite;

typedef struct Qcow {
    BlockNode *node;
    pthread_mutex_t lock;
    pthread_cond_t writes_changed;
    pthread_rwlock_t io;
    /* all below: lock */
    uint32_t version, cluster_bits, refcount_bits, header_length, crypt;
    uint64_t cluster_size;
    uint64_t incompatible, compatible, autoclear;
    uint8_t compression; /* 0 zlib, 1 zstd */
    bool extended_l2;
    uint32_t l2_bits;    /* log2 of L2 entries in a table */
    uint64_t *l1;        /* host endian */
    uint32_t l1_size;
    uint64_t l1_offset;
    uint64_t *reftable;  /* host endian */
    uint32_t reftable_clusters;
    uint64_t reftable_offset;
    QcowCache l2_cache, ref_cache;
    uint64_t free_hint;  /* cluster number to look from */
    uint64_t file_end;   /* clusters */
    QcowWrite *writes;
    GArray *pending;     /* L2 entries that were replaced: freed once the tables without them are on disk */
    QcowSnapshot *snapshots;
    uint32_t nsnapshots;
    uint64_t snapshots_offset;
    GByteArray *unknown_ext; /* header extensions kept as they are */
    char *data_file_name;    /* as in the header, or NULL */
    GPtrArray *bitmaps;      /* QcowBitmap (qcow2-bitmap.c); machine lock */
    uint32_t bitmap_count;   /* in the image's directory */
    uint64_t bitmap_directory, bitmap_directory_size;
    bool broken;         /* a table was damaged: no more writes */
} Qcow;

/* Guest data lies in a file of its own, each cluster where it is on the disk. The reference counts know nothing of it. */
static inline bool qcow_has_data_file(const Qcow *q)
{
    return q->incompatible & QCOW_INCOMPAT_DATA_FILE;
}
static inline BlockNode *qcow_data(const Qcow *q)
{
    return q->node->data_file ? q->node->data_file : q->node->file;
}

/* One guest cluster, or subcluster run of it. */
typedef enum QcowKind { QCOW_UNALLOCATED, QCOW_ZERO_PLAIN, QCOW_ZERO_ALLOC, QCOW_NORMAL, QCOW_PACKED } QcowKind;

/* ---- qcow2-meta.c: lock held ---- */
QcowTable *qcow_table(Qcow *q, QcowCache *c, uint64_t offset, bool fresh, int *ret); /* NULL: *ret */
void qcow_cache_init(QcowCache *c, unsigned limit);
void qcow_cache_free(QcowCache *c);
void qcow_cache_drop(QcowCache *c, uint64_t offset); /* forgets a table that was freed */
int qcow_flush_tables(Qcow *q);
int64_t qcow_alloc(Qcow *q, uint64_t clusters);      /* host offset of this many in a row, refcount 1; or -errno */
int64_t qcow_alloc_bytes(Qcow *q, uint64_t bytes);   /* the same in bytes */
int qcow_change_refs(Qcow *q, uint64_t offset, uint64_t bytes, int delta);
int64_t qcow_refcount(Qcow *q, uint64_t cluster);
uint64_t qcow_get_ref(const Qcow *q, const void *block, uint64_t i);
void qcow_set_ref(const Qcow *q, void *block, uint64_t i, uint64_t value);
int qcow_write_l1_entry(Qcow *q, uint32_t i);
int qcow_corrupt(Qcow *q, const char *what, uint64_t offset); /* marks the image; returns -EIO */
bool qcow_valid_cluster(const Qcow *q, uint64_t offset);      /* aligned and inside the file */
int qcow_sync_file(Qcow *q);

/* ---- qcow2-data.c ---- */
int qcow_read(BlockNode *n, uint64_t offset, const BlockVec *v);
int qcow_write(BlockNode *n, uint64_t offset, const BlockVec *v);
int qcow_write_compressed(BlockNode *n, uint64_t offset, const BlockVec *v);
int qcow_write_zeroes(BlockNode *n, uint64_t offset, uint64_t size, bool unmap);
int qcow_discard(BlockNode *n, uint64_t offset, uint64_t size);
int qcow_status(BlockNode *n, uint64_t offset, uint64_t *size, uint64_t *map);
/* Entry of a guest cluster; *entry 0 when no table is there. lock held. */
int qcow_lookup(Qcow *q, uint64_t cluster, uint64_t *entry, uint64_t *bitmap);
QcowKind qcow_kind(const Qcow *q, uint64_t entry);
uint64_t qcow_packed_extent(const Qcow *q, uint64_t entry, uint64_t *bytes); /* host offset */
/* Frees what an entry points to: now (io held as writer), or with the next flush. */
int qcow_free_entry(Qcow *q, uint64_t entry);
void qcow_free_later(Qcow *q, uint64_t entry);
/* Clusters of a data file are there, whatever it holds. */
int qcow_map_data_file(Qcow *q, uint64_t offset, uint64_t size);
/* Makes clusters unallocated. io held, lock held. */
int qcow_forget_clusters(Qcow *q, uint64_t first, uint64_t count);

/* ---- qcow2-bitmap.c ---- */
bool qcow_parse_bitmap_extension(Qcow *q, const uint8_t *data, uint32_t len, Error **errp);
void qcow_put_bitmap_extension(const Qcow *q, uint8_t out[24]);
bool qcow_load_bitmaps(Qcow *q, Error **errp);
void qcow_free_bitmaps(Qcow *q);
bool qcow_mark_bitmaps_in_use(Qcow *q, Error **errp); /* the image is about to be written */
int qcow_store_bitmaps(Qcow *q);                      /* it was: warns when it fails */
bool qcow_bitmap_add(BlockNode *n, BlockBitmap *b, Error **errp);
bool qcow_bitmap_remove(BlockNode *n, BlockBitmap *b, Error **errp);
int qcow_count_bitmaps(Qcow *q, void (*range)(void *opaque, uint64_t offset, uint64_t bytes), void *opaque, uint64_t *corruptions);
void *qcow_bitmaps_info(const Qcow *q); /* json_t or NULL */
int qcow_forget_bitmaps(Qcow *q); /* for an image that cannot have any. lock held */
/* Bytes in an image of clusters of this size for the bitmaps of another. */
uint64_t qcow_bitmaps_room(const BlockNode *from, uint64_t size, uint64_t cluster_size);

/* ---- qcow2.c ---- */
int qcow_write_header(Qcow *q);
int qcow_grow_l1(Qcow *q, uint64_t entries);
static inline uint64_t qcow_l1_needed(const Qcow *q, uint64_t size)
{
    uint64_t covered = (uint64_t)1 << (q->cluster_bits + q->l2_bits);
    return (size + covered - 1) / covered;
}
static inline uint64_t qcow_round(const Qcow *q, uint64_t bytes)
{
    return (bytes + q->cluster_size - 1) & ~(q->cluster_size - 1);
}

/* ---- qcow2-amend.c ---- */
extern const char *const qcow_amend_keys[];
bool qcow_amend(BlockNode *n, OptGroup *o, void (*progress)(void *opaque, double part), void *opaque, Error **errp);

/* ---- qcow2-manage.c ---- */
uint64_t *qcow_read_l1(Qcow *q, uint64_t offset, uint64_t size, int *ret); /* host endian; caller frees */
extern const char *const qcow_create_keys[];
bool qcow_create(const char *filename, OptGroup *o, Error **errp);
bool qcow_measure(OptGroup *o, BlockNode *in, uint64_t size, BlockMeasure *out, Error **errp);
bool qcow_check(BlockNode *n, int fix, BlockCheck *out, Error **errp);
bool qcow_load_snapshots(Qcow *q, uint32_t count, uint64_t offset, Error **errp);
void qcow_free_snapshots(Qcow *q);
int qcow_snapshot_list(BlockNode *n, BlockSnapshot **out);
bool qcow_snapshot_create(BlockNode *n, const BlockSnapshot *s, Error **errp);
bool qcow_snapshot_apply(BlockNode *n, const char *name, Error **errp);
bool qcow_snapshot_delete(BlockNode *n, const char *name, Error **errp);
bool qcow_snapshot_show(BlockNode *n, const char *id, const char *name, Error **errp);

#endif
