/* SPDX-License-Identifier: MIT */
/* The client's side of the device-test protocol; see libqtest.h. */
#include "libqtest.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MS 60000
#define IRQS_MAX 256

struct QTest {
    pid_t pid;
    int fd;
    char *folder, *path;
    GString *in;   /* received, not yet a line */
    GString *line; /* the last answer */
    bool irq[IRQS_MAX];
};

/* ---- Start and end ---- */

static int listen_at(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_strlcpy(a.sun_path, path, sizeof(a.sun_path));
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 1))
        g_error("cannot listen on %s: %s", path, g_strerror(errno));
    return fd;
}

static int accept_from(int listener, pid_t pid)
{
    struct pollfd p = { .fd = listener, .events = POLLIN };
    for (int ms = 0; ms < ANSWER_MS; ms += 100) {
        int status;
        if (poll(&p, 1, 100) > 0)
            return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (waitpid(pid, &status, WNOHANG) == pid)
            g_error("the emulator ended with status %d before the test began", WEXITSTATUS(status));
    }
    g_error("the emulator does not connect");
}

QTest *qtest_start(const char *fmt, ...)
{
    QTest *q = g_new0(QTest, 1);
    const char *program = getenv("QTEST_PROGRAM");
    va_list ap;
    va_start(ap, fmt);
    char *args = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    q->folder = g_dir_make_tmp("rhea-qtest-XXXXXX", NULL);
    q->path = g_build_filename(q->folder, "socket", NULL);
    int listener = listen_at(q->path);
    char *command = g_strdup_printf("%s -accel qtest -qtest unix:%s -qtest-log %s -display none -monitor none %s",
                                    program ? program : "./rhea-system-x86_64", q->path, getenv("QTEST_LOG") ? "/dev/stderr" : "none", args);
    char **argv = g_strsplit_set(command, " ", -1);
    q->pid = fork();
    if (q->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execvp(argv[0], argv);
        fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    q->fd = accept_from(listener, q->pid);
    close(listener);
    q->in = g_string_new(NULL);
    q->line = g_string_new(NULL);
    g_strfreev(argv);
    g_free(command);
    g_free(args);
    return q;
}

int qtest_wait(QTest *q)
{
    int status;
    while (waitpid(q->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    close(q->fd);
    unlink(q->path);
    rmdir(q->folder);
    g_free(q->path);
    g_free(q->folder);
    g_string_free(q->in, TRUE);
    g_string_free(q->line, TRUE);
    g_free(q);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void qtest_end(QTest *q)
{
    kill(q->pid, SIGTERM);
    int status = qtest_wait(q);
    if (status)
        g_error("the emulator ended with status %d", status);
}

/* ---- Lines ---- */

/* The next line into q->line. */
static void receive(QTest *q)
{
    char *end;
    while (!(end = strchr(q->in->str, '\n'))) {
        char buf[4096];
        struct pollfd p = { .fd = q->fd, .events = POLLIN };
        if (poll(&p, 1, ANSWER_MS) <= 0)
            g_error("no answer");
        ssize_t n = read(q->fd, buf, sizeof(buf));
        if (n <= 0)
            g_error("the emulator closed the connection");
        g_string_append_len(q->in, buf, n);
    }
    g_string_truncate(q->line, 0);
    g_string_append_len(q->line, q->in->str, end - q->in->str);
    g_string_erase(q->in, 0, end + 1 - q->in->str);
}

/* Receives up to the answer; lines about interrupts may come first. */
static const char *receive_answer(QTest *q)
{
    unsigned n;
    for (;;) {
        receive(q);
        if (sscanf(q->line->str, "IRQ raise %u", &n) == 1 && n < IRQS_MAX)
            q->irq[n] = true;
        else if (sscanf(q->line->str, "IRQ lower %u", &n) == 1 && n < IRQS_MAX)
            q->irq[n] = false;
        else
            return q->line->str;
    }
}

static const char *send_command(QTest *q, char *text)
{
    size_t len = strlen(text), done = 0;
    text[len++] = '\n';
    while (done < len) {
        ssize_t n = write(q->fd, text + done, len - done);
        if (n < 0)
            g_error("cannot write to the emulator: %s", g_strerror(errno));
        done += (size_t)n;
    }
    g_free(text);
    return receive_answer(q);
}

const char *qtest_command(QTest *q, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return send_command(q, text);
}

/* The value after OK; 0 when there is none. */
static uint64_t ok(const char *answer)
{
    if (!g_str_has_prefix(answer, "OK"))
        g_error("the emulator answered '%s'", answer);
    return answer[2] ? g_ascii_strtoull(answer + 3, NULL, 0) : 0;
}

/* ---- Commands ---- */

#define IN_OUT(letter, type)                                                                             \
    type qtest_in##letter(QTest *q, uint16_t port) { return (type)ok(qtest_command(q, "in" #letter " 0x%x", port)); } \
    void qtest_out##letter(QTest *q, uint16_t port, type v) { ok(qtest_command(q, "out" #letter " 0x%x 0x%x", port, v)); }
IN_OUT(b, uint8_t)
IN_OUT(w, uint16_t)
IN_OUT(l, uint32_t)

#define READ_WRITE(letter, type)                                                                         \
    type qtest_read##letter(QTest *q, uint64_t addr)                                                     \
    {                                                                                                    \
        return (type)ok(qtest_command(q, "read" #letter " 0x%" PRIx64, addr));                           \
    }                                                                                                    \
    void qtest_write##letter(QTest *q, uint64_t addr, type v)                                            \
    {                                                                                                    \
        ok(qtest_command(q, "write" #letter " 0x%" PRIx64 " 0x%" PRIx64, addr, (uint64_t)v));            \
    }
READ_WRITE(b, uint8_t)
READ_WRITE(w, uint16_t)
READ_WRITE(l, uint32_t)
READ_WRITE(q, uint64_t)

void qtest_memread(QTest *q, uint64_t addr, void *buf, size_t len)
{
    const char *answer = qtest_command(q, "b64read 0x%" PRIx64 " %zu", addr, len);
    gsize got;
    ok(answer);
    guchar *data = g_base64_decode(answer + 3, &got);
    if (got != len)
        g_error("b64read gave %zu bytes instead of %zu", (size_t)got, len);
    memcpy(buf, data, len);
    g_free(data);
}

void qtest_memwrite(QTest *q, uint64_t addr, const void *buf, size_t len)
{
    char *text = g_base64_encode(buf, len);
    ok(qtest_command(q, "b64write 0x%" PRIx64 " %zu %s", addr, len, text));
    g_free(text);
}

void qtest_memset(QTest *q, uint64_t addr, uint8_t v, size_t len)
{
    ok(qtest_command(q, "memset 0x%" PRIx64 " %zu 0x%x", addr, len, v));
}

int64_t qtest_clock_step(QTest *q, int64_t ns)
{
    return (int64_t)ok(qtest_command(q, "clock_step %" PRIi64, ns));
}

int64_t qtest_clock_step_next(QTest *q)
{
    return (int64_t)ok(qtest_command(q, "clock_step"));
}

int64_t qtest_clock_set(QTest *q, int64_t ns)
{
    return (int64_t)ok(qtest_command(q, "clock_set %" PRIi64, ns));
}

void qtest_irq_intercept_in(QTest *q, const char *device)
{
    ok(qtest_command(q, "irq_intercept_in %s", device));
}

void qtest_irq_intercept_out(QTest *q, const char *device)
{
    ok(qtest_command(q, "irq_intercept_out %s", device));
}

bool qtest_irq(QTest *q, unsigned n)
{
    ok(qtest_command(q, "endianness")); /* what was sent before it has arrived */
    return n < IRQS_MAX && q->irq[n];
}

void qtest_set_irq_in(QTest *q, const char *device, unsigned n, int level)
{
    ok(qtest_command(q, "set_irq_in %s unnamed-gpio-in %u %d", device, n, level));
}

/* ---- PCI ---- */

enum { CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc };

static void select_register(QTest *q, unsigned slot, unsigned reg)
{
    qtest_outl(q, CONFIG_ADDRESS, 1u << 31 | slot << 11 | (reg & 0xfc));
}

uint32_t qtest_pci_readl(QTest *q, unsigned slot, unsigned reg)
{
    select_register(q, slot, reg);
    return qtest_inl(q, CONFIG_DATA);
}

void qtest_pci_writel(QTest *q, unsigned slot, unsigned reg, uint32_t v)
{
    select_register(q, slot, reg);
    qtest_outl(q, CONFIG_DATA, v);
}

unsigned qtest_pci_find(QTest *q, uint16_t vendor, uint16_t device)
{
    for (unsigned slot = 0; slot < 32; slot++) {
        if (qtest_pci_readl(q, slot, 0) == ((uint32_t)device << 16 | vendor))
            return slot;
    }
    g_error("no PCI function %04x:%04x", vendor, device);
}

uint32_t qtest_pci_map(QTest *q, unsigned slot, unsigned n, uint32_t addr)
{
    unsigned reg = 0x10 + 4 * n;
    qtest_pci_writel(q, slot, reg, ~0u);
    uint32_t v = qtest_pci_readl(q, slot, reg), mask = v & 1 ? ~3u : ~15u;
    qtest_pci_writel(q, slot, reg, addr);
    qtest_pci_writel(q, slot, 4, qtest_pci_readl(q, slot, 4) | 7);
    return ~(v & mask) + 1;
}
