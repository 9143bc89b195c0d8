/* SPDX-License-Identifier: MIT */
/* Requests of devices that have many under way: a kick takes all buffers of its queue, requests that ended are used again. */
#include "hw/virtio.h"

#include <glib.h>

static VirtIORequest *request_get(VirtIORequests *pool)
{
    VirtIORequest *r = pool->free;
    if (r)
        pool->free = r->next;
    else
        r = g_malloc0(pool->size);
    r->next = NULL;
    return r;
}

void virtio_request_put(VirtIORequests *pool, VirtIORequest *r)
{
    r->next = pool->free;
    pool->free = r;
}

void virtio_requests_start(VirtIORequests *pool, VirtQueue *vq, void (*start)(VirtIORequest *r))
{
    do {
        virtqueue_disable_notify(vq);
        for (;;) {
            VirtIORequest *r = request_get(pool);
            if (!virtqueue_pop(vq, &r->e)) {
                virtio_request_put(pool, r);
                break;
            }
            r->vq = vq;
            start(r);
        }
    } while (virtqueue_enable_notify(vq));
}

void virtio_requests_free(VirtIORequests *pool)
{
    for (VirtIORequest *r = pool->free, *next; r; r = next) {
        next = r->next;
        virtqueue_element_free(&r->e);
        g_free(r);
    }
    pool->free = NULL;
}
