/* SPDX-License-Identifier: MIT */
/*
 * Unwind tables: for each host return address in a TB after which guest state may have to be rebuilt, the
 * guest instruction it belongs to. Records are deltas: LEB128 of host offset (unsigned), pc, extra and
 * instruction index (signed).
 */
#include "tcg/backend.h"
#include "exec/tb-internal.h"

static void put_uleb(UnwindWriter *w, uint64_t v)
{
    do {
        uint8_t byte = v & 0x7f;
        v >>= 7;
        if (w->p == w->end) {
            w->full = true;
            return;
        }
        *w->p++ = byte | (v ? 0x80 : 0);
    } while (v);
}

/* Signed values with the sign in bit 0, so that small ones of either sign are short. */
static void put_sleb(UnwindWriter *w, int64_t v)
{
    put_uleb(w, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static uint64_t get_uleb(const uint8_t **p)
{
    uint64_t v = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = *(*p)++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    return v;
}

static int64_t get_sleb(const uint8_t **p)
{
    uint64_t v = get_uleb(p);
    return (int64_t)(v >> 1 ^ -(v & 1));
}

/* First InsnData of the TB being compiled on this thread: tells the index of the others. */
static __thread const InsnData *first_insn;
static __thread unsigned last_index;

void unwind_set_first(const InsnData *first)
{
    first_insn = first;
}

void unwind_begin(UnwindWriter *w, uint8_t *buf, size_t room, const TranslationBlock *tb)
{
    *w = (UnwindWriter){ .p = buf, .end = buf + room, .last_pc = tb->state.pc };
    last_index = 0;
}

void unwind_add(UnwindWriter *w, uint32_t offset, const InsnData *insn)
{
    unsigned index = first_insn ? (unsigned)(insn - first_insn) : 0;
    put_uleb(w, offset - w->last_offset);
    put_sleb(w, (int64_t)(insn->pc - w->last_pc));
    put_sleb(w, (int32_t)(insn->extra - w->last_extra));
    put_sleb(w, (int)(index - last_index));
    w->last_offset = offset;
    w->last_pc = insn->pc;
    w->last_extra = insn->extra;
    last_index = index;
}

bool unwind_find_index(const TranslationBlock *tb, uint32_t offset, InsnData *out, unsigned *index)
{
    const uint8_t *p = tb->unwind, *end = p + tb->unwind_size;
    uint32_t at = 0;
    *out = (InsnData){ .pc = tb->state.pc };
    *index = 0;
    while (p < end && at <= offset) {
        at += (uint32_t)get_uleb(&p);
        out->pc += (uint64_t)get_sleb(&p);
        out->extra += (uint32_t)get_sleb(&p);
        *index += (unsigned)get_sleb(&p);
        if (at == offset)
            return true;
    }
    return false;
}

bool unwind_find(const TranslationBlock *tb, uint32_t offset, InsnData *out)
{
    unsigned index;
    return unwind_find_index(tb, offset, out, &index);
}
