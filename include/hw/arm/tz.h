/* SPDX-License-Identifier: MIT */
/*
 * What stands between the buses of a TrustZone-M system and its memories and peripherals: memory protection controllers (tz-mpc) and the
 * security controller of the IoT kit with its peripheral protection (iotkit-secctl). A board asks them for each address that is new
 * to the TLB (ARMMBusAnswer in target-arm/cpu.h). Machine lock.
 */
#ifndef RHEA_HW_ARM_TZ_H
#define RHEA_HW_ARM_TZ_H

#include "hw/device.h"
#include "target-arm/cpu.h"

/* tz-mpc: may a transaction of this Security state go to this offset of the memory? Blocks are of 4 KiB. */
ARMMBusAnswer tz_mpc_check(Device *mpc, uint64_t offset, bool secure);

/* iotkit-secctl: groups of peripherals, with a bit each for Non-secure use. */
typedef enum TZGroup { TZ_APB0, TZ_APB1, TZ_AHB_EXP0, TZ_AHB_EXP1, TZ_APB_EXP0, TZ_APB_EXP1, TZ_APB_EXP2, TZ_GROUPS } TZGroup;
ARMMBusAnswer tz_ppc_check(Device *secctl, TZGroup group, unsigned port, bool secure);
/* Code (bit 0) and RAM (bit 1) of Secure state may hold gateways: NSCCFG. */
unsigned tz_callable(const Device *secctl);

/* Called when an answer may have changed; on the thread that made it change. */
void tz_mpc_on_change(Device *mpc, void (*fn)(void *opaque), void *opaque);
void tz_ppc_on_change(Device *secctl, void (*fn)(void *opaque), void *opaque);

#endif
