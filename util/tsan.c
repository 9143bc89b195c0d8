/* SPDX-License-Identifier: MIT */
/*
 * What ThreadSanitizer need not report. Guest programs race in guest memory as they like, and the functions named here
 * do nothing but carry out one access (or one string instruction) of a vCPU or device there. Races in Rhea's own data have no
 * entry.
 */
#if defined(__SANITIZE_THREAD__)
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:^host_load$\n"
           "race:^host_store$\n"
           "race:^atomic_uint8_t$\nrace:^atomic_uint16_t$\nrace:^atomic_uint32_t$\nrace:^atomic_uint64_t$\n"
           "race:^fill_run$\n"
           "race:^copy_run$\n"
           "race:^scan_run$\n"
           "race:^rw_ram$\n"
           "race:^load_block$\n"
           "race:^store_block$\n";
}
#else
typedef int tsan_not_used;
#endif
