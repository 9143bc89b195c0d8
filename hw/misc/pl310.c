/* SPDX-License-Identifier: MIT */
/*
 * Arm level 2 cache controller L2C-310 (ARM DDI 0246). Region 0 (4 KiB). There is no cache to control: registers keep
 * their configuration, maintenance is complete when it begins. Not modelled: event counters, lockdown.
 */
#include "hw/device.h"

/* Maintenance registers read as done. */
static void maintain(void *dev, unsigned index, uint32_t value)
{
    (void)value;
    ((Device *)dev)->regs[index] = 0;
}

#define MAINTENANCE(n, at) { .name = n, .offset = at, .width = 4, .on_write = maintain }
#define STORED(n, at, value, mask) { .name = n, .offset = at, .width = 4, .reset = value, .write = mask }
static const RegisterRow pl310_regs[] = {
    STORED("reg0_cache_id", 0x000, 0x410000c8, 0),
    STORED("reg0_cache_type", 0x004, 0x1c100100, 0),
    STORED("reg1_control", 0x100, 0, 1),
    STORED("reg1_aux_control", 0x104, 0x02020000, ~0u),
    STORED("reg1_tag_ram_control", 0x108, 0x777, 0x777),
    STORED("reg1_data_ram_control", 0x10c, 0x777, 0x777),
    STORED("reg2_ev_counter_ctrl", 0x200, 0, 7),
    STORED("reg2_int_mask", 0x214, 0, 0x1ff),
    STORED("reg2_int_mask_status", 0x218, 0, 0),
    STORED("reg2_int_raw_status", 0x21c, 0, 0),
    MAINTENANCE("reg2_int_clear", 0x220),
    MAINTENANCE("reg7_cache_sync", 0x730),
    MAINTENANCE("reg7_cache_sync_alias", 0x740),
    MAINTENANCE("reg7_inv_pa", 0x770),
    MAINTENANCE("reg7_inv_way", 0x77c),
    MAINTENANCE("reg7_clean_pa", 0x7b0),
    MAINTENANCE("reg7_clean_index", 0x7b8),
    MAINTENANCE("reg7_clean_way", 0x7bc),
    MAINTENANCE("reg7_clean_inv_pa", 0x7f0),
    MAINTENANCE("reg7_clean_inv_index", 0x7f8),
    MAINTENANCE("reg7_clean_inv_way", 0x7fc),
    STORED("reg9_d_lockdown0", 0x900, 0, 0xffff),
    STORED("reg9_i_lockdown0", 0x904, 0, 0xffff),
    STORED("reg12_addr_filtering_start", 0xc00, 0, 0xfff00001),
    STORED("reg12_addr_filtering_end", 0xc04, 0, 0xfff00000),
    STORED("reg15_debug_ctrl", 0xf40, 0, 7),
    STORED("reg15_prefetch_ctrl", 0xf60, 0, ~0u),
    STORED("reg15_power_ctrl", 0xf80, 0, 3),
    {},
};

static const DeviceType pl310_type = {
    .name = "l2x0", .desc = "Arm level 2 cache controller", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(Device), .regs = pl310_regs, .regs_size = 0x1000,
};
device_type(pl310_type)
