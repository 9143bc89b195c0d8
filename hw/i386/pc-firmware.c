/* SPDX-License-Identifier: MIT */
/*
 * Firmware of the PC: the image below 4 GiB with its last 128 KiB also below 1 MiB, and what it reads
 * through fw_cfg: sizes, memory map, ACPI tables with the script that places them, SMBIOS, boot options,
 * and a kernel that it is to start itself.
 */
#include "block/block.h"
#include "hw/acpi.h"
#include "hw/boot-order.h"
#include "hw/fw_cfg.h"
#include "hw/pc-board.h"
#include "hw/pc-north.h"
#include "hw/smbios.h"
#include "util/error.h"
#include "vl.h"
#include <glib.h>
#include <string.h>

#define FIRMWARE_MAX (16 * MiB)
#define FIRMWARE_UNIT (64 * KiB)
#define LOW_WINDOW (128 * KiB)
#define FLASH_SECTOR 4096u
#define FLASH_TOTAL_MAX (8u << 20)

static char *firmware_path(const MachineState *m)
{
    if (m->bios && g_file_test(m->bios, G_FILE_TEST_EXISTS))
        return g_strdup(m->bios);
    return data_file_find(m->bios ? m->bios : ((const PCBoard *)m->board)->default_bios);
}

static bool read_firmware(const MachineState *m, Blob *out, Error **errp)
{
    const char *name = m->bios ? m->bios : ((const PCBoard *)m->board)->default_bios;
    g_autofree char *path = firmware_path(m);
    if (!path) {
        error_setg(errp, "could not find firmware '%s'%s", name,
                   m->bios ? "" : "; give a kernel with -kernel, or a firmware image with -bios");
        return false;
    }
    if (!blob_read(path, FIRMWARE_MAX, out, errp)) {
        error_prepend(errp, "could not load PC BIOS '%s': ", name);
        return false;
    }
    if (!out->len || out->len % FIRMWARE_UNIT) {
        error_setg(errp, "could not load PC BIOS '%s': its size, %zu bytes, is not a multiple of 64 KiB", name, out->len);
        return false;
    }
    return true;
}

/* The last 128 KiB below 4 GiB are also the last below 1 MiB. */
static void show_below_1m(PCBoard *b, MemoryRegion *rom)
{
    uint64_t low = MIN(rom->size, LOW_WINDOW);
    memory_region_init_alias(&b->rom_low, NULL, "isa-bios", rom, rom->size - low, low);
    memory_region_add_overlap(pc_pci_memory(), MiB - low, &b->rom_low, 1);
}

static bool load_image(MachineState *m, Error **errp)
{
    PCBoard *b = m->board;
    Blob image;
    if (!read_firmware(m, &image, errp) || !memory_region_init_rom(&b->rom, NULL, "pc.bios", image.len, errp))
        return false;
    memcpy(memory_region_ram_ptr(&b->rom), image.data, image.len);
    uint64_t low = MIN(image.len, LOW_WINDOW);
    if (pci_root_bus) {
        show_below_1m(b, &b->rom);
        memory_region_add(pc_pci_memory(), PC_ABOVE_4G - image.len, &b->rom);
    } else { /* no bridge that could open RAM for writing: the BIOS lies in it */
        memory_region_add_overlap(system_memory, PC_ABOVE_4G - image.len, &b->rom, 1);
        rom_add("bios-low", MiB - low, (Blob){ image.data + image.len - low, low }, 0);
    }
    rom_add("bios", PC_ABOVE_4G - image.len, image, 0);
    return true;
}

/* ---- Flash: the first bank ends at 4 GiB, the second below it ---- */

static bool flash_backend(PCBoard *b, unsigned n, BlockBackend **out, Error **errp)
{
    Drive *d = drive_get(DRIVE_PFLASH, 0, (int)n);
    *out = d ? d->blk : NULL;
    if (d)
        d->used = true;
    if (!b->flash_node[n])
        return true;
    if (d) {
        error_setg(errp, "machine property 'pflash%u' and drive if=pflash,unit=%u both name a flash", n, n);
        return false;
    }
    *out = blk_find(b->flash_node[n]);
    if (!*out)
        error_setg(errp, "machine property 'pflash%u': no block device or node '%s'", n, b->flash_node[n]);
    return *out != NULL;
}

bool pc_has_flash(const PCBoard *b)
{
    return b->flash_node[0] || drive_get(DRIVE_PFLASH, 0, 0);
}

static bool add_flash(PCBoard *b, unsigned n, BlockBackend *blk, uint64_t *end, Error **errp)
{
    uint64_t size = blk_size(blk);
    g_autofree char *name = g_strdup_printf("system.flash%u", n);
    if (!size || size % FLASH_SECTOR) {
        error_setg(errp, "system firmware block device %s has invalid size %" G_GUINT64_FORMAT ": its size must be a non-zero multiple of 0x%x",
                   blk_name(blk), size, FLASH_SECTOR);
        return false;
    }
    if (size > FLASH_TOTAL_MAX - (PC_ABOVE_4G - *end)) {
        error_setg(errp, "combined size of system firmware exceeds %u bytes", FLASH_TOTAL_MAX);
        return false;
    }
    Device *dev = device_new("cfi.pflash01");
    device_set_str(dev, "name", name);
    device_set_u64(dev, "sector-length", FLASH_SECTOR);
    device_set_u32(dev, "num-blocks", (uint32_t)(size / FLASH_SECTOR));
    device_set_u32(dev, "width", 1);
    device_set_drive(dev, "drive", blk);
    if (!device_realize(dev, errp))
        return false;
    *end -= size;
    map_region(pc_pci_memory(), *end, dev, 0);
    if (n == 0)
        show_below_1m(b, dev->regions[0]);
    return true;
}

static bool load_flash(MachineState *m, Error **errp)
{
    PCBoard *b = m->board;
    uint64_t end = PC_ABOVE_4G;
    if (m->bios) {
        error_setg(errp, "-bios and flash drives both give firmware: use one of them");
        return false;
    }
    for (unsigned n = 0; n < PC_FLASHES; n++) {
        BlockBackend *blk;
        if (!flash_backend(b, n, &blk, errp))
            return false;
        if (blk && !add_flash(b, n, blk, &end, errp))
            return false;
    }
    return true;
}

bool pc_load_firmware(MachineState *m, Error **errp)
{
    PCBoard *b = m->board;
    if (b->chipset && pc_has_flash(b))
        return load_flash(m, errp);
    if (b->chipset && (b->flash_node[1] || drive_get(DRIVE_PFLASH, 0, 1))) {
        error_setg(errp, "pflash1 requires pflash0");
        return false;
    }
    return load_image(m, errp);
}

/* ---- fw_cfg ---- */

static void add_memory_map(const PCBoard *b)
{
    E820Table t = { .count = 0 };
    e820_add(&t, 0, b->ram_below, E820_RAM);
    e820_add(&t, PC_ABOVE_4G, b->ram_above, E820_RAM);
    fw_cfg_add_file(b->fw_cfg, "etc/e820", t.rows, t.count * sizeof(E820Entry));
}

/* The tables say where PCI Express's configuration window is, which firmware chooses before it reads them. Their files keep
 * the size that the directory told: they end in zeros, which readers skip. */
enum { TABLES_ROOM = 4096 };

static void pad(GByteArray *a, guint len)
{
    guint had = a->len;
    g_byte_array_set_size(a, len);
    if (len > had)
        memset(a->data + had, 0, len - had);
}

static void set_acpi_files(const MachineState *m, const FWCfgCallbacks *cb)
{
    const PCBoard *b = m->board;
    ACPITables *t = b->build_acpi(m);
    GByteArray *script = acpi_loader_script(t);
    const struct { const char *name; GByteArray *data; } files[] = {
        { "etc/acpi/tables", t->blob }, { "etc/acpi/rsdp", t->rsdp }, { "etc/table-loader", script },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
        GByteArray *d = files[i].data;
        size_t had;
        if (cb) {
            if (d != t->rsdp && cb->select)
                pad(d, (d->len + 2 * TABLES_ROOM - 1) / TABLES_ROOM * TABLES_ROOM);
            fw_cfg_add_file_callback(b->fw_cfg, files[i].name, d->data, d->len, false, cb);
        } else if (fw_cfg_file_data(b->fw_cfg, files[i].name, &had) && had >= d->len) {
            pad(d, (guint)had);
            fw_cfg_modify_file(b->fw_cfg, files[i].name, d->data, d->len);
        }
    }
    g_byte_array_free(script, TRUE);
    acpi_free(t);
}

static void update_acpi(void *opaque)
{
    PCBoard *b = ((MachineState *)opaque)->board;
    if (b->tables_read)
        return;
    b->tables_read = true;
    set_acpi_files(opaque, NULL);
}

static void add_acpi(const MachineState *m, const PCBoard *b)
{
    const FWCfgCallbacks cb = { .select = b->chipset && b->chipset->acpi.q35 ? update_acpi : NULL, .opaque = (void *)m };
    set_acpi_files(m, &cb);
}

static void add_smbios(const MachineState *m, const PCBoard *b)
{
    SMBIOSTables *t = pc_build_smbios(m, 0);
    fw_cfg_add_file(b->fw_cfg, "etc/smbios/smbios-tables", t->tables->data, t->tables->len);
    fw_cfg_add_file(b->fw_cfg, "etc/smbios/smbios-anchor", t->entry21, sizeof(t->entry21));
    smbios_free(t);
}

/* An option ROM, when it is installed, with which SeaBIOS starts a kernel from fw_cfg. */
static void add_boot_rom(const PCBoard *b)
{
    g_autofree char *path = data_file_find("linuxboot_dma.bin");
    Blob rom;
    if (!path || !blob_read(path, MiB, &rom, NULL))
        return;
    fw_cfg_add_file(b->fw_cfg, "genroms/linuxboot_dma.bin", rom.data, rom.len);
    boot_order_add_path("/rom@genroms/linuxboot_dma.bin", 0);
}

/* The parts of a kernel, for firmware that starts it. The addresses are the usual ones of a boot loader; the
 * initrd ends below what firmware takes for its tables. */
static bool add_kernel(const MachineState *m, const PCBoard *b, Error **errp)
{
    enum { SETUP_ADDR = 0x10000, CMDLINE_ADDR = 0x20000, KERNEL_ADDR = 0x100000, FIRMWARE_TOP = 0x40000 };
    Blob kernel, initrd = { NULL, 0 };
    if (!pc_read_blob("kernel", m->kernel, &kernel, errp) ||
        (m->initrd && !pc_read_blob("initrd", m->initrd, &initrd, errp)))
        return false;
    const char *cmdline = m->append ? m->append : "";
    X86BootInfo info = { .ram_end = MIN(b->ram_below, 0x38000000u) - FIRMWARE_TOP };
    uint64_t initrd_addr = x86_boot_place_high(&info, initrd.len, 16 * MiB, info.ram_end);
    if (initrd.len && !initrd_addr) {
        error_setg(errp, "initrd '%s' does not fit into memory", m->initrd);
        return false;
    }
    size_t setup_len = linux_setup_size(kernel);
    g_autofree uint8_t *setup = g_memdup2(kernel.data, setup_len);
    linux_prepare_setup(setup, setup_len, SETUP_ADDR, CMDLINE_ADDR, initrd_addr, initrd.len);
    const struct { uint16_t addr_key, size_key, data_key; uint32_t addr; Blob data; } parts[] = {
        { FW_CFG_SETUP_ADDR, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA, SETUP_ADDR, { setup, setup_len } },
        { FW_CFG_KERNEL_ADDR, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA, KERNEL_ADDR,
          { kernel.data + setup_len, kernel.len - setup_len } },
        { FW_CFG_INITRD_ADDR, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, initrd_addr, initrd },
        { FW_CFG_CMDLINE_ADDR, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA, CMDLINE_ADDR,
          { (const uint8_t *)cmdline, strlen(cmdline) + 1 } },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        fw_cfg_add_i32(b->fw_cfg, parts[i].addr_key, parts[i].addr);
        fw_cfg_add_i32(b->fw_cfg, parts[i].size_key, parts[i].data.len);
        fw_cfg_add_bytes(b->fw_cfg, parts[i].data_key, parts[i].data.data, parts[i].data.len);
    }
    if (!b->no_option_roms)
        add_boot_rom(b);
    return true;
}

/* ---- -boot ---- */

/* A picture that SeaBIOS shows while its menu waits: JPEG, or BMP of 24 bits a pixel. */
static bool add_splash(const PCBoard *b, const char *name, Error **errp)
{
    g_autofree char *path = data_file_find(name);
    Blob picture;
    if (!path || !blob_read(path, 16 * MiB, &picture, errp)) {
        if (!path)
            error_setg(errp, "failed to read splash file '%s'", name);
        return false;
    }
    bool jpeg = picture.len > 1 && picture.data[0] == 0xff && picture.data[1] == 0xd8;
    bool bmp = picture.len > 30 && picture.data[0] == 'B' && picture.data[1] == 'M' && get_le16(picture.data + 28) == 24;
    if (!jpeg && !bmp) {
        error_setg(errp, "splash file '%s' format not recognized; must be JPEG or 24 bit BMP", name);
        return false;
    }
    fw_cfg_add_file(b->fw_cfg, jpeg ? "bootsplash.jpg" : "bootsplash.bmp", picture.data, picture.len);
    return true;
}

static bool add_boot_options(const MachineState *m, const PCBoard *b, Error **errp)
{
    uint8_t bytes[4];
    fw_cfg_add_i16(b->fw_cfg, FW_CFG_BOOT_MENU, m->boot_menu);
    if (m->boot_splash_time >= 0) {
        put_le16(bytes, (uint16_t)m->boot_splash_time);
        fw_cfg_add_file(b->fw_cfg, "etc/boot-menu-wait", bytes, 2);
    }
    put_le32(bytes, (uint32_t)m->boot_reboot_timeout);
    fw_cfg_add_file(b->fw_cfg, "etc/boot-fail-wait", bytes, 4);
    return !m->boot_splash || add_splash(b, m->boot_splash, errp);
}

/* Devices may have come or gone since the last start. */
void pc_update_boot_order(const MachineState *m)
{
    const PCBoard *b = m->board;
    size_t len, had;
    g_autofree char *list = boot_order_list(m->boot_strict, &len);
    if (!list && !fw_cfg_file_data(b->fw_cfg, "bootorder", &had))
        return;
    if (!fw_cfg_modify_file(b->fw_cfg, "bootorder", list ? list : "", list ? len : 1))
        fw_cfg_add_file(b->fw_cfg, "bootorder", list ? list : "", list ? len : 1);
}

void pc_update_fw_cfg(const MachineState *m)
{
    const PCBoard *b = m->board;
    if (b->acpi && b->late_acpi)
        add_acpi(m, b);
    if (!b->more_cmdline || !m->kernel || b->direct_boot)
        return;
    g_autofree char *cmdline = g_strconcat(m->append ? m->append : "", b->more_cmdline, NULL);
    fw_cfg_add_i32(b->fw_cfg, FW_CFG_CMDLINE_SIZE, (uint32_t)strlen(cmdline) + 1);
    fw_cfg_add_bytes(b->fw_cfg, FW_CFG_CMDLINE_DATA, cmdline, strlen(cmdline) + 1);
}

bool pc_fill_fw_cfg(MachineState *m, Error **errp)
{
    PCBoard *b = m->board;
    Device *f = b->fw_cfg;
    fw_cfg_add_i64(f, FW_CFG_RAM_SIZE, b->ram_below);
    fw_cfg_add_i16(f, FW_CFG_NB_CPUS, m->cpus);
    fw_cfg_add_i16(f, FW_CFG_MAX_CPUS, m->max_cpus > m->cpus ? m->max_cpus : m->cpus);
    fw_cfg_add_i32(f, FW_CFG_IRQ0_OVERRIDE, 1);
    fw_cfg_add_bytes(f, FW_CFG_UUID, m->uuid, sizeof(m->uuid));
    const uint64_t reserved_end = PC_ABOVE_4G + b->ram_above;
    if (b->ram_above)
        fw_cfg_add_file(f, "etc/reserved-memory-end", &reserved_end, sizeof(reserved_end));
    add_memory_map(b);
    if (b->acpi && !b->late_acpi)
        add_acpi(m, b);
    add_smbios(m, b);
    if (b->chipset && b->chipset->fill_fw_cfg)
        b->chipset->fill_fw_cfg(b);
    if (!add_boot_options(m, b, errp))
        return false;
    return !m->kernel || b->direct_boot || add_kernel(m, b, errp);
}
