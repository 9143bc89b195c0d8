/* SPDX-License-Identifier: MIT */
/*
 * Turns a helper.def into declarations. A target's helper.def has rows
 *   HELPER(name, flags, ret, arg, arg…)      e.g. HELPER(div32, HF_NO_WRITE, void, env, i32)
 * with ret and args from: void env i32 i64 ptr. Include this with HELPER_DEF set to the file's name,
 * once for declarations (helper_NAME prototypes are written by hand in the target's header) and the
 * HelperInfo externs, once with HELPER_DEFINE to define the HelperInfo objects (helper_info_NAME).
 */
#define HARGT_void HARG_NONE
#define HARGT_env HARG_ENV
#define HARGT_i32 HARG_I32
#define HARGT_i64 HARG_I64
#define HARGT_ptr HARG_PTR
#define HCT_void void
#define HCT_env CPUState *
#define HCT_i32 uint32_t
#define HCT_i64 uint64_t
#define HCT_ptr void *
#define HMAP0(m)
#define HMAP1(m, a) m##a
#define HMAP2(m, a, b) m##a, m##b
#define HMAP3(m, a, b, c) m##a, m##b, m##c
#define HMAP4(m, a, b, c, d) m##a, m##b, m##c, m##d
#define HMAP5(m, a, b, c, d, e) m##a, m##b, m##c, m##d, m##e
#define HMAP6(m, a, b, c, d, e, f) m##a, m##b, m##c, m##d, m##e, m##f
#define HCOUNT_(a, b, c, d, e, f, n, ...) n
#define HCOUNT(...) HCOUNT_(__VA_ARGS__, 6, 5, 4, 3, 2, 1, 0)
#define HCAT_(a, b) a##b
#define HCAT(a, b) HCAT_(a, b)
#define HMAP(m, ...) HCAT(HMAP, HCOUNT(__VA_ARGS__))(m, __VA_ARGS__)
#ifdef HELPER_DEFINE
#define HELPER(name_, flags_, ret_, ...)                                             \
    const HelperInfo helper_info_##name_ = {                                         \
        .name = #name_, .func = (void *)helper_##name_, .flags = flags_, .ret = HARGT_##ret_, \
        .args = { HMAP(HARGT_, __VA_ARGS__) } };
#else
#define HELPER(name_, flags_, ret_, ...)                  \
    HCT_##ret_ helper_##name_(HMAP(HCT_, __VA_ARGS__));   \
    extern const HelperInfo helper_info_##name_;
#endif
