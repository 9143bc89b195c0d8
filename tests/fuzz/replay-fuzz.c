/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a recording (-icount rr=replay). Whatever the file holds: no crash; one that is accepted can be read to its end, and its
 * events written again give events that read the same.
 */
#include "exec/replay-log.h"
#include "fuzz.h"
#include "util/error.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "wrong: %s\n", what);
        abort();
    }
}

static void read_again(const ReplayEvent *e, uint64_t before)
{
    GByteArray *bytes = g_byte_array_new();
    ReplayEvent again;
    replay_event_append(bytes, e, before);
    ReplayFile f = { .data = bytes->data, .len = bytes->len };
    must(replay_file_event(&f, 0, before, &again), "an event that was written is not read");
    must(again.kind == e->kind && again.position == e->position && again.value == e->value && again.len == e->len &&
             (!e->len || !memcmp(again.data, e->data, e->len)),
         "an event reads as another than was written");
    g_byte_array_free(bytes, TRUE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Error *err = NULL;
    ReplayFile f;
    if (!replay_file_open(&f, g_memdup2(data, size), size, &err)) {
        must(err, "refused without a reason");
        error_free(err);
        return 0;
    }
    ReplayEvent e = { .kind = REPLAY_KINDS };
    uint64_t before = 0;
    for (size_t at = f.events; e.kind != REPLAY_END; at = e.next, before = e.position) {
        must(replay_file_event(&f, at, before, &e), "an accepted file breaks off");
        read_again(&e, before);
    }
    must(e.position == f.length, "another length");
    char *text = replay_file_text(&f), *head = replay_file_head(&f, "memory");
    g_free(text);
    g_free(head);
    replay_file_close(&f);
    return 0;
}
