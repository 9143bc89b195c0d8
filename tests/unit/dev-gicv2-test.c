/* SPDX-License-Identifier: MIT */
/* GICv2: identification, routing, priorities and preemption, edge and level, SGIs, groups as FIQ, the two Security
 * views, split end of interrupt, virtualization extensions, saved state, nonsense. Expected values are from Arm's IHI 0048B. */
#include "cpu.h"
#include "dev-test.h"
#include "hw/arm/gic.h"

#define DIST 0x8000000u
#define CPUIF 0x8010000u
#define HYP 0x8030000u
#define VCPU 0x8040000u
#define SPIS 96

static Device *gic;
static CPUState cpus[2];
static bool secure;

static bool is_secure(void)
{
    return secure;
}

static void place(void)
{
    map_region(system_memory, DIST, gic, 0);
    map_region(system_memory, CPUIF, gic, 1);
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < 2; i++)
            connect_line(gic, GIC_OUTS * c + i, line(2 * c + i));
}

static void be(int n)
{
    cpus[n].index = n;
    current_cpu = &cpus[n];
}

static void setup(bool security)
{
    gic = device_new("arm_gic");
    device_set_u32(gic, "num-cpu", 2);
    device_set_u32(gic, "num-irq", SPIS + 32);
    device_set_u64(gic, "has-security-extensions", security);
    realize(gic);
    place();
    gic_secure_access = is_secure;
    secure = true;
    be(0);
}

static void teardown(void)
{
    current_cpu = NULL;
    device_unrealize(gic);
}

static uint32_t dist(unsigned reg) { return (uint32_t)address_space_ld(address_space_memory, DIST + reg, 4, NULL); }
static void set_dist(unsigned reg, uint32_t v) { address_space_st(address_space_memory, DIST + reg, v, 4); }
static void set_dist8(unsigned reg, uint8_t v) { address_space_st(address_space_memory, DIST + reg, v, 1); }
static uint32_t cpuif(unsigned reg) { return (uint32_t)address_space_ld(address_space_memory, CPUIF + reg, 4, NULL); }
static void set_cpuif(unsigned reg, uint32_t v) { address_space_st(address_space_memory, CPUIF + reg, v, 4); }

static void input(unsigned irq, unsigned cpu, int level)
{
    IRQLine l = device_input(gic, irq < 32 ? gic_private_input(SPIS, cpu, irq) : irq - 32);
    irq_set(&l, level);
}

/* Both vCPUs take everything; SPIs go to vCPU 0 with priority 0xa0. */
static void enable_all(void)
{
    set_dist(0x000, 1);
    for (unsigned irq = 32; irq < SPIS + 32; irq++) {
        set_dist8(0x400 + irq, 0xa0);
        set_dist8(0x800 + irq, 1);
    }
    for (unsigned w = 0; w <= SPIS / 32; w++)
        set_dist(0x100 + 4 * w, ~0u);
    for (int c = 1; c >= 0; c--) {
        be(c);
        for (unsigned irq = 0; irq < 32; irq += 4)
            set_dist(0x400 + irq, 0x90909090);
        set_dist(0x100, ~0u);
        set_cpuif(0x00, 1);
        set_cpuif(0x04, 0xf0);
    }
}

static void test_identity(void)
{
    setup(false);
    g_assert_cmphex(dist(0x004), ==, 0x23); /* 128 interrupts, two vCPUs */
    g_assert_cmphex(dist(0xfe8) & 0xf0, ==, 0x20);
    g_assert_cmphex(cpuif(0xfc) >> 16 & 15, ==, 2);
    g_assert_cmphex(dist(0x100), ==, 0xffff); /* SGIs are always enabled */
    g_assert_cmphex(dist(0xc00), ==, 0xaaaaaaaa);
    g_assert_cmphex(cpuif(0x0c), ==, 1023);
    set_cpuif(0x04, 0xff);
    g_assert_cmphex(cpuif(0x04), ==, 0xf8); /* 32 levels */
    be(1);
    g_assert_cmphex(dist(0x800), ==, 0x02020202);
    teardown();
}

static void test_level(void)
{
    setup(false);
    enable_all();
    input(40, 0, 1);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmpint(line_level[2], ==, 0);
    g_assert_cmphex(dist(0x204), ==, 1 << 8);
    g_assert_cmphex(cpuif(0x18), ==, 40);
    g_assert_cmphex(cpuif(0x0c), ==, 40);
    g_assert_cmphex(cpuif(0x14), ==, 0xa0);
    g_assert_cmpint(line_level[0], ==, 0);
    g_assert_cmphex(dist(0x304), ==, 1 << 8);
    set_cpuif(0x10, 40);
    g_assert_cmpint(line_level[0], ==, 1); /* the input is still high */
    input(40, 0, 0);
    g_assert_cmpint(line_level[0], ==, 0);
    g_assert_cmphex(cpuif(0x14), ==, 0xff);
    set_dist8(0x800 + 40, 2); /* now for the other */
    input(40, 0, 1);
    g_assert_cmpint(line_level[0], ==, 0);
    g_assert_cmpint(line_level[2], ==, 1);
    set_dist(0x184, 1 << 8);
    g_assert_cmpint(line_level[2], ==, 0);
    input(27, 1, 1); /* private to vCPU 1 */
    g_assert_cmpint(line_level[2], ==, 1);
    g_assert_cmphex(cpuif(0x0c), ==, 1023);
    be(1);
    g_assert_cmphex(cpuif(0x0c), ==, 27);
    teardown();
}

static void test_edge(void)
{
    setup(false);
    enable_all();
    set_dist(0xc08, 0x2); /* interrupt 32 */
    input(32, 0, 1);
    input(32, 0, 0);
    g_assert_cmphex(cpuif(0x0c), ==, 32);
    input(32, 0, 1); /* again, while active */
    g_assert_cmpint(line_level[0], ==, 0);
    set_cpuif(0x10, 32);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(cpuif(0x0c), ==, 32);
    set_cpuif(0x10, 32);
    g_assert_cmpint(line_level[0], ==, 0); /* once for each edge */
    set_dist(0x204, 1 << 3); /* by software */
    g_assert_cmphex(cpuif(0x0c), ==, 35);
    set_cpuif(0x10, 35);
    set_dist(0x204, 1 << 3);
    set_dist(0x284, 1 << 3);
    g_assert_cmphex(cpuif(0x0c), ==, 1023);
    teardown();
}

static void test_priority(void)
{
    setup(false);
    enable_all();
    set_dist8(0x400 + 50, 0x40);
    input(60, 0, 1);
    g_assert_cmphex(cpuif(0x0c), ==, 60);
    input(50, 0, 1); /* preempts */
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(cpuif(0x0c), ==, 50);
    g_assert_cmphex(cpuif(0x14), ==, 0x40);
    g_assert_cmphex(cpuif(0xd0), ==, 1u << 8 | 1u << 20);
    input(50, 0, 0);
    set_cpuif(0x10, 50);
    g_assert_cmphex(cpuif(0x14), ==, 0xa0);
    set_cpuif(0x10, 60);
    g_assert_cmphex(cpuif(0x0c), ==, 60);
    set_dist8(0x400 + 50, 0x98);
    set_cpuif(0x08, 4); /* bits 7:5 preempt: 0x98 and 0xa0 differ in them, 0xa0 and 0xb8 do not */
    input(50, 0, 1);
    g_assert_cmpint(line_level[0], ==, 1);
    set_dist8(0x400 + 50, 0xa0);
    g_assert_cmpint(line_level[0], ==, 0);
    set_cpuif(0x10, 60);
    set_cpuif(0x04, 0xa0); /* the mask keeps 0xa0 and below out */
    g_assert_cmpint(line_level[0], ==, 0);
    set_cpuif(0x04, 0xa8);
    g_assert_cmpint(line_level[0], ==, 1);
    teardown();
}

static void test_sgi(void)
{
    setup(false);
    enable_all();
    set_dist(0xf00, 1 << 24 | 5); /* to all others */
    g_assert_cmpint(line_level[0], ==, 0);
    g_assert_cmpint(line_level[2], ==, 1);
    set_dist(0xf00, 2 << 24 | 6); /* to myself */
    g_assert_cmphex(cpuif(0x0c), ==, 6);
    set_cpuif(0x10, 6);
    be(1);
    set_dist(0xf00, 2 << 16 | 5); /* a second sender of the same */
    g_assert_cmphex(cpuif(0x0c), ==, 5);
    set_cpuif(0x10, 5);
    g_assert_cmphex(cpuif(0x0c), ==, 5 | 1 << 10);
    set_cpuif(0x10, 5 | 1 << 10);
    g_assert_cmphex(cpuif(0x0c), ==, 1023);
    set_dist8(0xf27, 3);
    g_assert_cmphex(dist(0xf14) >> 24, ==, 3);
    set_dist8(0xf17, 1);
    g_assert_cmphex(cpuif(0x0c), ==, 7 | 1 << 10);
    teardown();
}

static void test_groups(void)
{
    setup(true);
    enable_all();
    set_dist(0x000, 3);
    set_dist(0x084, 1 << 9); /* 41 is Non-secure */
    set_cpuif(0x00, 0xb);    /* both groups, Group 0 as FIQ */
    input(40, 0, 1);
    g_assert_cmpint(line_level[1], ==, 1);
    g_assert_cmpint(line_level[0], ==, 0);
    secure = false;
    g_assert_cmphex(cpuif(0x0c), ==, 1023); /* not for this view */
    g_assert_cmphex(dist(0x204), ==, 0);
    set_dist(0x184, ~0u);
    secure = true;
    g_assert_cmphex(dist(0x104), ==, 0xfffffdff); /* only 41 could be disabled */
    set_dist(0x104, ~0u);
    g_assert_cmphex(cpuif(0x0c), ==, 40);
    input(40, 0, 0);
    set_cpuif(0x10, 40);
    input(41, 0, 1);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmpint(line_level[1], ==, 0);
    g_assert_cmphex(cpuif(0x0c), ==, 1022); /* of the other group */
    secure = false;
    g_assert_cmphex(dist(0x400 + 40) >> 8 & 0xff, ==, 0x40);
    g_assert_cmphex(cpuif(0x04), ==, 0xe0);
    g_assert_cmphex(cpuif(0x0c), ==, 41);
    set_cpuif(0x10, 41);
    g_assert_cmpint(line_level[0], ==, 1);
    set_cpuif(0x00, 0);
    g_assert_cmpint(line_level[0], ==, 0);
    teardown();
}

static void test_split_end(void)
{
    setup(false);
    enable_all();
    set_cpuif(0x00, 0x201);
    input(40, 0, 1);
    g_assert_cmphex(cpuif(0x0c), ==, 40);
    set_cpuif(0x10, 40);
    g_assert_cmphex(cpuif(0x14), ==, 0xff);
    g_assert_cmpint(line_level[0], ==, 0); /* still active */
    set_cpuif(0x1000, 40);
    g_assert_cmpint(line_level[0], ==, 1);
    teardown();
}

static void test_saved(void)
{
    uint8_t *image = NULL, *again = NULL;
    size_t len = 0, len2 = 0;
    setup(false);
    enable_all();
    input(40, 0, 1);
    cpuif(0x0c);
    input(50, 0, 1);
    set_dist8(0x400 + 50, 0x20);
    device_save(gic, &image, &len);
    device_unrealize(gic);
    setup(false);
    g_assert_true(device_load(gic, image, len, NULL));
    device_save(gic, &again, &len2);
    g_assert_cmpmem(image, len, again, len2);
    g_assert_cmpint(line_level[0], ==, 1);
    g_assert_cmphex(cpuif(0x0c), ==, 50);
    g_assert_cmphex(cpuif(0x14), ==, 0x20);
    load_garbage(gic, 300);
    g_free(image);
    g_free(again);
    teardown();
}

static void test_nonsense(void)
{
    setup(true);
    for (unsigned i = 0; i < 100000; i++) {
        unsigned size = 1u << g_test_rand_int_range(0, 3), r = (uint32_t)g_test_rand_int();
        hwaddr at = (i & 1 ? DIST : CPUIF) + (r & 0x1fff & -size);
        secure = i >> 2 & 1;
        be(i >> 3 & 1);
        if (i & 2)
            address_space_ld(address_space_memory, at, size, NULL);
        else
            address_space_st(address_space_memory, at, (uint32_t)g_test_rand_int(), size);
        input(g_test_rand_int_range(32, SPIS + 32), 0, i >> 4 & 1);
    }
    g_assert_false(device_set(gic, "num-cpu", "x", NULL));
    teardown();
    gic = device_new("arm_gic");
    device_set_u32(gic, "num-cpu", 9);
    g_assert_false(device_realize(gic, NULL));
    gic = device_new("arm_gic");
    device_set_u32(gic, "num-irq", 5000);
    g_assert_false(device_realize(gic, NULL));
}

/* ---- Virtualization extensions: GICH as the hypervisor, GICV as its guest ---- */

enum { L_VIRQ = 8, L_VFIQ, L_MAINTENANCE };
static uint32_t hyp(unsigned reg) { return (uint32_t)address_space_ld(address_space_memory, HYP + reg, 4, NULL); }
static void set_hyp(unsigned reg, uint32_t v) { address_space_st(address_space_memory, HYP + reg, v, 4); }
static uint32_t vcpu(unsigned reg) { return (uint32_t)address_space_ld(address_space_memory, VCPU + reg, 4, NULL); }
static void set_vcpu(unsigned reg, uint32_t v) { address_space_st(address_space_memory, VCPU + reg, v, 4); }

static void place_virtual(void)
{
    place();
    map_region(system_memory, HYP, gic, 2);
    map_region(system_memory, VCPU, gic, 3);
    for (int i = 0; i < 3; i++)
        connect_line(gic, GIC_OUT_VIRQ + i, line(L_VIRQ + i));
}

static void setup_virtual(void)
{
    gic = device_new("arm_gic");
    device_set_u32(gic, "num-cpu", 2);
    device_set_u32(gic, "num-irq", SPIS + 32);
    device_set_u64(gic, "has-virtualization-extensions", true);
    realize(gic);
    place_virtual();
    secure = true;
    be(0);
}

/* List register values. */
static uint32_t entry(unsigned id, unsigned priority, unsigned state) { return id | (priority & 0xf8) << 20 | state << 28; }
enum { PENDING = 1, ACTIVE = 2 };

static void test_virtual(void)
{
    setup_virtual();
    g_assert_cmphex(hyp(0x004), ==, 0x90000003);           /* VTR: four list registers, 32 levels */
    set_hyp(0x008, 1 | 0xf8u << 24);                        /* VMCR: group 0, all priorities */
    g_assert_cmphex(vcpu(0x00), ==, 1);
    g_assert_cmphex(vcpu(0x04), ==, 0xf8);
    g_assert_cmphex(hyp(0x030), ==, 0xf);                   /* all empty */
    set_hyp(0x100, entry(40, 0xa0, PENDING));
    g_assert_cmpint(line_level[L_VIRQ], ==, 0);             /* off */
    set_hyp(0x000, 1);
    g_assert_cmpint(line_level[L_VIRQ], ==, 1);
    set_hyp(0x104, entry(41, 0x50, PENDING) | 2 << 10);     /* more urgent */
    g_assert_cmphex(hyp(0x030), ==, 0xc);
    g_assert_cmphex(vcpu(0x18), ==, 41 | 2 << 10);
    g_assert_cmphex(vcpu(0x0c), ==, 41 | 2 << 10);
    g_assert_cmphex(vcpu(0x14), ==, 0x50);
    g_assert_cmphex(hyp(0x104) >> 28 & 3, ==, ACTIVE);
    g_assert_cmpint(line_level[L_VIRQ], ==, 0);             /* the other does not preempt */
    g_assert_cmphex(vcpu(0x0c), ==, 1023);
    set_vcpu(0x10, 41 | 2 << 10);
    g_assert_cmphex(hyp(0x104) >> 28 & 3, ==, 0);
    g_assert_cmpint(line_level[L_VIRQ], ==, 1);
    g_assert_cmphex(vcpu(0x0c), ==, 40);
    set_vcpu(0x10, 40);
    g_assert_cmphex(vcpu(0x14), ==, 0xff);

    /* a mask by priority; group 0 as FIQ; group 1 only by its alias */
    set_hyp(0x100, entry(50, 0x80, PENDING));
    set_vcpu(0x04, 0x80);
    g_assert_cmpint(line_level[L_VIRQ], ==, 0);
    set_vcpu(0x04, 0xf8);
    set_vcpu(0x00, 0xb);
    g_assert_cmpint(line_level[L_VFIQ], ==, 1);
    g_assert_cmpint(line_level[L_VIRQ], ==, 0);
    set_hyp(0x100, entry(50, 0x80, PENDING) | 1u << 30);
    g_assert_cmpint(line_level[L_VFIQ], ==, 0);
    g_assert_cmpint(line_level[L_VIRQ], ==, 1);
    g_assert_cmphex(vcpu(0x0c), ==, 1022);
    g_assert_cmphex(vcpu(0x20), ==, 50);
    set_vcpu(0x24, 50);

    /* maintenance: end of an entry that asks for it, an end without an entry, too few entries, groups */
    set_vcpu(0x00, 1);
    set_hyp(0x100, entry(60, 0x80, PENDING) | 1u << 19);
    g_assert_cmphex(vcpu(0x0c), ==, 60);
    set_vcpu(0x10, 60);
    g_assert_cmphex(hyp(0x020), ==, 1);
    g_assert_cmphex(hyp(0x010), ==, 1);
    g_assert_cmphex(hyp(0x030), ==, 0xe);                   /* not empty before the hypervisor has seen it */
    g_assert_cmpint(line_level[L_MAINTENANCE], ==, 1);
    set_hyp(0x100, 0);
    g_assert_cmpint(line_level[L_MAINTENANCE], ==, 0);
    set_hyp(0x000, 3);
    g_assert_cmphex(hyp(0x010), ==, 2);                     /* at most one entry is in use */
    g_assert_cmpint(line_level[L_MAINTENANCE], ==, 1);
    set_hyp(0x100, entry(61, 0x80, ACTIVE));
    set_hyp(0x104, entry(62, 0x80, ACTIVE));
    g_assert_cmpint(line_level[L_MAINTENANCE], ==, 0);
    set_hyp(0x0f0, 1 << 16);
    set_hyp(0x000, 5);
    set_vcpu(0x10, 99);
    g_assert_cmphex(hyp(0x000), ==, 1u << 27 | 5);
    g_assert_cmphex(hyp(0x010), ==, 4);
    set_hyp(0x000, 0x11);
    g_assert_cmphex(hyp(0x010), ==, 0x10);

    /* an entry of a physical interrupt ends that */
    set_hyp(0x000, 1);
    enable_all();
    be(0);
    input(40, 0, 1);
    g_assert_cmphex(cpuif(0x0c), ==, 40);
    input(40, 0, 0);
    g_assert_cmphex(dist(0x304), ==, 1u << 8);
    set_hyp(0x100, entry(70, 0x80, PENDING) | 40 << 10 | 1u << 31);
    set_hyp(0x104, 0);
    g_assert_cmphex(vcpu(0x0c), ==, 70);
    set_vcpu(0x10, 70);
    g_assert_cmphex(dist(0x304), ==, 0);
    /* split end */
    set_vcpu(0x00, 0x201);
    set_hyp(0x100, entry(71, 0x80, PENDING));
    g_assert_cmphex(vcpu(0x0c), ==, 71);
    set_vcpu(0x10, 71);
    g_assert_cmphex(hyp(0x100) >> 28 & 3, ==, ACTIVE);
    set_vcpu(0x1000, 71);
    g_assert_cmphex(hyp(0x100) >> 28 & 3, ==, 0);
    /* registers are the accessing vCPU's; state survives a save */
    be(1);
    g_assert_cmphex(hyp(0x000), ==, 0);
    be(0);
    set_vcpu(0x00, 1);
    set_hyp(0x108, entry(33, 0x20, PENDING));
    uint8_t *image = NULL;
    size_t len = 0;
    device_save(gic, &image, &len);
    device_unrealize(gic);
    setup_virtual();
    g_assert_true(device_load(gic, image, len, NULL));
    g_free(image);
    g_assert_cmpint(line_level[L_VIRQ], ==, 1);
    g_assert_cmphex(hyp(0x108), ==, entry(33, 0x20, PENDING));
    g_assert_cmphex(vcpu(0x0c), ==, 33);
    device_reset(gic);
    g_assert_cmphex(hyp(0x108) | hyp(0x000) | vcpu(0x00), ==, 0);
    teardown();
}

static void test_virtual_nonsense(void)
{
    setup_virtual();
    enable_all();
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t base = i & 1 ? HYP : VCPU, reg = (uint32_t)g_test_rand_int() & (i & 2 ? 0x13c : 0x1ffc);
        be((int)(i >> 3 & 1));
        if (i & 4)
            address_space_st(address_space_memory, base + reg, (uint32_t)g_test_rand_int(), 4);
        else
            address_space_ld(address_space_memory, base + reg, 4, NULL);
    }
    load_garbage(gic, 50);
    teardown();
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_test_add_func("/gicv2/identity", test_identity);
    g_test_add_func("/gicv2/level", test_level);
    g_test_add_func("/gicv2/edge", test_edge);
    g_test_add_func("/gicv2/priority", test_priority);
    g_test_add_func("/gicv2/sgi", test_sgi);
    g_test_add_func("/gicv2/groups", test_groups);
    g_test_add_func("/gicv2/split-end", test_split_end);
    g_test_add_func("/gicv2/virtual", test_virtual);
    g_test_add_func("/gicv2/virtual-nonsense", test_virtual_nonsense);
    g_test_add_func("/gicv2/saved", test_saved);
    g_test_add_func("/gicv2/nonsense", test_nonsense);
    return g_test_run();
}
