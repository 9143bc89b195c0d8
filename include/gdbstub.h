/* SPDX-License-Identifier: MIT */
/*
 * The gdb server, and what a target tells it: registers in the order and under the names of gdb's target
 * descriptions ("Target Descriptions" in the gdb manual, appendix G). Machine lock.
 */
#ifndef RHEA_GDBSTUB_H
#define RHEA_GDBSTUB_H

#include "typedefs.h"

/* ---- For targets: TargetOps.gdb ---- */
#define GDB_REG_MAX_BYTES 256

typedef struct GDBReg {
    const char *name;
    uint16_t bits;           /* a multiple of 8 */
    const char *type, *group; /* type: of gdb, or the id of one of the feature's; NULL: gdb's default */
    uint16_t kind, index;    /* target's own */
    uint32_t regnum;         /* the protocol's number when not the one before + 1; 0: follows */
} GDBReg;

typedef struct GDBField {
    const char *name;
    const char *type;        /* unions */
    uint8_t start, end;      /* flags: bits */
} GDBField;

typedef enum GDBTypeKind { GDB_FLAGS, GDB_VECTOR, GDB_UNION } GDBTypeKind;
typedef struct GDBType {
    GDBTypeKind kind;
    const char *id;
    unsigned size;           /* flags: bytes; vector: elements */
    const char *element;     /* vector */
    const GDBField *fields;  /* flags, union: end with a NULL name */
} GDBType;

typedef struct GDBFeature {
    const char *name;        /* "org.gnu.gdb.i386.core" */
    const char *file;        /* as target.xml includes it */
    const GDBType *types;    /* end with a NULL id; may be NULL */
    const GDBReg *regs;      /* end with a NULL name */
    /* Bytes in the target's order. write gets r->bits / 8 bytes; false: the register cannot be written. */
    void (*read)(CPUState *cpu, const GDBReg *r, uint8_t *out);
    bool (*write)(CPUState *cpu, const GDBReg *r, const uint8_t *in);
} GDBFeature;

struct GDBTarget {
    const char *(*architecture)(CPUState *cpu);           /* "i386:x86-64" */
    const GDBFeature *const *(*features)(CPUState *cpu);  /* NULL-terminated; the first one is what "g" transfers */
};

/* ---- The server ---- */
/* device: "tcp::1234", "unix:PATH", "stdio", "chardev:ID" …, or "none" to end it. */
bool gdbserver_start(const char *device, Error **errp);
/* The guest ended with this status: tells gdb. */
void gdbserver_exit(int status);
bool gdb_attached(void);

/*
 * Semihosting calls that gdb carries out ("File-I/O Remote Protocol Extension"): sends "F" and the call as text; done
 * gets the result and errno (the protocol's numbers) when gdb has answered, and the machine then goes on. False when no
 * gdb can answer. Called by the vCPU that made the call; it stops until then.
 */
bool gdb_syscall(CPUState *cpu, void (*done)(CPUState *cpu, uint64_t result, int err), const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
