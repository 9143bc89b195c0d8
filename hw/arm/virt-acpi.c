/* SPDX-License-Identifier: MIT */
/*
 * The ACPI tables of the "virt" board for firmware: hardware-reduced FADT, MADT, PPTT, GTDT, MCFG, SPCR, DBG2 and, with an ITS,
 * IORT (ACPI 6.4 ch. 5.2; Microsoft's SPCR and DBG2; Arm DEN 0049, IO Remapping Table E.b). Contents follow QEMU's board of this
 * name, but for its IORT and ITS where there is none. The DSDT is written by virt-dsdt.c.
 */
#include "hw/acpi-blob.h"
#include "hw/arm/virt.h"
#include "hw/fw_cfg.h"

enum { FADT_HW_REDUCED = 1 << 20, FADT_PSCI = 1 << 0, FADT_PSCI_HVC = 1 << 1 };
enum { MADT_GICC = 0x0b, MADT_GICD, MADT_MSI_FRAME, MADT_GICR, MADT_ITS };
enum { SERIAL_PL011 = 3, DEBUG_SERIAL = 0x8000 };

/* ---- FADT ---- */

static uint32_t build_fadt(ACPITables *t, const VirtBoard *b, uint32_t dsdt)
{
    GByteArray *a = t->blob;
    uint32_t start = acpi_table_begin(t, "FACP", 6);
    acpi_put_zeros(a, 76);           /* nothing of what precedes hardware-reduced ACPI */
    acpi_put(a, FADT_HW_REDUCED, 4);
    acpi_put_zeros(a, 13);           /* reset register: PSCI resets */
    acpi_put(a, b->conduit == PSCI_NONE ? 0 : FADT_PSCI | (b->conduit == PSCI_HVC ? FADT_PSCI_HVC : 0), 2);
    acpi_put(a, 0, 1);               /* minor revision */
    acpi_put(a, 0, 8);               /* FACS */
    acpi_put_pointer(t, dsdt, 8);
    acpi_put_zeros(a, 10 * 12);      /* register blocks */
    acpi_put_text(a, "RHEA", 8);     /* hypervisor */
    return acpi_table_end(t, start);
}

/* ---- MADT ---- */

static void put_head(GByteArray *a, uint8_t type, uint8_t length)
{
    acpi_put(a, type, 1);
    acpi_put(a, length, 1);
    acpi_put(a, 0, 2);
}

static void put_gicc(GByteArray *a, const VirtBoard *b, uint32_t n, const ARMCPU *cpu)
{
    bool v2 = b->gic_version == 2;
    put_head(a, MADT_GICC, 80);
    acpi_put(a, n, 4);
    acpi_put(a, n, 4);               /* processor UID, that of the DSDT */
    acpi_put(a, 1, 4);               /* enabled */
    acpi_put(a, 0, 4);               /* no parking protocol */
    acpi_put(a, arm_feature(cpu, ARM_FEATURE_PMU) ? VIRT_PPI_PMU : 0, 4);
    acpi_put(a, 0, 8);
    acpi_put(a, v2 ? VIRT_GIC_CPU : 0, 8);
    acpi_put(a, v2 ? VIRT_GIC_VCPU : 0, 8);
    acpi_put(a, v2 ? VIRT_GIC_HYP : 0, 8);
    acpi_put(a, b->virtualization ? VIRT_PPI_MAINTENANCE : 0, 4);
    acpi_put(a, 0, 8);               /* redistributor: in an entry of its own */
    acpi_put(a, cpu->affinity, 8);
    acpi_put_zeros(a, 4);            /* efficiency class, SPE */
}

static void put_redistributors(GByteArray *a, uint64_t base, uint32_t size)
{
    put_head(a, MADT_GICR, 16);
    acpi_put(a, base, 8);
    acpi_put(a, size, 4);
}

static void put_msi(GByteArray *a, const VirtBoard *b)
{
    if (b->gic_version == 2) {
        put_head(a, MADT_MSI_FRAME, 24);
        acpi_put(a, 0, 4);
        acpi_put(a, VIRT_GIC_V2M, 8);
        acpi_put(a, 1, 4);           /* the numbers here are to be used */
        acpi_put(a, VIRT_V2M_SPIS, 2);
        acpi_put(a, VIRT_IRQ_V2M + 32, 2);
    } else if (b->its) {
        put_head(a, MADT_ITS, 20);
        acpi_put(a, 0, 4);
        acpi_put(a, VIRT_GIC_ITS, 8);
        acpi_put(a, 0, 4);
    }
}

static uint32_t build_madt(ACPITables *t, const VirtBoard *b)
{
    GByteArray *a = t->blob;
    uint32_t start = acpi_table_begin(t, "APIC", 4), n = 0;
    acpi_put_zeros(a, 8);            /* no local APIC, no 8259 */
    put_head(a, MADT_GICD, 24);
    acpi_put(a, 0, 4);
    acpi_put(a, VIRT_GIC_DIST, 8);
    acpi_put(a, 0, 4);
    acpi_put(a, b->gic_version, 1);
    acpi_put_zeros(a, 3);
    CPU_FOREACH(cpu)
        put_gicc(a, b, n++, arm_cpu(cpu));
    if (b->gic_version == 3) {
        put_redistributors(a, VIRT_GIC_REDIST, VIRT_REDIST_SIZE);
        if (n > VIRT_REDIST_FRAMES)
            put_redistributors(a, VIRT_HIGH_REDIST, VIRT_HIGH_REDIST_SIZE);
    }
    put_msi(a, b);
    return acpi_table_end(t, start);
}

/* ---- PPTT ---- */

enum { NODE_PACKAGE = 1 << 0, NODE_UID_VALID = 1 << 1, NODE_THREAD = 1 << 2, NODE_LEAF = 1 << 3 };

/* Returns where the node is in its table, by which its children name it. */
static uint32_t put_node(GByteArray *a, uint32_t table, uint32_t flags, uint32_t parent, uint32_t uid)
{
    uint32_t at = a->len - table;
    put_head(a, 0, 20);
    acpi_put(a, flags, 4);
    acpi_put(a, parent, 4);
    acpi_put(a, uid, 4);
    acpi_put(a, 0, 4);               /* no private resources */
    return at;
}

static uint32_t build_pptt(ACPITables *t, const MachineState *m)
{
    GByteArray *a = t->blob;
    uint32_t start = acpi_table_begin(t, "PPTT", 2), cluster = 0, core = 0;
    for (unsigned n = 0; n < m->cpus; n++) {
        if (n % (m->cores * m->threads) == 0) {
            uint32_t package = put_node(a, start, NODE_PACKAGE, 0, n / (m->cores * m->threads));
            cluster = put_node(a, start, 0, package, 0);
        }
        if (m->threads == 1) {
            put_node(a, start, NODE_UID_VALID | NODE_LEAF, cluster, n);
            continue;
        }
        if (n % m->threads == 0)
            core = put_node(a, start, 0, cluster, n / m->threads % m->cores);
        put_node(a, start, NODE_UID_VALID | NODE_THREAD | NODE_LEAF, core, n);
    }
    return acpi_table_end(t, start);
}

/* ---- Timers, PCI, serial port ---- */

static uint32_t build_gtdt(ACPITables *t)
{
    enum { LEVEL_HIGH = 0, ALWAYS_ON = 4 };
    static const uint32_t timers[][2] = {
        { VIRT_PPI_SECURE, LEVEL_HIGH }, { VIRT_PPI_PHYS, ALWAYS_ON }, { VIRT_PPI_VIRT, LEVEL_HIGH }, { VIRT_PPI_HYP, LEVEL_HIGH },
    };
    GByteArray *a = t->blob;
    uint32_t start = acpi_table_begin(t, "GTDT", 2);
    acpi_put(a, ~0ull, 8);           /* the counter has no registers in memory */
    acpi_put(a, 0, 4);
    for (unsigned i = 0; i < ARRAY_SIZE(timers); i++) {
        acpi_put(a, timers[i][0], 4);
        acpi_put(a, timers[i][1], 4);
    }
    acpi_put(a, ~0ull, 8);
    acpi_put_zeros(a, 8);            /* no platform timers */
    return acpi_table_end(t, start);
}

/* Generic address structure of a byte register. */
static void put_byte_register(GByteArray *a, uint64_t address)
{
    acpi_put(a, 0, 1);
    acpi_put(a, 8, 1);
    acpi_put(a, 0, 1);
    acpi_put(a, 1, 1);
    acpi_put(a, address, 8);
}

static uint32_t build_spcr(ACPITables *t)
{
    GByteArray *a = t->blob;
    uint32_t start = acpi_table_begin(t, "SPCR", 2);
    acpi_put(a, SERIAL_PL011, 1);
    acpi_put_zeros(a, 3);
    put_byte_register(a, VIRT_UART);
    acpi_put(a, 1 << 3, 1);          /* interrupts through a GIC */
    acpi_put(a, 0, 1);
    acpi_put(a, VIRT_IRQ_UART + 32, 4);
    acpi_put(a, 3, 1);               /* 9600 baud */
    acpi_put(a, 0, 1);               /* no parity */
    acpi_put(a, 1, 1);               /* one stop bit */
    acpi_put(a, 1 << 1, 1);          /* RTS and CTS */
    acpi_put(a, 0, 1);               /* VT100 */
    acpi_put(a, 0, 1);
    acpi_put(a, 0xffffffff, 4);      /* not a PCI device */
    acpi_put_zeros(a, 12);
    return acpi_table_end(t, start);
}

static uint32_t build_dbg2(ACPITables *t)
{
    enum { INFO = 44, ADDRESS = 22, SIZE = 34, NAME = 38 }; /* in the table; in the device's entry */
    static const char name[] = "COM0";
    GByteArray *a = t->blob;
    uint32_t start = acpi_table_begin(t, "DBG2", 0);
    acpi_put(a, INFO, 4);
    acpi_put(a, 1, 4);
    acpi_put(a, 0, 1);
    acpi_put(a, NAME + sizeof(name), 2);
    acpi_put(a, 1, 1);               /* one register */
    acpi_put(a, sizeof(name), 2);
    acpi_put(a, NAME, 2);
    acpi_put(a, 0, 4);               /* no OEM data */
    acpi_put(a, DEBUG_SERIAL, 2);
    acpi_put(a, SERIAL_PL011, 2);
    acpi_put(a, 0, 2);
    acpi_put(a, ADDRESS, 2);
    acpi_put(a, SIZE, 2);
    put_byte_register(a, VIRT_UART);
    acpi_put(a, 0x1000, 4);
    g_byte_array_append(a, (const uint8_t *)name, sizeof(name));
    return acpi_table_end(t, start);
}

/* ---- IORT: the root complex sends its messages to the ITS ---- */

static uint32_t build_iort(ACPITables *t)
{
    enum { ITS_GROUP = 0, ROOT_COMPLEX = 2, NODES = 48, GROUP_SIZE = 24, ROOT_SIZE = 56, MAPPING = 36 };
    GByteArray *a = t->blob;
    uint32_t start = acpi_table_begin(t, "IORT", 3);
    acpi_put(a, 2, 4);
    acpi_put(a, NODES, 4);
    acpi_put(a, 0, 4);
    acpi_put(a, ITS_GROUP, 1);
    acpi_put(a, GROUP_SIZE, 2);
    acpi_put(a, 1, 1);
    acpi_put_zeros(a, 4 + 8);        /* identifier, no mappings */
    acpi_put(a, 1, 4);
    acpi_put(a, 0, 4);               /* the ITS of the MADT */
    acpi_put(a, ROOT_COMPLEX, 1);
    acpi_put(a, ROOT_SIZE, 2);
    acpi_put(a, 3, 1);
    acpi_put(a, 1, 4);               /* identifier */
    acpi_put(a, 1, 4);
    acpi_put(a, MAPPING, 4);
    acpi_put(a, 1, 4);               /* coherent */
    acpi_put_zeros(a, 3);
    acpi_put(a, 3, 1);               /* coherent whatever the device says */
    acpi_put(a, 0, 4);               /* no ATS */
    acpi_put(a, 0, 4);               /* segment */
    acpi_put(a, 64, 1);              /* address bits */
    acpi_put_zeros(a, 3);
    acpi_put(a, 0, 4);               /* every requester ID */
    acpi_put(a, 0xffff, 4);
    acpi_put(a, 0, 4);
    acpi_put(a, NODES, 4);           /* to the group */
    acpi_put(a, 0, 4);
    return acpi_table_end(t, start);
}

/* ---- All of them ---- */

static ACPITables *build(const MachineState *m)
{
    const VirtBoard *b = m->board;
    ACPITables *t = acpi_new("RHEAVIRT");
    uint32_t dsdt = acpi_table_begin(t, "DSDT", 2), tables[8];
    unsigned n = 0;
    virt_dsdt(t->blob, m);
    acpi_table_end(t, dsdt);
    tables[n++] = build_fadt(t, b, dsdt);
    tables[n++] = build_madt(t, b);
    tables[n++] = build_pptt(t, m);
    tables[n++] = build_gtdt(t);
    tables[n++] = acpi_mcfg(t, b->ecam_base, (unsigned)(b->ecam_size / MiB) - 1);
    tables[n++] = build_spcr(t);
    tables[n++] = build_dbg2(t);
    if (b->gic_version == 3 && b->its)
        tables[n++] = build_iort(t);
    uint32_t xsdt = acpi_root(t, "XSDT", 8, tables, n);
    acpi_rsdp(t, 0, xsdt);
    return t;
}

void virt_add_acpi(const MachineState *m)
{
    const VirtBoard *b = m->board;
    ACPITables *t = build(m);
    GByteArray *script = acpi_loader_script(t);
    fw_cfg_add_file(b->fw_cfg, "etc/acpi/tables", t->blob->data, t->blob->len);
    fw_cfg_add_file(b->fw_cfg, "etc/acpi/rsdp", t->rsdp->data, t->rsdp->len);
    fw_cfg_add_file(b->fw_cfg, "etc/table-loader", script->data, script->len);
    g_byte_array_free(script, TRUE);
    acpi_free(t);
}
