/* SPDX-License-Identifier: MIT */
/*
 * The "virt" board: a machine that exists only to be emulated, found by guests through its device tree. Memory map and
 * interrupt numbers are those of QEMU's board of this name, which guests and scripts know. GICv2 with v2m or GICv3 with
 * ITS, PL011, PL031, PL061 with a power button, fw_cfg, two banks of flash, virtio-mmio transports, PCI Express.
 * With secure=on the secure devices are in the one address space there is.
 * Not modelled: hot plug, SMMU, memory tagging.
 */
#include "hw/arm/virt.h"
#include "block/block.h"
#include "hw/acpi-ged.h"
#include "hw/arm/gpio-key.h"
#include "hw/arm/its.h"
#include "hw/fw_cfg.h"
#include "hw/pflash.h"
#include "util/error.h"
#include "util/options.h"
#include "vl.h"

#include <glib.h>
#include <string.h>

#define GICV2_CPUS 8
#define RAM_MAX (255 * GiB)
#define LOW_RAM_MAX (3 * GiB) /* without highmem */

/* ---- Options ---- */

#define OPTION(n, k, d) { .name = n, .kind = k, .desc = d }
static const Property virt_props[] = {
    { .name = "acpi", .kind = PK_ENUM, .names = on_off_auto, .desc = "Enable ACPI" },
    OPTION("compact-highmem", PK_BOOL, "Accepted for compatibility"),
    OPTION("dtb-randomness", PK_BOOL, "Set off to disable passing random or non-deterministic dtb nodes to guest"),
    OPTION("dtb-kaslr-seed", PK_BOOL, "Deprecated synonym of dtb-randomness"),
    OPTION("dump-guest-core", PK_BOOL, "Include guest memory in a core dump"),
    OPTION("dumpdtb", PK_STRING, "Dump current dtb to a file and quit"),
    OPTION("gic-version", PK_STRING, "Set GIC version. Valid values are 2, 3, host and max"),
    OPTION("graphics", PK_BOOL, "Set on/off to enable/disable graphics emulation"),
    OPTION("highmem", PK_BOOL, "Set on/off to enable/disable using physical address space above 32 bits"),
    OPTION("highmem-ecam", PK_BOOL, "Set on/off to enable/disable high memory region for PCI ECAM"),
    OPTION("highmem-mmio", PK_BOOL, "Set on/off to enable/disable high memory region for PCI MMIO"),
    OPTION("highmem-redists", PK_BOOL, "Accepted for compatibility"),
    OPTION("iommu", PK_STRING, "Set the IOMMU type. Valid value is none"),
    OPTION("its", PK_BOOL, "Set on/off to enable/disable ITS instantiation"),
    OPTION("kernel-irqchip", PK_STRING, "Accepted for compatibility; interrupt controllers are always emulated"),
    OPTION("mem-merge", PK_BOOL, "Enable/disable memory merge support"),
    OPTION("mte", PK_BOOL, "Memory tagging is not available"),
    OPTION("ras", PK_BOOL, "Accepted for compatibility"),
    OPTION("secure", PK_BOOL, "Set on/off to enable/disable the ARM Security Extensions (TrustZone)"),
    OPTION("usb", PK_BOOL, "Set on/off to enable/disable usb"),
    OPTION("virtualization", PK_BOOL, "Set on/off to enable/disable emulating a guest CPU which implements the ARM "
                                      "Virtualization Extensions"),
    {},
};

static bool choose_gic(const MachineState *m, VirtBoard *b, Error **errp)
{
    const char *v = opts_get(m->options, "gic-version");
    if (!v)
        b->gic_version = 2;
    else if (!strcmp(v, "2") || !strcmp(v, "3"))
        b->gic_version = (unsigned)(v[0] - '0');
    else if (!strcmp(v, "max"))
        b->gic_version = 3;
    else {
        error_setg(errp, "%s", strcmp(v, "host") ? "Invalid gic-version value" : "gic-version=host requires KVM");
        error_append_hint(errp, "Valid values are 3, 2, host, max.\n");
        return false;
    }
    if (b->gic_version == 2 && m->max_cpus > GICV2_CPUS) {
        error_setg(errp, "Number of SMP CPUs requested (%u) exceeds max CPUs supported by machine 'mach-virt' (%d)",
                   m->max_cpus, GICV2_CPUS);
        return false;
    }
    return true;
}

static bool read_options(MachineState *m, VirtBoard *b, Error **errp)
{
    bool unused = false, mte = false, usb = false;
    OptGroup *o = m->options;
    b->highmem = b->high_ecam = b->high_mmio = b->its = b->acpi = b->randomness = true;
    const struct { const char *key; bool *value; } switches[] = {
        { "highmem", &b->highmem }, { "highmem-ecam", &b->high_ecam }, { "its", &b->its },
        { "highmem-mmio", &b->high_mmio }, { "secure", &b->secure }, { "virtualization", &b->virtualization },
        { "dtb-randomness", &b->randomness }, { "dtb-kaslr-seed", &b->randomness }, { "mte", &mte }, { "usb", &usb },
        { "highmem-redists", &unused }, { "compact-highmem", &unused }, { "ras", &unused }, { "graphics", &unused },
        { "dump-guest-core", &unused }, { "mem-merge", &unused },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(switches); i++)
        if (!opts_get_bool(o, switches[i].key, switches[i].value, errp))
            return false;
    if (!opts_get_on_off_auto(o, "acpi", &b->acpi, errp))
        return false;
    if (mte || usb)
        warn_report("machine option %s=on: this machine has none", mte ? "mte" : "usb");
    const char *iommu = opts_get(o, "iommu"), *file = opts_get(o, "dumpdtb");
    if (iommu && strcmp(iommu, "none")) {
        error_setg(errp, "Invalid iommu value");
        error_append_hint(errp, "Valid value is none.\n");
        return false;
    }
    opts_get(o, "kernel-irqchip");
    b->dumpdtb = g_strdup(file);
    const char *valid[ARRAY_SIZE(virt_props)];
    for (unsigned i = 0; i < ARRAY_SIZE(virt_props); i++)
        valid[i] = virt_props[i].name;
    return choose_gic(m, b, errp) && opts_check_unused(o, valid, errp);
}

/* ---- vCPUs ---- */

static bool check_model(const char *model, Error **errp)
{
    static const char *const models[] = { "cortex-a7", "cortex-a15", "cortex-a35", "cortex-a53", "cortex-a55",
        "cortex-a57", "cortex-a72", "cortex-a76", "neoverse-n1", "neoverse-v1", "a64fx", "max", NULL };
    g_autofree char *name = g_strndup(model, strcspn(model, ","));
    if (g_strv_contains(models, name))
        return true;
    error_setg(errp, "mach-virt: CPU type %s not supported", name);
    return false;
}

/* Affinity: clusters as large as an SGI's target list allows. */
static uint64_t affinity_of(const VirtBoard *b, unsigned n)
{
    unsigned cluster = b->gic_version == 2 ? GICV2_CPUS : 16;
    return n / cluster << 8 | n % cluster;
}

static bool create_cpus(MachineState *m, VirtBoard *b, Error **errp)
{
    b->cpu_model = m->cpu_model ? m->cpu_model : m->type->default_cpu;
    if (!check_model(b->cpu_model, errp))
        return false;
    b->conduit = b->secure && b->firmware ? PSCI_NONE : b->virtualization ? PSCI_SMC : PSCI_HVC;
    for (unsigned i = 0; i < m->cpus; i++) {
        CPUState *cpu = current_target->cpu_create(b->cpu_model, errp);
        if (!cpu)
            return false;
        const ARMBoardConfig config = {
            .el2 = b->virtualization, .el3 = b->secure, .affinity = affinity_of(b, i),
            .start_powered_off = i > 0 && b->conduit != PSCI_NONE, .psci_conduit = b->conduit, .cbar = VIRT_GIC_DIST,
        };
        arm_cpu_configure(arm_cpu(cpu), &config);
        cpu_register(cpu);
    }
    return true;
}

/* ---- Memory ---- */

static bool create_memory(MachineState *m, VirtBoard *b, Error **errp)
{
    unsigned bits = arm_cpu(first_cpu)->pa_bits;
    uint64_t max = b->highmem ? MIN(RAM_MAX, (1ull << MIN(bits, 48)) - VIRT_RAM) : LOW_RAM_MAX;
    if (m->ram_size > max) {
        error_setg(errp, "mach-virt: cannot model more than %lluGB RAM%s", (unsigned long long)(max / GiB),
                   b->highmem ? " with this CPU" : " without highmem");
        return false;
    }
    /* 32-bit firmware does not reach it. */
    bool reached = !b->firmware || arm_feature(arm_cpu(first_cpu), ARM_FEATURE_AARCH64);
    b->high_ecam = b->high_ecam && b->highmem && reached && VIRT_HIGH_ECAM + 256 * MiB <= 1ull << bits;
    b->high_mmio = b->high_mmio && b->highmem && VIRT_HIGH_MMIO + VIRT_HIGH_MMIO_SIZE <= 1ull << bits;
    if (!memory_region_init_ram(&b->ram, NULL, "mach-virt.ram", m->ram_size, errp))
        return false;
    memory_region_add(system_memory, VIRT_RAM, &b->ram);
    if (b->secure) {
        if (!memory_region_init_ram(&b->secure_ram, NULL, "virt.secure-ram", 16 * MiB, errp))
            return false;
        memory_region_add(system_memory, VIRT_SECURE_RAM, &b->secure_ram);
    }
    return true;
}

/* ---- Places: where a device is, for the memory map and for the tree ---- */

static VirtPlace *remember(VirtBoard *b, Device *dev, hwaddr addr, uint64_t size)
{
    VirtPlace p = { .dev = dev, .place = { .parent = "", .addr = { addr }, .size = { size }, .regions = 1 } };
    g_array_append_val(b->places, p);
    return &g_array_index(b->places, VirtPlace, b->places->len - 1);
}

static void add_region(VirtPlace *p, hwaddr addr, uint64_t size)
{
    p->place.addr[p->place.regions] = addr;
    p->place.size[p->place.regions++] = size;
}

static void add_irq(VirtPlace *p, unsigned spi, unsigned trigger)
{
    const uint32_t cells[3] = { 0, spi, trigger };
    memcpy(p->place.irq[p->place.irqs++], cells, sizeof(cells));
}

enum { EDGE = 1, LEVEL = 4 };

static Device *create_at(VirtBoard *b, Device *dev, hwaddr addr, int spi, Error **errp)
{
    if (!device_realize(dev, errp))
        return NULL;
    map_region(system_memory, addr, dev, 0);
    if (spi >= 0)
        connect_irq(dev, 0, b->gic, (unsigned)spi);
    return dev;
}

/* ---- Interrupt controller ---- */

static void wire_cpu(VirtBoard *b, unsigned n, ARMCPU *cpu)
{
    static const struct { ARMGenericTimer timer; uint8_t ppi; } timers[] = {
        { GT_PHYS, VIRT_PPI_PHYS }, { GT_VIRT, VIRT_PPI_VIRT }, { GT_HYP, VIRT_PPI_HYP }, { GT_SEC, VIRT_PPI_SECURE },
        { GT_HYPVIRT, VIRT_PPI_HYPVIRT },
    };
    static const ARMLine lines[] = { [GIC_OUT_IRQ] = ARM_LINE_IRQ, [GIC_OUT_FIQ] = ARM_LINE_FIQ,
                                     [GIC_OUT_VIRQ] = ARM_LINE_VIRQ, [GIC_OUT_VFIQ] = ARM_LINE_VFIQ };
    for (unsigned i = 0; i < ARRAY_SIZE(timers); i++)
        cpu->gt_out[timers[i].timer] = device_input(b->gic, gic_private_input(VIRT_SPIS, n, timers[i].ppi));
    cpu->pmu_out = device_input(b->gic, gic_private_input(VIRT_SPIS, n, VIRT_PPI_PMU));
    for (unsigned i = 0; i < ARRAY_SIZE(lines); i++)
        connect_line(b->gic, GIC_OUTS * n + i, arm_cpu_line(cpu, lines[i]));
    connect_irq(b->gic, GIC_OUTS * n + GIC_OUT_MAINTENANCE, b->gic, gic_private_input(VIRT_SPIS, n, VIRT_PPI_MAINTENANCE));
    if (b->gic_version == 3)
        gicv3_connect_cpu(b->gic, n, cpu);
}

static bool security_access(void)
{
    return current_cpu && arm_is_secure(arm_cpu(current_cpu));
}

static bool create_gicv2(const MachineState *m, VirtBoard *b, Error **errp)
{
    b->gic = device_new("arm_gic");
    device_set_u32(b->gic, "num-cpu", m->cpus);
    device_set_u32(b->gic, "num-irq", VIRT_SPIS + 32);
    device_set_u64(b->gic, "has-security-extensions", b->secure);
    device_set_u64(b->gic, "has-virtualization-extensions", b->virtualization);
    device_set_u64(b->gic, "start-nonsecure", b->secure && !b->firmware);
    if (!device_realize(b->gic, errp))
        return false;
    map_region(system_memory, VIRT_GIC_DIST, b->gic, 0);
    map_region(system_memory, VIRT_GIC_CPU, b->gic, 1);
    VirtPlace *p = remember(b, b->gic, VIRT_GIC_DIST, 0x10000);
    add_region(p, VIRT_GIC_CPU, 0x10000);
    if (b->virtualization) {
        map_region(system_memory, VIRT_GIC_HYP, b->gic, 2);
        map_region(system_memory, VIRT_GIC_VCPU, b->gic, 3);
        add_region(p, VIRT_GIC_HYP, 0x10000);
        add_region(p, VIRT_GIC_VCPU, 0x10000);
    }
    b->msi = device_new("arm-gicv2m");
    device_set_u32(b->msi, "base-spi", VIRT_IRQ_V2M + 32);
    device_set_u32(b->msi, "num-spi", VIRT_V2M_SPIS);
    if (!create_at(b, b->msi, VIRT_GIC_V2M, -1, errp))
        return false;
    for (unsigned i = 0; i < VIRT_V2M_SPIS; i++)
        connect_irq(b->msi, i, b->gic, VIRT_IRQ_V2M + i);
    remember(b, b->msi, VIRT_GIC_V2M, 0x1000);
    return true;
}

static bool create_gicv3(const MachineState *m, VirtBoard *b, Error **errp)
{
    b->gic = device_new("arm-gicv3");
    device_set_u32(b->gic, "num-cpu", m->cpus);
    device_set_u32(b->gic, "num-irq", VIRT_SPIS + 32);
    device_set_u32(b->gic, "redist-region-count", MIN(m->cpus, VIRT_REDIST_FRAMES));
    device_set_u64(b->gic, "has-security-extensions", b->secure);
    device_set_u64(b->gic, "start-nonsecure", b->secure && !b->firmware);
    device_set_u64(b->gic, "has-lpi", b->its);
    if (!device_realize(b->gic, errp))
        return false;
    map_region(system_memory, VIRT_GIC_DIST, b->gic, 0);
    map_region(system_memory, VIRT_GIC_REDIST, b->gic, 1);
    VirtPlace *p = remember(b, b->gic, VIRT_GIC_DIST, 0x10000);
    add_region(p, VIRT_GIC_REDIST, VIRT_REDIST_SIZE);
    if (m->cpus > VIRT_REDIST_FRAMES) {
        map_region(system_memory, VIRT_HIGH_REDIST, b->gic, 2);
        add_region(p, VIRT_HIGH_REDIST, VIRT_HIGH_REDIST_SIZE);
    }
    if (!b->its)
        return true;
    b->msi = device_new("arm-gicv3-its");
    its_connect(b->msi, b->gic);
    if (!create_at(b, b->msi, VIRT_GIC_ITS, -1, errp))
        return false;
    remember(b, b->msi, VIRT_GIC_ITS, 0x20000);
    return true;
}

static bool create_gic(const MachineState *m, VirtBoard *b, Error **errp)
{
    if (!(b->gic_version == 2 ? create_gicv2(m, b, errp) : create_gicv3(m, b, errp)))
        return false;
    gic_secure_access = security_access;
    unsigned n = 0;
    CPU_FOREACH(cpu)
        wire_cpu(b, n++, arm_cpu(cpu));
    return true;
}

/* ---- Devices ---- */

static bool create_uart(VirtBoard *b, Chardev *chr, hwaddr addr, unsigned spi, bool described, Error **errp)
{
    Device *dev = device_new("pl011");
    device_set_chardev(dev, "chardev", chr);
    if (!create_at(b, dev, addr, (int)spi, errp))
        return false;
    if (described)
        add_irq(remember(b, dev, addr, 0x1000), spi, LEVEL);
    return true;
}

static bool create_gpio(VirtBoard *b, Error **errp)
{
    b->gpio = create_at(b, device_new("pl061"), VIRT_GPIO, VIRT_IRQ_GPIO, errp);
    if (!b->gpio)
        return false;
    add_irq(remember(b, b->gpio, VIRT_GPIO, 0x1000), VIRT_IRQ_GPIO, LEVEL);
    b->power_key = device_new("gpio-key");
    if (!device_realize(b->power_key, errp))
        return false;
    connect_irq(b->power_key, 0, b->gpio, VIRT_POWER_PIN);
    return true;
}

/* Firmware that passes ACPI tables on to a 64-bit guest finds the power button behind the event device instead of a pin. */
static bool create_power_button(VirtBoard *b, Error **errp)
{
    if (!b->acpi || !b->firmware || !arm_feature(arm_cpu(first_cpu), ARM_FEATURE_AARCH64))
        return create_gpio(b, errp);
    b->ged = create_at(b, device_new("acpi-ged"), VIRT_GED, VIRT_IRQ_GED, errp);
    return b->ged != NULL;
}

/* Transports for -device virtio-*-device. Devices take the first free one: made from the top down, the first device gets the highest
 * address, which is where guests of this board look for it. */
static bool create_virtio(VirtBoard *b, Error **errp)
{
    for (unsigned i = VIRT_VIRTIO_COUNT; i-- > 0;) {
        hwaddr addr = VIRT_VIRTIO + i * VIRT_VIRTIO_STRIDE;
        Device *dev = device_new("virtio-mmio");
        device_set_u32(dev, "index", i);
        if (!create_at(b, dev, addr, (int)(VIRT_IRQ_VIRTIO + i), errp))
            return false;
        add_irq(remember(b, dev, addr, VIRT_VIRTIO_STRIDE), VIRT_IRQ_VIRTIO + i, EDGE);
    }
    return true;
}

static bool create_pcie(VirtBoard *b, Error **errp)
{
    b->ecam_base = b->high_ecam ? VIRT_HIGH_ECAM : VIRT_PCIE_ECAM;
    b->ecam_size = b->high_ecam ? 256 * MiB : 16 * MiB;
    b->pcie = device_new("gpex-pcihost");
    device_set_u64(b->pcie, "ecam-size", b->ecam_size);
    if (!create_at(b, b->pcie, b->ecam_base, -1, errp))
        return false;
    for (unsigned i = 0; i < 4; i++)
        connect_irq(b->pcie, i, b->gic, VIRT_IRQ_PCIE + i);
    const struct { MemoryRegion *window; unsigned region; uint64_t base, offset, size; } windows[] = {
        { &b->pcie_mmio, 1, VIRT_PCIE_MMIO, VIRT_PCIE_MMIO, VIRT_PCIE_MMIO_SIZE },
        { &b->pcie_pio, 2, VIRT_PCIE_PIO, 0, VIRT_PIO_SIZE },
        { &b->pcie_high_mmio, 1, VIRT_HIGH_MMIO, VIRT_HIGH_MMIO, VIRT_HIGH_MMIO_SIZE },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(windows) - !b->high_mmio; i++) {
        memory_region_init_alias(windows[i].window, NULL, "pcie-window", b->pcie->regions[windows[i].region],
                                 windows[i].offset, windows[i].size);
        memory_region_add(system_memory, windows[i].base, windows[i].window);
    }
    if (b->gic_version == 3 && b->its)
        its_serve_pci(b->msi, pci_root_bus);
    return true;
}

static bool create_flash(VirtBoard *b, Error **errp)
{
    for (unsigned i = 0; i < 2; i++) {
        Device *dev = device_new("cfi.pflash01");
        device_set_str(dev, "name", i ? "virt.flash1" : "virt.flash0");
        device_set_u32(dev, "num-blocks", VIRT_FLASH_BANK / (256 * KiB));
        device_set_u64(dev, "sector-length", 256 * KiB);
        device_set_u32(dev, "device-width", 2);
        Drive *drive = drive_get(DRIVE_PFLASH, 0, (int)i);
        if (drive) {
            device_set_drive(dev, "drive", drive->blk);
            drive->used = true;
        }
        b->flash[i] = create_at(b, dev, VIRT_FLASH + i * VIRT_FLASH_BANK, -1, errp);
        if (!b->flash[i])
            return false;
    }
    return true;
}

static bool create_devices(MachineState *m, VirtBoard *b, Error **errp)
{
    if (!create_flash(b, errp) || !create_uart(b, m->serial[0], VIRT_UART, VIRT_IRQ_UART, true, errp))
        return false;
    if (b->secure && !create_uart(b, m->serial[1], VIRT_SECURE_UART, VIRT_IRQ_SECURE_UART, false, errp))
        return false;
    Device *rtc = create_at(b, device_new("pl031"), VIRT_RTC, VIRT_IRQ_RTC, errp);
    if (!rtc || !create_pcie(b, errp) || !create_power_button(b, errp) || !create_virtio(b, errp))
        return false;
    add_irq(remember(b, rtc, VIRT_RTC, 0x1000), VIRT_IRQ_RTC, LEVEL);
    b->fw_cfg = create_at(b, device_new("fw_cfg_mem"), VIRT_FW_CFG, -1, errp);
    return b->fw_cfg != NULL;
}

/* ---- What runs ---- */

static bool load_firmware(const MachineState *m, VirtBoard *b, Error **errp)
{
    Blob image;
    g_autofree char *path = g_file_test(m->bios, G_FILE_TEST_EXISTS) ? g_strdup(m->bios) : data_file_find(m->bios);
    if (!path) {
        error_setg(errp, "Could not find ROM image '%s'", m->bios);
        return false;
    }
    uint64_t size;
    uint8_t *flash = pflash_data(b->flash[0], &size);
    if (!blob_read(path, size, &image, errp)) {
        error_prepend(errp, "Could not load ROM image '%s': ", m->bios);
        return false;
    }
    memcpy(flash, image.data, image.len);
    return true;
}

/* A kernel that firmware is to start. */
static bool offer_kernel(VirtBoard *b, Error **errp)
{
    ARMBootInfo *i = &b->info;
    Blob kernel = i->kernel;
    if (!arm_boot_unpack(&kernel, errp))
        return false;
    const char *cmdline = i->cmdline ? i->cmdline : "";
    const struct { uint16_t size_key, data_key; Blob data; } parts[] = {
        { FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA, kernel },
        { FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, i->initrd },
        { FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA, { (const uint8_t *)cmdline, strlen(cmdline) + 1 } },
    };
    for (unsigned n = 0; n < ARRAY_SIZE(parts); n++) {
        fw_cfg_add_i32(b->fw_cfg, parts[n].size_key, (uint32_t)parts[n].data.len);
        fw_cfg_add_bytes(b->fw_cfg, parts[n].data_key, parts[n].data.data, parts[n].data.len);
    }
    return true;
}

static void fill_fw_cfg(const MachineState *m, const VirtBoard *b)
{
    fw_cfg_add_i64(b->fw_cfg, FW_CFG_RAM_SIZE, m->ram_size);
    fw_cfg_add_i16(b->fw_cfg, FW_CFG_NB_CPUS, (uint16_t)m->cpus);
    fw_cfg_add_i16(b->fw_cfg, FW_CFG_MAX_CPUS, (uint16_t)m->max_cpus);
    fw_cfg_add_i16(b->fw_cfg, FW_CFG_BOOT_MENU, m->boot_menu);
    fw_cfg_add_i16(b->fw_cfg, FW_CFG_NOGRAPHIC, 1);
    fw_cfg_add_bytes(b->fw_cfg, FW_CFG_UUID, m->uuid, sizeof(m->uuid));
}

/* Firmware finds the tree at the start of RAM. */
static bool load_program(MachineState *m, VirtBoard *b, Error **errp)
{
    b->info = (ARMBootInfo){
        .ram_start = VIRT_RAM, .ram_size = m->ram_size, .board_id = ~0u, .keep_memory_node = true,
        .aarch64 = arm_feature(arm_cpu(first_cpu), ARM_FEATURE_AARCH64), .tree = virt_make_tree(m),
    };
    if (!arm_boot_read_files(m, &b->info, errp))
        return false;
    fill_fw_cfg(m, b);
    if (b->acpi && b->firmware)
        virt_add_acpi(m);
    if (m->kernel && !b->firmware) {
        b->direct_boot = true;
        return arm_boot_load(&b->info, &b->boot, errp);
    }
    if (m->bios && !load_firmware(m, b, errp))
        return false;
    if (m->kernel && !offer_kernel(b, errp))
        return false;
    arm_boot_fill_tree(&b->info, &b->boot);
    arm_boot_place_tree(b->info.tree, VIRT_RAM);
    return true;
}

/* -M dumpdtb=FILE: the tree as the guest would get it, and the end. */
static bool dump_tree(const VirtBoard *b, Error **errp)
{
    g_autoptr(GError) err = NULL;
    Blob tree = dt_blob(b->info.tree);
    if (!g_file_set_contents(b->dumpdtb, (const char *)tree.data, (gssize)tree.len, &err)) {
        error_setg(errp, "cannot write the device tree to '%s': %s", b->dumpdtb, err->message);
        return false;
    }
    info_report("dtb dumped to %s. Exiting.", b->dumpdtb);
    system_exit_request(0);
    return true;
}

/* ---- The machine ---- */

static bool virt_init(MachineState *m, Error **errp)
{
    VirtBoard *b = g_new0(VirtBoard, 1);
    m->board = b;
    b->places = g_array_new(FALSE, FALSE, sizeof(VirtPlace));
    b->firmware = m->bios || drive_get(DRIVE_PFLASH, 0, 0);
    if (m->bios && drive_get(DRIVE_PFLASH, 0, 0)) {
        error_setg(errp, "The contents of the first flash device may be specified with -bios or with -drive if=pflash... "
                         "but you cannot use both options at once");
        return false;
    }
    return read_options(m, b, errp) && create_cpus(m, b, errp) && create_memory(m, b, errp) &&
           create_gic(m, b, errp) && create_devices(m, b, errp) && load_program(m, b, errp) &&
           (!b->dumpdtb || dump_tree(b, errp));
}

static void virt_reset(MachineState *m)
{
    VirtBoard *b = m->board;
    roms_write();
    if (b->direct_boot)
        arm_boot_start_cpu(arm_cpu(first_cpu), &b->boot, b->info.board_id);
}

static void virt_powerdown(MachineState *m)
{
    VirtBoard *b = m->board;
    if (b->ged)
        acpi_ged_event(b->ged, ACPI_GED_POWER_BUTTON);
    else
        gpio_key_press(b->power_key);
}

static const MachineType virt_type = {
    .name = "virt-7.2", .desc = "ARM Virtual Machine", .alias = "virt", .target = "arm",
    .default_ram = 128 * MiB, .max_cpus = 512, .default_cpu = "cortex-a15", .default_drive = DRIVE_VIRTIO, .props = virt_props, .init = virt_init,
    .reset = virt_reset, .powerdown = virt_powerdown,
};
machine_type(virt_type)
