/* SPDX-License-Identifier: MIT */
/* Random Arm sequences: what all instruction sets share. */
#include "generate.h"

#include <string.h>

const char *const class_names[] = { "alu", "shift", "mul", "media", "mem", "block", "atomic", "flow", "misc", "fp", "simd",
                                    "simdmem", "crypto", "pauth", "swp", 0 };

uint32_t random32(Random *r)
{
    r->s += 0x9e3779b97f4a7c15ull; /* splitmix64 */
    uint64_t z = r->s;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return (uint32_t)((z ^ (z >> 31)) >> 16);
}

uint64_t random_value(Random *r, unsigned bits)
{
    uint64_t mask = bits == 64 ? ~0ull : (1ull << bits) - 1;

    switch (random_below(r, 8)) {
    case 0: return random_below(r, 4);
    case 1: return -(uint64_t)random_below(r, 4) & mask;
    case 2: return ((mask >> 1) + random_below(r, 3)) & mask;
    case 3: return 1ull << random_below(r, bits);
    case 4: return random_below(r, 256);
    default: return random64(r) & mask;
    }
}

uint32_t expand_template(Random *r, const ISA *isa, const char *text, unsigned *bits)
{
    uint32_t insn = 0;

    *bits = 0;
    for (const char *p = text; *p; p++) {
        unsigned width = 1;
        uint32_t v;
        if (*p == ' ')
            continue;
        if (*p == '0' || *p == '1')
            v = *p == '1';
        else if (*p == '?')
            v = random32(r) & 1;
        else
            v = isa->letter(r, isa, *p, &width);
        insn = insn << width | v;
        *bits += width;
    }
    return insn;
}

bool append_bytes(Case *c, const void *bytes, unsigned len, bool part)
{
    if (c->code_len + len > CASE_CODE_MAX || (!part && c->insns == MAX_INSNS))
        return false;
    memcpy(c->code + c->code_len, bytes, len);
    c->code_len += len;
    if (!part)
        c->insns++;
    c->start[c->insns] = (uint16_t)c->code_len;
    return true;
}

void finish_code(const ISA *isa, Case *c)
{
    for (unsigned i = c->code_len; i + isa->end_len <= CASE_CODE_SLOT; i += isa->end_len)
        memcpy(c->code + i, isa->end, isa->end_len);
}

void generate_case(Random *r, const ISA *isa, Case *c, unsigned classes, unsigned max_insns)
{
    unsigned n = 1 + random_below(r, max_insns), allowed = 0;
    static uint16_t pick[1024];
    uint32_t offset = c->code_offset;

    memset(c, 0, sizeof(*c));
    c->code_offset = offset;
    for (unsigned i = 0; i < isa->nrows; i++)
        if (isa->rows[i].class_ & classes)
            pick[allowed++] = (uint16_t)i;
    for (unsigned i = 0; i < CASE_MEM; i += 8) {
        uint64_t a = random_value(r, 64), b = random_value(r, 64);
        memcpy(c->data + i, &a, 8);
        memcpy(c->stack + i, &b, 8);
    }
    isa->registers(r, &c->in);
    if (!(classes & (CLASS_FP | CLASS_SIMD | CLASS_CRYPTO)))
        c->in.fpcr = c->in.fpsr = 0; /* older CPUs have fewer fields */
    c->in.pc = CODE_BASE + c->code_offset;
    while (allowed && c->insns < n)
        if (!isa->append(r, isa, c, &isa->rows[pick[random_below(r, allowed)]]))
            break;
    finish_code(isa, c);
}
