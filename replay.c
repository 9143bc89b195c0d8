/* SPDX-License-Identifier: MIT */
/* Record and replay: what happens between slices. The rules are in exec/replay.h, the file's format in exec/replay-log.h. */
#include "exec/icount.h"
#include "exec/replay-internal.h"
#include "exec/tlb.h"
#include "hw/boards.h"
#include "target.h"
#include "util/error.h"
#include "util/guest-random.h"
#include "util/main-loop.h"
#include "util/options.h"
#include "util/timer.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

/* The TLBs are emptied this often, both ways: a snapshot taken there needs to hold none. */
#define MARK_EVERY (1u << 24)

ReplayMode replay_mode;
ReplayState replay = { .stop_at = UINT64_MAX };

struct ReplayInput {
    unsigned number;
    char *name;
    size_t (*deliver)(void *opaque, const uint8_t *buf, size_t len);
    void *opaque;
    GByteArray *waiting; /* REPLAY_RECORD */
};
static GPtrArray *inputs;
static pthread_mutex_t waiting_mutex = PTHREAD_MUTEX_INITIALIZER; /* of all inputs */

static struct {
    FILE *file;
    uint64_t last;       /* position of the event written last */
    uint64_t next_mark;
    int64_t skipped;
    int cpu;
} rec;

/* Random numbers as they were before devices took some. */
static uint64_t seed;

uint64_t replay_seed(void)
{
    return seed;
}

const char *replay_file(void)
{
    return replay.path;
}

uint64_t replay_position(void)
{
    return icount_position();
}

int replay_cpu(void)
{
    return replay.at.event.kind == REPLAY_CPU && replay.at.event.position == icount_position() ? (int)replay.at.event.value : replay.at.cpu;
}

bool replay_at_end(void)
{
    return replay_mode == REPLAY_PLAY && replay.at.event.kind == REPLAY_END && replay.at.event.position == icount_position();
}

uint64_t replay_length(void)
{
    return replay.file.length;
}

/* ---- Configuration ---- */

static bool read_recording(Error **errp)
{
    GError *gerr = NULL;
    char *data;
    gsize len;
    if (!g_file_get_contents(replay.path, &data, &len, &gerr)) {
        error_setg(errp, "-icount: rrfile: %s", gerr->message);
        g_error_free(gerr);
        return false;
    }
    if (!replay_file_open(&replay.file, (uint8_t *)data, len, errp)) {
        error_prepend(errp, "-icount: rrfile=%s: ", replay.path);
        return false;
    }
    return true;
}

static bool adopt(const char *key, int64_t *out)
{
    char *text = replay_file_head(&replay.file, key);
    if (text)
        *out = g_ascii_strtoll(text, NULL, 10);
    g_free(text);
    return text;
}

/* What the recorded run got from the host before its first instruction. */
static void adopt_start(void)
{
    int64_t v;
    if (adopt("seed", &v))
        guest_random_seed((uint64_t)v);
    if (adopt("rtc", &v))
        current_machine->rtc_start = v;
}

bool replay_configure(OptGroup *icount, Error **errp)
{
    const char *mode = opts_get(icount, "rr"), *path = opts_get(icount, "rrfile"), *snapshot = opts_get(icount, "rrsnapshot");
    if (!mode && (path || snapshot)) {
        error_setg(errp, "-icount: %s needs rr=record or rr=replay", path ? "rrfile" : "rrsnapshot");
        return false;
    }
    if (!mode)
        return true;
    if (strcmp(mode, "record") && strcmp(mode, "replay")) {
        error_setg(errp, "-icount: rr must be record or replay, not '%s'", mode);
        return false;
    }
    if (snapshot) {
        error_setg(errp, "-icount: rrsnapshot is not supported");
        return false;
    }
    if (current_machine->rtc_clock != CLOCK_VIRTUAL) {
        error_setg(errp, "-icount: rr=%s needs -rtc clock=vm", mode);
        return false;
    }
    replay.path = g_strdup(path ? path : "replay.bin");
    if (!strcmp(mode, "replay")) {
        if (!read_recording(errp))
            return false;
        replay_mode = REPLAY_PLAY;
        adopt_start();
        seed = guest_random_state();
        return true;
    }
    rec.file = fopen(replay.path, "wb");
    if (!rec.file) {
        error_setg_errno(errp, errno, "-icount: rrfile=%s", replay.path);
        return false;
    }
    replay_mode = REPLAY_RECORD;
    seed = guest_random_state();
    if (current_machine->rtc_start == INT64_MIN)
        current_machine->rtc_start = time(NULL);
    return true;
}

/* The first line in which two descriptions differ, as two words of a sentence. */
static void first_difference(const char *recorded, const char *here, Error **errp)
{
    char **a = g_strsplit(recorded, "\n", -1), **b = g_strsplit(here, "\n", -1);
    unsigned i = 0;
    while (a[i] && b[i] && !strcmp(a[i], b[i]))
        i++;
    error_setg(errp, "-icount: rrfile=%s was recorded on another machine: it had '%s', this one has '%s'", replay.path,
               a[i] ? a[i] : "nothing more", b[i] ? b[i] : "nothing more");
    g_strfreev(a);
    g_strfreev(b);
}

static bool fetch(size_t offset, uint64_t before)
{
    if (replay_file_event(&replay.file, offset, before, &replay.at.event))
        return true;
    replay.over = true; /* cannot be: the file was checked */
    return false;
}

bool replay_start(Error **errp)
{
    char *here = replay_describe_machine();
    bool ok = true;
    if (replay_mode == REPLAY_RECORD) {
        rec.next_mark = MARK_EVERY;
        ok = fprintf(rec.file, "%s%s\n", REPLAY_MAGIC, here) > 0 && !fflush(rec.file);
        if (!ok)
            error_setg_errno(errp, errno, "-icount: rrfile=%s", replay.path);
    } else if (replay_mode == REPLAY_PLAY) {
        char *recorded = replay_file_text(&replay.file);
        ok = !strcmp(recorded, here) && fetch(replay.file.events, 0);
        if (!ok)
            first_difference(recorded, here, errp);
        g_free(recorded);
    }
    g_free(here);
    return ok;
}

/* ---- Recording ---- */

static void write_event(const ReplayEvent *e)
{
    GByteArray *bytes = g_byte_array_new();
    replay_event_append(bytes, e, rec.last);
    rec.last = e->position;
    if (fwrite(bytes->data, 1, bytes->len, rec.file) != bytes->len) {
        error_report("cannot write the recording %s: %s", replay.path, strerror(errno));
        fclose(rec.file);
        rec.file = NULL;
        main_loop_quit(1);
    }
    g_byte_array_free(bytes, TRUE);
}

static void record(ReplayEvent e)
{
    if (!rec.file)
        return;
    e.position = icount_position();
    if (rec.skipped != icount_skipped()) {
        rec.skipped = icount_skipped();
        write_event(&(ReplayEvent){ .kind = REPLAY_SKIP, .position = e.position, .value = (uint64_t)rec.skipped });
        if (!rec.file)
            return;
    }
    write_event(&e);
}

static uint32_t registers_crc(void)
{
    uLong crc = crc32(0, NULL, 0);
    CPU_FOREACH(cpu)
    {
        uint64_t pc = cpu->target->tb_state(cpu).pc;
        crc = crc32(crc, (const Bytef *)&pc, sizeof(pc));
        for (const RegisterDesc *r = cpu->target->registers; r && r->name && r[1].name && r < cpu->target->registers + 8; r++)
            crc = crc32(crc, (const Bytef *)cpu + r->offset, r->bits / 8);
    }
    return (uint32_t)crc;
}

static void flush_tlbs(void)
{
    CPU_FOREACH(cpu)
        tlb_flush_all(cpu);
}

/* What the input's waiting bytes begin with, of which the machine takes so many; caller frees. */
static uint8_t *take_waiting(ReplayInput *in, size_t *took)
{
    pthread_mutex_lock(&waiting_mutex);
    size_t want = MIN(in->waiting->len, REPLAY_INPUT_MAX);
    *took = want ? MIN(in->deliver(in->opaque, NULL, want), want) : 0;
    uint8_t *bytes = *took ? g_memdup2(in->waiting->data, *took) : NULL;
    if (*took)
        g_byte_array_remove_range(in->waiting, 0, (guint)*took);
    pthread_mutex_unlock(&waiting_mutex);
    return bytes;
}

/* Each is written before it happens: what it sets off comes after it. */
static bool record_inputs(void)
{
    bool any = false;
    for (guint i = 0; inputs && i < inputs->len; i++) {
        ReplayInput *in = inputs->pdata[i];
        uint8_t *bytes;
        for (size_t took; (bytes = take_waiting(in, &took)); any = true) {
            record((ReplayEvent){ .kind = REPLAY_INPUT, .value = in->number, .data = bytes, .len = took });
            in->deliver(in->opaque, bytes, took);
            g_free(bytes);
        }
    }
    return any;
}

static bool record_between(void)
{
    bool any = false;
    icount_account_idle();
    int64_t deadline = timers_next_deadline(CLOCK_VIRTUAL);
    if (deadline >= 0 && deadline <= icount_ns()) {
        record((ReplayEvent){ .kind = REPLAY_TIMERS });
        timers_run_virtual();
        any = true;
    }
    any |= record_inputs();
    if (icount_position() >= rec.next_mark) {
        record((ReplayEvent){ .kind = REPLAY_MARK, .value = registers_crc() });
        flush_tlbs();
        rec.next_mark = icount_position() + MARK_EVERY;
    }
    return any;
}

/* ---- Replaying ---- */

static void differs(const char *what)
{
    if (replay.over)
        return;
    replay.over = true;
    error_report("replay: the run differs from the recording at instruction %" PRIu64 ": %s", icount_position(), what);
    main_loop_quit(1);
}

static void play_input(const ReplayEvent *e)
{
    ReplayInput *in = inputs && e->value < inputs->len ? inputs->pdata[e->value] : NULL;
    size_t took = in ? in->deliver(in->opaque, NULL, e->len) : 0;
    if (took != e->len)
        differs(in ? "a device does not take its input" : "it has no such input");
    else
        in->deliver(in->opaque, e->data, e->len);
}

static void play_mark(const ReplayEvent *e)
{
    if (registers_crc() != e->value) {
        differs("the registers are others");
        return;
    }
    flush_tlbs();
    replay_reached_mark();
}

/* One event of this position that is the loop's business; false: there is none (left). */
static bool play_one(void)
{
    const ReplayEvent e = replay.at.event;
    if (replay.over || e.position != icount_position()) {
        if (!replay.over && e.position < icount_position())
            differs("it ran past an event");
        return false;
    }
    if (e.kind == REPLAY_CPU || e.kind == REPLAY_INTERRUPT)
        return false;
    if (e.kind == REPLAY_END) {
        replay_reached_end();
        return false;
    }
    if (!fetch(e.next, e.position))
        return false;
    switch (e.kind) {
    case REPLAY_MARK: play_mark(&e); break;
    case REPLAY_SKIP: icount_set_skipped((int64_t)e.value); break;
    case REPLAY_TIMERS: timers_run_virtual(); break;
    case REPLAY_INPUT: play_input(&e); break;
    default: break;
    }
    return true;
}

static bool play_between(void)
{
    static bool started;
    bool any = false;
    if (replay.may_interrupt) {
        replay.may_interrupt = false;
        differs("no interrupt is taken");
    }
    if (!started) {
        started = true;
        replay_reached_mark();
    }
    while (!replay_reached_stop() && play_one())
        any = true;
    return any;
}

bool replay_between_slices(void)
{
    if (!vm_running() || replay.held)
        return false;
    if (replay_mode == REPLAY_RECORD)
        return record_between();
    bool any = play_between();
    if (any || replay.over || replay.held || replay_reached_stop())
        return any;
    CPU_FOREACH(cpu)
    {
        if (cpu->stop || cpu->stopped || (replay_may_run(cpu) && (!cpu->halted || cpu->target->has_work(cpu))))
            return false;
    }
    differs("all vCPUs wait");
    return false;
}

bool replay_repeats(void)
{
    return replay_mode == REPLAY_PLAY && icount_position_after() <= replay.seen;
}

void replay_hold(bool on)
{
    replay.held = on;
}

bool replay_held(void)
{
    return replay.held;
}

bool replay_may_run(const CPUState *cpu)
{
    const ReplayEvent *e = &replay.at.event;
    if (replay.held || replay_mode == REPLAY_RECORD)
        return !replay.held;
    if (replay.over || icount_position() >= replay.stop_at)
        return false;
    if (e->position != icount_position())
        return cpu->index == replay.at.cpu;
    return e->kind == REPLAY_CPU ? (uint64_t)cpu->index == e->value : e->kind == REPLAY_INTERRUPT && cpu->index == replay.at.cpu;
}

int32_t replay_slice_begin(CPUState *cpu, int32_t budget)
{
    uint64_t now = icount_position();
    if (replay_mode == REPLAY_RECORD) {
        if (rec.cpu != cpu->index || rec.skipped != icount_skipped())
            record((ReplayEvent){ .kind = REPLAY_CPU, .value = (uint64_t)cpu->index });
        rec.cpu = cpu->index;
        return rec.next_mark - now < (uint64_t)budget ? (int32_t)(rec.next_mark - now) : budget;
    }
    ReplayEvent *e = &replay.at.event;
    if (e->kind == REPLAY_CPU && e->position == now) {
        replay.at.cpu = cpu->index;
        fetch(e->next, now);
    }
    if (e->kind == REPLAY_INTERRUPT && e->position == now && replay.at.cpu == cpu->index) {
        replay.may_interrupt = true;
        return 1;
    }
    uint64_t end = MIN(e->position, replay.stop_at);
    return (int32_t)MIN(end > now ? end - now : 0, 1u << 30);
}

bool replay_interrupt_now(void)
{
    return replay.may_interrupt;
}

void replay_interrupt_taken(void)
{
    if (replay_mode == REPLAY_RECORD) {
        record((ReplayEvent){ .kind = REPLAY_INTERRUPT });
    } else if (replay_mode == REPLAY_PLAY) {
        replay.may_interrupt = false;
        fetch(replay.at.event.next, replay.at.event.position);
    }
}

/* ---- Inputs ---- */

ReplayInput *replay_input_new(const char *name, size_t (*deliver)(void *opaque, const uint8_t *buf, size_t len), void *opaque)
{
    ReplayInput *in = g_new0(ReplayInput, 1);
    if (!inputs)
        inputs = g_ptr_array_new();
    *in = (ReplayInput){ inputs->len, g_strdup(name), deliver, opaque, g_byte_array_new() };
    g_ptr_array_add(inputs, in);
    return in;
}

static size_t takes_nothing(void *opaque, const uint8_t *buf, size_t len)
{
    return 0;
}

/* Its number stays: others keep theirs. */
void replay_input_free(ReplayInput *in)
{
    if (!in)
        return;
    in->deliver = takes_nothing;
    g_byte_array_set_size(in->waiting, 0);
}

void replay_input_send(ReplayInput *in, const void *buf, size_t len)
{
    if (replay_mode != REPLAY_RECORD)
        return;
    pthread_mutex_lock(&waiting_mutex);
    g_byte_array_append(in->waiting, buf, (guint)len);
    pthread_mutex_unlock(&waiting_mutex);
    cpu_kick(first_cpu);
}

bool replay_input_waiting(const ReplayInput *in)
{
    return in->waiting->len > 0;
}

/* ---- The end ---- */

static void input_destroy(void *opaque)
{
    ReplayInput *in = opaque;
    g_byte_array_free(in->waiting, TRUE);
    g_free(in->name);
    g_free(in);
}

void replay_exit(void)
{
    if (rec.file) {
        record((ReplayEvent){ .kind = REPLAY_END });
        if (rec.file && fclose(rec.file))
            error_report("cannot write the recording %s: %s", replay.path, strerror(errno));
        rec.file = NULL;
    }
    replay_seek_exit();
    replay_file_close(&replay.file);
    g_free(replay.path);
    replay.path = NULL;
    if (inputs) {
        g_ptr_array_set_free_func(inputs, input_destroy);
        g_ptr_array_free(inputs, TRUE);
    }
    inputs = NULL;
    replay_mode = REPLAY_NONE;
}
