/* SPDX-License-Identifier: MIT */
/*
 * The state PC firmware hands to an operating system, made directly when a kernel is started without
 * firmware: shadow RAM, PCI addresses and interrupts, power management, interrupt controllers, BIOS data
 * area, MTRRs, and the boot vCPU at the kernel's entry.
 */
#include "hw/pc-board.h"
#include "hw/pc-north.h"
#include "hw/pci.h"
#include "hw/vga.h"
#include "target-i386/cpu.h"
#include "util/error.h"
#include "util/log.h"
#include <glib.h>
#include <string.h>

static void out8(uint16_t port, uint8_t value)
{
    address_space_st(address_space_io, port, value, 1);
}

/* ---- PCI: addresses and interrupt lines ---- */

typedef struct PCIPlacement {
    PCIDevice *pci;
    unsigned bar;
    uint64_t size;
} PCIPlacement;

static uint32_t config_address(const PCIDevice *pci, unsigned reg)
{
    return (uint32_t)pci_requester_id(pci) << 8 | reg;
}

static void config_write(const PCIDevice *pci, unsigned reg, uint32_t value, unsigned size)
{
    pci_config_write(pci_root_bus, config_address(pci, reg), value, size);
}

static uint32_t config_read(const PCIDevice *pci, unsigned reg, unsigned size)
{
    return pci_config_read(pci_root_bus, config_address(pci, reg), size);
}

static gint larger_first(gconstpointer a, gconstpointer b)
{
    uint64_t x = ((const PCIPlacement *)a)->size, y = ((const PCIPlacement *)b)->size;
    return x < y ? 1 : x > y ? -1 : 0;
}

static GArray *collect_bars(PCIBus *bus)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(PCIPlacement));
    for (unsigned i = 0; i < ARRAY_SIZE(bus->functions); i++) {
        PCIDevice *pci = bus->functions[i];
        for (unsigned n = 0; pci && n < 6; n++)
            if (pci->bars[n].region) {
                PCIPlacement p = { pci, n, pci->bars[n].region->size };
                g_array_append_val(list, p);
            }
    }
    g_array_sort(list, larger_first);
    return list;
}

static bool window_take(PCIWindow *w, uint64_t size, uint64_t *at)
{
    uint64_t aligned = (w->start + size - 1) & ~(size - 1);
    if (aligned < w->start || aligned > w->end || size > w->end - aligned)
        return false;
    *at = aligned;
    w->start = aligned + size;
    return true;
}

typedef struct PCIWindows {
    PCIWindow io, low, high;
    unsigned last_bus;
} PCIWindows;

static void assign_bus(PCIBus *bus, PCIWindows *w);

/* Ends a bridge's window where the space is next free, and says whether anything lies in it. */
static bool close_window(PCIWindow *w, uint64_t start, uint64_t unit, uint64_t *last)
{
    uint64_t end = (w->start + unit - 1) & ~(unit - 1);
    *last = end - 1;
    if (w->start != start)
        w->start = end;
    return w->start != start;
}

/* Numbers the bus behind the bridge, places what is there, and opens the bridge as far as needed. */
static void assign_bridge(PCIDevice *bridge, PCIWindows *w)
{
    const uint64_t io_unit = 4 * KiB, memory_unit = MiB;
    uint64_t io_last, last;
    config_write(bridge, 0x18, pci_bus_number(bridge->bus), 1);
    config_write(bridge, 0x19, ++w->last_bus, 1);
    config_write(bridge, 0x1a, 0xff, 1);
    w->io.start = (w->io.start + io_unit - 1) & ~(io_unit - 1);
    w->low.start = (w->low.start + memory_unit - 1) & ~(memory_unit - 1);
    const uint64_t io = w->io.start, low = w->low.start;
    PCIWindow none = { 0, 0 }, high = w->high;
    w->high = none; /* its window above 4 GiB stays closed */
    assign_bus(bridge->secondary, w);
    w->high = high;
    config_write(bridge, 0x1a, w->last_bus, 1);
    bool any_io = close_window(&w->io, io, io_unit, &io_last), any = close_window(&w->low, low, memory_unit, &last);
    config_write(bridge, 0x1c, any_io ? (uint32_t)(io >> 8 & 0xf0) | (uint32_t)(io_last & 0xf000) : 0x00f0, 2);
    config_write(bridge, 0x20, any ? (uint32_t)(low >> 16 & 0xfff0) | (uint32_t)(last & 0xfff00000) : 0x0000fff0, 4);
    config_write(bridge, 0x24, 0x0000fff0, 4);
    config_write(bridge, 4, config_read(bridge, 4, 2) | 7, 2);
}

/* Gives every base address register its place, the largest first. */
static void assign_bus(PCIBus *bus, PCIWindows *w)
{
    g_autoptr(GArray) list = collect_bars(bus);
    for (unsigned i = 0; i < list->len; i++) {
        const PCIPlacement *p = &g_array_index(list, PCIPlacement, i);
        const PCIBar *bar = &p->pci->bars[p->bar];
        bool is_io = bar->type & 1, is64 = !is_io && (bar->type & 4);
        uint64_t at;
        bool found = window_take(is_io ? &w->io : &w->low, p->size, &at) || (is64 && window_take(&w->high, p->size, &at));
        if (!found) {
            warn_report("no address space for BAR %u of %s", p->bar, p->pci->dev.type->name);
            continue;
        }
        unsigned reg = 0x10 + 4 * p->bar;
        config_write(p->pci, reg, (uint32_t)at, 4);
        if (is64)
            config_write(p->pci, reg + 4, (uint32_t)(at >> 32), 4);
        config_write(p->pci, 4, config_read(p->pci, 4, 2) | (is_io ? 1 : 2), 2);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(bus->functions); i++)
        if (bus->functions[i] && bus->functions[i]->secondary)
            assign_bridge(bus->functions[i], w);
}

/* The root bus's interrupt line for a pin, through the bridges above. */
static unsigned root_line(PCIDevice *pci, int pin)
{
    for (; pci->bus->bridge; pci = pci->bus->bridge)
        pin = pci->bus->map_irq(pci, pin);
    return (unsigned)pci->bus->map_irq(pci, pin);
}

static void write_interrupt_lines(const PCIBus *bus, const PCChipset *c)
{
    for (unsigned i = 0; i < ARRAY_SIZE(bus->functions); i++) {
        PCIDevice *pci = bus->functions[i];
        uint8_t pin = pci ? pci->config[0x3d] : 0;
        if (pin >= 1 && pin <= 4)
            config_write(pci, 0x3c, c->irqs[root_line(pci, pin - 1) % c->pirqs], 1);
        if (pci && pci->secondary)
            write_interrupt_lines(pci->secondary, c);
    }
}

/* PIRQs go to interrupts 10 and 11, level triggered. */
static void route_interrupts(const PCBoard *b)
{
    const PCChipset *c = b->chipset;
    for (unsigned n = 0; n < c->pirqs; n++)
        config_write((PCIDevice *)b->south, c->routes[n], c->irqs[n], 1);
    write_interrupt_lines(pci_root_bus, c);
    out8(0x4d0, 0);
    out8(0x4d1, 1 << (PC_SCI_IRQ - 8) | 1 << (10 - 8) | 1 << (11 - 8));
}

static void configure_pci(const PCBoard *b)
{
    PCIWindows w = { { 0xc000, 0x10000 }, b->pci_low, b->pci_high, 0 };
    assign_bus(pci_root_bus, &w);
    route_interrupts(b);
    b->chipset->configure(b);
    if (b->acpi)
        out8(PC_SMI_PORT, b->chipset->acpi.acpi_enable);
}

/* ---- Legacy chips and low memory ---- */

/* Both 8259s initialised for vectors 8 and 0x70 with all inputs masked; PIT channel 0 at 18.2 Hz. */
static void init_legacy_chips(void)
{
    static const struct { uint8_t port, value; } writes[] = {
        { 0x20, 0x11 }, { 0x21, 0x08 }, { 0x21, 0x04 }, { 0x21, 0x01 }, { 0x21, 0xff },
        { 0xa0, 0x11 }, { 0xa1, 0x70 }, { 0xa1, 0x02 }, { 0xa1, 0x01 }, { 0xa1, 0xff },
        { 0x43, 0x34 }, { 0x40, 0x00 }, { 0x40, 0x00 },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(writes); i++)
        out8(writes[i].port, writes[i].value);
}

/* The few fields of the BIOS data area that kernels read. */
static void write_bios_data_area(const MachineState *m)
{
    static const uint16_t com_ports[4] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
    uint8_t bda[0x100] = { 0 };
    unsigned coms = 0;
    for (unsigned i = 0; i < 4; i++)
        if (m->serial[i])
            put_le16(bda + 2 * coms++, com_ports[i]);
    put_le16(bda + 0x0e, BOOT_EBDA >> 4);
    put_le16(bda + 0x10, 0x22 | coms << 9); /* equipment: FPU, colour text, serial ports */
    put_le16(bda + 0x13, BOOT_EBDA / KiB);
    bda[0x49] = 3;
    put_le16(bda + 0x4a, 80);
    put_le16(bda + 0x63, 0x3d4);
    bda[0x84] = 24;
    address_space_write(address_space_memory, 0x400, bda, sizeof(bda));
    const uint8_t ebda_kib = (BOOT_LOW_END - BOOT_EBDA) / KiB;
    address_space_write(address_space_memory, BOOT_EBDA, &ebda_kib, 1);
}

/* ---- vCPUs ---- */

/* RAM is write-back, the VGA hole and what lies between RAM and 4 GiB uncached, ROMs write-protected. */
static void set_mtrrs(const PCBoard *b, X86CPU *env)
{
    const uint64_t wb = 0x0606060606060606, wp = 0x0505050505050505;
    env->mtrr_fixed[0] = env->mtrr_fixed[1] = wb;
    env->mtrr_fixed[2] = 0;
    for (unsigned i = 3; i < ARRAY_SIZE(env->mtrr_fixed); i++)
        env->mtrr_fixed[i] = wp;
    uint64_t hole = b->ram_below > 0xe0000000 ? PC_IOAPIC_BASE & ~0x1ffffffu : b->pci_low.start;
    uint64_t phys = (1ull << env->phys_bits) - 1;
    env->mtrr_var[0] = (MTRRVar){ hole, (~(PC_ABOVE_4G - hole - 1) & phys) | 1 << 11 };
    env->mtrr_def = 1 << 11 | 1 << 10 | 6;
}

static void load_flat_segments(X86CPU *env, const X86BootStart *start)
{
    bool long64 = start->mode == X86_START_LONG64;
    uint32_t code = start->boot_segments ? 0x10 : 0x08, data = code + 8;
    uint32_t common = DESC_G | DESC_P | DESC_S | DESC_A;
    env->gdt.base = BOOT_GDT;
    env->gdt.limit = 4 * 8 - 1;
    env->idt.base = env->idt.limit = 0;
    cpu_x86_load_seg_cache(env, R_CS, code, 0, 0xffffffff, common | DESC_CS | DESC_R | (long64 ? DESC_L : DESC_B));
    for (int seg = R_ES; seg <= R_GS; seg++)
        if (seg != R_CS)
            cpu_x86_load_seg_cache(env, seg, data, 0, 0xffffffff, common | DESC_W | DESC_B);
}

/* Puts the boot vCPU at the entry. It is stopped and freshly reset. */
static void enter_kernel(X86CPU *env, const X86BootStart *start)
{
    cpu_load_eflags(env, 2, IF_MASK | DF_MASK | TF_MASK | VM_MASK);
    if (start->mode == X86_START_LONG64) {
        env->efer |= EFER_LME;
        cpu_x86_update_cr4(env, CR4_PAE);
        cpu_x86_update_cr3(env, BOOT_PAGE_TABLES);
        cpu_x86_update_cr0(env, CR0_PE | CR0_PG | CR0_ET);
    } else {
        cpu_x86_update_cr0(env, CR0_PE | CR0_ET);
    }
    load_flat_segments(env, start);
    memset(env->regs, 0, sizeof(env->regs));
    env->regs[R_EAX] = start->rax;
    env->regs[R_EBX] = start->rbx;
    env->regs[R_ESI] = start->rsi;
    env->eip = start->entry;
    cpu_x86_update_hflags(env);
    cpu_update_key(&env->parent);
}

/* Appends to the command line that the loader put in place. */
static void extend_cmdline(const MachineState *m)
{
    const PCBoard *b = m->board;
    size_t len = m->append ? strlen(m->append) : 0, more = strlen(b->more_cmdline);
    if (len + more < b->start.cmdline_room)
        address_space_write(address_space_memory, b->start.cmdline + len, b->more_cmdline, more + 1);
    else
        warn_report("the kernel's command line has no room for '%s'", b->more_cmdline + 1);
}

void pc_start_kernel(MachineState *m)
{
    PCBoard *b = m->board;
    memory_transaction_begin(); /* one new view of memory for all of it */
    init_legacy_chips();
    if (b->chipset) {
        pc_unlock_shadow();
        configure_pci(b);
    }
    memory_transaction_commit();
    write_bios_data_area(m);
    roms_write();
    if (b->acpi && b->late_acpi)
        pc_write_late_tables(m);
    if (b->more_cmdline)
        extend_cmdline(m);
    vga_start_text();
    if (b->start.zero_page && vga_present())
        linux_set_vga_text(b->start.zero_page);
    CPU_FOREACH(cpu)
        set_mtrrs(b, x86_cpu(cpu));
    enter_kernel(x86_cpu(first_cpu), &b->start);
}
