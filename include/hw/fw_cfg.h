/* SPDX-License-Identifier: MIT */
/*
 * The firmware configuration device: numbered items and named files that firmware and guests read.
 * Items are added while the machine is built. Machine lock.
 */
#ifndef RHEA_HW_FW_CFG_H
#define RHEA_HW_FW_CFG_H

#include "hw/device.h"

/* Item numbers that firmware and Linux's qemu_fw_cfg know. */
enum {
    FW_CFG_SIGNATURE = 0x00, FW_CFG_ID = 0x01, FW_CFG_UUID = 0x02, FW_CFG_RAM_SIZE = 0x03, FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05, FW_CFG_MACHINE_ID = 0x06, FW_CFG_KERNEL_ADDR = 0x07, FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_KERNEL_CMDLINE = 0x09, FW_CFG_INITRD_ADDR = 0x0a, FW_CFG_INITRD_SIZE = 0x0b, FW_CFG_BOOT_DEVICE = 0x0c,
    FW_CFG_NUMA = 0x0d, FW_CFG_BOOT_MENU = 0x0e, FW_CFG_MAX_CPUS = 0x0f, FW_CFG_KERNEL_ENTRY = 0x10,
    FW_CFG_KERNEL_DATA = 0x11, FW_CFG_INITRD_DATA = 0x12, FW_CFG_CMDLINE_ADDR = 0x13, FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15, FW_CFG_SETUP_ADDR = 0x16, FW_CFG_SETUP_SIZE = 0x17, FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19, FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_ACPI_TABLES = 0x8000, FW_CFG_SMBIOS_ENTRIES = 0x8001, FW_CFG_IRQ0_OVERRIDE = 0x8002,
    FW_CFG_E820_TABLE = 0x8003, FW_CFG_HPET = 0x8004,
};
#define FW_CFG_NAME_MAX 55

typedef struct FWCfgCallbacks {
    void (*select)(void *opaque);  /* the guest is about to read: bring the item up to date */
    void (*write)(void *opaque, uint64_t offset, uint64_t len); /* after the guest stored into it */
    void *opaque;
} FWCfgCallbacks;

/* The machine's device, or NULL. */
Device *fw_cfg_find(void);
/* Data is copied. An item that exists is replaced. */
void fw_cfg_add_bytes(Device *dev, uint16_t key, const void *data, size_t len);
void fw_cfg_add_string(Device *dev, uint16_t key, const char *text); /* with its final zero */
void fw_cfg_add_i16(Device *dev, uint16_t key, uint16_t value);      /* little-endian */
void fw_cfg_add_i32(Device *dev, uint16_t key, uint32_t value);
void fw_cfg_add_i64(Device *dev, uint16_t key, uint64_t value);
/* Named files, "etc/e820" or "opt/…". The key is chosen; names longer than FW_CFG_NAME_MAX are cut. */
void fw_cfg_add_file(Device *dev, const char *name, const void *data, size_t len);
/* With callbacks (copied, members may be NULL); writable lets the guest store by DMA. */
void fw_cfg_add_file_callback(Device *dev, const char *name, const void *data, size_t len, bool writable,
                              const FWCfgCallbacks *cb);
/* Replaces contents later, also from a select callback. False when there is no such item. */
bool fw_cfg_modify_bytes(Device *dev, uint16_t key, const void *data, size_t len);
bool fw_cfg_modify_file(Device *dev, const char *name, const void *data, size_t len);
/* Contents now, NULL when there is no such file. */
const uint8_t *fw_cfg_file_data(Device *dev, const char *name, size_t *len);

#endif
