/* SPDX-License-Identifier: MIT */
/* Completion in the monitor: command names, and per argument whatever the machine has that fits it. */
#include "chardev.h"
#include "hw/object.h"
#include "hw/ps2.h"
#include "internal.h"
#include "util/log.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

typedef struct Completion {
    const char *prefix;
    GPtrArray *words;
} Completion;

static void offer(Completion *c, const char *word)
{
    if (g_str_has_prefix(word, c->prefix))
        g_ptr_array_add(c->words, g_strdup(word));
}

static void offer_list(Completion *c, const char *const *list)
{
    for (; *list; list++)
        offer(c, *list);
}

static void commands(Completion *c)
{
    const GPtrArray *rows = monitor_rows();
    for (unsigned i = 0; i < rows->len; i++) {
        const MonitorCommand *r = g_ptr_array_index(rows, i);
        char **names = g_strsplit(r->name, "|", -1);
        for (char **p = names; *p; p++)
            if (!strchr(*p, ' '))
                offer(c, *p);
        g_strfreev(names);
    }
}

static void info_topics(Completion *c)
{
    const GPtrArray *rows = monitor_rows();
    for (unsigned i = 0; i < rows->len; i++) {
        const MonitorCommand *r = g_ptr_array_index(rows, i);
        if (g_str_has_prefix(r->name, "info "))
            offer(c, r->name + 5);
    }
}

static void offer_device(Device *dev, void *opaque)
{
    if (dev->id)
        offer(opaque, dev->id);
}

static void devices(Completion *c)
{
    device_foreach(offer_device, c);
}

static void drivers(Completion *c)
{
    offer_list(c, device_type_names(true));
}

static void offer_chardev(Chardev *chr, void *opaque)
{
    offer(opaque, chardev_id(chr));
}

static void chardevs(Completion *c)
{
    chardev_foreach(offer_chardev, c);
}

static void offer_ringbuf(Chardev *chr, void *opaque)
{
    if (chardev_is_ringbuf(chr))
        offer(opaque, chardev_id(chr));
}

static void ringbufs(Completion *c)
{
    chardev_foreach(offer_ringbuf, c);
}

static void chardev_kinds(Completion *c)
{
    offer_list(c, chardev_kind_names());
}

static void offer_object(Device *obj, void *opaque)
{
    offer(opaque, obj->id);
}

static void objects(Completion *c)
{
    object_foreach(offer_object, c);
}

static void object_types(Completion *c)
{
    offer_list(c, object_type_names());
}

/* The last key of "ctrl-alt-…". */
static void keys(Completion *c)
{
    const char *dash = strrchr(c->prefix, '-'), *name;
    size_t head = dash ? (size_t)(dash + 1 - c->prefix) : 0;
    for (int i = 0; (name = ps2_key_name(i)); i++) {
        char *word = g_strdup_printf("%.*s%s", (int)head, c->prefix, name);
        offer(c, word);
        g_free(word);
    }
}

/* The first word of each line of -d help. */
static void log_items(Completion *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    log_help(f);
    fclose(f);
    char **lines = g_strsplit(text, "\n", -1);
    for (char **l = lines; *l && l[1]; l++) {
        l[1][strcspn(l[1], " ")] = 0;
        if (*l[1])
            offer(c, l[1]);
    }
    g_strfreev(lines);
    free(text);
}

static void files(Completion *c)
{
    char *dir = g_path_get_dirname(c->prefix);
    const char *slash = strrchr(c->prefix, '/');
    size_t head = slash ? (size_t)(slash + 1 - c->prefix) : 0;
    DIR *d = opendir(head ? dir : ".");
    for (struct dirent *e; d && (e = readdir(d));) {
        char *word = g_strdup_printf("%.*s%s", (int)head, c->prefix, e->d_name);
        struct stat st;
        if (e->d_name[0] != '.' && !stat(word, &st)) {
            char *shown = g_strconcat(word, S_ISDIR(st.st_mode) ? "/" : "", NULL);
            offer(c, shown);
            g_free(shown);
        }
        g_free(word);
    }
    if (d)
        closedir(d);
    g_free(dir);
}

static void on_off(Completion *c)
{
    offer_list(c, (const char *const[]){ "on", "off", NULL });
}

static void watchdog_actions(Completion *c)
{
    offer_list(c, (const char *const[]){ "reset", "shutdown", "poweroff", "pause", "debug", "none", "inject-nmi", NULL });
}

/* By the start of the command's name and the argument's name. */
static const struct {
    const char *command, *arg;
    void (*fill)(Completion *c);
} completers[] = {
    { "help", "cmd", commands },          { "info", "subcommand", info_topics }, { "device_del", "device", devices },
    { "device_add", "driver", drivers },  { "ringbuf_", "device", ringbufs },    { "chardev-add", "args", chardev_kinds },
    { "chardev-", "id", chardevs },       { "object_del", "id", objects },       { "object_add", "type", object_types },
    { "sendkey", "keys", keys },          { "log", "item1", log_items },         { "", "filename", files },
    { "", "file", files },                { "", "on|off", on_off },              { "watchdog_action", "", watchdog_actions },
};

static void complete_arg(Completion *c, const MonitorCommand *row, unsigned n)
{
    RowSpec s;
    monitor_row_spec(row->args, &s);
    if (n >= s.count)
        return;
    for (unsigned i = 0; i < ARRAY_SIZE(completers); i++)
        if (g_str_has_prefix(row->name, completers[i].command) &&
            (!*completers[i].arg || !strcmp(completers[i].arg, s.arg[n].name))) {
            completers[i].fill(c);
            return;
        }
}

static gint compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *monitor_complete(void *opaque, const char *head, size_t *start)
{
    Completion c = { strrchr(head, ' ') ? strrchr(head, ' ') + 1 : head, g_ptr_array_new() };
    *start = (size_t)(c.prefix - head);
    char *before = g_strndup(head, *start);
    char **words = g_strsplit_set(g_strstrip(before), " ", -1);
    int argc = (int)g_strv_length(words), used = 0;
    const MonitorCommand *row = argc ? monitor_find_row(words, argc, &used) : NULL;
    if (!argc)
        commands(&c);
    else if (argc == 2 && !strcmp(words[0], "help") && !strcmp(words[1], "info"))
        info_topics(&c);
    else if (row)
        complete_arg(&c, row, (unsigned)(argc - used));
    g_strfreev(words);
    g_free(before);
    g_ptr_array_sort(c.words, compare);
    return c.words;
}
