/* SPDX-License-Identifier: MIT */
/*
 * Random A64 sequences. Registers have roles, so that most accesses hit memory: x20 to x22 and sp point at data or stack, x23 to x25
 * are small, x0 to x15 are results. Vector registers hold whatever floating-point formats find interesting.
 */
#include "generate.h"

#include <string.h>

/*
 * n vector register (any of 32), s general source, g general result, b base (x20-x22, sp), x small index, f floating-point type.
 */
static uint32_t a64_letter(Random *r, const ISA *isa, char c, unsigned *width)
{
    (void)isa;
    *width = 5;
    switch (c) {
    case 'n': return random_below(r, 4) ? random_below(r, 8) : random_below(r, 32);
    case 's': return random_below(r, 8) ? random_below(r, 16) : random_below(r, 32);
    case 'g': return random_below(r, 16);
    case 'b': return random_below(r, 4) ? 20 + random_below(r, 3) : 31;
    case 'x': return 23 + random_below(r, 3);
    default:
        *width = 2;
        return random_below(r, 8) ? random_below(r, 2) : random_below(r, 3) ? 3 : 2;
    }
}

static const Template a64_rows[] = {
#include "a64-fp.def"
#include "a64-int.def"
};

static bool a64_append(Random *r, const ISA *isa, Case *c, const Template *t)
{
    unsigned bits;
    uint32_t insn = expand_template(r, isa, t->text, &bits);

    return append_bytes(c, &insn, 4, false);
}

/* ---- Registers ---- */

/* One element of a floating-point format: zeros, denormals, the edges of the range, infinities, NaNs, numbers near one. */
static uint64_t random_float(Random *r, unsigned exp_bits, unsigned frac_bits)
{
    uint64_t max = (1u << exp_bits) - 1, exp, frac = random64(r) & ((1ull << frac_bits) - 1);

    switch (random_below(r, 12)) {
    case 0: exp = 0; break;
    case 1: exp = max; break;
    case 2: exp = 1 + random_below(r, 2); break;
    case 3: exp = max - 1 - random_below(r, 2); break;
    case 4: exp = random64(r) & max; break;
    case 5: exp = (max >> 1) + random_below(r, 66); break;
    default: exp = (max >> 1) - 2 + random_below(r, 5); break;
    }
    switch (random_below(r, 5)) {
    case 0: frac = 0; break;
    case 1: frac = (1ull << frac_bits) - 1; break;
    case 2: frac = 1ull << random_below(r, frac_bits); break;
    }
    return (random64(r) & 1) << (exp_bits + frac_bits) | (exp > max ? max : exp) << frac_bits | frac;
}

uint64_t random_vector_half(Random *r)
{
    uint64_t v = 0;

    switch (random_below(r, 6)) {
    case 0: case 1: return random_float(r, 11, 52);
    case 2: case 3: return random_float(r, 8, 23) | random_float(r, 8, 23) << 32;
    case 4:
        for (unsigned i = 0; i < 4; i++)
            v = v << 16 | random_float(r, 5, 10);
        return v;
    default: return random_value(r, 64);
    }
}

static void a64_registers(Random *r, ArmRegs *g)
{
    for (unsigned i = 0; i < 32; i++) {
        g->x[i] = random_value(r, 64);
        g->v[i][0] = random_vector_half(r);
        g->v[i][1] = random_vector_half(r);
    }
    g->x[20] = DATA_BASE + CASE_MEM_OFFSET + 128 + 8 * random_below(r, 16);
    g->x[21] = DATA_BASE + CASE_MEM_OFFSET + 256;
    g->x[22] = STACK_BASE + CASE_MEM_OFFSET + 192 + 4 * random_below(r, 16);
    g->x[31] = STACK_BASE + CASE_MEM_OFFSET + 256 + 16 * random_below(r, 4);
    g->x[23] = random_below(r, 16);
    g->x[24] = 8 * random_below(r, 8);
    g->x[25] = random_below(r, 4);
    g->psr = random32(r) & 0xf0000000;
    if (random_below(r, 2)) {
        g->fpcr = random_below(r, 4) << 22;
        if (random_below(r, 4) == 0)
            g->fpcr |= (random32(r) & 7) << 24 | (random32(r) & 1) << 19;
    }
}

const ISA isa_a64 = { .name = "a64", .aarch64 = true, .end = { 0x00, 0x00, 0x00, 0x00 }, .end_len = 4, .rows = a64_rows,
                      .nrows = sizeof(a64_rows) / sizeof(a64_rows[0]), .letter = a64_letter, .append = a64_append,
                      .registers = a64_registers };
