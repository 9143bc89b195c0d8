/* SPDX-License-Identifier: MIT */
/*
 * The first program of an Arm guest with several processors. Proves that a store-exclusive fails when another processor's
 * store-exclusives changed a value and changed it back: threads pop and push nodes of one stack without tags, which only the monitor
 * keeps whole (Arm ARM B2.9), and rotate a word through its values. Says SMP-OK, or what was lost.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>

enum { THREADS = 4, NODES = 6 };

typedef struct Node {
    _Alignas(64) struct Node *volatile next;
    _Atomic uint32_t owner;
} Node;

static Node nodes[NODES];
static _Alignas(64) Node *volatile head;
static atomic_uint failures;
static long iterations = 200000;

/* A load- and a store-exclusive of a pointer; true when stored. */
static inline Node *load_exclusive(Node *volatile *p)
{
    Node *v;
#ifdef __aarch64__
    __asm__ volatile("ldaxr %0, %1" : "=r"(v) : "Q"(*p) : "memory");
#else
    __asm__ volatile("ldrex %0, %1\n\tdmb ish" : "=r"(v) : "Q"(*p) : "memory");
#endif
    return v;
}
static inline int store_exclusive(Node *volatile *p, Node *v)
{
    uint32_t failed;
#ifdef __aarch64__
    __asm__ volatile("stlxr %w0, %2, %1" : "=&r"(failed), "=Q"(*p) : "r"(v) : "memory");
#else
    __asm__ volatile("dmb ish\n\tstrex %0, %2, %1" : "=&r"(failed), "=Q"(*p) : "r"(v) : "memory");
#endif
    return !failed;
}

static void spin(unsigned n)
{
    for (volatile unsigned i = 0; i < n; i++)
        ;
}

/* What other threads may do meanwhile is the point: `linger` iterations between the two, fewer at each attempt. */
static Node *pop(unsigned linger)
{
    for (;; linger /= 2) {
        Node *n = load_exclusive(&head);
        if (!n)
            return NULL;
        Node *next = n->next;
        spin(linger);
        if (store_exclusive(&head, next))
            return n;
    }
}

static void push(Node *n)
{
    do {
        n->next = load_exclusive(&head);
    } while (!store_exclusive(&head, n));
}

static void *member(void *arg)
{
    uint32_t self = (uint32_t)(uintptr_t)arg, random = self * 2654435761u;
    for (long i = 0; i < iterations; i++) {
        random = random * 1664525 + 1013904223;
        Node *a = pop(random >> 30 ? 0 : random >> 8 & 8191), *b = pop(0);
        for (int k = 0; k < 2; k++) {
            Node *n = k ? b : a;
            if (n && atomic_exchange(&n->owner, self))
                atomic_fetch_add(&failures, 1); /* somebody else has it, too */
        }
        if (random & 1 << 16 && a) { /* the head as it was, its successor perhaps not */
            atomic_store(&a->owner, 0);
            push(a);
            a = NULL;
            spin(random & 2047);
        }
        if (b) {
            atomic_store(&b->owner, 0);
            push(b);
        }
        if (a) {
            atomic_store(&a->owner, 0);
            push(a);
        }
    }
    return NULL;
}

/* A store-exclusive after this thread's monitor was opened, or of another address, fails. */
static void alone(void)
{
    static Node *volatile word, *volatile other;
    load_exclusive(&word);
    __asm__ volatile("clrex" ::: "memory");
    if (store_exclusive(&word, &nodes[0]) || word)
        atomic_fetch_add(&failures, 1), puts("stored after CLREX");
    for (int i = 0; i < 1000 && !word; i++) { /* may fail now and then for no reason */
        load_exclusive(&word);
        store_exclusive(&word, &nodes[1]);
    }
    if (word != &nodes[1])
        atomic_fetch_add(&failures, 1), puts("never stored");
    if (store_exclusive(&other, &nodes[0]))
        atomic_fetch_add(&failures, 1), puts("stored twice");
}

int main(void)
{
    pthread_t thread[THREADS];
    char line[1024] = "";
    unsigned found = 0;

    mount("dev", "/dev", "devtmpfs", 0, NULL);
    mount("proc", "/proc", "proc", 0, NULL);
    FILE *f = fopen("/proc/cmdline", "r");
    if (f && fgets(line, sizeof(line), f) && strstr(line, " n="))
        iterations = atol(strstr(line, " n=") + 3);
    alone();
    for (int i = 0; i < NODES; i++)
        push(&nodes[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, member, (void *)(uintptr_t)(i + 1));
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    for (Node *n = head; n && found <= NODES; n = n->next)
        found++;
    if (found != NODES)
        atomic_fetch_add(&failures, 1);
    printf("ATOMICS exclusive stack: %u of %d nodes left, %u failures\n", found, NODES, atomic_load(&failures));
    puts(atomic_load(&failures) ? "SMP-FAILED" : "SMP-OK");
    fflush(stdout);
    reboot(RB_POWER_OFF);
    return 1;
}
