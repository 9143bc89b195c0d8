/* SPDX-License-Identifier: MIT */
/* dump-guest-memory and its queries in QMP. A detached dump is done when the command returns; its event follows. */
#include "dump.h"
#include "qmp.h"
#include "util/error.h"

#include <string.h>

static const struct {
    const char *name;
    DumpFormat format;
} formats[] = {
    { "elf", DUMP_ELF },
    { "kdump-zlib", DUMP_KDUMP_ZLIB },
    { "kdump-lzo", DUMP_KDUMP_LZO },
    { "kdump-snappy", DUMP_KDUMP_SNAPPY },
};

static bool last_failed, any;
static uint64_t last_bytes;

static bool find_format(const char *name, DumpFormat *out, Error **errp)
{
    *out = DUMP_ELF;
    for (unsigned i = 0; name && i < ARRAY_SIZE(formats); i++) {
        if (!strcmp(name, formats[i].name)) {
            *out = formats[i].format;
            return true;
        }
    }
    if (name)
        error_setg(errp, "%s is not available now", name);
    return !name;
}

static json_t *result(void)
{
    return json_pack("{s:s,s:I,s:I}", "status", !any ? "none" : last_failed ? "failed" : "completed", "completed",
                     (json_int_t)last_bytes, "total", (json_int_t)last_bytes);
}

static json_t *dump(json_t *args, Error **errp)
{
    DumpOptions o = { .protocol = qmp_str(args, "protocol"), .paging = qmp_bool(args, "paging", false) };
    json_t *begin = json_object_get(args, "begin"), *length = json_object_get(args, "length");
    Error *err = NULL;
    if (!begin != !length) {
        error_setg(errp, "Parameter '%s' is missing", begin ? "length" : "begin");
        return NULL;
    }
    if (!find_format(qmp_str(args, "format"), &o.format, errp))
        return NULL;
    o.has_range = begin;
    o.begin = (uint64_t)qmp_int(args, "begin", 0);
    o.length = (uint64_t)qmp_int(args, "length", 0);
    any = true;
    last_bytes = 0;
    last_failed = !dump_guest_memory(&o, &last_bytes, &err);
    if (!last_failed)
        qmp_event("DUMP_COMPLETED", "{s:o}", "result", result());
    error_propagate(errp, err);
    return NULL;
}

static json_t *query(json_t *args, Error **errp)
{
    return result();
}

static json_t *capability(json_t *args, Error **errp)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++)
        if (dump_format_name(formats[i].format))
            json_array_append_new(list, json_string(formats[i].name));
    return json_pack("{s:o}", "formats", list);
}

static const QMPCommand commands[] = {
    { "dump-guest-memory", "paging:bool, protocol:str, detach:bool?, begin:int?, length:int?, format:DumpGuestMemoryFormat?", "",
      dump, 0 },
    { "query-dump", "", "DumpQueryResult", query, 0 },
    { "query-dump-guest-memory-capability", "", "DumpGuestMemoryCapability", capability, 0 },
};
qmp_commands(commands)
