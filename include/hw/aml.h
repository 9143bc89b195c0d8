/* SPDX-License-Identifier: MIT */
/*
 * ACPI Machine Language (ACPI 6.4, ch. 20), written front to back into a growing buffer. An object with a
 * length (scope, device, method, package, buffer) is opened by a function that returns a mark and is
 * closed by aml_end(mark). Names are "\\_SB_.PCI0", "^^X", each segment of 1 to 4 letters.
 */
#ifndef RHEA_HW_AML_H
#define RHEA_HW_AML_H

#include "typedefs.h"
#include <glib.h>

typedef GByteArray Aml;
typedef size_t AmlMark;

void aml_byte(Aml *a, uint8_t byte);
void aml_name_string(Aml *a, const char *name);
void aml_int(Aml *a, uint64_t value);
void aml_string(Aml *a, const char *text);
/* "PNP0A03" as the compressed integer. */
void aml_eisa_id(Aml *a, const char *id);

/* Name(name, …): the object follows. */
void aml_name(Aml *a, const char *name);
void aml_name_int(Aml *a, const char *name, uint64_t value);
AmlMark aml_scope(Aml *a, const char *name);
AmlMark aml_device(Aml *a, const char *name);
AmlMark aml_method(Aml *a, const char *name, unsigned args, bool serialized);
AmlMark aml_package(Aml *a, unsigned elements);
AmlMark aml_if(Aml *a);    /* the predicate, then the body follow */
AmlMark aml_else(Aml *a);  /* right after the if's aml_end */
void aml_end(Aml *a, AmlMark mark);

enum { AML_SYSTEM_MEMORY, AML_SYSTEM_IO, AML_PCI_CONFIG };
void aml_region(Aml *a, const char *name, unsigned space, uint64_t offset, uint64_t length);
/* Field of consecutive byte-access units: count names of bits each. */
void aml_field_bytes(Aml *a, const char *region, const char *const *names, unsigned count);

/* Field of one 32-bit unit, whose other bits a write clears. */
void aml_field_dword(Aml *a, const char *region, const char *name);

/* Terms: operands follow in order. The target of a logic operation that keeps nothing is aml_none. */
enum { AML_LOCAL0 = 0x60, AML_ARG0 = 0x68, AML_ARG1, AML_ARG2, AML_ARG3, AML_STORE = 0x70, AML_AND = 0x7b, AML_OR = 0x7d,
       AML_NOTIFY = 0x86, AML_CREATE_DWORD_FIELD = 0x8a, AML_LNOT = 0x92, AML_LEQUAL, AML_LGREATER, AML_LLESS,
       AML_RETURN = 0xa4 };
void aml_none(Aml *a);
/* Buffers: of bytes; of a UUID as ToUUID() stores it; of a text in UTF-16, for _STR. */
void aml_buffer(Aml *a, const void *data, unsigned len);
void aml_uuid(Aml *a, const char *uuid);
void aml_unicode(Aml *a, const char *text);
/* _OSC of a PCI Express root bridge (PCI Firmware Specification 3.3, 4.5), which grants the bits of "control", and its _DSM,
 * which has no functions but the query of them. */
void aml_pci_osc(Aml *a, unsigned control);
void aml_pci_dsm(Aml *a);

/* ---- Resource templates: Buffer with an end tag ---- */
typedef struct AmlTemplate {
    AmlMark buffer;
    size_t size_at;
} AmlTemplate;
AmlTemplate aml_resources(Aml *a);
void aml_resources_end(Aml *a, AmlTemplate t);
void aml_io(Aml *a, uint16_t base, uint8_t align, uint8_t len);
void aml_irq(Aml *a, unsigned irq);                      /* edge, active high, exclusive */
void aml_interrupts(Aml *a, const uint32_t *irqs, unsigned n); /* level, active high, shared */
void aml_interrupt(Aml *a, uint32_t irq, bool edge);     /* active high, exclusive */
void aml_gpio_int(Aml *a, const char *controller, uint16_t pin); /* edge, active high, exclusive, pulled up */
void aml_memory32_fixed(Aml *a, uint32_t base, uint32_t len, bool writable);
typedef enum AmlRange { AML_RANGE_MEMORY, AML_RANGE_IO, AML_RANGE_BUS } AmlRange;
/* Word, DWord or QWord address space, produced by a bridge: first to last inclusive. */
void aml_window(Aml *a, AmlRange kind, unsigned bytes, uint64_t first, uint64_t last);
/* The same where the bridge adds an offset on the way up. */
void aml_window_at(Aml *a, AmlRange kind, unsigned bytes, uint64_t first, uint64_t last, uint64_t translation);

#endif
