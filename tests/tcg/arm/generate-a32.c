/* SPDX-License-Identifier: MIT */
/*
 * Random A32 and Thumb sequences. Registers have roles, so that most accesses hit memory: r7, r8, r9 and sp point at data or stack,
 * r6, r10 and r11 are small, the others are results. Any may be a source.
 */
#include "generate.h"

#include <stddef.h>

#define PSR_T 0x20u

/* ---- Letters ---- */

static unsigned previous; /* last result register chosen in this instruction */

static uint32_t pick(Random *r, const char *regs, unsigned n)
{
    return (uint32_t)regs[random_below(r, n)];
}

static uint32_t result_reg(Random *r)
{
    return pick(r, "\0\1\2\3\4\5\14\16", 8);
}

/*
 * c condition; d result, h another result than the last, e even result; n source (no sp in Thumb), b base, x index; l register
 * list without bases, sp and pc; low registers: q result, r source, y base, z index; k byte offset of whole words in 8 bits; f size field of VFP.
 */
static uint32_t a32_letter(Random *r, const ISA *isa, char c, unsigned *width)
{
    uint32_t v;

    *width = 4;
    switch (c) {
    case 'c': return random_below(r, 4) ? 14 : random_below(r, 14);
    case 'd': return previous = result_reg(r);
    case 'h':
        do
            v = result_reg(r);
        while (v == previous);
        return previous = v;
    case 'e': return previous = 2 * random_below(r, 3);
    case 'n':
        do
            v = random_below(r, 15);
        while (v == 13 && isa->thumb);
        return v;
    case 'b': return pick(r, "\7\10\11\15", 4);
    case 'x': return pick(r, "\6\12\13", 3);
    case 'f': /* floating-point size: mostly single and double */
        *width = 2;
        return random_below(r, 6) ? 2 + (random32(r) & 1) : 1;
    case 'l':
        *width = 16;
        do
            v = (random32(r) & random32(r)) & 0x503f;
        while (!(v & (v - 1)));
        return v;
    }
    *width = 3;
    switch (c) {
    case 'q': return previous = random_below(r, 6);
    case 'r': return random_below(r, 8);
    case 'y': return 7;
    case 'z': return 6;
    }
    *width = 8;
    return random_below(r, 8) ? random_below(r, 32) * 4 : random_below(r, 256); /* k */
}

static const Template a32_rows[] = {
#define VFP(class_, text) { class_, "c " text },
#define UNCOND(class_, text) { class_, "1111 " text },
#define NEON(class_, text) { class_, "1111 001 ? " text },
#define NEONMEM(class_, text) { class_, "1111 0100 " text },
#include "a32-fp.def"
#undef VFP
#undef NEON
#undef NEONMEM
    /* Immediate, shifted register, register-shifted register */
    { CLASS_ALU, "c 001 0??? ? n d ???? ????????" }, { CLASS_ALU, "c 001 11?? ? n d ???? ????????" },
    { CLASS_ALU, "c 001 10?? 1 n 0000 ???? ????????" },
    { CLASS_ALU | CLASS_SHIFT, "c 000 0??? ? n d ????? ?? 0 n" }, { CLASS_ALU | CLASS_SHIFT, "c 000 11?? ? n d ????? ?? 0 n" },
    { CLASS_ALU | CLASS_SHIFT, "c 000 10?? 1 n 0000 ????? ?? 0 n" }, { CLASS_ALU, "c 000 0??? ? n d 00000 00 0 n" },
    { CLASS_ALU, "c 000 10?? 1 n 0000 00000 00 0 n" }, { CLASS_ALU, "c 000 1101 ? 0000 d 00000 00 0 n" },
    { CLASS_SHIFT, "c 000 0??? ? n d n 0 ?? 1 n" }, { CLASS_SHIFT, "c 000 11?? ? n d n 0 ?? 1 n" },
    { CLASS_SHIFT, "c 000 10?? 1 n 0000 n 0 ?? 1 n" }, { CLASS_SHIFT, "c 000 1101 1 0000 d x 0 ?? 1 n" },
    { CLASS_SHIFT, "c 000 1101 ? 0000 d ????? ?? 0 n" }, { CLASS_SHIFT, "c 000 1101 ? 0000 d 00000 ?? 0 n" },
    { CLASS_ALU, "c 0011 0000 ???? d ????????????" }, { CLASS_ALU, "c 0011 0100 ???? d ????????????" },
    /* Multiplication and division */
    { CLASS_MUL, "c 0000 000 ? d 0000 n 1001 n" }, { CLASS_MUL, "c 0000 001 ? d n n 1001 n" },
    { CLASS_MUL, "c 0000 0100 d h n 1001 n" }, { CLASS_MUL, "c 0000 0110 d n n 1001 n" },
    { CLASS_MUL, "c 0000 1?? ? d h n 1001 n" },
    { CLASS_MUL, "c 0001 0000 d n n 1 ? ? 0 n" }, { CLASS_MUL, "c 0001 0010 d n n 1 ? 0 0 n" },
    { CLASS_MUL, "c 0001 0010 d 0000 n 1 ? 1 0 n" }, { CLASS_MUL, "c 0001 0100 d h n 1 ? ? 0 n" },
    { CLASS_MUL, "c 0001 0110 d 0000 n 1 ? ? 0 n" },
    { CLASS_MUL, "c 0111 0000 d n n 0 ? ? 1 n" }, { CLASS_MUL, "c 0111 0000 d 1111 n 0 ? ? 1 n" },
    { CLASS_MUL, "c 0111 0100 d h n 0 ? ? 1 n" }, { CLASS_MUL, "c 0111 0101 d n n 00 ? 1 n" },
    { CLASS_MUL, "c 0111 0101 d 1111 n 00 ? 1 n" }, { CLASS_MUL, "c 0111 0101 d n n 11 ? 1 n" },
    { CLASS_MUL, "c 0111 0001 d 1111 n 0001 n" }, { CLASS_MUL, "c 0111 0011 d 1111 n 0001 n" },
    { CLASS_MUL, "c 0111 1000 d n n 0001 n" }, { CLASS_MUL, "c 0111 1000 d 1111 n 0001 n" },
    /* Saturation, parallel, extension, fields */
    { CLASS_MEDIA, "c 0001 0 ?? 0 n d 0000 0101 n" },
    { CLASS_MEDIA, "c 0110 0 ? 01 n d 1111 0 ?? 1 n" }, { CLASS_MEDIA, "c 0110 0 ? 01 n d 1111 1001 n" },
    { CLASS_MEDIA, "c 0110 0 ? 01 n d 1111 1111 n" }, { CLASS_MEDIA, "c 0110 0 ? 1 ? n d 1111 0 ?? 1 n" },
    { CLASS_MEDIA, "c 0110 0 ? 1 ? n d 1111 1001 n" }, { CLASS_MEDIA, "c 0110 0 ? 1 ? n d 1111 1111 n" },
    { CLASS_MEDIA, "c 0110 1000 n d 1111 1011 n" }, { CLASS_MEDIA, "c 0110 1000 n d ????? ? 01 n" },
    { CLASS_MEDIA, "c 0110 1 ? 1 ????? d ????? ? 01 n" }, { CLASS_MEDIA, "c 0110 1 ? 10 ???? d 1111 0011 n" },
    { CLASS_MEDIA, "c 0110 1 ? 00 n d ?? 00 0111 n" }, { CLASS_MEDIA, "c 0110 1 ? 1 ? n d ?? 00 0111 n" },
    { CLASS_MEDIA, "c 0110 1 ? 1 ? 1111 d ?? 00 0111 n" }, { CLASS_MEDIA, "c 0110 1 ? 00 1111 d ?? 00 0111 n" },
    { CLASS_MEDIA, "c 0110 1 ? 11 1111 d 1111 ? 011 n" }, { CLASS_MEDIA, "c 0110 1011 1111 d 1111 ? 011 n" },
    { CLASS_MEDIA, "c 0111 1 ? 1 00111 d 0 ???? 101 n" }, { CLASS_MEDIA, "c 0111 1 ? 1 0 ???? d 0 ???? 101 n" },
    { CLASS_MEDIA, "c 0111 110 1 ???? d 0 ???? 001 n" }, { CLASS_MEDIA, "c 0111 110 1 ???? d 0 ???? 001 1111" },
    { CLASS_MEDIA, "c 0001 0110 1111 d 1111 0001 n" }, { CLASS_MEDIA, "c 0001 00 ? 0 n d 00 ? 0 0100 n" },
    { CLASS_MEDIA, "c 0001 0100 n d 00 ? 0 0100 n" },
    /* Loads and stores */
    { CLASS_MEM, "c 0101 ? ? 0 1 b d 0000 k" }, { CLASS_MEM, "c 0101 ? ? 0 0 b n 0000 k" },
    { CLASS_MEM, "c 0101 ? ? 1 1 b d 0000 k" }, { CLASS_MEM, "c 0101 ? ? 1 0 b n 0000 k" },
    { CLASS_MEM, "c 0100 ? ? 0 1 b d 0000 00???? 00" }, { CLASS_MEM, "c 0100 ? ? 0 0 b n 0000 00???? 00" },
    { CLASS_MEM, "c 0111 1 ? 0 1 b d 000?? ?? 0 x" }, { CLASS_MEM, "c 0111 1 ? 0 0 b n 000?? 00 0 x" },
    { CLASS_MEM, "c 0110 ? ? 0 1 b d 0000? 00 0 x" }, { CLASS_MEM, "c 0110 ? ? 0 0 b n 0000? 00 0 x" },
    { CLASS_MEM, "c 0001 ? 1 0 1 b d 00?? 1011 ???0" }, { CLASS_MEM, "c 0001 ? 1 0 1 b d 00?? 11?1 ????" },
    { CLASS_MEM, "c 0001 ? 1 0 0 b n 00?? 1011 ????" }, { CLASS_MEM, "c 0001 1 0 0 1 b d 0000 1??1 x" },
    { CLASS_MEM, "c 0000 ? 1 0 1 b d 00?? 11?1 ??00" }, { CLASS_MEM, "c 0001 1 0 0 0 b n 0000 1011 x" },
    { CLASS_MEM, "c 0001 ? 1 0 0 b e 00?? 11?1 ??00" }, { CLASS_MEM, "c 0001 1 0 0 0 b e 0000 11?1 x" },
    { CLASS_MEM, "c 0100 ? ? 1 1 b d 0000 00????00" }, { CLASS_MEM, "c 0101 ? 0 0 1 1111 d 0000 k" },
    { CLASS_SWP, "c 0001 0?00 b d 0000 1001 h" },
    { CLASS_BLOCK, "c 100 ?? 0 ? ? b l" }, { CLASS_BLOCK, "c 100 ?? 0 0 0 b l" }, { CLASS_BLOCK, "c 100 10 0 1 0 1101 l" },
    { CLASS_BLOCK, "c 100 01 0 1 1 1101 l" },
    /* Exclusive and ordered */
    { CLASS_ATOMIC, "c 0001 1 ?? 1 b e 1111 1001 1111" }, { CLASS_ATOMIC, "c 0001 1 ?? 1 b e 1110 1001 1111" },
    { CLASS_ATOMIC, "c 0001 1 00 1 b e 1100 1001 1111" }, { CLASS_ATOMIC, "c 0001 1 00 0 b 1111 1100 1001 n" },
    { CLASS_ATOMIC, "c 0001 1 1? 1 b e 1100 1001 1111" }, { CLASS_ATOMIC, "c 0001 1 1? 0 b 1111 1100 1001 n" },
    { CLASS_ATOMIC, "L" },
    /* Branches over a few instructions; status */
    { CLASS_FLOW, "B" },
    { CLASS_MISC, "c 0001 0000 1111 d 0000 0000 0000" }, { CLASS_MISC, "c 0001 0010 1?00 1111 0000 0000 n" },
    { CLASS_MISC, "c 0011 0010 1?00 1111 ???? ????????" }, { CLASS_MISC, "c 0011 0010 0000 1111 0000 00000000" },
    { CLASS_MISC, "1111 0101 0111 1111 1111 0000 01?? 1111" }, { CLASS_MISC, "1111 0101 1101 b 1111 00000??? 0000" },
};

static const Template t32_rows[] = {
#define VFP(class_, text) { class_, "1110 " text },
#define NEON(class_, text) { class_, "111 ? 1111 " text },
#define NEONMEM(class_, text) { class_, "1111 1001 " text },
#include "a32-fp.def"
    { CLASS_ALU, "00110 q ????????" }, { CLASS_ALU, "00111 q ????????" }, { CLASS_ALU, "00100 q ????????" },
    { CLASS_ALU, "00101 r ????????" }, { CLASS_ALU, "00011 ?? ??? r q" }, { CLASS_ALU, "00011 0? r r q" },
    { CLASS_SHIFT, "00000 ????? r q" }, { CLASS_SHIFT, "00001 ????? r q" }, { CLASS_SHIFT, "00010 ????? r q" },
    { CLASS_ALU | CLASS_SHIFT, "010000 ???? r q" }, { CLASS_SHIFT, "010000 001? r q" }, { CLASS_SHIFT, "010000 01?1 r q" },
    { CLASS_ALU, "010001 00 0 n q" }, { CLASS_ALU, "010001 01 ? n 00?" }, { CLASS_ALU, "010001 10 0 n q" },
    { CLASS_ALU, "10100 q ????????" }, { CLASS_ALU, "10101 q ????????" },
    { CLASS_MEDIA, "10110010 ?? r q" }, { CLASS_MEDIA, "10111010 0? r q" }, { CLASS_MEDIA, "10111010 11 r q" },
    { CLASS_MEM, "01001 q 000?????" }, { CLASS_MEM, "0101 011 z y q" }, { CLASS_MEM, "0101 1?? z y q" },
    { CLASS_MEM, "0101 000 z y r" }, { CLASS_MEM, "0101 001 z y r" }, { CLASS_MEM, "0101 010 z y r" },
    { CLASS_MEM, "011 ? 1 ????? y q" }, { CLASS_MEM, "011 ? 0 ????? y r" }, { CLASS_MEM, "1000 1 ????? y q" },
    { CLASS_MEM, "1000 0 ????? y r" }, { CLASS_MEM, "1001 1 q 00??????" }, { CLASS_MEM, "1001 0 r 00??????" },
    { CLASS_BLOCK, "1011010 ? 00??????" }, { CLASS_BLOCK, "1011110 0 001?????" }, { CLASS_BLOCK, "11000 y 001?????" },
    { CLASS_BLOCK, "11001 y 00??????" },
    { CLASS_FLOW, "B" }, { CLASS_FLOW, "I" }, { CLASS_FLOW, "I" }, { CLASS_FLOW, "Z" },
    /* 32 bits: immediates */
    { CLASS_ALU, "11110 ? 0 0000 ? n 0 ??? d ????????" }, { CLASS_ALU, "11110 ? 0 0001 ? n 0 ??? d ????????" },
    { CLASS_ALU, "11110 ? 0 001? ? n 0 ??? d ????????" }, { CLASS_ALU, "11110 ? 0 001? ? 1111 0 ??? d ????????" },
    { CLASS_ALU, "11110 ? 0 0100 ? n 0 ??? d ????????" }, { CLASS_ALU, "11110 ? 0 1000 ? n 0 ??? d ????????" },
    { CLASS_ALU, "11110 ? 0 101? ? n 0 ??? d ????????" }, { CLASS_ALU, "11110 ? 0 1101 ? n 0 ??? d ????????" },
    { CLASS_ALU, "11110 ? 0 1110 ? n 0 ??? d ????????" }, { CLASS_ALU, "11110 ? 0 0?00 1 n 0 ??? 1111 ????????" },
    { CLASS_ALU, "11110 ? 0 1000 1 n 0 ??? 1111 ????????" }, { CLASS_ALU, "11110 ? 0 1101 1 n 0 ??? 1111 ????????" },
    { CLASS_ALU | CLASS_SHIFT, "11101 01 0000 ? n 0 ??? d ???? n" }, { CLASS_ALU | CLASS_SHIFT, "11101 01 0001 ? n 0 ??? d ???? n" },
    { CLASS_ALU | CLASS_SHIFT, "11101 01 001? ? n 0 ??? d ???? n" }, { CLASS_ALU | CLASS_SHIFT, "11101 01 001? ? 1111 0 ??? d ???? n" },
    { CLASS_ALU | CLASS_SHIFT, "11101 01 0100 ? n 0 ??? d ???? n" }, { CLASS_ALU | CLASS_SHIFT, "11101 01 1000 ? n 0 ??? d ???? n" },
    { CLASS_ALU | CLASS_SHIFT, "11101 01 101? ? n 0 ??? d ???? n" }, { CLASS_ALU | CLASS_SHIFT, "11101 01 1101 ? n 0 ??? d ???? n" },
    { CLASS_ALU | CLASS_SHIFT, "11101 01 1110 ? n 0 ??? d ???? n" }, { CLASS_ALU, "11101 01 0?00 1 n 0 ??? 1111 ???? n" },
    { CLASS_ALU, "11101 01 1000 1 n 0 ??? 1111 ???? n" }, { CLASS_ALU, "11101 01 1101 1 n 0 ??? 1111 ???? n" },
    { CLASS_MEDIA, "11101 01 0110 0 n 0 ??? d ???0 n" }, { CLASS_SHIFT, "11111010 0 ?? ? n 1111 d 0000 n" },
    { CLASS_ALU, "11110 ? 1 0000 0 n 0 ??? d ????????" }, { CLASS_ALU, "11110 ? 1 0101 0 n 0 ??? d ????????" },
    { CLASS_ALU, "11110 ? 1 0000 0 1111 0 ??? d ????????" }, { CLASS_ALU, "11110 ? 1 0101 0 1111 0 ??? d ????????" },
    { CLASS_ALU, "11110 ? 1 0010 0 ???? 0 ??? d ????????" }, { CLASS_ALU, "11110 ? 1 0110 0 ???? 0 ??? d ????????" },
    { CLASS_MEDIA, "11110 0 1 1 ? 00 0 n 0 ??? d ?? 0 ?????" }, { CLASS_MEDIA, "11110 0 1 1 ? 01 0 n 0 ?1? d ?? 0 ?????" },
    { CLASS_MEDIA, "11110 0 1 1 ? 01 0 n 0 000 d 00 00 ????" }, { CLASS_MEDIA, "11110 0 1 1 ? 10 0 n 0 0?? d ?? 0 0 ????" },
    { CLASS_MEDIA, "11110 0 1 1011 0 n 0 0?? d ?? 0 1????" }, { CLASS_MEDIA, "11110 0 1 1011 0 1111 0 0?? d ?? 0 1????" },
    { CLASS_MEDIA, "11111010 0 00 ? n 1111 d 10 ?? n" }, { CLASS_MEDIA, "11111010 0 01 ? n 1111 d 10 ?? n" },
    { CLASS_MEDIA, "11111010 0 10 ? n 1111 d 10 ?? n" }, { CLASS_MEDIA, "11111010 0 0? ? 1111 1111 d 10 ?? n" },
    { CLASS_MEDIA, "11111010 0 10 ? 1111 1111 d 10 ?? n" },
    { CLASS_MEDIA, "11111010 1 0?? n 1111 d 0 ? 0? n" }, { CLASS_MEDIA, "11111010 1 1?0 n 1111 d 0 ? 0? n" },
    { CLASS_MEDIA, "11111010 1 00? n 1111 d 0 ? 10 n" }, { CLASS_MEDIA, "11111010 1 101 n 1111 d 0 ? 10 n" },
    { CLASS_MEDIA, "11111010 1 000 n 1111 d 10 ?? n" }, { CLASS_MEDIA, "11111010 1 010 n 1111 d 1000 n" },
    { CLASS_MEDIA, "11111010 1 10? n 1111 d 10 00 n" }, { CLASS_MEDIA, "11111010 1 10? n 1111 d 10 10 n" },
    { CLASS_MEDIA, "S" },
    { CLASS_MUL, "11111011 0 000 n n d 000 ? n" }, { CLASS_MUL, "11111011 0 000 n 1111 d 0000 n" },
    { CLASS_MUL, "11111011 0 001 n n d 00 ?? n" }, { CLASS_MUL, "11111011 0 001 n 1111 d 00 ?? n" },
    { CLASS_MUL, "11111011 0 01? n n d 000 ? n" }, { CLASS_MUL, "11111011 0 01? n 1111 d 000 ? n" },
    { CLASS_MUL, "11111011 0 100 n n d 000 ? n" }, { CLASS_MUL, "11111011 0 10? n 1111 d 000 ? n" },
    { CLASS_MUL, "11111011 0 101 n n d 000 ? n" }, { CLASS_MUL, "11111011 0 110 n n d 000 ? n" },
    { CLASS_MUL, "11111011 0 111 n n d 0000 n" }, { CLASS_MUL, "11111011 0 111 n 1111 d 0000 n" },
    { CLASS_MUL, "11111011 1 0?0 n d h 0000 n" }, { CLASS_MUL, "11111011 1 0?1 n 1111 d 1111 n" },
    { CLASS_MUL, "11111011 1 1?0 n d h 0000 n" }, { CLASS_MUL, "11111011 1 110 n d h 0110 n" },
    { CLASS_MUL, "11111011 1 100 n d h 10?? n" }, { CLASS_MUL, "11111011 1 10? n d h 110? n" },
    { CLASS_MEM, "11111000 1 00 1 b d 0000 k" }, { CLASS_MEM, "11111000 1 ?0 1 b d 0000 k" }, { CLASS_MEM, "11111000 1 01 1 b d 0000 k" },
    { CLASS_MEM, "11111000 1 ?0 0 b n 0000 k" }, { CLASS_MEM, "11111000 1 01 0 b n 0000 k" }, { CLASS_MEM, "11111001 1 0? 1 b d 0000 k" },
    { CLASS_MEM, "11111000 0 ?0 1 b d 1 ? ? 1 0?????00" }, { CLASS_MEM, "11111000 0 01 1 b d 0 1 ? 1 0?????00" },
    { CLASS_MEM, "11111000 0 ?0 0 b n 0 1 ? 1 00????00" }, { CLASS_MEM, "11111000 0 01 0 b n 1100 0???????" },
    { CLASS_MEM, "11111001 0 0? 1 b d 1100 0???????" }, { CLASS_MEM, "11111000 0 ?0 1 b d 1110 0???????" },
    { CLASS_MEM, "11111000 0 ?0 0 b n 1110 0???????" }, { CLASS_MEM, "11111000 0 ?0 1 b d 000000 ?? x" },
    { CLASS_MEM, "11111000 0 01 1 b d 000000 ?? x" }, { CLASS_MEM, "11111001 0 0? 1 b d 000000 ?? x" },
    { CLASS_MEM, "11111000 0 ?0 0 b n 000000 ?? x" }, { CLASS_MEM, "11111000 0 01 0 b n 000000 ?? x" },
    { CLASS_MEM, "11111000 ? ?0 1 1111 d 0000 k" }, { CLASS_MEM, "11111001 ? 0? 1 1111 d 0000 k" },
    { CLASS_MEM, "1110 1001 ? 1 ? 1 b d h 000?????" }, { CLASS_MEM, "1110 1001 ? 1 ? 0 b n n 000?????" },
    { CLASS_MEM, "1110 1000 ? 1 1 1 b d h 000?????" }, { CLASS_MEM, "1110 1000 ? 1 1 0 b n n 000?????" },
    { CLASS_BLOCK, "11101000 10 ? 1 b l" }, { CLASS_BLOCK, "11101001 00 ? 1 b l" }, { CLASS_BLOCK, "11101000 10 ? 0 b l" },
    { CLASS_BLOCK, "11101001 00 ? 0 b l" },
    { CLASS_ATOMIC, "11101000 0101 b d 1111 000?????" }, { CLASS_ATOMIC, "11101000 1101 b d 1111 010? 1111" },
    { CLASS_ATOMIC, "11101000 1101 b d h 0111 1111" }, { CLASS_ATOMIC, "11101000 1101 b d 1111 1000 1111" },
    { CLASS_ATOMIC, "11101000 1101 b d 1111 1010 1111" }, { CLASS_ATOMIC, "11101000 1100 b n 1111 10?0 1111" },
    { CLASS_ATOMIC, "L" },
    { CLASS_MISC, "11110 0111 110 1111 1000 d 0000 0000" }, { CLASS_MISC, "11110 0111 000 n 1000 1?00 0000 0000" },
    { CLASS_MISC, "11110 0111 011 1111 1000 1111 01?? 1111" }, { CLASS_MISC, "11110 0111 010 1111 1000 0000 0000 0000" },
};

/* ---- Groups ---- */

static bool append_word(Case *c, const ISA *isa, uint32_t insn, unsigned bits, bool part)
{
    uint16_t h[2] = { (uint16_t)(insn >> 16), (uint16_t)insn };
    if (!isa->thumb)
        return append_bytes(c, &insn, 4, part);
    return bits == 16 ? append_bytes(c, &h[1], 2, part) : append_bytes(c, h, 4, part);
}

static bool plain_row(const Template *t)
{
    return t->text[1] != 0;
}

/* Any instruction that is no group of its own and no branch. */
static bool append_any(Random *r, const ISA *isa, Case *c, bool part)
{
    const Template *t;
    unsigned bits;

    do
        t = &isa->rows[random_below(r, isa->nrows)];
    while (!plain_row(t) || t->class_ & (CLASS_MISC | CLASS_FP | CLASS_SIMD | CLASS_SIMDMEM | CLASS_CRYPTO | CLASS_SWP));
    uint32_t insn = expand_template(r, isa, t->text, &bits);
    if (!isa->thumb && insn >> 28 != 15)
        insn = (insn & 0x0fffffff) | (random_below(r, 3) ? 14u : random_below(r, 14)) << 28;
    return append_word(c, isa, insn, bits, part);
}

/* A forward branch over up to three instructions; all are one group. */
static bool append_branch(Random *r, const ISA *isa, Case *c, char kind)
{
    unsigned from = c->code_len, n = random_below(r, 4), len, cond = random_below(r, 15), wide = random_below(r, 2);
    uint32_t insn;

    if (isa->thumb && kind == 'B' && cond == 14)
        wide = 0;
    if (!append_word(c, isa, 0, isa->thumb && !wide ? 16 : 32, false))
        return false;
    if (kind == 'Z' && wide) { /* CBZ has 16 bits */
        c->code_len -= 2;
        c->start[c->insns] = (uint16_t)c->code_len;
        wide = 0;
    }
    for (unsigned i = 0; i < n; i++)
        append_any(r, isa, c, true);
    len = c->code_len - from;
    if (!isa->thumb) {
        insn = cond << 28 | 0x0a000000 | random_below(r, 2) << 24 | (((len - 8) >> 2) & 0xffffff);
        __builtin_memcpy(c->code + from, &insn, 4);
        return true;
    }
    uint16_t h[2];
    int32_t off = (int32_t)len - 4;
    if (kind == 'Z') {
        if (off < 0)
            off = 0; /* jumps at least over a halfword */
        h[0] = (uint16_t)(0xb100 | random_below(r, 2) << 11 | (off >> 6 & 1) << 9 | (off >> 1 & 31) << 3 | random_below(r, 8));
        if ((int32_t)len - 4 < 0)
            append_bytes(c, "\0\277", 2, true);
    } else if (!wide) {
        h[0] = (uint16_t)(cond == 14 ? 0xe000 | (off >> 1 & 0x7ff) : 0xd000 | cond << 8 | (off >> 1 & 0xff));
    } else {
        uint32_t o = (uint32_t)off;
        h[0] = (uint16_t)(0xf000 | (o >> 31) << 10 | cond << 6 | (o >> 12 & 63));
        h[1] = (uint16_t)(0x8000 | (o >> 18 & 1) << 13 | (o >> 19 & 1) << 11 | (o >> 1 & 0x7ff));
        if (random_below(r, 3) == 0) { /* BL */
            h[0] = (uint16_t)(0xf000 | (o >> 31) << 10 | (o >> 12 & 0x3ff));
            h[1] = (uint16_t)(0xd000 | !((o >> 23 ^ o >> 31) & 1) << 13 | !((o >> 22 ^ o >> 31) & 1) << 11 | (o >> 1 & 0x7ff));
        }
    }
    __builtin_memcpy(c->code + from, h, wide ? 4 : 2);
    return true;
}

/* IT and what it covers. */
static bool append_it(Random *r, const ISA *isa, Case *c)
{
    unsigned cond = random_below(r, 15), n = 1 + random_below(r, 4), mask = 0;

    for (unsigned i = 1; i < n; i++)
        mask |= (cond == 14 ? 0 : random32(r) & 1) << (4 - i) ^ (cond & 1) << (4 - i);
    mask |= 8u >> (n - 1);
    uint16_t it = (uint16_t)(0xbf00 | cond << 4 | (mask & 15));
    if (c->code_len + 2 + 4 * n > CASE_CODE_MAX || !append_bytes(c, &it, 2, false))
        return false;
    for (unsigned i = 0; i < n; i++)
        append_any(r, isa, c, true);
    return true;
}

/* A load and store exclusive of the same address. */
static bool append_exclusive(Random *r, const ISA *isa, Case *c)
{
    unsigned size = random_below(r, 4), base = (unsigned)pick(r, "\7\10\11", 3), ord = random_below(r, 2);
    uint32_t ld, st;

    if (isa->thumb) {
        static const uint8_t ops[2][4] = { { 4, 5, 0, 7 }, { 12, 13, 14, 15 } };
        unsigned op = ops[ord][size];
        ld = op ? 0xe8d00f0f | (size == 3 ? 3u << 8 : 0xf00u) | op << 4 : 0xe8500f00;
        st = op ? 0xe8c00f04 | op << 4 : 0xe8400400;
        if (size == 3) {
            ld = 0xe8d0030f | op << 4;
            st = 0xe8c00304 | op << 4;
        }
        ld |= base << 16 | 2 << 12;
        st |= base << 16 | (random_below(r, 2) ? 2u : 0u) << 12;
        if (size == 3)
            st = (st & ~0xff00u) | 0x2300;
    } else {
        static const uint8_t ops[4] = { 2, 3, 0, 1 };
        unsigned op = ops[size];
        ld = 0xe1900f9f | op << 21 | base << 16 | 2 << 12;
        st = 0xe1800f90 | op << 21 | base << 16 | 4 << 12 | (size == 3 || random_below(r, 2) ? 2 : 0);
        if (ord) {
            ld &= ~0x100u;
            st &= ~0x100u;
        }
    }
    return append_word(c, isa, ld, 32, false) && append_any(r, isa, c, true) && append_word(c, isa, st, 32, true);
}

static bool a32_append(Random *r, const ISA *isa, Case *c, const Template *t)
{
    unsigned bits;
    uint32_t insn;

    if (plain_row(t)) {
        insn = expand_template(r, isa, t->text, &bits);
        return append_word(c, isa, insn, bits, false);
    }
    switch (t->text[0]) {
    case 'B': case 'Z': return append_branch(r, isa, c, t->text[0]);
    case 'I': return append_it(r, isa, c);
    case 'L': return append_exclusive(r, isa, c);
    }
    /* S: reversals and CLZ name their source twice */
    insn = 0xfa90f080 | random_below(r, 4) << 4 | result_reg(r) << 8;
    if (random_below(r, 5) == 0)
        insn = (insn & ~0x70u) | 0x200000;
    uint32_t m = random_below(r, 13);
    return append_word(c, isa, insn | m | m << 16, 32, false);
}

/* ---- Registers ---- */

static void a32_registers(Random *r, ArmRegs *g)
{
    for (unsigned i = 0; i < 15; i++)
        g->x[i] = random_value(r, 32);
    for (unsigned i = 0; i < 32; i++)
        g->v[i / 2][i % 2] = random_vector_half(r);
    if (random_below(r, 2))
        g->fpsr = random_below(r, 4) << 22 | (random_below(r, 4) ? 0 : (random32(r) & 7) << 24 | (random32(r) & 1) << 19);
    g->x[7] = DATA_BASE + CASE_MEM_OFFSET + 64 + 8 * random_below(r, 16);
    g->x[8] = DATA_BASE + CASE_MEM_OFFSET + 128 + 8 * random_below(r, 16);
    g->x[9] = STACK_BASE + CASE_MEM_OFFSET + 128 + 4 * random_below(r, 32);
    g->x[13] = STACK_BASE + CASE_MEM_OFFSET + 256 + 8 * random_below(r, 8);
    g->x[6] = 4 * random_below(r, 8);
    g->x[10] = random_below(r, 16);
    g->x[11] = 4 * random_below(r, 16);
    if (random_below(r, 8) == 0)
        g->x[7] += random_below(r, 4);
    g->psr = 0x10 | (random32(r) & 0xf80f0000);
}

static void t32_registers(Random *r, ArmRegs *g)
{
    a32_registers(r, g);
    g->psr |= PSR_T;
}

const ISA isa_a32 = { .name = "a32", .end = { 0xf0, 0x00, 0xf0, 0xe7 }, .end_len = 4, .rows = a32_rows,
                      .nrows = sizeof(a32_rows) / sizeof(a32_rows[0]), .letter = a32_letter, .append = a32_append,
                      .registers = a32_registers };
const ISA isa_t32 = { .name = "t32", .thumb = true, .end = { 0x00, 0xde }, .end_len = 2, .rows = t32_rows,
                      .nrows = sizeof(t32_rows) / sizeof(t32_rows[0]), .letter = a32_letter, .append = a32_append,
                      .registers = t32_registers };
