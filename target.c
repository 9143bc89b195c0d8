/* SPDX-License-Identifier: MIT */
/* The targets in this program. */
#include "target.h"

#include <string.h>

const TargetOps *current_target;

static const TargetOps *const targets[] = { &x86_64_target_ops, &i386_target_ops, &aarch64_target_ops, &arm_target_ops };

static bool is_named(const TargetOps *t, const char *name)
{
    if (!strcmp(t->name, name))
        return true;
    for (const char *const *a = t->aliases; a && *a; a++) {
        if (!strcmp(*a, name))
            return true;
    }
    return false;
}

const TargetOps *target_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        if (is_named(targets[i], name))
            return targets[i];
    }
    return NULL;
}
