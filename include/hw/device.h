/* SPDX-License-Identifier: MIT */
/*
 * Devices: a const DeviceType says what a chip is; device_new makes one, properties configure it,
 * device_realize checks everything and starts it. A device knows neither its address nor its
 * interrupt number: the board wires it. All under the machine lock.
 */
#ifndef RHEA_HW_DEVICE_H
#define RHEA_HW_DEVICE_H

#include "exec/memory.h"
#include "typedefs.h"

/* ---- Interrupt and other single-bit lines ---- */
struct IRQLine {
    void (*handler)(void *opaque, int n, int level);
    void *opaque;
    int n;
};
/* A line not connected anywhere has a NULL handler. */
static inline void irq_set(const IRQLine *line, int level)
{
    if (line->handler)
        line->handler(line->opaque, line->n, level);
}
static inline void irq_pulse(const IRQLine *line)
{
    irq_set(line, 1);
    irq_set(line, 0);
}

/* ---- Properties ---- */
typedef enum PropKind {
    PK_BOOL, PK_U8, PK_U16, PK_U32, PK_U64, PK_I32, PK_SIZE, PK_STRING /* char *, owned */,
    PK_CHARDEV /* Chardev * by id */, PK_ENUM /* int, index into names */, PK_MAC /* uint8_t[6] */,
    PK_PCI_ADDR /* int32: slot << 3 | function, "SLOT.FN", -1 = any */, PK_DEVICE /* Device * by id */,
    PK_DRIVE /* BlockBackend * by drive id or node name */, PK_OBJECT /* Device * of -object by id */
} PropKind;
typedef struct Property {
    const char *name;
    PropKind kind;
    uint32_t offset;
    uint64_t def;
    const char *def_string;
    const char *const *names; /* PK_ENUM: NULL-terminated */
    const char *desc;
} Property;
#define PROP_(kind_, name_, type, field, def_) \
    { .name = name_, .kind = kind_, .offset = offsetof(type, field), .def = (uint64_t)(def_) }
#define PROP_BOOL(n, t, f, d) PROP_(PK_BOOL, n, t, f, d)
#define PROP_U8(n, t, f, d) PROP_(PK_U8, n, t, f, d)
#define PROP_U16(n, t, f, d) PROP_(PK_U16, n, t, f, d)
#define PROP_U32(n, t, f, d) PROP_(PK_U32, n, t, f, d)
#define PROP_U64(n, t, f, d) PROP_(PK_U64, n, t, f, d)
#define PROP_I32(n, t, f, d) PROP_(PK_I32, n, t, f, d)
#define PROP_SIZE(n, t, f, d) PROP_(PK_SIZE, n, t, f, d)
#define PROP_STRING(n, t, f) PROP_(PK_STRING, n, t, f, 0)
#define PROP_CHARDEV(n, t, f) PROP_(PK_CHARDEV, n, t, f, 0)
#define PROP_MAC(n, t, f) PROP_(PK_MAC, n, t, f, 0)
#define PROP_DEVICE(n, t, f) PROP_(PK_DEVICE, n, t, f, 0)
#define PROP_DRIVE(n, t, f) PROP_(PK_DRIVE, n, t, f, 0)
#define PROP_OBJECT(n, t, f) PROP_(PK_OBJECT, n, t, f, 0)
#define PROP_PCI_ADDR(n, t, f) PROP_(PK_PCI_ADDR, n, t, f, -1)
#define PROP_ENUM(n, t, f, d, list) \
    { .name = n, .kind = PK_ENUM, .offset = offsetof(t, f), .def = (uint64_t)(d), .names = list }

/* ---- Saved state: fields in order; sub-tables and arrays ---- */
typedef enum SavedKind { SK_INT /* 1, 2, 4 or 8 bytes */, SK_BOOL, SK_BYTES, SK_TIMER /* Timer * */, SK_STRUCT, SK_END } SavedKind;
typedef struct SavedField {
    const char *name;
    uint8_t kind;
    uint32_t offset, size; /* size of one element */
    uint32_t count;        /* array length, 1 for scalars */
    const struct SavedField *sub;
} SavedField;
#define SAVED_KIND(number) _Generic((number), bool: SK_BOOL, default: SK_INT)
#define SAVED_INT(type, field) \
    { #field, SAVED_KIND(((type *)0)->field), offsetof(type, field), sizeof(((type *)0)->field), 1, NULL }
#define SAVED_ARRAY(type, field) \
    { #field, SAVED_KIND(((type *)0)->field[0]), offsetof(type, field), sizeof(((type *)0)->field[0]), ARRAY_SIZE(((type *)0)->field), NULL }
#define SAVED_BYTES(type, field) \
    { #field, SK_BYTES, offsetof(type, field), sizeof(((type *)0)->field), 1, NULL }
#define SAVED_TIMER(type, field) { #field, SK_TIMER, offsetof(type, field), 0, 1, NULL }
#define SAVED_STRUCTS(type, field, table) \
    { #field, SK_STRUCT, offsetof(type, field), sizeof(((type *)0)->field[0]), ARRAY_SIZE(((type *)0)->field), table }
#define SAVED_STRUCT(type, field, table) \
    { #field, SK_STRUCT, offsetof(type, field), sizeof(((type *)0)->field), 1, table }
#define SAVED_END() { NULL, SK_END, 0, 0, 0, NULL }
/* Flat little-endian image of a table's fields: GByteArray-like grow; load checks length. */
void saved_fields_save(const SavedField *t, const void *state, uint8_t **buf, size_t *len);
bool saved_fields_load(const SavedField *t, void *state, const uint8_t *buf, size_t len, Error **errp);
/* Everything a device saves: registers of the engine, PCI configuration, saved fields. load ends with
 * post_load, which must repair values no running chip can hold: images are foreign data. */
void device_save(const Device *dev, uint8_t **buf, size_t *len);
bool device_load(Device *dev, const uint8_t *buf, size_t len, Error **errp);

/* ---- Register engine for plain chips ---- */
typedef struct RegisterRow {
    const char *name;
    uint32_t offset;
    uint8_t width;              /* bytes */
    uint32_t reset;
    uint32_t write;             /* writable bits */
    uint32_t w1c;               /* write one to clear */
    uint32_t rclear;            /* cleared by reading */
    /* index is the register's place in Device.regs: bank * number of rows + row. */
    uint32_t (*on_read)(void *dev, unsigned index, uint32_t value);  /* value stored -> value read */
    void (*on_write)(void *dev, unsigned index, uint32_t value); /* as written; regs[index] is updated */
} RegisterRow;

/* ---- Types ---- */
typedef enum BusKind {
    BUS_NONE, BUS_SYSTEM, BUS_ISA, BUS_PCI, BUS_IDE, BUS_SD, BUS_VIRTIO, BUS_VIRTIO_SERIAL, BUS_SCSI, BUS_NVME, BUS_I2C, BUS_SERIAL_KINDS
} BusKind;

struct DeviceType {
    const char *name, *desc;
    const char *alias;
    const char *inner;          /* type of the device this one carries (a transport in one piece with its device), or NULL: made with
                                   it, takes its properties as well; realize puts it on a bus of this device and realizes it */
    BusKind bus;
    const char *category;       /* "Input devices", "Misc devices" …: heading in -device help */
    size_t size;                /* of the state struct, which starts with Device (or PCIDevice) */
    bool internal;              /* boards only: not listed, not for -device */
    const Property *props;      /* ends with {} */
    const SavedField *saved;    /* ends with SAVED_END() */
    const RegisterRow *regs;    /* register engine: ends with {}; state in Device.regs */
    uint32_t bank_stride, banks;
    uint64_t regs_size;         /* bytes of the register region (becomes regions[0]) */
    bool (*realize)(Device *dev, Error **errp);
    void (*unrealize)(Device *dev);
    void (*reset)(Device *dev);
    void (*post_load)(Device *dev); /* after saved fields were loaded */
    void (*describe)(Device *dev, void *builder); /* device tree or ACPI */
    void (*info)(Device *dev, FILE *out);  /* extra lines for info qtree */
    void (*pic_info)(Device *dev, FILE *out);  /* interrupt controllers: info pic */
    void (*irq_stats)(Device *dev, FILE *out); /* interrupt controllers: info irq, lines " N: COUNT" */
    const void *class_data;     /* bus-specific: PCIClass for PCI */
};
#define DEVICE_MAX_REGIONS 12
struct Device {
    const DeviceType *type;
    char *id;
    bool realized;
    bool added;                 /* by the user: -device, device_add */
    Bus *parent;
    Device *next;               /* on its bus */
    MemoryRegion *regions[DEVICE_MAX_REGIONS]; /* what the board maps, in the chip's order */
    unsigned nregions;
    IRQLine *out;               /* outputs */
    unsigned nout;
    void (*in)(void *opaque, int n, int level); /* inputs */
    unsigned nin;
    uint32_t *regs;
    Bus *child_bus;             /* buses this device provides, linked by next_bus */
    Device *inner;              /* of DeviceType.inner */
    MemoryRegion *regs_region;  /* of the register engine */
    Error *error;               /* a -global that did not fit; device_realize reports it */
};
struct Bus {
    BusKind kind;
    char *name;
    Device *owner;
    Device *first;
    bool (*has_room)(const Bus *bus); /* for one more device; NULL: always */
    Bus *next_bus;
};

#define device_type(t) \
    __attribute__((constructor)) static void device_type_register_##t(void) { device_type_register(&t); }
void device_type_register(const DeviceType *t);
const DeviceType *device_type_find(const char *name); /* name or alias */
const char *const *device_type_names(bool user_creatable); /* NULL-terminated, sorted; static */

Device *device_new(const char *type);             /* NULL never: unknown names abort (board bug) */
bool device_set(Device *dev, const char *prop, const char *text, Error **errp); /* as the user typed */
void device_init_props(Device *dev);               /* defaults; by device_new */
void device_free_props(Device *dev);
void device_set_u64(Device *dev, const char *prop, uint64_t value);
static inline void device_set_u32(Device *dev, const char *prop, uint32_t v) { device_set_u64(dev, prop, v); }
void device_set_str(Device *dev, const char *prop, const char *value);
void device_set_chardev(Device *dev, const char *prop, Chardev *chr);
void device_set_drive(Device *dev, const char *prop, BlockBackend *blk);
char *device_get(const Device *dev, const char *prop); /* text, caller frees; NULL when unknown */
/* The type's properties and those its bus adds; what a kind is called ("uint32"). */
void device_type_foreach_prop(const DeviceType *t, void (*fn)(const Property *p, void *opaque), void *opaque);
const char *prop_kind_name(const Property *p);
bool device_realize(Device *dev, Error **errp);    /* on error the device has been freed */
void device_unrealize(Device *dev);                /* stops, unlinks and frees */
void device_reset(Device *dev);                     /* realized; as on a reset of the machine */
void device_reset_all(void);                       /* every device, creation order */
void devices_exit(void);                           /* unrealizes all, reverse order */
/* -global TYPE.PROP=VALUE or driver=TYPE,property=PROP,value=VALUE: applies to devices created later. */
bool device_add_global(const char *text, Error **errp);
/* -device TYPE[,k=v…]: creates, sets, plugs into the right bus, realizes. "help" handled by caller. */
Device *device_add(OptGroup *opts, Error **errp);
void device_help_types(FILE *out);                 /* -device help */
bool device_help_props(const char *type, FILE *out, Error **errp); /* -device TYPE,help */
Device *device_find(const char *id);
void device_foreach(void (*fn)(Device *dev, void *opaque), void *opaque); /* creation order */
void qtree_dump(FILE *out);                        /* info qtree */
void device_print_props(const Device *dev, FILE *out, int indent);
/* Makes an embedded bus a child of owner (NULL: of the machine). */
void bus_init(Bus *bus, BusKind kind, const char *name, Device *owner);
Bus *bus_find(const char *name);                   /* NULL when there is none */
void bus_foreach(void (*fn)(Bus *bus, void *opaque), void *opaque); /* those without an owner */
const char *bus_kind_name(BusKind kind);

/* The register engine: device_realize and reset call these for types with .regs. */
void registers_init(Device *dev);
void registers_reset(Device *dev);
size_t registers_count(const DeviceType *t);       /* entries of Device.regs */

/* In realize. Regions leave their container and are destroyed by the core at unrealize. */
void device_add_region(Device *dev, MemoryRegion *mr);
void device_init_out(Device *dev, unsigned n);
void device_init_in(Device *dev, void (*handler)(void *dev, int n, int level), unsigned n);
/* Boards: */
void map_region(MemoryRegion *space, hwaddr addr, Device *dev, unsigned region);
void connect_irq(Device *dev, unsigned output, Device *to, unsigned input);
IRQLine device_input(Device *dev, unsigned input);
void connect_line(Device *dev, unsigned output, IRQLine line);
/* Hooks run last on a reset of the machine, after the devices' and the board's, in the order of registration. */
void reset_register(void (*fn)(void *), void *opaque);
void reset_unregister(void (*fn)(void *), void *opaque);
void reset_hooks_run(void);

#endif
