/* SPDX-License-Identifier: MIT */
/*
 * Pointer authentication with QARMA5, or with a hash of our own where the CPU says "implementation defined". Arm ARM DDI 0487 D8.10;
 * R. Avanzi, "The QARMA Block Cipher Family" (64-bit block, S-box sigma 2). Left out: EPAC, PAuth2 and FPAC behaviour.
 */
#include "pauth.h"
#include "helper.h"

#include <pthread.h>

/* ---- QARMA5-64; cells are nibbles, cell 0 the most significant ---- */

static unsigned cell(uint64_t v, unsigned i)
{
    return v >> (60 - 4 * i) & 15;
}

static uint64_t permute(uint64_t v, const uint8_t order[16])
{
    uint64_t out = 0;

    for (unsigned i = 0; i < 16; i++)
        out = out << 4 | cell(v, order[i]);
    return out;
}

static const uint8_t tau[16] = { 0, 11, 6, 13, 10, 1, 12, 7, 5, 14, 3, 8, 15, 4, 9, 2 };
static const uint8_t tau_inverse[16] = { 0, 5, 15, 10, 13, 8, 2, 7, 11, 14, 4, 1, 6, 3, 9, 12 };
static const uint8_t h[16] = { 6, 5, 14, 15, 0, 1, 2, 3, 7, 12, 13, 4, 8, 9, 10, 11 };
static const uint8_t h_inverse[16] = { 4, 5, 6, 7, 11, 1, 0, 8, 12, 13, 14, 15, 9, 10, 2, 3 };
static const uint8_t sigma[16] = { 11, 6, 8, 15, 12, 0, 9, 14, 3, 7, 4, 5, 13, 2, 1, 10 };
static const uint8_t sigma_inverse[16] = { 5, 14, 13, 8, 10, 11, 1, 9, 2, 6, 15, 0, 4, 12, 7, 3 };
#define OMEGA_CELLS ((1u << 0) | (1u << 1) | (1u << 3) | (1u << 4) | (1u << 8) | (1u << 11) | (1u << 13))

/* Every cell rotated left. */
static uint64_t rotate_cells(uint64_t v, unsigned n)
{
    const uint64_t low = (0xf >> n) * 0x1111111111111111ull;

    return (v & low) << n | (v & ~low) >> (4 - n);
}

/* Columns times circ(0, r, r^2, r), r being a rotation of the cell by one. Its own inverse. A row is 16 bits. */
static uint64_t mix_columns(uint64_t v)
{
    uint64_t next = v << 16 | v >> 48, opposite = v << 32 | v >> 32, previous = v >> 16 | v << 48;

    return rotate_cells(next ^ previous, 1) ^ rotate_cells(opposite, 2);
}

static uint64_t next_tweak(uint64_t v)
{
    uint64_t p = permute(v, h), out = 0;

    for (unsigned i = 0; i < 16; i++) {
        unsigned c = cell(p, i);
        out = out << 4 | (OMEGA_CELLS >> i & 1 ? c >> 1 | ((c ^ c >> 1) & 1) << 3 : c);
    }
    return out;
}

static uint64_t previous_tweak(uint64_t v)
{
    uint64_t out = 0;

    for (unsigned i = 0; i < 16; i++) {
        unsigned c = cell(v, i);
        out = out << 4 | (OMEGA_CELLS >> i & 1 ? (c << 1 & 14) | ((c ^ c >> 3) & 1) : c);
    }
    /* the bit that the register shifts in is b0 ^ b1: b1 is now b0 */
    return permute(out, h_inverse);
}

/*
 * All of this but the S-box is linear, so that a value's image is the sum of its bytes' images. The tables are made from the functions
 * above on first use.
 */
enum { LIN_FORWARD /* tau, then columns */, LIN_BACKWARD /* columns, then tau inverse */, LIN_NEXT, LIN_PREVIOUS, LIN_MAPS };
static uint64_t linear_map[LIN_MAPS][8][256];
static uint8_t box_pairs[2][256];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned v = 0; v < 256; v++) {
            uint64_t x = (uint64_t)v << 8 * i;
            linear_map[LIN_FORWARD][i][v] = mix_columns(permute(x, tau));
            linear_map[LIN_BACKWARD][i][v] = permute(mix_columns(x), tau_inverse);
            linear_map[LIN_NEXT][i][v] = next_tweak(x);
            linear_map[LIN_PREVIOUS][i][v] = previous_tweak(x);
        }
    }
    for (unsigned v = 0; v < 256; v++) {
        box_pairs[0][v] = (uint8_t)(sigma[v >> 4] << 4 | sigma[v & 15]);
        box_pairs[1][v] = (uint8_t)(sigma_inverse[v >> 4] << 4 | sigma_inverse[v & 15]);
    }
}

static uint64_t map(unsigned which, uint64_t v)
{
    const uint64_t(*m)[256] = linear_map[which];

    return m[0][v & 255] ^ m[1][v >> 8 & 255] ^ m[2][v >> 16 & 255] ^ m[3][v >> 24 & 255] ^ m[4][v >> 32 & 255] ^
           m[5][v >> 40 & 255] ^ m[6][v >> 48 & 255] ^ m[7][v >> 56];
}

static uint64_t substitute(uint64_t v, bool inverse)
{
    const uint8_t *box = box_pairs[inverse];
    uint64_t out = 0;

    for (unsigned i = 0; i < 64; i += 8)
        out |= (uint64_t)box[v >> i & 255] << i;
    return out;
}

static uint64_t qarma5(uint64_t data, uint64_t tweak, uint64_t w0, uint64_t k0)
{
    static const uint64_t rc[5] = { 0, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89, 0x452821e638d01377 };
    const uint64_t alpha = 0xc0ac29b7c97c50dd, w1 = (w0 >> 1 | w0 << 63) ^ w0 >> 63;
    uint64_t v = data ^ w0, t = tweak;

    pthread_once(&made, make_tables);
    for (unsigned i = 0; i < 5; i++) {
        v ^= k0 ^ t ^ rc[i];
        if (i)
            v = map(LIN_FORWARD, v);
        v = substitute(v, false);
        t = map(LIN_NEXT, t);
    }
    v = substitute(map(LIN_FORWARD, v ^ w1 ^ t), false);
    v = map(LIN_FORWARD, v) ^ k0;
    v = substitute(permute(v, tau_inverse), true);
    v = map(LIN_BACKWARD, v) ^ w0 ^ t;
    for (unsigned i = 0; i < 5; i++) {
        v = substitute(v, true);
        if (i < 4)
            v = map(LIN_BACKWARD, v);
        t = map(LIN_PREVIOUS, t);
        v ^= rc[4 - i] ^ k0 ^ t ^ alpha;
    }
    return v ^ w1;
}

/* A mixing function that is quick rather than strong: what an implementation may define. */
static uint64_t quick_mac(uint64_t data, uint64_t tweak, uint64_t hi, uint64_t lo)
{
    uint64_t v = data ^ hi;

    for (unsigned i = 0; i < 3; i++) {
        v = (v ^ tweak) * 0x9e3779b97f4a7c15ull;
        v ^= v >> 32 ^ lo;
        tweak = (tweak << 23 | tweak >> 41) + hi;
    }
    return v ^ v << 29;
}

/* Results are remembered: what one instruction signs another soon authenticates. */
typedef struct Memo {
    uint64_t data, modifier, low, high, code;
} Memo;
static __thread Memo memo[256];

uint64_t arm_pac_compute(const ARMCPU *env, uint64_t data, uint64_t modifier, const uint64_t key[2])
{
    if (!arm_feature(env, ARM_FEATURE_PAUTH_QARMA5))
        return quick_mac(data, modifier, key[1], key[0]);
    Memo *m = &memo[(data >> 2 ^ modifier >> 4 ^ key[0]) % ARRAY_SIZE(memo)];
    if (m->data != data || m->modifier != modifier || m->low != key[0] || m->high != key[1] || !m->code)
        *m = (Memo){ data, modifier, key[0], key[1], qarma5(data, modifier, key[1], key[0]) };
    return m->code;
}

/* ---- Where the code goes in a pointer ---- */

typedef struct Layout {
    unsigned bottom, top; /* bits of the field, without bit 55 */
    bool tbi;
    uint64_t extension;   /* all bits of the selected half */
} Layout;

static Layout layout_of(const ARMCPU *env, uint64_t pointer, bool data, bool adding)
{
    unsigned el = arm_current_el(env);
    bool host = arm_hcr(env) & HCR_E2H && (el == 2 || (el == 0 && arm_hcr(env) & HCR_TGE)), two = el < 2 || host;
    uint64_t tcr = env->tcr_el[host ? 2 : el < 1 ? 1 : el];
    bool high = pointer >> 55 & 1, tbi, select;
    unsigned tsz;

    if (two) {
        bool tbi0 = tcr >> 37 & 1 && (data || !(tcr >> 51 & 1)), tbi1 = tcr >> 38 & 1 && (data || !(tcr >> 52 & 1));
        tbi = high ? tbi1 : tbi0;
        select = adding && !(tbi0 || tbi1) ? pointer >> 63 & 1 : high;
        tsz = tcr >> (select ? 16 : 0) & 63;
    } else {
        tbi = tcr >> 20 & 1 && (data || !(tcr >> 29 & 1));
        select = false;
        tsz = tcr & 63;
    }
    tsz = tsz < 16 ? 16 : tsz > 39 ? 39 : tsz;
    return (Layout){ .bottom = 64 - tsz, .top = tbi ? 55 : 63, .tbi = tbi, .extension = select ? ~0ull : 0 };
}

static uint64_t field_mask(const Layout *l)
{
    uint64_t mask = (~0ull >> (63 - l->top)) & ~0ull << l->bottom;

    return mask;
}

/* The pointer with its extension bits in place of a code. */
static uint64_t extended(const Layout *l, uint64_t pointer)
{
    uint64_t mask = field_mask(l);

    return (pointer & ~mask) | (l->extension & mask);
}

static uint64_t add_code(const ARMCPU *env, uint64_t pointer, uint64_t modifier, const uint64_t key[2], bool data)
{
    Layout l = layout_of(env, pointer, data, true);
    uint64_t mask = field_mask(&l), code = arm_pac_compute(env, extended(&l, pointer), modifier, key);
    uint64_t bits = pointer & mask;

    if (bits && bits != mask) /* not canonical: the code will not match */
        code ^= 1ull << (l.top - 1);
    uint64_t field = mask & ~(1ull << 55);
    return (pointer & ~mask) | (code & field) | (l.extension & mask & 1ull << 55);
}

static uint64_t authenticate(const ARMCPU *env, uint64_t pointer, uint64_t modifier, const uint64_t key[2], bool data, bool b)
{
    Layout l = layout_of(env, pointer, data, false);
    l.extension = pointer >> 55 & 1 ? ~0ull : 0;
    uint64_t original = extended(&l, pointer), field = field_mask(&l) & ~(1ull << 55);
    uint64_t code = arm_pac_compute(env, original, modifier, key);

    if (!((code ^ pointer) & field))
        return original;
    return deposit64(original, l.tbi ? 53 : 61, 2, b ? 2 : 1);
}

/* ---- Instructions ---- */

static uint64_t enable_bit(unsigned key)
{
    static const uint64_t bits[4] = { SCTLR_ENIA, SCTLR_ENIB, SCTLR_ENDA, SCTLR_ENDB };

    return bits[key];
}

static unsigned regime_el(const ARMCPU *env)
{
    unsigned el = arm_current_el(env);

    return el ? el : (arm_hcr(env) & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE) ? 2 : 1;
}

static unsigned trap_el(const ARMCPU *env)
{
    unsigned el = arm_current_el(env);

    if (el < 2 && arm_feature(env, ARM_FEATURE_EL2) && !arm_is_secure(env) && !(env->hcr_el2 & HCR_API) &&
        !(el == 0 && (arm_hcr(env) & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE)))
        return 2;
    return el < 3 && arm_feature(env, ARM_FEATURE_EL3) && !(env->scr_el3 & SCR_API) ? 3 : 0;
}

uint64_t arm_pointer_auth(ARMCPU *env, uint64_t pointer, uint64_t modifier, unsigned key, bool aut)
{
    bool data = key >= PAC_DA;

    if (!(env->sctlr_el[regime_el(env)] & enable_bit(key)))
        return pointer;
    return aut ? authenticate(env, pointer, modifier, env->apkey[key], data, key & 1)
               : add_code(env, pointer, modifier, env->apkey[key], data);
}

static void check_trap(ARMCPU *env, uintptr_t ra)
{
    unsigned el = trap_el(env);

    if (el)
        arm_raise(env, el == 2 ? EXCP_HYP_TRAP : EXCP_MON_TRAP, ARM_SYNDROME(EC_PAUTH, 1, 0), el, ra);
}

uint64_t helper_a64_pac(CPUState *cpu, uint64_t pointer, uint64_t modifier, uint32_t key)
{
    ARMCPU *env = arm_cpu(cpu);

    if (env->sctlr_el[regime_el(env)] & enable_bit(key))
        check_trap(env, HELPER_RETADDR());
    return arm_pointer_auth(env, pointer, modifier, key, false);
}

uint64_t helper_a64_aut(CPUState *cpu, uint64_t pointer, uint64_t modifier, uint32_t key)
{
    ARMCPU *env = arm_cpu(cpu);

    if (env->sctlr_el[regime_el(env)] & enable_bit(key))
        check_trap(env, HELPER_RETADDR());
    return arm_pointer_auth(env, pointer, modifier, key, true);
}

uint64_t helper_a64_xpac(CPUState *cpu, uint64_t pointer, uint32_t data)
{
    Layout l = layout_of(arm_cpu(cpu), pointer, data, false);

    l.extension = pointer >> 55 & 1 ? ~0ull : 0;
    return extended(&l, pointer);
}

uint64_t helper_a64_pacga(CPUState *cpu, uint64_t v, uint64_t modifier)
{
    ARMCPU *env = arm_cpu(cpu);

    check_trap(env, HELPER_RETADDR());
    return arm_pac_compute(env, v, modifier, env->apkey[PAC_GA]) & 0xffffffff00000000ull;
}
