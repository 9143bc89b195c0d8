/* SPDX-License-Identifier: MIT */
/*
 * What small embedded benchmarks do, as CoreMark does: a linked list (search, sort by two keys, reverse), a matrix of
 * 16-bit numbers, a state machine that reads numbers out of text, CRC-16 over each result. Argument: rounds.
 * Prints the CRC, which depends on each step of each round and on nothing of the machine.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 400, SIDE = 18, TEXT = 900 };

static uint16_t crc_byte(uint8_t byte, uint16_t crc) {
    for (int i = 0; i < 8; i++) {
        int carry = (byte ^ crc) & 1;
        crc >>= 1;
        byte >>= 1;
        if (carry)
            crc ^= 0xA001;
    }
    return crc;
}
static uint16_t crc_word(uint32_t v, uint16_t crc) {
    for (int i = 0; i < 4; i++)
        crc = crc_byte(v >> 8 * i, crc);
    return crc;
}

struct node {
    struct node *next;
    int16_t key, value;
};
static struct node pool[NODES];

static int by_key(const struct node *a, const struct node *b) {
    return a->key - b->key;
}
static int by_value(const struct node *a, const struct node *b) {
    return (a->value ^ 0x55) - (b->value ^ 0x55);
}
/* Merge sort from the bottom up, without recursion; stable. */
static struct node *sort(struct node *list, int (*compare)(const struct node *, const struct node *)) {
    for (int width = 1;; width *= 2) {
        struct node *p = list, *tail = NULL;
        int merges = 0;
        list = NULL;
        while (p) {
            struct node *q = p;
            int np = 0, nq = width;
            merges++;
            while (np < width && q) {
                np++;
                q = q->next;
            }
            while (np || (nq && q)) {
                struct node *e;
                if (np && (!nq || !q || compare(p, q) <= 0)) {
                    e = p;
                    p = p->next;
                    np--;
                } else {
                    e = q;
                    q = q->next;
                    nq--;
                }
                if (tail)
                    tail->next = e;
                else
                    list = e;
                tail = e;
            }
            p = q;
        }
        tail->next = NULL;
        if (merges <= 1)
            return list;
    }
}
static struct node *reverse(struct node *list) {
    struct node *out = NULL;
    while (list) {
        struct node *next = list->next;
        list->next = out;
        out = list;
        list = next;
    }
    return out;
}
static uint16_t lists(uint32_t seed, uint16_t crc) {
    struct node *list = NULL;
    for (int i = 0; i < NODES; i++) {
        seed = seed * 1103515245 + 12345;
        pool[i] = (struct node){list, seed >> 16 & 0x7FF, i};
        list = &pool[i];
    }
    for (int find = 0; find < 40; find++) {
        int at = 0;
        for (struct node *n = list; n && n->key != find * 37; n = n->next)
            at++;
        list = reverse(list);
        crc = crc_word(at, crc);
    }
    list = sort(list, by_key);
    for (struct node *n = list; n; n = n->next)
        crc = crc_word(n->key, crc);
    list = sort(list, by_value);
    return crc_word(list->value, crc);
}

static uint16_t matrices(uint32_t seed, uint16_t crc) {
    static int16_t a[SIDE][SIDE], b[SIDE][SIDE];
    static int32_t c[SIDE][SIDE];
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            seed = seed * 1103515245 + 12345;
            a[i][j] = (int16_t)(seed >> 16);
            b[i][j] = (int16_t)(seed >> 8);
        }
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            uint32_t sum = 0;
            for (int k = 0; k < SIDE; k++)
                sum += (uint32_t)(a[i][k] * b[k][j]) >> 2 & 0xFFFFF;
            c[i][j] = (int32_t)sum;
        }
    int32_t kept = 0, last = 0;
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            kept += c[i][j] > last ? 10 : c[i][j] & 15;
            last = c[i][j];
        }
    return crc_word((uint32_t)kept, crc_word((uint32_t)c[SIDE - 1][SIDE / 2], crc));
}

enum state { START, SIGN, INTEGER, POINT, EXPONENT, EXPONENT_SIGN, SCIENTIFIC, INVALID, STATES };

static enum state step(enum state s, char c) {
    int digit = c >= '0' && c <= '9';
    switch (s) {
    case START:
        return digit ? INTEGER : c == '+' || c == '-' ? SIGN : c == '.' ? POINT : INVALID;
    case SIGN:
        return digit ? INTEGER : c == '.' ? POINT : INVALID;
    case INTEGER:
        return digit ? INTEGER : c == '.' ? POINT : c == 'e' ? EXPONENT : INVALID;
    case POINT:
        return digit ? POINT : c == 'e' ? EXPONENT : INVALID;
    case EXPONENT:
        return c == '+' || c == '-' ? EXPONENT_SIGN : digit ? SCIENTIFIC : INVALID;
    case EXPONENT_SIGN:
    case SCIENTIFIC:
        return digit ? SCIENTIFIC : INVALID;
    default:
        return INVALID;
    }
}
static uint16_t states(uint32_t seed, uint16_t crc) {
    static const char *const words[] = {"5012", "+122", "35.54400", ".1234500", "-110.700", "5.500e+3", "-.123e-2", "T0.3e-1F", "1.2.3", "8e", "++7"};
    static char text[TEXT + 16];
    uint32_t final[STATES] = {0}, seen[STATES] = {0};
    size_t at = 0;
    while (at < TEXT) {
        seed = seed * 1103515245 + 12345;
        const char *w = words[(seed >> 16) % (sizeof words / sizeof *words)];
        size_t n = strlen(w);
        memcpy(text + at, w, n);
        text[at + n] = ',';
        at += n + 1;
    }
    for (size_t i = 0; i < at; i++) {
        enum state s = START;
        for (; text[i] != ','; i++) {
            s = step(s, text[i]);
            seen[s]++;
        }
        final[s]++;
    }
    for (int s = 0; s < STATES; s++)
        crc = crc_word(seen[s], crc_word(final[s], crc));
    return crc;
}

int main(int argc, char **argv) {
    long rounds = argc > 1 ? atol(argv[1]) : 1;
    uint16_t crc = 0;
    for (long i = 0; i < rounds; i++) {
        crc = lists((uint32_t)i ^ crc, crc);
        crc = matrices((uint32_t)i + crc, crc);
        crc = states((uint32_t)i * 3 + crc, crc);
    }
    printf("%04x\n", crc);
    return 0;
}
