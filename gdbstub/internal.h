/* SPDX-License-Identifier: MIT */
/* What the files of the gdb server share. */
#ifndef RHEA_GDBSTUB_INTERNAL_H
#define RHEA_GDBSTUB_INTERNAL_H

#include "chardev.h"
#include "cpu.h"
#include "gdbstub.h"
#include "monitor.h"
#include "target.h"

#include <glib.h>

#define GDB_PACKET_MAX 0x4000 /* bytes between $ and #, either way */

/* A packet being read; text behind end does not exist. */
typedef struct Packet {
    const uint8_t *p, *end;
} Packet;

typedef enum CPUAction { ACTION_NONE, ACTION_CONTINUE, ACTION_STEP } CPUAction;
typedef struct CPUPlan {
    CPUAction action;
    uint64_t step_start, step_end; /* range step; empty otherwise */
} CPUPlan;

typedef struct GDBPoint {
    char type;      /* '0' and '1' breakpoint, '2' write, '3' read, '4' access */
    uint64_t addr, len;
} GDBPoint;

typedef struct GDBState {
    Chardev *chr;
    Monitor *mon;            /* for qRcmd */
    bool attached;

    /* Transport */
    int rx;                  /* RX_* in gdbstub.c */
    uint8_t sum, sum_hex[2];
    GByteArray *in;
    GByteArray *last;        /* packet as sent, until acknowledged */
    bool no_ack, in_too_long;

    /* Session */
    bool multiprocess, swbreak;
    bool physical;           /* qemu.PhyMemMode */
    unsigned sstep;          /* SSTEP_* of a step */
    bool awaiting_stop;      /* gdb resumed the machine and waits for the stop reply */
    CPUState *g_cpu, *c_cpu; /* of Hg and Hc; never NULL while attached */
    GPtrArray *threads;      /* rest of qfThreadInfo */
    CPUState *pending_watch; /* this vCPU's hit has yet to be reported */

    /* Points as gdb wants them; what the vCPUs have follows at resume */
    GArray *points;          /* GDBPoint */
    GArray *installed;       /* GDBPoint of types 2-4 */

    /* File-I/O */
    CPUState *syscall_cpu;
    void (*syscall_done)(CPUState *cpu, uint64_t result, int err);
    bool syscall_break;      /* gdb's user pressed Ctrl-C meanwhile */
} GDBState;
extern GDBState gdb;

/* ---- gdbstub.c: sending ---- */
void gdb_send(const uint8_t *data, size_t len);
void gdb_send_text(const char *text);
void gdb_send_bytes(GByteArray *bytes); /* frees it */
void gdb_error(unsigned code);          /* E14 is sent as gdb_error(0x14) */
void gdb_end_session(void);

/* ---- commands.c ---- */
void gdb_handle_packet(Packet p);
bool packet_char(Packet *p, char c);        /* skips c if it comes next */
bool packet_text(Packet *p, const char *s); /* skips s if it comes next */
bool packet_hex(Packet *p, uint64_t *out);  /* a number, at most 16 digits */
bool packet_done(const Packet *p);
/* "p1.2", "1", "-1": -1 is all, 0 any. False when malformed. */
bool packet_thread(Packet *p, int64_t *tid);
CPUState *gdb_cpu_of(int64_t tid);          /* NULL: no such thread. 0 and -1: the first */
char *gdb_thread_id(const CPUState *cpu);   /* caller frees */
void append_hex(GByteArray *out, const uint8_t *data, size_t len);
bool parse_hex_bytes(Packet *p, uint8_t *out, size_t len);
bool gdb_memory(uint64_t addr, void *buf, uint64_t len, bool write);

/* ---- query.c ---- */
void gdb_query(Packet p, bool set);

/* ---- run.c ---- */
void gdb_stop_reply(void);
void gdb_step_or_continue(Packet p, CPUAction action, bool with_signal);
void gdb_vcont(Packet p);
void gdb_reverse_step(Packet p);
void gdb_reverse_continue(Packet p);
void gdb_detach(Packet p);
void gdb_kill(void);
void gdb_interrupt(void);                   /* Ctrl-C */
void gdb_run_init(void);
void gdb_forget_vcpus(void);                /* no step, hold or point of ours is left on any vCPU */

/* ---- points.c ---- */
void gdb_point_packet(Packet p, bool insert);
bool gdb_wants_breakpoint(uint64_t pc);
/* Makes the vCPUs have what gdb wants; breakpoints only when code other than one instruction is to run. */
void gdb_points_sync(bool breakpoints);
void gdb_points_clear(void);

/* ---- describe.c ---- */
/* Document of qXfer:features:read; NULL: no such annex. Caller frees. */
GString *gdb_describe(CPUState *cpu, const char *annex);
/* By the protocol's number; bytes read or consumed, 0: no such register. */
size_t gdb_read_register(CPUState *cpu, uint64_t number, uint8_t *out);
size_t gdb_write_register(CPUState *cpu, uint64_t number, const uint8_t *in, size_t room);
/* The registers of "g", concatenated. */
void gdb_read_all(CPUState *cpu, GByteArray *out);
bool gdb_write_all(CPUState *cpu, const uint8_t *in, size_t len);

/* ---- syscall.c ---- */
void gdb_syscall_reply(Packet p);

#endif
