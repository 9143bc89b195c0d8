/* SPDX-License-Identifier: MIT */
/*
 * Record and replay (-icount rr=record|replay,rrfile=FILE): what comes from outside is written down with the instruction count
 * at which the machine saw it, and comes at the same count again. Everything else follows from the instructions.
 *
 * Inputs reach the machine between two slices of the vCPU thread, under the machine lock; so do virtual timers. The
 * recording also says when timers ran, when interrupts were taken and which vCPU ran: replay does not depend on where TBs end.
 */
#ifndef RHEA_EXEC_REPLAY_H
#define RHEA_EXEC_REPLAY_H

#include "cpu.h"

typedef enum ReplayMode { REPLAY_NONE, REPLAY_RECORD, REPLAY_PLAY } ReplayMode;
extern ReplayMode replay_mode;

/* rr=, rrfile=, rrsnapshot= of -icount; reads the recording. Before the machine is made. */
bool replay_configure(OptGroup *icount, Error **errp);
/* The machine is complete: writes, or compares, what it is made of. Machine lock. */
bool replay_start(Error **errp);
void replay_exit(void);
const char *replay_file(void);       /* NULL: none */
uint64_t replay_position(void);      /* machine stopped */
uint64_t replay_first_position(void); /* of the snapshots that are kept */
int replay_cpu(void);                /* whose turn it is */
bool replay_at_end(void);
uint64_t replay_length(void);        /* instructions of the recording that is replayed */

/* ---- vCPU thread ---- */
bool replay_repeats(void); /* this instruction has been executed before, and what it did to the host done */
/* Timers, inputs and requests whose moment has come. True when there was something. Machine lock. */
bool replay_between_slices(void);
bool replay_may_run(const CPUState *cpu);                  /* it is this vCPU's turn, and not the end */
/* Nothing runs until the machine is started again: it is about to be stopped. Also while recording. */
void replay_hold(bool on);
bool replay_held(void);
int32_t replay_slice_begin(CPUState *cpu, int32_t budget); /* instructions this slice may execute */
bool replay_interrupt_now(void);                           /* REPLAY_PLAY */
static inline bool replay_interrupt_allowed(void) { return replay_mode != REPLAY_PLAY || replay_interrupt_now(); }
void replay_interrupt_taken(void);                         /* before it counts; nothing happens without record and replay */

/* ---- Inputs ---- */
/* deliver with buf NULL returns how many of len bytes the machine would take now; then it gets so many. The rest is offered again
 * later. All of a machine's inputs are made in the same order in each run. */
typedef struct ReplayInput ReplayInput;
ReplayInput *replay_input_new(const char *name, size_t (*deliver)(void *opaque, const uint8_t *buf, size_t len), void *opaque);
void replay_input_free(ReplayInput *in);
/* Recording: to be delivered between slices. Replaying: dropped, the recording has its own. Any thread. */
void replay_input_send(ReplayInput *in, const void *buf, size_t len);
bool replay_input_waiting(const ReplayInput *in);

/* ---- Going to a position (replay-seek.c), REPLAY_PLAY only ---- */
/* Keep snapshots along the way from now on. */
void replay_keep_snapshots(void);
bool replay_keeps_snapshots(void);
/* The machine runs to a position, forward or from the nearest snapshot before it; then it stops and done is called in the main loop,
 * machine lock held. The machine is stopped now. False: the position is not in the recording. */
bool replay_seek(uint64_t position, void (*done)(void *opaque), void *opaque, Error **errp);
/* To the last hit of a debugger's point before the present position (of a watchpoint: before the access). hit: there was one; else the machine
 * stands at the beginning. */
void replay_reverse_continue(void (*done)(bool hit));
void replay_cancel(void);            /* forgets about where to stop */
bool replay_seeking(void);
/* A debugger's point was hit: true when the machine is on its way somewhere and shall not stop for it. vCPU thread. */
bool replay_note_hit(const CPUState *cpu, bool watchpoint);
/* Stops at this position when running forward; UINT64_MAX: not. */
void replay_set_break(uint64_t position);
uint64_t replay_break(void);

#endif
