/* SPDX-License-Identifier: MIT */
/* CPU models as tables (models.c), read by cpu.c. */
#ifndef TARGET_ARM_MODELS_H
#define TARGET_ARM_MODELS_H

#include "cpu.h"

typedef struct ARMModel {
    const char *name;
    uint32_t midr, fpsid, reset_sctlr;
    uint64_t ctr;
    uint32_t clidr, ccsidr[3]; /* data or unified L1, instruction L1, L2 */
    uint32_t mvfr[3];
    uint32_t id_pfr[2], id_dfr0, id_afr0, id_mmfr[5], id_isar[7];
    uint64_t aa64pfr[2], aa64dfr0, aa64isar[3], aa64mmfr[3];
    uint64_t cntfrq;
    uint8_t mpu_regions, sau_regions; /* M profile */
    uint8_t features[24];      /* ARM_FEATURE_*, ends with 0 (V4T, which every model has) */
} ARMModel;

extern const ARMModel arm_models[]; /* ends with a row without name */

/* TargetOps.cpu_models, for the models of a target. */
void arm_cpu_models(void (*fn)(void *opaque, const char *name, const char *unavailable), void *opaque, const TargetOps *ops);

/* TargetOps.cpu_expand: of the options of -cpu, those that the model has. */
bool arm_cpu_expand(const char *model, void (*fn)(void *opaque, const char *name, const char *value), void *opaque, Error **errp);

/* What one field of an ID register says: value >= min means feature. */
typedef struct ARMFeatureField {
    uint8_t feature, shift, min;
    uint32_t offset;
    bool is_signed;
} ARMFeatureField;
extern const ARMFeatureField arm_feature_fields[]; /* ends with min = 0 */

#endif
