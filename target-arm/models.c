/* SPDX-License-Identifier: MIT */
/*
 * CPU models: identification registers as the technical reference manuals of the cores give them, and what their architecture versions
 * are. Features of v8 cores follow from the ID registers. "max" is what this emulator can do.
 */
#include "models.h"

#define F(name) ARM_FEATURE_##name
#define CACHES_A53 .clidr = 0x0a200023, .ccsidr = { 0x700fe01a, 0x201fe00a, 0x707fe07a }
#define CACHES_A57 .clidr = 0x0a200023, .ccsidr = { 0x701fe00a, 0x201fe012, 0x70ffe07a }
#define CACHES_A76 .clidr = 0x82000023, .ccsidr = { 0x701fe01a, 0x201fe01a, 0x707fe03a }

/* AArch32 view of the v8.0 cores */
#define A32_V8                                                                                                                 \
    .id_pfr = { 0x131, 0x11011 }, .id_dfr0 = 0x03010066, .id_mmfr = { 0x10101105, 0x40000000, 0x01260000, 0x02102211 },        \
    .id_isar = { 0x02101110, 0x13112111, 0x21232042, 0x01112131, 0x00011142, 0x00011121 },                                     \
    .mvfr = { 0x10110222, 0x12111111, 0x43 }
/* and of the v8.2 ones */
#define A32_V8_2                                                                                                               \
    .id_pfr = { 0x10010131, 0x10010000 }, .id_dfr0 = 0x04010088,                                                               \
    .id_mmfr = { 0x10201105, 0x40000000, 0x01260000, 0x02122211, 0x00021110 },                                                 \
    .id_isar = { 0x02101110, 0x13112111, 0x21232042, 0x01112131, 0x00010142, 0x01011121, 0x00000010 },                         \
    .mvfr = { 0x10110222, 0x13211111, 0x43 }
#define A64 F(V8), F(AARCH64), F(EL2), F(EL3), F(PMU), F(CBAR)
#define V7_ISAR { 0x02101110, 0x13112111, 0x21232041, 0x11112131, 0x10011142 }
#define VFP3 F(VFP2), F(VFP3), F(VFP_DP), F(VFP_D32), F(NEON)
#define M_BASE F(M), F(V6)
#define M_MAINLINE M_BASE, F(M_MAIN), F(V7), F(THUMB_DIV)
#define VFP4_SP F(VFP4), F(VFP_HALF)

const ARMModel arm_models[] = {
    { .name = "arm926", .midr = 0x41069265, .fpsid = 0x41011090, .ctr = 0x1dd20d2, .reset_sctlr = 0x00090078,
      .features = { F(V5), F(V5TE), F(JAZELLE), F(VFP2), F(VFP_DP), F(VFP_VECTORS) } },
    { .name = "arm1136", .midr = 0x4117b363, .fpsid = 0x410120b4, .ctr = 0x1dd20d2, .reset_sctlr = 0x00050078,
      .mvfr = { 0x11111111, 0 }, .id_pfr = { 0x111, 0x1 }, .id_dfr0 = 2, .id_afr0 = 3,
      .id_mmfr = { 0x01130003, 0x10030302, 0x01222110 }, .id_isar = { 0x00140011, 0x12002111, 0x11231111, 0x01102131, 0x141 },
      .features = { F(CACHE_BLOCK), F(V6), F(V6K), F(JAZELLE), F(VFP2), F(VFP_DP), F(VFP_VECTORS), F(DUMMY_C15) } },
    { .name = "arm1176", .midr = 0x410fb767, .fpsid = 0x410120b5, .ctr = 0x1dd20d2, .reset_sctlr = 0x00050078,
      .mvfr = { 0x11111111, 0 }, .id_pfr = { 0x111, 0x11 }, .id_dfr0 = 0x33,
      .id_mmfr = { 0x01130003, 0x10030302, 0x01222100 }, .id_isar = { 0x0140011, 0x12002111, 0x11231121, 0x01102131, 0x01141 },
      .features = { F(CACHE_BLOCK), F(V6), F(V6K), F(JAZELLE), F(VFP2), F(VFP_DP), F(VFP_VECTORS), F(DUMMY_C15), F(EL3) } },
    { .name = "cortex-a8", .midr = 0x410fc080, .fpsid = 0x410330c0, .ctr = 0x82048004, .reset_sctlr = 0x00c50078,
      .clidr = 0x0a000003, .ccsidr = { 0xe007e01a, 0x2007e01a, 0xf0000000 }, .mvfr = { 0x11110222, 0x00011111 },
      .id_pfr = { 0x1031, 0x11 }, .id_dfr0 = 0x400, .id_mmfr = { 0x31100003, 0x20000000, 0x01202000, 0x11 },
      .id_isar = { 0x00101111, 0x12112111, 0x21232031, 0x11112131, 0x00111142 },
      .features = { F(V7), VFP3, F(VFP_VECTORS), F(THUMB2EE), F(DUMMY_C15), F(PMU), F(EL3) } },
    { .name = "cortex-a9", .midr = 0x410fc090, .fpsid = 0x41033090, .ctr = 0x80038003, .reset_sctlr = 0x00c50078,
      .clidr = 0x09000003, .ccsidr = { 0xe00fe019, 0x200fe019 }, .mvfr = { 0x11110222, 0x01111111 },
      .id_pfr = { 0x1031, 0x11 }, .id_mmfr = { 0x00100103, 0x20000000, 0x01230000, 0x00002111 },
      .id_isar = { 0x00101111, 0x13112111, 0x21232041, 0x11112131, 0x00111142 },
      .features = { F(V7), VFP3, F(VFP_HALF), F(THUMB2EE), F(MULTICORE), F(CBAR), F(PMU), F(EL3) } },
    { .name = "cortex-a7", .midr = 0x410fc075, .fpsid = 0x41023075, .ctr = 0x84448003, .reset_sctlr = 0x00c50078,
      .clidr = 0x0a200023, .ccsidr = { 0x701fe00a, 0x201fe00a, 0x711fe07a }, .mvfr = { 0x10110222, 0x11111111 },
      .id_pfr = { 0x1131, 0x11011 }, .id_dfr0 = 0x02010555, .id_mmfr = { 0x10101105, 0x40000000, 0x01240000, 0x02102211 },
      .id_isar = V7_ISAR,
      .features = { F(V7VE), VFP3, F(VFP4), F(VFP_HALF), F(THUMB2EE), F(MULTICORE), F(LPAE), F(GENERIC_TIMER), F(PMU), F(EL2), F(EL3), F(CBAR) } },
    { .name = "cortex-a15", .midr = 0x414fc0f0, .fpsid = 0x410430f0, .ctr = 0x8444c004, .reset_sctlr = 0x00c50078,
      .clidr = 0x0a200023, .ccsidr = { 0x701fe00a, 0x201fe00a, 0x711fe07a }, .mvfr = { 0x10110222, 0x11111111 },
      .id_pfr = { 0x1131, 0x11011 }, .id_dfr0 = 0x02010555, .id_mmfr = { 0x10201105, 0x20000000, 0x01240000, 0x02102211 },
      .id_isar = V7_ISAR,
      .features = { F(V7VE), VFP3, F(VFP4), F(VFP_HALF), F(THUMB2EE), F(MULTICORE), F(LPAE), F(GENERIC_TIMER), F(PMU), F(EL2), F(EL3), F(CBAR) } },
    { .name = "cortex-a53", .midr = 0x410fd034, .fpsid = 0x41034070, .ctr = 0x84448004, .reset_sctlr = 0x00c50838, CACHES_A53, A32_V8,
      .aa64pfr = { 0x2222 }, .aa64dfr0 = 0x10305106, .aa64isar = { 0x11120 }, .aa64mmfr = { 0x1122 }, .features = { A64 } },
    { .name = "cortex-a57", .midr = 0x411fd070, .fpsid = 0x41034070, .ctr = 0x8444c004, .reset_sctlr = 0x00c50838, CACHES_A57, A32_V8,
      .aa64pfr = { 0x2222 }, .aa64dfr0 = 0x10305106, .aa64isar = { 0x11120 }, .aa64mmfr = { 0x1124 }, .features = { A64 } },
    { .name = "cortex-a72", .midr = 0x410fd083, .fpsid = 0x41034080, .ctr = 0x8444c004, .reset_sctlr = 0x00c50838, CACHES_A57, A32_V8,
      .aa64pfr = { 0x2222 }, .aa64dfr0 = 0x10305106, .aa64isar = { 0x11120 }, .aa64mmfr = { 0x1124 }, .features = { A64 } },
    { .name = "cortex-a76", .midr = 0x414fd0b1, .fpsid = 0x41034070, .ctr = 0x8444c004, .reset_sctlr = 0x30c50838, CACHES_A76, A32_V8_2,
      .aa64pfr = { 0x1100000010111112, 0x10 }, .aa64dfr0 = 0x10305408, .aa64isar = { 0x0000100010211120, 0x100001 },
      .aa64mmfr = { 0x101122, 0x10212122, 0x1011 }, .features = { A64 } },
    { .name = "neoverse-n1", .midr = 0x414fd0c1, .fpsid = 0x41034070, .ctr = 0x8444c004, .reset_sctlr = 0x30c50838, CACHES_A76, A32_V8_2,
      .aa64pfr = { 0x1100000010111112, 0x20 }, .aa64dfr0 = 0x10305408, .aa64isar = { 0x0000100010211120, 0x100001 },
      .aa64mmfr = { 0x101125, 0x10212122, 0x1011 }, .features = { A64 } },
    { .name = "max", .midr = 0x000f0510, .fpsid = 0x41034070, .ctr = 0x80038003, .reset_sctlr = 0x00c50838, CACHES_A57, A32_V8_2,
      /* FP16; CSV2_2, DIT; BTI, SSBS2 */
      .aa64pfr = { 0x1201000010112222, 0x21 }, .aa64dfr0 = 0x10305106,
      /* AES PMULL SHA1 SHA512 CRC32 LSE RDM SHA3 SM3 SM4 DP FHM FLAGM2 TLBIRANGE; DPB2 PAuth JSCVT FCMA LRCPC2 GPA FRINTTS SB SPECRES BF16 I8MM; MOPS */
      .aa64isar = { 0x0221111110212120, 0x0000011101211012 | 1ull << 44 | 1ull << 52, 0x10000 },
      .aa64mmfr = { 0x101125, 0x10211122, 0x1000000010001011 }, .cntfrq = 1000000000, .features = { A64 } },
    { .name = "cortex-m0", .midr = 0x410cc200, .id_pfr = { 0x30, 0x200 }, .id_dfr0 = 0x00100000, .id_mmfr = { 0x30 }, .features = { M_BASE } },
    { .name = "cortex-m3", .midr = 0x412fc231, .id_pfr = { 0x30, 0x200 }, .id_dfr0 = 0x00100000, .id_mmfr = { 0x30 },
      .id_isar = { 0x01141110, 0x02111000, 0x21112231, 0x01111110, 0x01310102 }, .mpu_regions = 8, .features = { M_MAINLINE } },
    { .name = "cortex-m4", .midr = 0x410fc240, .id_pfr = { 0x30, 0x200 }, .id_dfr0 = 0x00100000, .id_mmfr = { 0x30 },
      .id_isar = { 0x01141110, 0x02111000, 0x21112231, 0x01111110, 0x01310102 }, .mvfr = { 0x10110021, 0x11000011, 0 }, .mpu_regions = 8,
      .features = { M_MAINLINE, F(M_DSP), VFP4_SP } },
    { .name = "cortex-m7", .midr = 0x411fc272, .id_pfr = { 0x30, 0x200 }, .id_dfr0 = 0x00100000, .id_mmfr = { 0x00100030, 0, 0x01000000 },
      .id_isar = { 0x01101110, 0x02112000, 0x20232231, 0x01111131, 0x01310132 }, .mvfr = { 0x10110221, 0x12000011, 0x40 }, .mpu_regions = 8,
      .features = { M_MAINLINE, F(M_DSP), VFP4_SP, F(VFP_DP), F(FPARMV8) } },
    { .name = "cortex-m33", .midr = 0x410fd213, .ctr = 0x8000c000, .id_pfr = { 0x30, 0x210 }, .id_dfr0 = 0x00200000,
      .id_mmfr = { 0x00101f40, 0, 0x01000000 }, .id_isar = { 0x01101110, 0x02212000, 0x20232232, 0x01111131, 0x01310132 },
      .mvfr = { 0x10110021, 0x11000011, 0x40 }, .mpu_regions = 16, .sau_regions = 8,
      .features = { M_MAINLINE, F(M_V8), F(M_SECURITY), F(M_DSP), VFP4_SP, F(FPARMV8) } },
    { .name = NULL },
};

#define FIELD(name_, reg, shift_, min_) { .feature = F(name_), .shift = shift_, .min = min_, .offset = ARM_OFFSET(reg) }
#define SIGNED(name_, reg, shift_, min_) \
    { .feature = F(name_), .shift = shift_, .min = min_, .offset = ARM_OFFSET(reg), .is_signed = true }
#define ISAR0 id_aa64isar[0]
#define ISAR1 id_aa64isar[1]
#define MMFR1 id_aa64mmfr[1]
#define MMFR2 id_aa64mmfr[2]

const ARMFeatureField arm_feature_fields[] = {
    FIELD(AES, ISAR0, 4, 1), FIELD(PMULL, ISAR0, 4, 2), FIELD(SHA1, ISAR0, 8, 1), FIELD(SHA256, ISAR0, 12, 1), FIELD(SHA512, ISAR0, 12, 2),
    FIELD(CRC32, ISAR0, 16, 1), FIELD(LSE, ISAR0, 20, 2), FIELD(RDM, ISAR0, 28, 1), FIELD(SHA3, ISAR0, 32, 1), FIELD(SM3, ISAR0, 36, 1),
    FIELD(SM4, ISAR0, 40, 1), FIELD(DOTPROD, ISAR0, 44, 1), FIELD(FHM, ISAR0, 48, 1), FIELD(FLAGM, ISAR0, 52, 1), FIELD(FLAGM2, ISAR0, 52, 2),
    FIELD(TLBIOS, ISAR0, 56, 1), FIELD(TLBIRANGE, ISAR0, 56, 2), FIELD(RNG, ISAR0, 60, 1),
    FIELD(DPB, ISAR1, 0, 1), FIELD(DPB2, ISAR1, 0, 2), FIELD(PAUTH, ISAR1, 4, 1), FIELD(PAUTH_QARMA5, ISAR1, 4, 1), FIELD(PAUTH, ISAR1, 8, 1),
    FIELD(JSCVT, ISAR1, 12, 1), FIELD(FCMA, ISAR1, 16, 1), FIELD(LRCPC, ISAR1, 20, 1), FIELD(LRCPC2, ISAR1, 20, 2),
    FIELD(PAUTH_GENERIC, ISAR1, 24, 1), FIELD(PAUTH_GENERIC, ISAR1, 28, 1), FIELD(FRINTTS, ISAR1, 32, 1), FIELD(SB, ISAR1, 36, 1),
    FIELD(SPECRES, ISAR1, 40, 1), FIELD(BF16, ISAR1, 44, 1), FIELD(I8MM, ISAR1, 52, 1), FIELD(MOPS, id_aa64isar[2], 16, 1),
    SIGNED(FPARMV8, id_aa64pfr[0], 16, 0x10), SIGNED(FP16, id_aa64pfr[0], 16, 1), FIELD(RAS, id_aa64pfr[0], 28, 1), FIELD(DIT, id_aa64pfr[0], 48, 1),
    FIELD(CSV2_2, id_aa64pfr[0], 56, 2), FIELD(BTI, id_aa64pfr[1], 0, 1), FIELD(SSBS, id_aa64pfr[1], 4, 1), FIELD(SSBS2, id_aa64pfr[1], 4, 2),
    FIELD(AA32_EL0, id_aa64pfr[0], 0, 2), FIELD(AA32_EL1, id_aa64pfr[0], 4, 2),
    FIELD(ASID16, id_aa64mmfr[0], 4, 2), FIELD(TGRAN16, id_aa64mmfr[0], 20, 1),
    FIELD(HAF, MMFR1, 0, 1), FIELD(HDBS, MMFR1, 0, 2), FIELD(VMID16, MMFR1, 4, 2), FIELD(VHE, MMFR1, 8, 1), FIELD(HPD, MMFR1, 12, 1),
    FIELD(LOR, MMFR1, 16, 1), FIELD(PAN, MMFR1, 20, 1), FIELD(PAN2, MMFR1, 20, 2), FIELD(XNX, MMFR1, 28, 1),
    FIELD(TTCNP, MMFR2, 0, 1), FIELD(UAO, MMFR2, 4, 1), FIELD(TTST, MMFR2, 28, 1), FIELD(IDST, MMFR2, 36, 1), FIELD(E0PD, MMFR2, 60, 1),
    { .min = 0 },
};
