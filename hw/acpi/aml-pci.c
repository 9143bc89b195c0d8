/* SPDX-License-Identifier: MIT */
/* Methods of a PCI Express root bridge (PCI Firmware Specification 3.3, 4.5 and 4.6), the same on every board. */
#include "hw/aml.h"

#define OSC_UUID "33db4d5b-1ff7-401c-9657-7441c03dd766"
#define DSM_UUID "e5c937d0-3553-4d7a-9117-ea4d19c3434d"
enum { OSC_UNKNOWN_UUID = 4, OSC_UNKNOWN_REVISION = 8, OSC_MASKED = 16 };

static void create_field(Aml *a, unsigned at, const char *name)
{
    aml_byte(a, AML_CREATE_DWORD_FIELD);
    aml_byte(a, AML_ARG3);
    aml_int(a, at);
    aml_name_string(a, name);
}

/* Status bits go into the first word. */
static void report(Aml *a, unsigned status)
{
    aml_byte(a, AML_OR);
    aml_name_string(a, "CDW1");
    aml_int(a, status);
    aml_name_string(a, "CDW1");
}

static AmlMark if_arg0_is(Aml *a, const char *uuid)
{
    AmlMark known = aml_if(a);
    aml_byte(a, AML_LEQUAL);
    aml_byte(a, AML_ARG0);
    aml_uuid(a, uuid);
    return known;
}

static void return_arg3(Aml *a)
{
    aml_byte(a, AML_RETURN);
    aml_byte(a, AML_ARG3);
}

void aml_pci_osc(Aml *a, unsigned control)
{
    AmlMark m = aml_method(a, "_OSC", 4, false);
    create_field(a, 0, "CDW1");
    AmlMark known = if_arg0_is(a, OSC_UUID);
    create_field(a, 8, "CDW3");
    aml_byte(a, AML_AND);
    aml_name_string(a, "CDW3");
    aml_int(a, control);
    aml_byte(a, AML_LOCAL0);
    AmlMark revision = aml_if(a);
    aml_byte(a, AML_LNOT);
    aml_byte(a, AML_LEQUAL);
    aml_byte(a, AML_ARG1);
    aml_int(a, 1);
    report(a, OSC_UNKNOWN_REVISION);
    aml_end(a, revision);
    AmlMark masked = aml_if(a);
    aml_byte(a, AML_LNOT);
    aml_byte(a, AML_LEQUAL);
    aml_name_string(a, "CDW3");
    aml_byte(a, AML_LOCAL0);
    report(a, OSC_MASKED);
    aml_end(a, masked);
    aml_byte(a, AML_STORE);
    aml_byte(a, AML_LOCAL0);
    aml_name_string(a, "CDW3");
    return_arg3(a);
    aml_end(a, known);
    report(a, OSC_UNKNOWN_UUID);
    return_arg3(a);
    aml_end(a, m);
}

void aml_pci_dsm(Aml *a)
{
    static const uint8_t query_only = 1, none = 0;
    AmlMark m = aml_method(a, "_DSM", 4, false);
    AmlMark known = if_arg0_is(a, DSM_UUID);
    AmlMark query = aml_if(a);
    aml_byte(a, AML_LEQUAL);
    aml_byte(a, AML_ARG2);
    aml_int(a, 0);
    aml_byte(a, AML_RETURN);
    aml_buffer(a, &query_only, 1);
    aml_end(a, query);
    aml_end(a, known);
    aml_byte(a, AML_RETURN);
    aml_buffer(a, &none, 1);
    aml_end(a, m);
}
