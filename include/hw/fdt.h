/* SPDX-License-Identifier: MIT */
/*
 * Flattened device trees (Devicetree Specification 0.4, over libfdt): trees that boards make from what
 * their devices describe, and trees that users bring. Nodes are named by their full path, "" is the root.
 * Machine lock.
 */
#ifndef RHEA_HW_FDT_H
#define RHEA_HW_FDT_H

#include "hw/loader.h"
#include "typedefs.h"

typedef struct DeviceTree DeviceTree;

DeviceTree *dt_new(void);
/* A tree from a file; false with errp when it is malformed. */
DeviceTree *dt_parse(Blob file, Error **errp);
void dt_free(DeviceTree *t);
/* The finished tree; valid until the next change. */
Blob dt_blob(DeviceTree *t);
/* The same with room at its end for what a program adds in place. */
Blob dt_blob_with_room(DeviceTree *t, size_t spare);

/* Makes the node with its parents; an existing one is kept. */
void dt_node(DeviceTree *t, const char *path);
bool dt_has_node(const DeviceTree *t, const char *path);
/* Path of the n-th node with this device_type, or NULL; caller frees. */
char *dt_find_type(const DeviceTree *t, const char *device_type, unsigned n);
/* Path of the first node compatible with this, or NULL; caller frees. */
char *dt_find_compatible(const DeviceTree *t, const char *compatible);
/* Deletes the nodes with this device_type, where the tree lets it. */
void dt_delete_type(DeviceTree *t, const char *device_type);
/* Value of a property; false when it is not there. */
bool dt_get(const DeviceTree *t, const char *path, const char *name, Blob *value);
/* One or two cells as a number; def when absent or of another length. */
uint64_t dt_get_number(const DeviceTree *t, const char *path, const char *name, uint64_t def);

/* Properties of a node, which is made when missing. */
void dt_bytes(DeviceTree *t, const char *path, const char *name, const void *data, size_t len);
void dt_empty(DeviceTree *t, const char *path, const char *name);
void dt_string(DeviceTree *t, const char *path, const char *name, const char *text);
/* Strings given as "a\0b": the literal's size includes the last zero. */
#define dt_strings(t, path, name, literal) dt_bytes(t, path, name, literal, sizeof(literal))
void dt_array(DeviceTree *t, const char *path, const char *name, const uint32_t *cells, unsigned n);
#define dt_cells(t, path, name, ...) \
    dt_array(t, path, name, (const uint32_t[]){ __VA_ARGS__ }, \
             sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))
void dt_u64(DeviceTree *t, const char *path, const char *name, uint64_t value);
/* A phandle nobody has, from 0x8000 up. */
uint32_t dt_new_phandle(DeviceTree *t);

/* ---- Describing a device ---- */
#define DT_PLACES 4
/* What DeviceType.describe gets as its builder: the place the board gave the device. */
typedef struct DTPlace {
    DeviceTree *tree;
    const char *parent;                      /* path of the bus's node; two address and two size cells */
    hwaddr addr[DT_PLACES];
    uint64_t size[DT_PLACES];
    unsigned regions;
    uint32_t irq[DT_PLACES][3];              /* interrupt specifiers of the board's controller */
    unsigned irqs;
    uint32_t clock;                          /* phandle of the peripherals' clock */
    uint32_t phandle;                        /* of this node when something refers to it, else 0 */
} DTPlace;
/* Makes "NAME@ADDRESS" with reg and interrupts, and phandle when there is one. Returns its path; caller frees. */
char *dt_device(const DTPlace *p, const char *name, const char *compatible, size_t compatible_len);
#define dt_device_node(place, name, compatible) dt_device(place, name, compatible, sizeof(compatible))

#endif
