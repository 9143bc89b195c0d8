/* SPDX-License-Identifier: MIT */
/*
 * LPC bridge of the ICH9, function 1f.0 (Intel ICH9 datasheet, order 316972, chapters 10 and 13): routes PIRQA-H to the I/O APIC's
 * pins 16-23 and to ISA interrupts, holds power management (acpi-pm.c), the TCO registers and the chipset's own registers behind RCBA.
 *
 * Interface: inputs 0-7 = PIRQ lines. Outputs 0-15 = ISA interrupts (PIRQs routed there, or'ed; and the SCI when it goes there), 16-23
 * = I/O APIC pins. ich9_map_irq is the root bus's.
 * A command at port 0xb2 raises SMI while SMI_EN has GBL_SMI_EN and APMC_EN: on the vCPU that stores it, or on all when firmware has negotiated
 * that by the fw_cfg files etc/smi/ (QEMU's docs/specs/smi). SMI_LOCK and TCO_LOCK hold until reset. Without smm there is no SMI, and APMC_EN is set
 * from the start. Properties disable_s3 and disable_s4 are accepted: there is no S3 or S4.
 * Not modelled: other sources of SMI, EOS, the TCO's timer (its registers are kept), GPIO, ISA timing and decode ranges (plain storage).
 */
#include "cpu.h"
#include "hw/acpi-pm.h"
#include "hw/fw_cfg.h"
#include "hw/isa.h"
#include "hw/pc-north.h"
#include "hw/pc.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

enum { REG_PMBASE = 0x40, REG_ACPI_CNTL = 0x44, REG_PIRQ_A = 0x60, REG_PIRQ_E = 0x68, REG_GEN_PMCON_1 = 0xa0, REG_RCBA = 0xf0 };
enum { PIRQS = 8, PIRQ_DISABLED = 0x80, FIRST_PIN = 16, PINS = 24, ACPI_ENABLE = 0x80 };
enum { PM_SIZE = 128, PM_CONTROL = 0x04, PM_TIMER = 0x08, PM_GPE0 = 0x20, PM_SMI = 0x30, PM_TCO = 0x60, GPE_BYTES = 8 };
enum { SMI_EN = 0, SMI_STS = 4, SMI_EN_GLOBAL = 0x01, SMI_EN_APMC = 0x20, SMI_STS_APM = 0x20, SMI_EN_TCO = 0x20 /* in the second byte */ };
enum { PMCON_SMI_LOCK = 0x10, SMI_BROADCAST = 1 /* feature */ };
enum { TCO_RLD = 0x00, TCO_DAT_IN = 0x02, TCO1_STS = 0x04, TCO2_STS = 0x06, TCO1_CNT = 0x08, TCO2_CNT = 0x0a, TCO_TMR = 0x12, TCO_SIZE = 0x20 };
enum { TCO1_HALT = 0x08, TCO1_LOCK = 0x10 }; /* in the high byte of TCO1_CNT */
enum { RCRB_SIZE = 0x4000, RCRB_D31IR = 0x3140 };
#define RCBA_ENABLE 1u

typedef struct ICH9LPC {
    PCIDevice pci;
    ACPIPM pm;
    ResetControl reset_control;
    MemoryRegion pm_block, smi, tco, rcrb;
    bool rcrb_mapped, noreboot, smm;
    uint8_t disable_s3, disable_s4;
    uint64_t smi_features;      /* negotiated: SMI_BROADCAST */
    bool smi_features_ok;
    Device *fw_cfg;
    IRQLine sci_line;
    uint8_t chipset[RCRB_SIZE];
    uint8_t smi_regs[8], tco_regs[TCO_SIZE];
    uint8_t pirq_level; /* bit per PIRQ */
    bool sci_level;
    uint32_t out_level; /* outputs driven */
} ICH9LPC;

static ICH9LPC *lpc; /* the machine's */

/* ---- Interrupts ---- */

static unsigned pirq_route(const ICH9LPC *s, unsigned n)
{
    return s->pci.config[n < 4 ? REG_PIRQ_A + n : REG_PIRQ_E + n - 4];
}

/* ACPI_CNTL, SCI_IRQ_SEL. */
static unsigned sci_output(const ICH9LPC *s)
{
    static const uint8_t outputs[8] = { 9, 10, 11, 9, 20, 21, 22, 23 };
    return outputs[s->pci.config[REG_ACPI_CNTL] & 7];
}

static void update_outputs(ICH9LPC *s)
{
    uint32_t level = (uint32_t)s->pirq_level << FIRST_PIN;
    for (unsigned n = 0; n < PIRQS; n++)
        if ((s->pirq_level >> n & 1) && !(pirq_route(s, n) & PIRQ_DISABLED))
            level |= 1u << (pirq_route(s, n) & 15);
    if (s->sci_level)
        level |= 1u << sci_output(s);
    uint32_t changed = level ^ s->out_level;
    s->out_level = level;
    for (unsigned n = 0; changed; n++, changed >>= 1)
        if (changed & 1)
            irq_set(&s->pci.dev.out[n], level >> n & 1);
}

static void pirq_input(void *opaque, int n, int level)
{
    ICH9LPC *s = opaque;
    s->pirq_level = (uint8_t)((s->pirq_level & ~(1u << n)) | (level != 0) << n);
    update_outputs(s);
}

static void sci_changed(void *opaque, int n, int level)
{
    ICH9LPC *s = opaque;
    s->sci_level = level;
    update_outputs(s);
}

/* The chip's own functions (slots 25-31) have routing registers; other slots rotate over PIRQE-H. */
static int ich9_map_irq(PCIDevice *dev, int pin)
{
    static const uint16_t registers[7] = { 0x3150, 0x314c, 0x3148, 0x3146, 0x3144, 0, RCRB_D31IR };
    unsigned slot = (unsigned)dev->addr >> 3;
    if (slot < 25)
        return (int)((slot + (unsigned)pin) & 3) + 4;
    unsigned reg = registers[slot - 25];
    if (!reg || !lpc)
        return pin;
    return lpc->chipset[reg + (unsigned)pin / 2] >> (pin & 1 ? 4 : 0) & 7;
}

/* ---- Chipset registers behind RCBA ---- */

static uint64_t rcrb_read(void *opaque, hwaddr offset, unsigned size)
{
    uint32_t v = 0;
    memcpy(&v, ((ICH9LPC *)opaque)->chipset + offset, size);
    return v;
}

static void rcrb_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    memcpy(((ICH9LPC *)opaque)->chipset + offset, &value, size);
}

static const MemoryRegionOps rcrb_ops = { .read = rcrb_read, .write = rcrb_write, .impl_min = 1, .impl_max = 4 };

static void reset_chipset(ICH9LPC *s)
{
    static const struct { uint16_t offset; uint32_t value; } rows[] = {
        { 0x3100, 0x03243200 }, { 0x3108, 0x10004321 }, { 0x310c, 0x00214321 }, { 0x3110, 1 }, { 0x3114, 0x30000321 }, { 0x3118, 1 },
        { 0x3140, 0x3210 }, { 0x3144, 0x32103210 }, { 0x3148, 0x3210 }, { 0x314c, 0x3210 }, { 0x3150, 0x3210 },
    };
    memset(s->chipset, 0, sizeof(s->chipset));
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
        memcpy(s->chipset + rows[i].offset, &rows[i].value, 4);
}

/* ---- SMI enable and status, TCO: at the end of the PM block ---- */

static uint64_t smi_read(void *opaque, hwaddr offset, unsigned size)
{
    return ((ICH9LPC *)opaque)->smi_regs[offset];
}

/* Bits of a byte of SMI_EN that are locked. */
static uint8_t smi_en_locked(const ICH9LPC *s, hwaddr offset)
{
    if (offset == SMI_EN)
        return s->pci.config[REG_GEN_PMCON_1] & PMCON_SMI_LOCK ? SMI_EN_GLOBAL : 0;
    return offset == SMI_EN + 1 && s->tco_regs[TCO1_CNT + 1] & TCO1_LOCK ? SMI_EN_TCO : 0;
}

static void smi_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    ICH9LPC *s = opaque;
    uint8_t *reg = &s->smi_regs[offset], locked = smi_en_locked(s, offset);
    if (offset >= SMI_STS)
        *reg &= (uint8_t)~value;
    else
        *reg = (uint8_t)((*reg & locked) | (value & ~locked));
}

static void apm_written(void *opaque, uint8_t command)
{
    ICH9LPC *s = opaque;
    (void)command;
    if (!s->smm || !(s->smi_regs[SMI_EN] & SMI_EN_APMC))
        return;
    s->smi_regs[SMI_STS] |= SMI_STS_APM;
    if (!(s->smi_regs[SMI_EN] & SMI_EN_GLOBAL) || !first_cpu)
        return;
    if (!(s->smi_features & SMI_BROADCAST)) {
        cpu_interrupt(current_cpu ? current_cpu : first_cpu, CPU_INTERRUPT_SMI);
        return;
    }
    CPU_FOREACH(cpu)
        cpu_interrupt(cpu, CPU_INTERRUPT_SMI);
}

/* The lock holds until reset. */
static void lock_smi(ICH9LPC *s)
{
    bool locked = s->pci.config[REG_GEN_PMCON_1] & PMCON_SMI_LOCK;
    s->pci.writable[REG_GEN_PMCON_1] = locked ? (uint8_t)~PMCON_SMI_LOCK : 0xff;
}

/* ---- What firmware may ask of SMIs ---- */

#define SMI_SUPPORTED "etc/smi/supported-features"
#define SMI_REQUESTED "etc/smi/requested-features"
#define SMI_FEATURES_OK "etc/smi/features-ok"

static void show_features_ok(const ICH9LPC *s)
{
    const uint8_t ok = s->smi_features_ok;
    if (s->fw_cfg)
        fw_cfg_modify_file(s->fw_cfg, SMI_FEATURES_OK, &ok, 1);
}

/* Firmware selects features-ok: it has asked for what it wants. Once granted that stays until reset. */
static void negotiate(void *opaque)
{
    ICH9LPC *s = opaque;
    size_t len;
    const uint8_t *data = fw_cfg_file_data(s->fw_cfg, SMI_REQUESTED, &len);
    uint64_t requested = 0;
    for (size_t i = 0; i < len && i < 8; i++)
        requested |= (uint64_t)data[i] << 8 * i;
    if (s->smi_features_ok || requested & ~(uint64_t)SMI_BROADCAST)
        return;
    s->smi_features = requested;
    s->smi_features_ok = true;
    show_features_ok(s);
}

void ich9_add_smi_files(Device *dev, Device *fw_cfg)
{
    ICH9LPC *s = (ICH9LPC *)dev;
    const uint8_t supported[8] = { SMI_BROADCAST }, none[8] = { 0 };
    const FWCfgCallbacks cb = { .select = negotiate, .opaque = s };
    if (!s->smm)
        return;
    s->fw_cfg = fw_cfg;
    fw_cfg_add_file(fw_cfg, SMI_SUPPORTED, supported, 8);
    fw_cfg_add_file_callback(fw_cfg, SMI_REQUESTED, none, 8, true, NULL);
    fw_cfg_add_file_callback(fw_cfg, SMI_FEATURES_OK, none, 1, false, &cb);
}

static void reset_smi(ICH9LPC *s)
{
    const uint8_t none[8] = { 0 };
    memset(s->smi_regs, 0, sizeof(s->smi_regs));
    if (!s->smm)
        s->smi_regs[SMI_EN] = SMI_EN_APMC; /* tells firmware that its SMI handler is in place */
    lock_smi(s);
    s->smi_features = 0;
    s->smi_features_ok = false;
    show_features_ok(s);
    if (s->fw_cfg)
        fw_cfg_modify_file(s->fw_cfg, SMI_REQUESTED, none, 8);
}

static const MemoryRegionOps smi_ops = { .read = smi_read, .write = smi_write, .impl_min = 1, .impl_max = 1 };

static uint64_t tco_read(void *opaque, hwaddr offset, unsigned size)
{
    return ((ICH9LPC *)opaque)->tco_regs[offset];
}

static void tco_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    uint8_t *regs = ((ICH9LPC *)opaque)->tco_regs;
    if (offset == TCO1_CNT + 1)
        value |= regs[offset] & TCO1_LOCK;
    if (offset >= TCO1_STS && offset < TCO1_CNT)
        regs[offset] &= (uint8_t)~value;
    else
        regs[offset] = (uint8_t)value;
    if (offset == TCO1_CNT + 1 && !(value & TCO1_HALT))
        log_printf(LOG_UNIMP, "ICH9-LPC: the TCO timer was started; it does not count\n");
}

static const MemoryRegionOps tco_ops = { .read = tco_read, .write = tco_write, .impl_min = 1, .impl_max = 1 };

/* ---- The function ---- */

static uint32_t config32(const ICH9LPC *s, unsigned reg)
{
    uint32_t v;
    memcpy(&v, s->pci.config + reg, 4);
    return v;
}

static void update_mapping(ICH9LPC *s)
{
    uint32_t rcba = config32(s, REG_RCBA);
    memory_transaction_begin();
    memory_region_set_enabled(&s->pm_block, false);
    memory_region_set_address(&s->pm_block, config32(s, REG_PMBASE) & 0xff80);
    memory_region_set_enabled(&s->pm_block, s->pci.config[REG_ACPI_CNTL] & ACPI_ENABLE);
    if (s->rcrb_mapped)
        memory_region_del(system_memory, &s->rcrb);
    s->rcrb_mapped = rcba & RCBA_ENABLE;
    if (s->rcrb_mapped)
        memory_region_add_overlap(system_memory, rcba & ~(RCRB_SIZE - 1u), &s->rcrb, 1);
    memory_transaction_commit();
}

static void lpc_config_write(PCIDevice *pci, uint32_t addr, uint32_t value, unsigned size)
{
    ICH9LPC *s = (ICH9LPC *)pci;
    if (addr < REG_PMBASE)
        return;
    if (addr <= REG_ACPI_CNTL || addr + size > REG_RCBA)
        update_mapping(s);
    lock_smi(s);
    update_outputs(s);
}

static void lpc_reset(Device *dev)
{
    ICH9LPC *s = (ICH9LPC *)dev;
    uint8_t *config = s->pci.config;
    memset(config + REG_PMBASE, 0, 0x100 - REG_PMBASE);
    config[0x04] = 7; /* I/O, memory, bus master: wired */
    config[0x06] = 0x10;
    config[REG_PMBASE] = 1;
    memset(config + REG_PIRQ_A, PIRQ_DISABLED, 4);
    memset(config + REG_PIRQ_E, PIRQ_DISABLED, 4);
    s->reset_control.value = 0;
    s->pirq_level = 0;
    reset_chipset(s);
    reset_smi(s);
    memset(s->tco_regs, 0, sizeof(s->tco_regs));
    s->tco_regs[TCO_TMR] = 4;
    s->tco_regs[TCO1_CNT + 1] = TCO1_HALT;
    acpi_pm_reset(&s->pm);
    update_mapping(s);
    update_outputs(s);
}

static void init_power_management(ICH9LPC *s)
{
    Device *dev = &s->pci.dev;
    s->sci_line = (IRQLine){ sci_changed, s, 0 };
    s->pm.name = "ich9-pm";
    s->pm.sci = &s->sci_line;
    s->pm.gpe_bytes = GPE_BYTES;
    s->pm.enable_command = ICH9_SMI_ACPI_ENABLE;
    s->pm.disable_command = ICH9_SMI_ACPI_DISABLE;
    s->pm.apm_written = apm_written;
    s->pm.opaque = s;
    memory_region_init(&s->pm_block, dev, "ich9-pm", PM_SIZE);
    s->pm_block.enabled = false;
    memory_region_add(system_io, 0, &s->pm_block);
    acpi_pm_init(&s->pm, dev);
    memory_region_init_io(&s->smi, dev, &smi_ops, s, "acpi-smi", 8);
    memory_region_init_io(&s->tco, dev, &tco_ops, s, "sm-tco", TCO_SIZE);
    device_add_region(dev, &s->smi);
    device_add_region(dev, &s->tco);
    memory_region_add(&s->pm_block, 0, &s->pm.event);
    memory_region_add(&s->pm_block, PM_CONTROL, &s->pm.control);
    memory_region_add(&s->pm_block, PM_TIMER, &s->pm.timer);
    memory_region_add(&s->pm_block, PM_GPE0, &s->pm.gpe0);
    memory_region_add(&s->pm_block, PM_SMI, &s->smi);
    memory_region_add(&s->pm_block, PM_TCO, &s->tco);
    device_add_region(dev, &s->pm_block);
}

static bool lpc_realize(Device *dev, Error **errp)
{
    ICH9LPC *s = (ICH9LPC *)dev;
    uint8_t *w = s->pci.writable;
    device_init_in(dev, pirq_input, PIRQS);
    device_init_out(dev, PINS);
    reset_control_init(&s->reset_control, dev);
    init_power_management(s);
    memory_region_init_io(&s->rcrb, dev, &rcrb_ops, s, "lpc-rcrb-mmio", RCRB_SIZE);
    device_add_region(dev, &s->rcrb);
    memset(w + 0x48, 0xff, 0xf0 - 0x48);
    memcpy(w + REG_PMBASE, "\x80\xff\0\0\x87", 5);
    memset(w + REG_PIRQ_A, 0x8f, 4);
    memset(w + REG_PIRQ_E, 0x8f, 4);
    memcpy(w + REG_RCBA, "\x01\xc0\xff\xff", 4);
    memset(w + 0x04, 0, 2);
    s->pci.config_write = lpc_config_write;
    lpc = s;
    return true;
}

static void lpc_unrealize(Device *dev)
{
    acpi_pm_exit(&((ICH9LPC *)dev)->pm);
    lpc = NULL;
}

static void lpc_loaded(Device *dev)
{
    ICH9LPC *s = (ICH9LPC *)dev;
    s->out_level &= (1u << PINS) - 1;
    update_mapping(s);
    acpi_pm_loaded(&s->pm);
    lock_smi(s);
    s->smi_features &= SMI_BROADCAST;
    show_features_ok(s);
    update_outputs(s);
}

static const Property lpc_props[] = {
    PROP_BOOL("noreboot", ICH9LPC, noreboot, true), PROP_U8("disable_s3", ICH9LPC, disable_s3, 1), PROP_U8("disable_s4", ICH9LPC, disable_s4, 1), {},
};
static const SavedField lpc_saved[] = {
    SAVED_STRUCT(ICH9LPC, pm, acpi_pm_saved), SAVED_INT(ICH9LPC, reset_control.value), SAVED_BYTES(ICH9LPC, chipset),
    SAVED_BYTES(ICH9LPC, smi_regs), SAVED_BYTES(ICH9LPC, tco_regs), SAVED_INT(ICH9LPC, pirq_level), SAVED_INT(ICH9LPC, out_level),
    SAVED_INT(ICH9LPC, smi_features), SAVED_INT(ICH9LPC, smi_features_ok), SAVED_END(),
};
static const PCIClass lpc_class = {
    .vendor = 0x8086, .device = 0x2918, .revision = 2, .class_code = 0x060100, .header_type = 0x80,
};
static const DeviceType lpc_type = {
    .name = "ICH9-LPC", .desc = "ICH9 LPC bridge", .bus = BUS_PCI, .category = "Bridge devices", .size = sizeof(ICH9LPC), .internal = true,
    .props = lpc_props, .class_data = &lpc_class, .saved = lpc_saved, .realize = lpc_realize, .unrealize = lpc_unrealize,
    .reset = lpc_reset, .post_load = lpc_loaded,
};
device_type(lpc_type)

Device *ich9_lpc_new(bool smm, Error **errp)
{
    Device *dev = device_new("ICH9-LPC");
    ((ICH9LPC *)dev)->smm = smm;
    device_set_str(dev, "addr", "1f.0");
    device_set(dev, "multifunction", "on", NULL);
    if (!device_realize(dev, errp))
        return NULL;
    pci_set_reset_control(&((ICH9LPC *)dev)->reset_control.region);
    pci_root_bus->map_irq = ich9_map_irq;
    for (unsigned n = 0; n < PIRQS; n++)
        pci_root_bus->lines[n] = device_input(dev, n);
    return dev;
}

void ich9_power_button(Device *dev)
{
    acpi_pm_power_button(&((ICH9LPC *)dev)->pm);
}
