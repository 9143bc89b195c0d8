/* SPDX-License-Identifier: MIT */
/*
 * Generic Event Device (ACPI 6.4, 5.6.9) of hardware-reduced boards. Region 0 (4 bytes): the events since the last read,
 * which clears them; bit numbers are QEMU's. Region 1 (3 bytes): the sleep control and status registers (4.8.3.7) and a reset
 * register, for boards that have no other. Output 0 pulses for each event.
 * Not modelled: memory and processor hot plug, NVDIMM.
 */
#include "hw/acpi-ged.h"
#include "hw/boards.h"
#include "util/log.h"

typedef struct ACPIGED {
    Device dev;
    MemoryRegion control;
} ACPIGED;

static const RegisterRow ged_regs[] = { { "EVENTS", 0x0, 4, .rclear = ~0u }, {} };

void acpi_ged_event(Device *dev, uint32_t events)
{
    dev->regs[0] |= events & ACPI_GED_EVENTS;
    irq_pulse(&dev->out[0]);
}

static void ged_post_load(Device *dev)
{
    dev->regs[0] &= ACPI_GED_EVENTS;
}

/* ---- Sleep and reset ---- */

enum { SLEEP_CONTROL, SLEEP_STATUS, RESET };
enum { SLP_EN = 1 << 5, SLP_TYP_SHIFT = 2, SLP_TYP_MASK = 7 };

/* Nothing wakes this machine, and no register keeps a value. */
static uint64_t control_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)opaque;
    (void)offset;
    (void)size;
    return 0;
}

static void control_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)opaque;
    (void)size;
    if (offset == SLEEP_CONTROL && (value & SLP_EN) && (value >> SLP_TYP_SHIFT & SLP_TYP_MASK) == ACPI_GED_SLEEP_S5)
        system_shutdown_request(SHUTDOWN_GUEST);
    else if (offset == RESET && value == ACPI_GED_RESET_VALUE)
        system_reset_request(SHUTDOWN_GUEST);
    else if (offset == RESET || (offset == SLEEP_CONTROL && (value & SLP_EN)))
        guest_error("acpi-ged: 0x%x written to register %u\n", (unsigned)value, (unsigned)offset);
}

static const MemoryRegionOps control_ops = { .read = control_read, .write = control_write, .impl_min = 1, .impl_max = 1 };

/* ---- In the DSDT, inside _SB ---- */

void acpi_ged_describe(Aml *a, uint32_t base, uint32_t irq)
{
    AmlMark d = aml_device(a, "GED");
    aml_name(a, "_HID");
    aml_string(a, "ACPI0013");
    aml_name(a, "_UID");
    aml_string(a, "GED");
    aml_name(a, "_CRS");
    AmlTemplate t = aml_resources(a);
    aml_interrupt(a, irq, true);
    aml_resources_end(a, t);
    aml_region(a, "EREG", AML_SYSTEM_MEMORY, base, ACPI_GED_SIZE);
    aml_field_dword(a, "EREG", "ESEL");
    AmlMark event = aml_method(a, "_EVT", 1, true);
    aml_byte(a, AML_STORE); /* reading clears: once */
    aml_name_string(a, "ESEL");
    aml_byte(a, AML_LOCAL0);
    AmlMark pressed = aml_if(a);
    aml_byte(a, AML_AND);
    aml_byte(a, AML_LOCAL0);
    aml_int(a, ACPI_GED_POWER_BUTTON);
    aml_none(a);
    acpi_notify_power_button(a);
    aml_end(a, pressed);
    aml_end(a, event);
    aml_end(a, d);
}

void acpi_notify_power_button(Aml *a)
{
    aml_byte(a, AML_NOTIFY);
    aml_name_string(a, "PWRB");
    aml_int(a, 0x80);
}

void acpi_power_button(Aml *a)
{
    AmlMark d = aml_device(a, "PWRB");
    aml_name(a, "_HID");
    aml_eisa_id(a, "PNP0C0C");
    aml_name_int(a, "_UID", 0);
    aml_end(a, d);
}

/* ---- Device ---- */

static bool ged_realize(Device *dev, Error **errp)
{
    (void)errp;
    ACPIGED *s = (ACPIGED *)dev;
    device_init_out(dev, 1);
    memory_region_init_io(&s->control, dev, &control_ops, s, "acpi-ged-regs", ACPI_GED_CONTROL_SIZE);
    device_add_region(dev, &s->control);
    return true;
}

static const DeviceType acpi_ged_type = {
    .name = "acpi-ged", .desc = "ACPI Generic Event Device", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(ACPIGED), .regs = ged_regs, .regs_size = ACPI_GED_SIZE, .realize = ged_realize,
    .post_load = ged_post_load,
};
device_type(acpi_ged_type)
