/* SPDX-License-Identifier: MIT */
/* GICv3: identification, SPIs by affinity, priorities, SGIs between vCPUs, split end of interrupt, LPIs through the ITS's command queue and
 * tables, the virtual interface, saved state, nonsense. Expected values are from Arm's IHI 0069. */
#include "dev-test.h"
#include "hw/arm/gic.h"
#include "hw/arm/its.h"
#include "target-arm/cpu.h"

#define DIST 0x8000000u
#define ITS 0x8080000u
#define REDIST 0x80a0000u
#define RAM 0x40000000u
#define SPIS 96
#define REG(op1, crn, crm, op2) A64_SYSREG(3, op1, crn, crm, op2)
enum { PMR = REG(0, 4, 6, 0), IAR1 = REG(0, 12, 12, 0), EOIR1 = REG(0, 12, 12, 1), HPPIR1 = REG(0, 12, 12, 2), RPR = REG(0, 12, 11, 3),
       DIR1 = REG(0, 12, 11, 1), SGI1R = REG(0, 12, 11, 5), CTLR = REG(0, 12, 12, 4), SRE = REG(0, 12, 12, 5),
       IGRPEN1 = REG(0, 12, 12, 7), ICH_HCR = REG(4, 12, 11, 0), ICH_VMCR = REG(4, 12, 11, 7), ICH_LR0 = REG(4, 12, 12, 0),
       ICH_ELRSR = REG(4, 12, 11, 5) };

static Device *gic, *its;
static ARMCPU *cpus[2];
static MemoryRegion ram;

static uint32_t get(hwaddr at) { return (uint32_t)address_space_ld(address_space_memory, at, 4, NULL); }
static void set(hwaddr at, uint32_t v) { address_space_st(address_space_memory, at, v, 4); }
static void set64(hwaddr at, uint64_t v) { address_space_st(address_space_memory, at, v, 8); }

static uint64_t icc(int c, uint32_t reg)
{
    uint64_t v = 0;
    g_assert_cmpint(cpus[c]->gic->read(cpus[c]->gic_opaque, cpus[c], reg, &v), ==, ACCESS_OK);
    return v;
}

static void set_icc(int c, uint32_t reg, uint64_t v)
{
    g_assert_cmpint(cpus[c]->gic->write(cpus[c]->gic_opaque, cpus[c], reg, v), ==, ACCESS_OK);
}

static hwaddr sgi_frame(int c) { return REDIST + (hwaddr)c * 0x20000 + 0x10000; }

static void input(unsigned irq, unsigned cpu, int level)
{
    IRQLine l = device_input(gic, irq < 32 ? gic_private_input(SPIS, cpu, irq) : irq - 32);
    irq_set(&l, level);
}

/* One Security state; both vCPUs at EL1 take everything in Group 1. */
static void setup(void)
{
    gic = device_new("arm-gicv3");
    device_set_u32(gic, "num-cpu", 2);
    device_set_u32(gic, "num-irq", SPIS + 32);
    device_set_u64(gic, "has-lpi", true);
    realize(gic);
    map_region(system_memory, DIST, gic, 0);
    map_region(system_memory, REDIST, gic, 1);
    its = device_new("arm-gicv3-its");
    its_connect(its, gic);
    realize(its);
    map_region(system_memory, ITS, its, 0);
    for (int c = 0; c < 2; c++) {
        cpus[c] = aligned_alloc(64, (sizeof(ARMCPU) + 63) & ~63ull);
        memset(cpus[c], 0, sizeof(ARMCPU));
        cpus[c]->pstate = 1 << PSTATE_EL_SHIFT;
        cpus[c]->affinity = (uint64_t)c;
        arm_set_feature(cpus[c], ARM_FEATURE_AARCH64);
        gicv3_connect_cpu(gic, (unsigned)c, cpus[c]);
        for (int i = 0; i < GIC_OUTS; i++)
            connect_line(gic, (unsigned)(GIC_OUTS * c + i), line(GIC_OUTS * c + i));
        set(sgi_frame(c) + 0x80, ~0u);
        set(sgi_frame(c) + 0x100, ~0u);
        for (unsigned n = 0; n < 32; n += 4)
            set(sgi_frame(c) + 0x400 + n, 0x90909090);
        set_icc(c, PMR, 0xf0);
        set_icc(c, IGRPEN1, 1);
    }
    for (unsigned w = 1; w <= SPIS / 32; w++) {
        set(DIST + 0x80 + 4 * w, ~0u);
        set(DIST + 0x100 + 4 * w, ~0u);
    }
    for (unsigned n = 32; n < SPIS + 32; n += 4)
        set(DIST + 0x400 + n, 0xa0a0a0a0);
    set(DIST, 2);
}

static void teardown(void)
{
    device_unrealize(its);
    device_unrealize(gic);
    for (int c = 0; c < 2; c++)
        free(cpus[c]);
}

static void test_identity(void)
{
    setup();
    g_assert_cmphex(get(DIST) & 0x70, ==, 0x50); /* affinity routing, one Security state */
    g_assert_cmphex(get(DIST + 4) & 0x1f, ==, 3);
    g_assert_cmphex(get(DIST + 0xffe8) & 0xf0, ==, 0x30);
    g_assert_cmphex(get(REDIST + 8), ==, 1);             /* vCPU 0 with physical LPIs */
    g_assert_cmphex(get(REDIST + 0x20008), ==, 0x111);   /* vCPU 1, the last */
    g_assert_cmphex(get(REDIST + 0x2000c), ==, 1);       /* its affinity */
    g_assert_cmphex(icc(0, SRE), ==, 7);
    g_assert_cmphex(icc(0, CTLR) >> 8 & 7, ==, 4);       /* five priority bits */
    g_assert_cmphex(icc(0, IAR1), ==, 1023);
    g_assert_cmphex(icc(0, RPR), ==, 0xff);
    teardown();
}

static void test_spi(void)
{
    setup();
    input(40, 0, 1);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(icc(0, HPPIR1), ==, 40);
    g_assert_cmphex(icc(0, IAR1), ==, 40);
    g_assert_cmphex(icc(0, RPR), ==, 0xa0);
    g_assert_cmpint(line_level[0], ==, 0);
    set(DIST + 0x400 + 48, 0xa0a0a040); /* 48 preempts */
    input(48, 0, 1);
    g_assert_cmphex(icc(0, IAR1), ==, 48);
    input(48, 0, 0);
    set_icc(0, EOIR1, 48);
    g_assert_cmphex(icc(0, RPR), ==, 0xa0);
    set_icc(0, EOIR1, 40);
    g_assert_cmpint(line_level[0], ==, 1); /* the input is still high */
    set64(DIST + 0x6000 + 8 * 40, 1);      /* to the other */
    g_assert_cmpint(line_level[0], ==, 0);
    g_assert_cmpint(line_level[GIC_OUTS], ==, 1);
    set_icc(1, CTLR, 2); /* end in two steps */
    g_assert_cmphex(icc(1, IAR1), ==, 40);
    set_icc(1, EOIR1, 40);
    g_assert_cmphex(icc(1, RPR), ==, 0xff);
    g_assert_cmpint(line_level[GIC_OUTS], ==, 0);
    set_icc(1, DIR1, 40);
    g_assert_cmpint(line_level[GIC_OUTS], ==, 1);
    set(DIST + 0x184, 1 << 8);
    g_assert_cmpint(line_level[GIC_OUTS], ==, 0);
    teardown();
}

static void test_sgi(void)
{
    setup();
    set_icc(0, SGI1R, 5ull << 24 | 2);
    g_assert_cmpint(line_level[GIC_OUTS], ==, 1);
    g_assert_cmpint(line_level[0], ==, 0);
    g_assert_cmphex(icc(1, IAR1), ==, 5);
    set_icc(1, EOIR1, 5);
    set_icc(1, SGI1R, 7ull << 24 | 1ull << 40); /* all but myself */
    g_assert_cmphex(icc(0, IAR1), ==, 7);
    g_assert_cmphex(icc(1, IAR1), ==, 1023);
    set_icc(0, SGI1R, 5ull << 24 | 1ull << 16 | 3); /* nobody in that cluster */
    g_assert_cmphex(icc(1, IAR1), ==, 1023);
    input(27, 1, 1);
    g_assert_cmphex(icc(1, IAR1), ==, 27);
    teardown();
}

/* A command of four words. */
static void command(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t at = address_space_ld(address_space_memory, ITS + 0x88, 8, NULL);
    const uint64_t dw[] = { a, b, c, d };
    for (unsigned i = 0; i < 4; i++)
        set64(RAM + 0x10000 + at + 8 * i, dw[i]);
    set64(ITS + 0x88, (at + 32) % 4096);
}

static void test_lpi(void)
{
    static PCIBus bus;
    static uint8_t config[16];
    const uint64_t valid = 1ull << 63, device = 0x18ull << 32;
    setup();
    memset(config, 0x80 | 1, sizeof(config));
    address_space_write(address_space_memory, RAM, config, sizeof(config));
    for (int c = 0; c < 2; c++) {
        set64(REDIST + (hwaddr)c * 0x20000 + 0x70, RAM | 15);
        set64(REDIST + (hwaddr)c * 0x20000 + 0x78, 1ull << 62);
        set(REDIST + (hwaddr)c * 0x20000, 1);
    }
    set64(ITS + 0x80, valid | (RAM + 0x10000));
    set64(ITS + 0x100, valid | (RAM + 0x20000) | 15);
    set64(ITS + 0x108, valid | (RAM + 0x30000));
    set(ITS, 1);
    command(0x09, 0, valid | 1ull << 16 | 3, 0);                  /* MAPC: collection 3 to vCPU 1 */
    command(0x09, 0, valid | 4, 0);                               /* collection 4 to vCPU 0 */
    command(0x08 | device, 3, valid | (RAM + 0x40000), 0);        /* MAPD: 16 events */
    command(0x0a | device, 2 | 8195ull << 32, 3, 0);              /* MAPTI: event 2 to LPI 8195 */
    g_assert_cmphex(address_space_ld(address_space_memory, ITS + 0x90, 8, NULL), ==, 4 * 32);
    its_serve_pci(its, &bus);
    bus.msi(bus.msi_opaque, 0x18, ITS + 0x10040, 2);
    g_assert_cmpint(line_level[GIC_OUTS], ==, 1);
    g_assert_cmphex(icc(1, IAR1), ==, 8195);
    set_icc(1, EOIR1, 8195);
    g_assert_cmphex(icc(1, IAR1), ==, 1023);
    bus.msi(bus.msi_opaque, 0x19, ITS + 0x10040, 2); /* another device */
    bus.msi(bus.msi_opaque, 0x18, ITS + 0x10040, 99);
    g_assert_cmphex(icc(1, IAR1), ==, 1023);
    command(0x03 | device, 2, 0, 0); /* INT, then MOVI takes it along */
    command(0x01 | device, 2, 4, 0);
    g_assert_cmphex(icc(1, HPPIR1), ==, 1023);
    g_assert_cmphex(icc(0, IAR1), ==, 8195);
    set_icc(0, EOIR1, 8195);
    command(0x03 | device, 2, 0, 0);
    command(0x04 | device, 2, 0, 0); /* CLEAR */
    g_assert_cmphex(icc(0, IAR1), ==, 1023);
    command(0x0f | device, 2, 0, 0); /* DISCARD */
    command(0x03 | device, 2, 0, 0);
    g_assert_cmphex(icc(0, IAR1), ==, 1023);
    for (unsigned i = 0; i < 3000; i++) /* commands of any kind and values */
        command(((uint32_t)g_test_rand_int() & 15) | (uint64_t)(uint32_t)g_test_rand_int() << 32, (uint64_t)(uint32_t)g_test_rand_int() << 16,
                (uint64_t)(uint32_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int(), (uint32_t)g_test_rand_int());
    teardown();
}

static void test_virtual(void)
{
    setup();
    set_icc(0, ICH_HCR, 1);
    set_icc(0, ICH_VMCR, 0xf0ull << 24 | 2);
    g_assert_cmphex(icc(0, ICH_ELRSR), ==, 0xf);
    set_icc(0, ICH_LR0, 1ull << 62 | 1ull << 60 | 0x80ull << 48 | 42);
    g_assert_cmpint(line_level[GIC_OUT_VIRQ], ==, 1);
    g_assert_cmphex(icc(0, ICH_ELRSR), ==, 0xe);
    set_icc(0, ICH_HCR, 0);
    g_assert_cmpint(line_level[GIC_OUT_VIRQ], ==, 0);
    set_icc(0, ICH_HCR, 1 | 8); /* interrupt when nothing is pending */
    g_assert_cmpint(line_level[GIC_OUT_MAINTENANCE], ==, 0);
    set_icc(0, ICH_LR0, 0);
    g_assert_cmpint(line_level[GIC_OUT_MAINTENANCE], ==, 1);
    teardown();
}

static void test_saved(void)
{
    uint8_t *image = NULL, *again = NULL;
    size_t len = 0, len2 = 0;
    setup();
    input(40, 0, 1);
    icc(0, IAR1);
    device_save(gic, &image, &len);
    teardown();
    setup();
    g_assert_false(device_load(gic, image, len - 1, NULL));
    g_assert_true(device_load(gic, image, len, NULL));
    device_save(gic, &again, &len2);
    g_assert_cmpmem(image, len, again, len2);
    g_assert_cmphex(get(DIST + 0x304), ==, 1 << 8);
    Device *cpu = ((Bus *)gic->child_bus)->first;
    load_garbage(cpu, 100);
    load_garbage(gic, 100);
    g_free(image);
    g_free(again);
    for (unsigned i = 0; i < 100000; i++) {
        unsigned size = 1u << g_test_rand_int_range(0, 4);
        hwaddr base = i & 1 ? DIST : i & 2 ? REDIST : ITS, at = base + ((uint32_t)g_test_rand_int() & (base == DIST ? 0xffff : 0x1ffff) & -size);
        if (i & 4)
            address_space_ld(address_space_memory, at, size, NULL);
        else
            address_space_st(address_space_memory, at, (uint64_t)(uint32_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int(), size);
        uint64_t v;
        uint32_t reg = (uint32_t)g_test_rand_int() & 0x7fff;
        cpus[0]->gic->read(cpus[0]->gic_opaque, cpus[0], reg, &v);
        cpus[0]->gic->write(cpus[0]->gic_opaque, cpus[0], reg, (uint32_t)g_test_rand_int());
        input((unsigned)g_test_rand_int_range(16, SPIS + 32), 1, i >> 3 & 1);
    }
    teardown();
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_assert_true(memory_region_init_ram(&ram, NULL, "ram", 16 * MiB, NULL));
    memory_region_add(system_memory, RAM, &ram);
    g_test_add_func("/gicv3/identity", test_identity);
    g_test_add_func("/gicv3/spi", test_spi);
    g_test_add_func("/gicv3/sgi", test_sgi);
    g_test_add_func("/gicv3/lpi", test_lpi);
    g_test_add_func("/gicv3/virtual", test_virtual);
    g_test_add_func("/gicv3/saved", test_saved);
    return g_test_run();
}
