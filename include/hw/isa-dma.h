/* SPDX-License-Identifier: MIT */
/*
 * ISA DMA: how a device moves bytes over a channel of the 8237 pair. The device raises its request; when the channel
 * is programmed and unmasked its handler runs, and moves what it has. Machine lock.
 */
#ifndef RHEA_HW_ISA_DMA_H
#define RHEA_HW_ISA_DMA_H

#include "typedefs.h"

#define ISA_DMA_CHANNELS 8

/* Who uses a channel. handler may be called from isa_dma_request and whenever the guest opens the channel. */
void isa_dma_register(unsigned channel, void (*handler)(void *opaque), void *opaque);
void isa_dma_unregister(unsigned channel);
void isa_dma_request(unsigned channel, bool level);
/*
 * In the handler: moves up to len bytes from the device to memory (to_memory) or the other way, as far as the count
 * goes; units of 2 bytes on channels 5-7. Returns how many; *end: the terminal count was reached. The direction must
 * be the one the guest programmed, else nothing moves. Verify transfers move nothing but count.
 */
size_t isa_dma_transfer(unsigned channel, bool to_memory, void *buf, size_t len, bool *end);

#endif
