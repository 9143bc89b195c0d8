/* SPDX-License-Identifier: MIT */
/*
 * Capabilities that PCI Express functions have (PCI Express Base 4.0, 7.5.3; PCI Bus Power Management 1.2). Links are always
 * trained; power states are stored and change nothing. Not modelled: function level reset, error reporting registers.
 */
#include "hw/pci.h"

#include <string.h>

enum { CAP_PM = 0x01, CAP_EXPRESS = 0x10, PM_LEN = 8, EXPRESS_LEN = 0x3c };
enum { FLAGS = 0x02, DEVICE_CAP = 0x04, DEVICE_CONTROL = 0x08, DEVICE_STATUS = 0x0a, LINK_CAP = 0x0c, LINK_CONTROL = 0x10,
       LINK_STATUS = 0x12, DEVICE_CONTROL2 = 0x28, LINK_CAP2 = 0x2c, LINK_CONTROL2 = 0x30 };
enum { ROLE_BASED_ERRORS = 1 << 15 };

static void put(uint8_t *p, uint32_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

bool pci_express_init(PCIDevice *pci, PCIExpressType type)
{
    uint8_t at = pci_add_capability(pci, CAP_EXPRESS, EXPRESS_LEN);
    if (!at)
        return false;
    uint8_t *c = pci->config + at, *w = pci->writable + at;
    const bool port = type == PCI_EXPRESS_ROOT_PORT;
    const unsigned speed = port ? 4 : 1, width = port ? 32 : 1; /* 16 GT/s by 32 lanes; 2.5 GT/s by one */
    pci->express_cap = at;
    put(c + FLAGS, 2 | (unsigned)type << 4 | (port ? 1u << 8 : 0), 2);
    put(c + DEVICE_CAP, ROLE_BASED_ERRORS, 4);
    put(w + DEVICE_CONTROL, 0x7cef & ~0x10u, 2);
    put(pci->w1c + at + DEVICE_STATUS, 0x0f, 2);
    if (type != PCI_EXPRESS_INTEGRATED) { /* those have no link */
        put(c + LINK_CAP, speed | width << 4 | 1u << 10 /* L0s */ | (port ? 1u << 20 /* link active reported */ : 0) | (uint32_t)pci->addr << 24, 4);
        put(w + LINK_CONTROL, 0x0fc3, 2);
        put(c + LINK_STATUS, speed | width << 4, 2);
        put(c + LINK_CAP2, ((1u << speed) - 1) << 1, 4);
        put(w + LINK_CONTROL2, 0x000f, 2);
        put(c + LINK_CONTROL2, speed, 2);
    }
    put(w + DEVICE_CONTROL2, 0x001f, 2);
    return true;
}

bool pci_express_endpoint_init(PCIDevice *pci)
{
    if (!pci->bus->express)
        return true;
    uint8_t pm = pci_add_capability(pci, CAP_PM, PM_LEN);
    if (!pm)
        return false;
    put(pci->config + pm + 2, 3, 2);          /* version 1.2 */
    put(pci->config + pm + 4, 1 << 3, 2);     /* state is kept on the way to D0 */
    put(pci->writable + pm + 4, 3, 2);
    return pci_express_init(pci, pci->bus->bridge ? PCI_EXPRESS_ENDPOINT : PCI_EXPRESS_INTEGRATED);
}
