/* SPDX-License-Identifier: MIT */
/* Jobs in the way of writes: see gate.h. */
#include "gate.h"

void gate_install(BlockNode *n, BlockGate *g)
{
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->changed, NULL);
    g->ranges = NULL;
    __atomic_store_n(&n->gate, g, __ATOMIC_RELEASE);
}

void gate_remove(BlockNode *n, BlockGate *g)
{
    if (n->gate != g)
        return;
    __atomic_store_n(&n->gate, NULL, __ATOMIC_RELEASE);
    pthread_mutex_destroy(&g->lock);
    pthread_cond_destroy(&g->changed);
}

/* Adds r once nothing is in its way: what is kept, and for what is to be kept any write. */
static void add_range(BlockGate *g, GateRange *r)
{
    pthread_mutex_lock(&g->lock);
    for (bool clash = true; clash;) {
        clash = false;
        for (const GateRange *o = g->ranges; o && !clash; o = o->next)
            clash = (o->alone || r->alone) && o->first < r->end && r->first < o->end;
        if (clash)
            pthread_cond_wait(&g->changed, &g->lock);
    }
    r->next = g->ranges;
    g->ranges = r;
    pthread_mutex_unlock(&g->lock);
}

static void remove_range(GateRange *r)
{
    BlockGate *g = r->gate;
    pthread_mutex_lock(&g->lock);
    GateRange **p = &g->ranges;
    while (*p != r)
        p = &(*p)->next;
    *p = r->next;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

void gate_enter(BlockNode *n, GateRange *r, uint64_t offset, uint64_t size)
{
    *r = (GateRange){ .gate = __atomic_load_n(&n->gate, __ATOMIC_ACQUIRE), .first = offset, .end = offset + size };
    if (!r->gate)
        return;
    if (r->gate->before)
        r->gate->before(r->gate->opaque, offset, size);
    add_range(r->gate, r);
}

void gate_leave(GateRange *r)
{
    BlockGate *g = r->gate;
    if (!g)
        return;
    remove_range(r);
    if (g->after)
        g->after(g->opaque, r->first, r->end - r->first);
}

void gate_keep(BlockGate *g, GateRange *r, uint64_t offset, uint64_t size)
{
    *r = (GateRange){ .gate = g, .first = offset, .end = offset + size, .alone = true };
    add_range(g, r);
}

void gate_release(GateRange *r)
{
    remove_range(r);
}
