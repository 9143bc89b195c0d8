/* SPDX-License-Identifier: MIT */
/* Exceptions of M profile. */
#include "cpu.h"

void arm_m_configure(ARMCPU *env, const ARMMConfig *cfg)
{
    (void)env;
    (void)cfg;
}

void arm_m_start(ARMCPU *env)
{
    (void)env;
}
