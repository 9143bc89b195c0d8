/* SPDX-License-Identifier: MIT */
/*
 * Semihosting for AArch32 and AArch64: files, console, time and exit by a special instruction. "Semihosting for AArch32 and AArch64",
 * Arm 2.0. Runs on the vCPU's thread and may block it.
 */
#include "semihost.h"

#include "helper.h"
#include "hw/boards.h"
#include "hw/loader.h"
#include "target-arm/semihost.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    SYS_OPEN = 1, SYS_CLOSE, SYS_WRITEC, SYS_WRITE0, SYS_WRITE, SYS_READ, SYS_READC, SYS_ISERROR, SYS_ISTTY, SYS_SEEK, SYS_FLEN = 0xc,
    SYS_TMPNAM, SYS_REMOVE, SYS_RENAME, SYS_CLOCK, SYS_TIME, SYS_SYSTEM, SYS_ERRNO, SYS_GET_CMDLINE = 0x15, SYS_HEAPINFO,
    SYS_EXIT = 0x18, SYS_SYNCCACHE, SYS_EXIT_EXTENDED = 0x20, SYS_ELAPSED = 0x30, SYS_TICKFREQ,
};
#define APPLICATION_EXIT 0x20026
#define MAX_FILES 64
#define MAX_STRING 65536

static bool enabled, userspace;
static char *command_line;
static int files[MAX_FILES]; /* host descriptor + 1; 0 = free. Machine lock is not needed: one program at a time */
static int last_errno;

bool semihost_configure(OptGroup *opts, Error **errp)
{
    static const char *const valid[] = { "enable", "target", "userspace", "arg", "chardev", NULL };

    enabled = true;
    if (!opts)
        return true;
    const char *target = opts_get(opts, "target"), *arg = opts_get(opts, "arg");
    if (target && strcmp(target, "native") && strcmp(target, "auto")) {
        error_setg(errp, "unsupported semihosting-config %s", target);
        return false;
    }
    g_free(command_line);
    command_line = g_strdup(arg);
    return opts_get_bool(opts, "enable", &enabled, errp) && opts_get_bool(opts, "userspace", &userspace, errp) &&
           opts_check_unused(opts, valid, errp);
}

bool arm_gen_semihosting(DisasContext *s)
{
    if (!enabled || (s->el == 0 && !userspace && !s->m_profile))
        return false;
    arm_sync_cc_op(s);
    arm_store_pc(s, arm_pc(s));
    ARM_CALL0(s, semihosting, IR_NONE);
    arm_end_exit(s);
    return true;
}

/* ---- The caller's memory ---- */

typedef struct Call {
    ARMCPU *env;
    CPUState *cpu;
    unsigned mode;
    bool wide;
    uint64_t block; /* of parameters */
} Call;

static uint64_t word(const Call *c, unsigned n)
{
    return c->wide ? cpu_ldq(c->cpu, c->block + 8 * n, c->mode, 0) : cpu_ldl(c->cpu, (uint32_t)(c->block + 4 * n), c->mode, 0);
}

static void put_word(const Call *c, uint64_t at, uint64_t value)
{
    if (c->wide)
        cpu_stq(c->cpu, at, value, c->mode, 0);
    else
        cpu_stl(c->cpu, (uint32_t)at, (uint32_t)value, c->mode, 0);
}

/* A string of len bytes, or to its end (len 0); caller frees. */
static char *string_at(const Call *c, uint64_t at, uint64_t len)
{
    GString *s = g_string_new(NULL);

    for (uint64_t i = 0; len ? i < len && i < MAX_STRING : i < MAX_STRING; i++) {
        char ch = (char)cpu_ldub(c->cpu, at + i, c->mode, 0);
        if (!len && !ch)
            break;
        g_string_append_c(s, ch);
    }
    return g_string_free(s, FALSE);
}

/* ---- Files ---- */

static int64_t fail(int error)
{
    last_errno = error;
    return -1;
}

static int file_of(uint64_t handle)
{
    return handle > 0 && handle < MAX_FILES ? files[handle] - 1 : -1;
}

static int64_t new_handle(int fd)
{
    if (fd < 0)
        return fail(errno);
    for (unsigned i = 1; i < MAX_FILES; i++) {
        if (!files[i]) {
            files[i] = fd + 1;
            return i;
        }
    }
    close(fd);
    return fail(EMFILE);
}

static int64_t open_file(const Call *c)
{
    static const int flags[12] = { O_RDONLY, O_RDONLY, O_RDWR, O_RDWR, O_WRONLY | O_CREAT | O_TRUNC, O_WRONLY | O_CREAT | O_TRUNC,
                                   O_RDWR | O_CREAT | O_TRUNC, O_RDWR | O_CREAT | O_TRUNC, O_WRONLY | O_CREAT | O_APPEND,
                                   O_WRONLY | O_CREAT | O_APPEND, O_RDWR | O_CREAT | O_APPEND, O_RDWR | O_CREAT | O_APPEND };
    uint64_t mode = word(c, 1);
    g_autofree char *name = string_at(c, word(c, 0), word(c, 2));

    if (mode >= ARRAY_SIZE(flags))
        return fail(EINVAL);
    if (!strcmp(name, ":tt"))
        return new_handle(dup(mode < 4 ? 0 : mode < 8 ? 1 : 2));
    if (!strcmp(name, ":semihosting-features")) {
        static const uint8_t features[5] = { 'S', 'H', 'F', 'B', 3 }; /* extended exit, stdout and stderr apart */
        int fd = memfd_create(name, MFD_CLOEXEC); /* has a length and can be read from the start again */
        if (fd < 0 || pwrite(fd, features, sizeof features, 0) < 0)
            return fail(errno);
        return new_handle(fd);
    }
    return new_handle(open(name, flags[mode] | O_CLOEXEC, 0644));
}

static int64_t close_file(const Call *c)
{
    uint64_t handle = word(c, 0);
    int fd = file_of(handle);

    if (fd < 0)
        return fail(EBADF);
    files[handle] = 0;
    return close(fd) ? fail(errno) : 0;
}

/* Both give the number of bytes not transferred. */
static int64_t transfer(const Call *c, bool in)
{
    int fd = file_of(word(c, 0));
    uint64_t at = word(c, 1), left = word(c, 2);
    uint8_t buf[4096];

    if (fd < 0)
        return fail(EBADF) , (int64_t)left;
    while (left) {
        size_t n = MIN(left, sizeof buf);
        if (!in)
            cpu_ld_bytes(c->cpu, at, buf, n, c->mode, 0);
        ssize_t done = in ? read(fd, buf, n) : write(fd, buf, n);
        if (done <= 0) {
            if (done < 0)
                last_errno = errno;
            break;
        }
        if (in)
            cpu_st_bytes(c->cpu, at, buf, (size_t)done, c->mode, 0);
        at += (uint64_t)done;
        left -= (uint64_t)done;
        if (in && (size_t)done < n)
            break;
    }
    return (int64_t)left;
}

static int64_t file_length(const Call *c)
{
    struct stat st;

    return fstat(file_of(word(c, 0)), &st) ? fail(errno) : st.st_size;
}

static int64_t temporary_name(const Call *c)
{
    char name[32];
    int n = snprintf(name, sizeof name, "/tmp/rhea-%x%02x", (unsigned)getpid(), (unsigned)word(c, 1) & 0xff);

    if (word(c, 2) <= (uint64_t)n)
        return fail(ENAMETOOLONG);
    cpu_st_bytes(c->cpu, word(c, 0), name, (size_t)n + 1, c->mode, 0);
    return 0;
}

static int64_t get_command_line(const Call *c)
{
    const MachineState *m = current_machine;
    g_autofree char *line = command_line ? g_strdup(command_line)
                                         : g_strdup_printf("%s%s%s", m && m->kernel ? m->kernel : "", m && m->append ? " " : "",
                                                           m && m->append ? m->append : "");
    size_t n = strlen(line) + 1;

    if (word(c, 1) < n)
        return fail(E2BIG);
    cpu_st_bytes(c->cpu, word(c, 0), line, n, c->mode, 0);
    put_word(c, c->block + (c->wide ? 8 : 4), n - 1);
    return 0;
}

typedef struct FreeRAM {
    uint64_t start, end;
} FreeRAM;

/* The longest piece of RAM that nothing was loaded to, at the end of a range. */
static void find_free(void *opaque, const FlatRange *r)
{
    FreeRAM *best = opaque;
    uint64_t start = r->start, end = start + r->size, used;

    if (r->mr->kind != REGION_RAM)
        return;
    used = roms_end_between(start, end);
    if (used > start)
        start = (used + 7) & ~7ull;
    if (start < end && end - start > best->end - best->start)
        *best = (FreeRAM){ start, end };
}

/* Heap base and limit, stack base and limit: they grow towards each other. */
static int64_t heap_info(const Call *c)
{
    uint64_t at = word(c, 0);
    FreeRAM ram = { 0 };

    address_space_foreach(address_space_memory, find_free, &ram);
    if (!c->wide && ram.end >> 32)
        ram = (FreeRAM){ MIN(ram.start, UINT32_MAX & ~7ull), UINT32_MAX & ~7ull };
    const uint64_t info[4] = { ram.start, ram.end, ram.end, ram.start };
    for (unsigned i = 0; i < 4; i++)
        put_word(c, at + i * (c->wide ? 8 : 4), info[i]);
    return 0;
}

static _Noreturn void program_exit(const Call *c, bool extended)
{
    int status;

    if (c->wide || extended)
        status = word(c, 0) == APPLICATION_EXIT ? (int)word(c, 1) : 1;
    else
        status = c->block == APPLICATION_EXIT ? 0 : 1;
    system_exit_request(status & 0xff);
    atomic_store(&c->cpu->halted, true);
    c->cpu->exception_index = EXCP_HLT;
    cpu_loop_exit(c->cpu);
}

static int64_t rename_file(const Call *c)
{
    g_autofree char *from = string_at(c, word(c, 0), word(c, 1)), *to = string_at(c, word(c, 2), word(c, 3));

    return rename(from, to) ? fail(errno) : 0;
}

static int64_t remove_file(const Call *c)
{
    g_autofree char *name = string_at(c, word(c, 0), word(c, 1));

    return remove(name) ? fail(errno) : 0;
}

static int64_t write_string(const Call *c)
{
    g_autofree char *s = string_at(c, c->block, 0);

    return write(2, s, strlen(s)) < 0 ? fail(errno) : 0;
}

static int64_t elapsed(const Call *c)
{
    uint64_t now = (uint64_t)clock_ns(CLOCK_VIRTUAL);

    if (c->wide) {
        cpu_stq(c->cpu, c->block, now, c->mode, 0);
    } else {
        cpu_stl(c->cpu, c->block, (uint32_t)now, c->mode, 0);
        cpu_stl(c->cpu, c->block + 4, (uint32_t)(now >> 32), c->mode, 0);
    }
    return 0;
}

static int64_t perform(const Call *c, uint32_t operation)
{
    char ch;

    switch (operation) {
    case SYS_OPEN: return open_file(c);
    case SYS_CLOSE: return close_file(c);
    case SYS_WRITEC:
        ch = (char)cpu_ldub(c->cpu, c->block, c->mode, 0);
        return write(2, &ch, 1) < 0 ? fail(errno) : 0;
    case SYS_WRITE0: return write_string(c);
    case SYS_WRITE: return transfer(c, false);
    case SYS_READ: return transfer(c, true);
    case SYS_READC: return read(0, &ch, 1) == 1 ? (uint8_t)ch : fail(errno);
    case SYS_ISERROR: return c->wide ? (int64_t)word(c, 0) < 0 : (int32_t)word(c, 0) < 0;
    case SYS_ISTTY: return isatty(file_of(word(c, 0)));
    case SYS_SEEK: return lseek(file_of(word(c, 0)), (off_t)word(c, 1), SEEK_SET) < 0 ? fail(errno) : 0;
    case SYS_FLEN: return file_length(c);
    case SYS_TMPNAM: return temporary_name(c);
    case SYS_REMOVE: return remove_file(c);
    case SYS_RENAME: return rename_file(c);
    case SYS_CLOCK: return clock_ns(CLOCK_VIRTUAL) / 10000000;
    case SYS_TIME: return time(NULL);
    case SYS_SYSTEM: return fail(ENOSYS); /* no commands on the host */
    case SYS_ERRNO: return last_errno;
    case SYS_GET_CMDLINE: return get_command_line(c);
    case SYS_HEAPINFO: return heap_info(c);
    case SYS_EXIT: program_exit(c, false);
    case SYS_EXIT_EXTENDED: program_exit(c, true);
    case SYS_SYNCCACHE: return 0;
    case SYS_ELAPSED: return elapsed(c);
    case SYS_TICKFREQ: return NS_PER_SEC;
    default: return fail(ENOSYS);
    }
}

void helper_semihosting(CPUState *cpu)
{
    ARMCPU *env = arm_cpu(cpu);
    bool wide = env->hflags & TBF_AARCH64;
    Call c = { .env = env, .cpu = cpu, .mode = arm_current_mmu_mode(cpu, false), .wide = wide,
               .block = wide ? env->x[1] : (uint32_t)env->x[1] };
    int64_t result = perform(&c, (uint32_t)env->x[0]);

    env->x[0] = wide ? (uint64_t)result : (uint32_t)result;
}
