/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: QMP as a client's bytes reach it. Each input goes to a session that has negotiated, in two pieces; every
 * answer must be one JSON object a line, and the session must answer a good request afterwards.
 */
#include "fuzz.h"
#include "monitor-machine.h"
#include "qmp.h"

#include <stdio.h>
#include <stdlib.h>

static void must(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "wrong: %s\n", what);
        abort();
    }
}

static void check_lines(char *text)
{
    for (char *line = text, *end; (end = strstr(line, "\r\n")); line = end + 2) {
        json_t *v = json_loadb(line, (size_t)(end - line), 0, NULL);
        must(json_is_object(v) && (json_object_get(v, "return") || json_object_get(v, "error") || json_object_get(v, "event") ||
                                  json_object_get(v, "QMP")),
             "an answer is an object with return, error, event or the greeting");
        json_decref(v);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char hello[] = "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}";
    static const char fence[] = "\xff{\"execute\":\"query-kvm\",\"id\":\"fence\"}";
    if (touches_host((const char *)data, size))
        return 0;
    fuzz_machine();
    QMPSession *s = qmp_session_new(NULL, false, NULL);
    qmp_session_feed(s, hello, sizeof(hello) - 1);
    qmp_session_feed(s, data, size / 2);
    qmp_session_feed(s, data + size / 2, size - size / 2);
    char *out = qmp_session_take_output(s);
    check_lines(out);
    free(out);
    qmp_session_feed(s, fence, sizeof(fence) - 1);
    out = qmp_session_take_output(s);
    must(strstr(out, "\"id\": \"fence\"") && strstr(out, "\"return\""), "the session goes on");
    free(out);
    qmp_session_free(s);
    fuzz_machine_clean();
    return 0;
}
