/* SPDX-License-Identifier: MIT */
/*
 * PIIX4 power management function 01.3 (Intel 82371AB datasheet, order 290562): ACPI registers (acpi-pm.c), SMBus host.
 *
 * Interface: output 0 = SCI. PM registers appear where PMBA (0x40) says once PMREGMISC (0x80) enables
 * them; GPE0 is fixed at 0xafe0, the SMI command at 0xb2.
 * A command at 0xb2 raises SMI on the vCPU that stores it while DEVACTB enables that (without smm none does, and the bit is set from the start).
 * Properties disable_s3 and disable_s4 are accepted: there is no S3 or S4.
 * Not modelled: device activity monitors, GLBCTL.
 */
#include "cpu.h"
#include "hw/acpi-pm.h"
#include "hw/pc.h"
#include "hw/smbus.h"
#include "util/error.h"
#include <string.h>

enum { REG_PMBA = 0x40, REG_DEVACTB = 0x58, REG_PMREGMISC = 0x80, REG_SMBBA = 0x90, REG_SMBHSTCFG = 0xd2 };
enum { APMC_SMI = 1 << 25 }; /* in DEVACTB */

typedef struct PIIX4PM {
    PCIDevice pci;
    MemoryRegion block;
    ACPIPM pm;
    SMBusHost smbus;
    bool smm;
    uint8_t disable_s3, disable_s4;
} PIIX4PM;

static void map_block(PIIX4PM *s, MemoryRegion *mr, unsigned base_reg, bool enabled)
{
    uint16_t base = (s->pci.config[base_reg] | s->pci.config[base_reg + 1] << 8) & 0xffc0;
    memory_region_set_enabled(mr, false);
    memory_region_set_address(mr, base);
    memory_region_set_enabled(mr, enabled);
}

static void update_mapping(PIIX4PM *s)
{
    memory_transaction_begin();
    map_block(s, &s->block, REG_PMBA, s->pci.config[REG_PMREGMISC] & 1);
    map_block(s, &s->smbus.region, REG_SMBBA, s->pci.config[REG_SMBHSTCFG] & 1);
    memory_transaction_commit();
}

static void pm_config_write(PCIDevice *pci, uint32_t addr, uint32_t value, unsigned size)
{
    (void)value;
    (void)size;
    if (addr >= REG_PMBA)
        update_mapping((PIIX4PM *)pci);
}

static void pm_reset(Device *dev)
{
    PIIX4PM *s = (PIIX4PM *)dev;
    uint8_t *config = s->pci.config;
    memset(config + REG_PMBA, 0, 0x100 - REG_PMBA);
    config[REG_PMBA] = config[REG_SMBBA] = 1;
    if (!s->smm) /* tells firmware that its SMI handler is in place */
        config[REG_DEVACTB + 3] = APMC_SMI >> 24;
    acpi_pm_reset(&s->pm);
    smbus_host_reset(&s->smbus);
    update_mapping(s);
}

static void pm_post_load(Device *dev)
{
    PIIX4PM *s = (PIIX4PM *)dev;
    update_mapping(s);
    smbus_host_loaded(&s->smbus);
    acpi_pm_loaded(&s->pm);
}

static void apm_written(void *opaque, uint8_t command)
{
    PIIX4PM *s = opaque;
    uint32_t devactb = (uint32_t)s->pci.config[REG_DEVACTB + 3] << 24;
    if (s->smm && (devactb & APMC_SMI) && first_cpu)
        cpu_interrupt(current_cpu ? current_cpu : first_cpu, CPU_INTERRUPT_SMI);
}

static bool pm_realize(Device *dev, Error **errp)
{
    PIIX4PM *s = (PIIX4PM *)dev;
    device_init_out(dev, 1);
    memory_region_init(&s->block, dev, "piix4-pm", 64);
    s->block.enabled = false;
    memory_region_add(system_io, 0, &s->block);
    s->pm.name = "piix4-pm";
    s->pm.sci = &dev->out[0];
    s->pm.gpe_bytes = 2;
    s->pm.enable_command = PC_SMI_ACPI_ENABLE;
    s->pm.disable_command = PC_SMI_ACPI_DISABLE;
    s->pm.apm_written = apm_written;
    s->pm.opaque = s;
    acpi_pm_init(&s->pm, dev);
    memory_region_add(&s->block, 0, &s->pm.event);
    memory_region_add(&s->block, 4, &s->pm.control);
    memory_region_add(&s->block, 8, &s->pm.timer);
    device_add_region(dev, &s->block);
    memory_region_add(system_io, PC_GPE0_BASE, &s->pm.gpe0);
    if (!smbus_host_init(&s->smbus, dev, NULL, errp)) {
        acpi_pm_exit(&s->pm);
        return false;
    }
    memory_region_add(system_io, 0, &s->smbus.region);
    memory_region_set_enabled(&s->smbus.region, false);
    memset(s->pci.writable + REG_PMBA, 0xff, 0x100 - REG_PMBA);
    memcpy(s->pci.writable + REG_PMBA, "\xc0\xff\0\0", 4);
    memcpy(s->pci.writable + REG_SMBBA, "\xc0\xff\0\0", 4);
    s->pci.config_write = pm_config_write;
    return true;
}

static void pm_unrealize(Device *dev)
{
    acpi_pm_exit(&((PIIX4PM *)dev)->pm);
}

static const SavedField pm_saved[] = {
    SAVED_STRUCT(PIIX4PM, pm, acpi_pm_saved), SAVED_STRUCT(PIIX4PM, smbus, smbus_host_saved), SAVED_END(),
};
static const Property pm_props[] = { PROP_U8("disable_s3", PIIX4PM, disable_s3, 1), PROP_U8("disable_s4", PIIX4PM, disable_s4, 1), {} };
static const PCIClass pm_class = {
    .vendor = 0x8086, .device = 0x7113, .subsystem_vendor = 0x1af4, .subsystem = 0x1100, .revision = 3,
    .class_code = 0x068000, .interrupt_pin = 1,
};
static const DeviceType pm_type = {
    .name = "PIIX4_PM", .desc = "PM", .bus = BUS_PCI, .category = "Bridge devices", .size = sizeof(PIIX4PM),
    .internal = true, .props = pm_props, .class_data = &pm_class, .saved = pm_saved, .realize = pm_realize, .unrealize = pm_unrealize,
    .reset = pm_reset, .post_load = pm_post_load,
};
device_type(pm_type);

Device *piix4_pm_new(bool smm, Error **errp)
{
    Device *dev = device_new("PIIX4_PM");
    ((PIIX4PM *)dev)->smm = smm;
    device_set_str(dev, "addr", "1.3");
    return device_realize(dev, errp) ? dev : NULL;
}

void piix4_pm_power_button(Device *dev)
{
    acpi_pm_power_button(&((PIIX4PM *)dev)->pm);
}
