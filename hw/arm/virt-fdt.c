/* SPDX-License-Identifier: MIT */
/*
 * The device tree of the "virt" board: each device describes itself at the place the board gave it; the board adds what
 * belongs to no device: vCPUs, timers, PSCI, memory, flash, PCI, buttons. Bindings: Linux Documentation/devicetree.
 */
#include "hw/arm/virt.h"
#include "util/guest-random.h"

#include <glib.h>
#include <string.h>

enum { PPI = 1, LEVEL_HIGH = 4 };
enum { PSCI_FN_SUSPEND = 0x84000001, PSCI_FN_OFF = 0x84000002, PSCI_FN_ON = 0x84000003, PSCI_FN_MIGRATE = 0x84000005,
       PSCI_FN_64 = 0x40000000 };

typedef struct TreeContext {
    const MachineState *m;
    const VirtBoard *b;
    DeviceTree *t;
    uint32_t gic, msi, gpio, clock;    /* phandles */
} TreeContext;

/* Flags of a private interrupt: GICv2 lists the vCPUs it goes to. */
static uint32_t ppi_flags(const TreeContext *c)
{
    return LEVEL_HIGH | (c->b->gic_version == 2 ? ((1u << c->m->cpus) - 1) << 8 : 0);
}

static bool is_v8(void)
{
    return arm_feature(arm_cpu(first_cpu), ARM_FEATURE_V8);
}

static void add_root(TreeContext *c)
{
    dt_string(c->t, "", "compatible", "linux,dummy-virt");
    dt_string(c->t, "", "model", "linux,dummy-virt");
    dt_cells(c->t, "", "#address-cells", 2);
    dt_cells(c->t, "", "#size-cells", 2);
    dt_cells(c->t, "", "interrupt-parent", c->gic);
    dt_string(c->t, "/chosen", "stdout-path", "/pl011@9000000");
    if (c->b->randomness) {
        uint8_t seed[40];
        guest_random(seed, sizeof(seed));
        dt_bytes(c->t, "/chosen", "rng-seed", seed, 32);
        dt_bytes(c->t, "/chosen", "kaslr-seed", seed + 32, 8);
    }
}

static void add_clock(TreeContext *c)
{
    dt_string(c->t, "/apb-pclk", "compatible", "fixed-clock");
    dt_cells(c->t, "/apb-pclk", "#clock-cells", 0);
    dt_cells(c->t, "/apb-pclk", "clock-frequency", 24000000);
    dt_string(c->t, "/apb-pclk", "clock-output-names", "clk24mhz");
    dt_cells(c->t, "/apb-pclk", "phandle", c->clock);
}

static void add_memory(TreeContext *c)
{
    g_autofree char *path = g_strdup_printf("/memory@%x", VIRT_RAM);
    uint64_t size = c->m->ram_size;
    dt_string(c->t, path, "device_type", "memory");
    dt_cells(c->t, path, "reg", 0, VIRT_RAM, (uint32_t)(size >> 32), (uint32_t)size);
    if (c->b->secure) {
        dt_string(c->t, "/secram@e000000", "device_type", "memory");
        dt_cells(c->t, "/secram@e000000", "reg", 0, VIRT_SECURE_RAM, 0, 16 * MiB);
        dt_string(c->t, "/secram@e000000", "status", "disabled");
        dt_string(c->t, "/secram@e000000", "secure-status", "okay");
    }
}

static void add_psci(TreeContext *c)
{
    if (c->b->conduit == PSCI_NONE)
        return;
    uint32_t wide = c->b->info.aarch64 || arm_feature(arm_cpu(first_cpu), ARM_FEATURE_AARCH64) ? PSCI_FN_64 : 0;
    dt_strings(c->t, "/psci", "compatible", "arm,psci-1.0\0arm,psci-0.2\0arm,psci");
    dt_string(c->t, "/psci", "method", c->b->conduit == PSCI_HVC ? "hvc" : "smc");
    dt_cells(c->t, "/psci", "cpu_suspend", PSCI_FN_SUSPEND | wide);
    dt_cells(c->t, "/psci", "cpu_off", PSCI_FN_OFF);
    dt_cells(c->t, "/psci", "cpu_on", PSCI_FN_ON | wide);
    dt_cells(c->t, "/psci", "migrate", PSCI_FN_MIGRATE | wide);
}

static void add_cpus(TreeContext *c)
{
    g_autofree char *model = g_strndup(c->b->cpu_model, strcspn(c->b->cpu_model, ","));
    g_autofree char *compatible = g_strdup_printf("arm,%s", strcmp(model, "max") ? model : "armv8");
    unsigned n = 0;
    dt_cells(c->t, "/cpus", "#address-cells", 1);
    dt_cells(c->t, "/cpus", "#size-cells", 0);
    CPU_FOREACH(cpu) {
        g_autofree char *path = g_strdup_printf("/cpus/cpu@%x", n);
        const MachineState *m = c->m;
        uint32_t phandle = dt_new_phandle(c->t);
        dt_string(c->t, path, "device_type", "cpu");
        dt_string(c->t, path, "compatible", compatible);
        dt_cells(c->t, path, "reg", (uint32_t)arm_cpu(cpu)->affinity);
        dt_cells(c->t, path, "phandle", phandle);
        if (c->b->conduit != PSCI_NONE && m->cpus > 1)
            dt_string(c->t, path, "enable-method", "psci");
        g_autofree char *place = m->threads > 1
            ? g_strdup_printf("/cpus/cpu-map/socket%u/cluster0/core%u/thread%u", n / (m->cores * m->threads),
                              n / m->threads % m->cores, n % m->threads)
            : g_strdup_printf("/cpus/cpu-map/socket%u/cluster0/core%u", n / m->cores, n % m->cores);
        dt_cells(c->t, place, "cpu", phandle);
        n++;
    }
}

static void add_timer(TreeContext *c)
{
    uint32_t flags = ppi_flags(c);
    if (is_v8())
        dt_strings(c->t, "/timer", "compatible", "arm,armv8-timer\0arm,armv7-timer");
    else
        dt_string(c->t, "/timer", "compatible", "arm,armv7-timer");
    dt_empty(c->t, "/timer", "always-on");
    dt_cells(c->t, "/timer", "interrupts", PPI, VIRT_PPI_SECURE - 16, flags, PPI, VIRT_PPI_PHYS - 16, flags, PPI,
             VIRT_PPI_VIRT - 16, flags, PPI, VIRT_PPI_HYP - 16, flags);
    if (is_v8() && arm_feature(arm_cpu(first_cpu), ARM_FEATURE_PMU)) {
        dt_string(c->t, "/pmu", "compatible", "arm,armv8-pmuv3");
        dt_cells(c->t, "/pmu", "interrupts", PPI, VIRT_PPI_PMU - 16, flags);
    }
}

static void add_flash(TreeContext *c)
{
    dt_string(c->t, "/flash@0", "compatible", "cfi-flash");
    dt_cells(c->t, "/flash@0", "reg", 0, VIRT_FLASH, 0, VIRT_FLASH_BANK, 0, VIRT_FLASH_BANK, 0, VIRT_FLASH_BANK);
    dt_cells(c->t, "/flash@0", "bank-width", 4);
}

static void add_fw_cfg(TreeContext *c)
{
    dt_string(c->t, "/fw-cfg@9020000", "compatible", "qemu,fw-cfg-mmio");
    dt_cells(c->t, "/fw-cfg@9020000", "reg", 0, VIRT_FW_CFG, 0, 0x18);
    dt_empty(c->t, "/fw-cfg@9020000", "dma-coherent");
}

static void add_power_key(TreeContext *c)
{
    dt_string(c->t, "/gpio-keys", "compatible", "gpio-keys");
    dt_string(c->t, "/gpio-keys/poweroff", "label", "GPIO Key Poweroff");
    dt_cells(c->t, "/gpio-keys/poweroff", "linux,code", 116); /* KEY_POWER */
    dt_cells(c->t, "/gpio-keys/poweroff", "gpios", c->gpio, 3, 0);
}

/* Interrupt pins of four slots, then it repeats. */
static void add_interrupt_map(TreeContext *c, const char *path)
{
    uint32_t map[16 * 10], *p = map;
    for (uint32_t slot = 0; slot < 4; slot++)
        for (uint32_t pin = 0; pin < 4; pin++) {
            const uint32_t row[10] = { slot << 11, 0, 0, pin + 1, c->gic, 0, 0, 0, VIRT_IRQ_PCIE + (slot + pin) % 4,
                                       LEVEL_HIGH };
            memcpy(p, row, sizeof(row));
            p += 10;
        }
    dt_array(c->t, path, "interrupt-map", map, ARRAY_SIZE(map));
    dt_cells(c->t, path, "interrupt-map-mask", 0x1800, 0, 0, 7);
}

static void add_pcie(TreeContext *c)
{
    static const char path[] = "/pcie@10000000";
    enum { IO = 0x01000000, MEMORY = 0x02000000, MEMORY_64 = 0x03000000 };
    const VirtBoard *b = c->b;
    const uint32_t ranges[] = {
        IO, 0, 0, 0, VIRT_PCIE_PIO, 0, VIRT_PIO_SIZE,
        MEMORY, 0, VIRT_PCIE_MMIO, 0, VIRT_PCIE_MMIO, 0, VIRT_PCIE_MMIO_SIZE,
        MEMORY_64, VIRT_HIGH_MMIO >> 32, 0, VIRT_HIGH_MMIO >> 32, 0, VIRT_HIGH_MMIO_SIZE >> 32, 0,
    };
    dt_string(c->t, path, "compatible", "pci-host-ecam-generic");
    dt_string(c->t, path, "device_type", "pci");
    dt_cells(c->t, path, "#address-cells", 3);
    dt_cells(c->t, path, "#size-cells", 2);
    dt_cells(c->t, path, "linux,pci-domain", 0);
    dt_cells(c->t, path, "bus-range", 0, (uint32_t)(b->ecam_size / MiB) - 1);
    dt_empty(c->t, path, "dma-coherent");
    if (b->msi)
        dt_cells(c->t, path, "msi-map", 0, c->msi, 0, 0x10000);
    dt_cells(c->t, path, "reg", (uint32_t)(b->ecam_base >> 32), (uint32_t)b->ecam_base, 0, (uint32_t)b->ecam_size);
    dt_array(c->t, path, "ranges", ranges, b->high_mmio ? 21 : 14);
    dt_cells(c->t, path, "#interrupt-cells", 1);
    add_interrupt_map(c, path);
}

static void describe_devices(TreeContext *c)
{
    static const char gic[] = "/intc@8000000";
    for (unsigned i = 0; i < c->b->places->len; i++) {
        VirtPlace p = g_array_index(c->b->places, VirtPlace, i);
        p.place.tree = c->t;
        p.place.clock = c->clock;
        if (p.dev == c->b->gic) {
            p.place.phandle = c->gic;
        } else if (p.dev == c->b->gpio) {
            p.place.phandle = c->gpio;
        } else if (p.dev == c->b->msi) {
            p.place.phandle = c->msi;
            p.place.parent = gic;
        }
        if (p.dev->type->describe)
            p.dev->type->describe(p.dev, &p.place);
    }
    if (c->b->virtualization)
        dt_cells(c->t, gic, "interrupts", PPI, VIRT_PPI_MAINTENANCE - 16, ppi_flags(c));
}

DeviceTree *virt_make_tree(const MachineState *m)
{
    TreeContext c = { .m = m, .b = m->board, .t = dt_new() };
    c.clock = dt_new_phandle(c.t);
    c.gic = dt_new_phandle(c.t);
    c.msi = dt_new_phandle(c.t);
    c.gpio = dt_new_phandle(c.t);
    add_root(&c);
    add_clock(&c);
    add_memory(&c);
    add_cpus(&c);
    add_timer(&c);
    add_psci(&c);
    add_flash(&c);
    add_fw_cfg(&c);
    describe_devices(&c);
    if (c.b->gpio)
        add_power_key(&c);
    add_pcie(&c);
    return c.t;
}
