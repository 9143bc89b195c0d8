/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target over the files of a corpus folder and over mutations of them. The same arguments give the
 * same inputs on every host; with --save FILE each input is written there first, so that after a crash the file
 * holds the culprit (add it to the corpus). A file as argument instead of a folder runs just that file.
 */
#include "fuzz.h"
#include "typedefs.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 8192
#define STACKED_MAX 6 /* mutations of one input */

static uint64_t random_state = 0x9e3779b97f4a7c15;

/* Marsaglia's xorshift, 64 bits. */
static uint64_t random_u64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static size_t random_below(size_t n)
{
    return n ? random_u64() % n : 0;
}

/* Overwrites 1, 2, 4 or 8 bytes with a number at which code likes to break. */
static void put_edge_value(GByteArray *in)
{
    static const uint64_t edges[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff0,
                                      0xffffffff, 0x7fffffffffffffff, 0xffffffffffffff00 };
    uint64_t v = edges[random_below(ARRAY_SIZE(edges))];
    size_t at = random_below(in->len), n = MIN((size_t)1 << random_below(4), in->len - at);
    memcpy(in->data + at, &v, n);
}

/* Copies a piece of a corpus file over (or, at the end, behind) the input. */
static void splice(GByteArray *in, const GByteArray *from)
{
    size_t start = random_below(from->len), n = random_below(MIN(from->len - start, 256)), at = random_below(in->len + 1);
    if (at + n > in->len)
        g_byte_array_set_size(in, (guint)(at + n));
    memcpy(in->data + at, from->data + start, n);
}

static void insert(GByteArray *in)
{
    size_t at = random_below(in->len + 1), n = 1 + random_below(16), old = in->len;
    g_byte_array_set_size(in, (guint)(old + n));
    memmove(in->data + at + n, in->data + at, old - at);
    for (size_t i = 0; i < n; i++)
        in->data[at + i] = (uint8_t)random_u64();
}

static void mutate(GByteArray *in, const GByteArray *other)
{
    if (!in->len || in->len > INPUT_MAX) {
        g_byte_array_set_size(in, 64);
        memset(in->data, 0, 64);
    }
    switch (random_below(7)) {
    case 0: in->data[random_below(in->len)] ^= 1u << random_below(8); break;
    case 1: in->data[random_below(in->len)] = (uint8_t)random_u64(); break;
    case 2: put_edge_value(in); break;
    case 3: g_byte_array_set_size(in, (guint)random_below(in->len)); break;
    case 4: splice(in, other); break;
    case 5: insert(in); break;
    case 6: g_byte_array_remove_range(in, (guint)random_below(in->len), 1); break;
    }
}

static void save_input(const char *path, const GByteArray *in)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(in->data, 1, in->len, f) != in->len)
        fprintf(stderr, "cannot write '%s'\n", path);
    if (f)
        fclose(f);
}

static void run(const GByteArray *in, const char *save)
{
    uint8_t *exact = g_malloc(in->len + !in->len); /* sanitizers see reads past the end */
    if (in->len)
        memcpy(exact, in->data, in->len);
    if (save)
        save_input(save, in);
    LLVMFuzzerTestOneInput(exact, in->len);
    g_free(exact);
}

static void add_file(GPtrArray *corpus, const char *path)
{
    char *text;
    gsize len;
    if (!g_file_get_contents(path, &text, &len, NULL)) {
        fprintf(stderr, "cannot read '%s'\n", path);
        exit(1);
    }
    g_ptr_array_add(corpus, g_byte_array_new_take((guint8 *)text, len));
}

/* In the order of names, which is the same everywhere. */
static void add_path(GPtrArray *corpus, const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    GList *names = NULL;
    if (!dir) {
        add_file(corpus, path);
        return;
    }
    for (const char *name; (name = g_dir_read_name(dir));)
        names = g_list_insert_sorted(names, g_build_filename(path, name, NULL), (GCompareFunc)strcmp);
    for (GList *l = names; l; l = l->next)
        add_file(corpus, l->data);
    g_list_free_full(names, g_free);
    g_dir_close(dir);
}

static void run_mutations(const GPtrArray *corpus, unsigned count, const char *save)
{
    GByteArray *in = g_byte_array_new();
    for (unsigned i = 0; i < count; i++) {
        const GByteArray *base = g_ptr_array_index(corpus, random_below(corpus->len));
        g_byte_array_set_size(in, 0);
        g_byte_array_append(in, base->data, base->len);
        for (size_t n = 1 + random_below(STACKED_MAX); n; n--)
            mutate(in, g_ptr_array_index(corpus, random_below(corpus->len)));
        run(in, save);
    }
    g_byte_array_unref(in);
}

int main(int argc, char **argv)
{
    const char *save = NULL;
    unsigned count = 0;
    GPtrArray *corpus = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--save") && i + 1 < argc)
            save = argv[++i];
        else if (!strcmp(argv[i], "--mutations") && i + 1 < argc)
            count = (unsigned)strtoul(argv[++i], NULL, 0);
        else
            add_path(corpus, argv[i]);
    }
    if (!corpus->len) {
        fprintf(stderr, "usage: %s [--mutations N] [--save FILE] CORPUS...\n", argv[0]);
        return 1;
    }
    for (unsigned i = 0; i < corpus->len; i++)
        run(g_ptr_array_index(corpus, i), save);
    run_mutations(corpus, count, save);
    fprintf(stderr, "%u files, %u mutations\n", corpus->len, count);
    g_ptr_array_unref(corpus);
    return 0;
}
