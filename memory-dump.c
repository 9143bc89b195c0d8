/* SPDX-License-Identifier: MIT */
/* "info mtree": the tree of memory regions, or with -f the flat views. The look is QEMU's. */
#include "exec/memory.h"

#include <inttypes.h>

static const char *kind_name(const MemoryRegion *mr)
{
    if (mr->kind == REGION_ALIAS)
        return kind_name(mr->alias);
    return mr->kind == REGION_RAM ? "ram" : mr->kind == REGION_ROM ? "rom" : "i/o";
}

static void dump_region(FILE *out, const MemoryRegion *mr, hwaddr base, unsigned depth)
{
    hwaddr last = base + (mr->size == UINT64_MAX ? UINT64_MAX : mr->size - 1);
    if (!mr->size || depth > 32)
        return;
    fprintf(out, "%*s%016" PRIx64 "-%016" PRIx64 " (prio %d, %s): ", (int)depth * 2, "", base, last, mr->priority,
            kind_name(mr));
    if (mr->kind == REGION_ALIAS)
        fprintf(out, "alias %s @%s %016" PRIx64 "-%016" PRIx64, mr->name, mr->alias->name, mr->alias_offset,
                mr->alias_offset + mr->size - 1);
    else
        fprintf(out, "%s", mr->name);
    fprintf(out, "%s\n", mr->enabled ? "" : " [disabled]");
    for (const MemoryRegion *c = mr->children; c; c = c->sibling)
        dump_region(out, c, base + c->addr, depth + 1);
}

static void dump_range(void *opaque, const FlatRange *r)
{
    FILE *out = opaque;
    fprintf(out, "  %016" PRIx64 "-%016" PRIx64 " (prio %d, %s): %s", r->start, r->start + (r->size - 1),
            r->mr->priority, kind_name(r->mr), r->mr->name);
    if (r->offset)
        fprintf(out, " @%016" PRIx64, r->offset);
    fputc('\n', out);
}

void memory_dump_tree(FILE *out, bool flat)
{
    unsigned n = 0;
    for (AddressSpace *as = address_space_first(); as; as = address_space_after(as)) {
        const MemoryRegion *root = address_space_root(as);
        if (flat) {
            fprintf(out, "FlatView #%u\n AS \"%s\", root: %s\n Root memory region: %s\n", n++,
                    address_space_name(as), root->name, root->name);
            address_space_foreach(as, dump_range, out);
        } else {
            fprintf(out, "address-space: %s\n", address_space_name(as));
            dump_region(out, root, 0, 1);
        }
        fputc('\n', out);
    }
}
