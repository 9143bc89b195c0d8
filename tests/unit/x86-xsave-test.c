/* SPDX-License-Identifier: MIT */
/*
 * Proves that XSAVE, XSAVEOPT, XSAVEC and XRSTOR write and read the image that processors do. The oracle is the host
 * CPU: it restores what the guest saved and must then hold the guest's registers, and the guest restores
 * what the host saved. Header rules and faults are checked against the Intel SDM, volume 1, chapter 13.
 */
#include "x86-machine.h"
#include "target-i386/helper.h"

enum { AREA = 0x100000, PLAIN = 0, OPT = 1, COMPACT = 2, REXW = 0x100 };

#if defined(__x86_64__)

typedef struct __attribute__((aligned(64))) Area { uint8_t b[1024]; } Area;

static X86CPU *env;

static uint64_t rng(void)
{
    static uint64_t s = 0x9e3779b97f4a7c15ull;
    s ^= s << 13, s ^= s >> 7, s ^= s << 17;
    return s * 0x2545f4914f6cdd1dull;
}

static uint64_t field(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;
    memcpy(&v, p, bytes);
    return v;
}

static void random_state(void)
{
    env->fpuc = 0x37f;
    env->fpus = (uint16_t)(rng() & 0x4700);
    env->fpstt = rng() & 7;
    for (unsigned i = 0; i < 8; i++) {
        env->fpregs[i].mant = rng() | 1ull << 63;
        env->fpregs[i].exp = (uint16_t)(0x3f00 + (rng() & 0xff));
        env->fptags[i] = rng() & 1;
    }
    for (unsigned i = 0; i < 16; i++) {
        for (unsigned j = 0; j < 4; j++)
            env->xmm[i].q[j] = rng();
    }
    cpu_x86_set_mxcsr(env, 0x1f80 | (rng() & 0x3f));
}

/* The host takes the image and gives back what it then holds; its own state is kept. */
static void through_host(const Area *in, Area *out)
{
    static Area own;
    memset(out, 0, sizeof(*out));
    __asm__ volatile("xsave64 %[own]\n\txrstor64 %[in]\n\txsave64 %[out]\n\txrstor64 %[own]"
                     : [own] "+m"(own), [out] "+m"(*out) : [in] "m"(*in), "a"(7), "d"(0) : "memory");
}

static void check_image(const Area *image)
{
    g_assert_cmphex(field(image->b, 2), ==, env->fpuc);
    g_assert_cmphex(field(image->b + 2, 2), ==, cpu_x86_get_fpus(env));
    for (unsigned i = 0; i < 8; i++) {
        const FPReg *r = &env->fpregs[(env->fpstt + i) & 7];
        g_assert_cmphex(image->b[4] >> i & 1, ==, !env->fptags[i]);
        g_assert_cmphex(field(image->b + 32 + 16 * i, 8), ==, r->mant);
        g_assert_cmphex(field(image->b + 40 + 16 * i, 2), ==, r->exp);
    }
    g_assert_cmphex(field(image->b + 24, 4), ==, cpu_x86_get_mxcsr(env));
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmpmem(image->b + 160 + 16 * i, 16, &env->xmm[i], 16);
        g_assert_cmpmem(image->b + 576 + 16 * i, 16, &env->xmm[i].q[2], 16);
    }
}

static void save_once(uint32_t how)
{
    static Area image, held;
    random_state();
    memset(x86_ram + AREA, 0, sizeof(Area));
    g_assert_cmpint(X86_CATCH(env, helper_xsave(&env->parent, AREA, 7, how)), ==, -1);
    memcpy(&image, x86_ram + AREA, sizeof(image));
    g_assert_cmphex(field(image.b + 512, 8), ==, 7);
    g_assert_cmphex(field(image.b + 520, 8), ==, 0);
    check_image(&image);
    through_host(&image, &held);
    check_image(&held);
}

static void test_save(void)
{
    for (unsigned n = 0; n < 200; n++)
        save_once((n & 1 ? OPT : PLAIN) | REXW);
}

static void restore_once(void)
{
    static Area image, held;
    random_state();
    helper_xsave(&env->parent, AREA, 7, REXW);
    memcpy(&image, x86_ram + AREA, sizeof(image));
    through_host(&image, &held);
    random_state();
    memcpy(x86_ram + AREA, &held, sizeof(held));
    g_assert_cmpint(X86_CATCH(env, helper_xrstor(&env->parent, AREA, 7, REXW)), ==, -1);
    check_image(&held);
}

static void test_restore(void)
{
    for (unsigned n = 0; n < 200; n++)
        restore_once();
}

/* Components that the image leaves out become initial; those that the mask leaves out stay. */
static void test_partial(void)
{
    random_state();
    helper_xsave(&env->parent, AREA, 7, REXW);
    uint64_t low = env->xmm[3].q[0], bv = 2;
    memcpy(x86_ram + AREA + 512, &bv, 8);
    g_assert_cmpint(X86_CATCH(env, helper_xrstor(&env->parent, AREA, 7, REXW)), ==, -1);
    g_assert_cmphex(env->fpuc, ==, 0x37f);
    g_assert_cmpuint(env->fptags[5], ==, 1);
    g_assert_cmphex(env->xmm[3].q[0], ==, low);
    g_assert_cmphex(env->xmm[3].q[2], ==, 0);
    random_state();
    uint64_t high = env->xmm[3].q[2];
    bv = 7;
    memcpy(x86_ram + AREA + 512, &bv, 8);
    g_assert_cmpint(X86_CATCH(env, helper_xrstor(&env->parent, AREA, 2, REXW)), ==, -1);
    g_assert_cmphex(env->xmm[3].q[0], ==, low);
    g_assert_cmphex(env->xmm[3].q[2], ==, high);
}

/* The compacted form leaves no room for what is not saved. */
static void test_compact(void)
{
    random_state();
    memset(x86_ram + AREA, 0xff, sizeof(Area));
    g_assert_cmpint(X86_CATCH(env, helper_xsave(&env->parent, AREA, 5, COMPACT | REXW)), ==, -1);
    g_assert_cmphex(field(x86_ram + AREA + 512, 8), ==, 5);
    g_assert_cmphex(field(x86_ram + AREA + 520, 8), ==, 1ull << 63 | 5);
    g_assert_cmpmem(x86_ram + AREA + 576 + 16, 16, &env->xmm[1].q[2], 16);
    uint64_t high = env->xmm[1].q[2];
    memset(x86_ram + AREA + 528, 0, 48);
    random_state();
    g_assert_cmpint(X86_CATCH(env, helper_xrstor(&env->parent, AREA, 5, REXW)), ==, -1);
    g_assert_cmphex(env->xmm[1].q[2], ==, high);
}

static int restore_with(unsigned at, uint64_t value)
{
    memset(x86_ram + AREA, 0, sizeof(Area));
    helper_xsave(&env->parent, AREA, 7, REXW);
    memcpy(x86_ram + AREA + at, &value, 8);
    return X86_CATCH(env, helper_xrstor(&env->parent, AREA, 7, REXW));
}

static void test_faults(void)
{
    g_assert_cmpint(restore_with(528, 0), ==, -1);
    g_assert_cmpint(restore_with(528, 1), ==, EXCP0D_GPF);           /* reserved header byte */
    g_assert_cmpint(restore_with(512, 8), ==, EXCP0D_GPF);           /* a component that XCR0 does not have */
    g_assert_cmpint(restore_with(520, 1ull << 63 | 1), ==, EXCP0D_GPF); /* XSTATE_BV beyond XCOMP_BV */
    g_assert_cmpint(restore_with(24, 0x10000), ==, EXCP0D_GPF);      /* reserved MXCSR bit */
    g_assert_cmpint(X86_CATCH(env, helper_xrstor(&env->parent, AREA + 16, 7, REXW)), ==, EXCP0D_GPF);
    g_assert_cmpint(X86_CATCH(env, helper_xsave(&env->parent, AREA + 32, 7, REXW)), ==, EXCP0D_GPF);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!__builtin_cpu_supports("avx2"))
        return 77;
    machine_lock();
    x86_machine(16 * MiB);
    env = x86_new_cpu("max");
    x86_enter_long_mode(env);
    machine_unlock();
    cpu_x86_update_cr4(env, env->cr[4] | CR4_OSFXSR | CR4_OSXSAVE);
    env->xcr0 = 7;
    cpu_x86_update_hflags(env);
    g_test_add_func("/x86/xsave/save", test_save);
    g_test_add_func("/x86/xsave/restore", test_restore);
    g_test_add_func("/x86/xsave/partial", test_partial);
    g_test_add_func("/x86/xsave/compact", test_compact);
    g_test_add_func("/x86/xsave/faults", test_faults);
    return g_test_run();
}

#else
int main(void) { return 77; }
#endif
