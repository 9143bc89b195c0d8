/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: the stream of a saved machine, damaged, as loadvm reads it. The machine is the board that FUZZ_MACHINE names (q35 when nothing is said) with
 * its devices, all PCI, SCSI, NVMe and serial devices that a user can add, and one vCPU that never runs. Byte 0 of an input: bits 0 to 6 the number of
 * damages, bit 7 cuts the stream off behind the last one. A damage has 6 bytes: section (16 bits, 0: anywhere in the stream), place in it (16 bits; modulo
 * what there is), how, value. What follows, 8 bytes each, is done to the machine whatever came of loading: accesses to any I/O region, steps of the clock,
 * a look at the screen. Afterwards the undamaged stream must load again. Memory contents are left out but for one empty block.
 */
#include "block/vmstate.h"
#include "chardev.h"
#include "cpu.h"
#include "device-machine.h"
#include "fuzz.h"
#include "qtest.h"
#include "savevm-file.h"
#include "ui/console.h"
#include "util/timer.h"

#include <string.h>
#include <unistd.h>

enum { DAMAGE_BYTES = 6, OPERATION_BYTES = 8, OPERATIONS_MAX = 256 };
#define STEP_MAX (4u << 20) /* ns, of the clock */
#define PIXELS_MAX (2048u * 2048)

static GByteArray *good;   /* the stream */
static GArray *sections;   /* uint64_t: where each device's state begins */

/* ---- A stream in memory behind a block driver ---- */

static GByteArray *stream;

static int stream_write(BlockNode *n, uint64_t pos, const void *buf, size_t size)
{
    if (stream->len < pos + size)
        g_byte_array_set_size(stream, (guint)(pos + size));
    memcpy(stream->data + pos, buf, size);
    return 0;
}

static int stream_read(BlockNode *n, uint64_t pos, void *buf, size_t size)
{
    memcpy(buf, stream->data + pos, size);
    return 0;
}

static const BlockDriver stream_driver = { .name = "stream", .vmstate_write = stream_write, .vmstate_read = stream_read };
static BlockNode stream_node = { .drv = &stream_driver };

static bool load(GByteArray *bytes)
{
    stream = bytes;
    VMStateStream *s = vmstate_open(&stream_node, false, bytes->len);
    Error *err = NULL;
    bool ok = vm_state_load(s, &err);
    must(ok == !err, "an error says what was wrong");
    must(ok || (*error_get_pretty(err) && !strpbrk(error_get_pretty(err), "\n\r\033")), "in one line");
    error_free(err);
    vmstate_close(s, NULL);
    return ok;
}

/* ---- The machine ---- */

static MachineState state;

static const char *const pc_devices[] = {
    "ich9-ahci,id=ahci", "ide-hd,bus=ahci.0,drive=d0", "ide-cd,bus=ahci.1,drive=d1", "nvme,serial=n,drive=d2", "virtio-scsi-pci,id=scsi",
    "scsi-hd,bus=scsi.0,drive=d3", "scsi-cd,bus=scsi.0,drive=d4", "virtio-blk-pci,drive=d5", "virtio-serial-pci,id=vs", "virtconsole,bus=vs.0,chardev=c0",
    "virtserialport,bus=vs.0,chardev=c1", "virtio-balloon-pci", "virtio-rng-pci", "pci-serial", "edu", "pci-testdev", "pvpanic-pci",
    "isa-debugcon,chardev=c2", "pc-testdev", "vmcoreinfo", NULL };
static const char *const virtio_mmio_devices[] = {
    "virtio-blk-device,drive=d0", "virtio-scsi-device,id=scsi", "scsi-hd,bus=scsi.0,drive=d1", "virtio-serial-device", "virtio-balloon-device",
    "virtio-rng-device", NULL };
static const struct { const char *name, *target, *options, *const *devices; unsigned drives; } boards[] = {
    { "q35", "x86_64", "", pc_devices, 6 },
    { "pc", "x86_64", "", pc_devices, 6 },
    { "isapc", "i386", "", NULL, 0 },
    { "microvm", "x86_64", "", virtio_mmio_devices, 2 },
    { "virt", "aarch64", ",gic-version=3,secure=on,virtualization=on", virtio_mmio_devices, 2 },
    { "vexpress-a9", "arm", "", NULL, 0 },
    { "vexpress-a15", "arm", "", NULL, 0 },
    { "versatilepb", "arm", "", NULL, 0 },
    { "raspi2b", "arm", "", NULL, 0 },
    { "lm3s6965evb", "arm", "", NULL, 0 },
    { "microbit", "arm", "", NULL, 0 },
    { "netduinoplus2", "arm", "", NULL, 0 },
    { "mps2-an386", "arm", "", NULL, 0 },
    { "mps2-an505", "arm", "", NULL, 0 },
};

static void need(bool ok, Error *err)
{
    if (ok)
        return;
    fprintf(stderr, "set-up: %s\n", err ? error_get_pretty(err) : "?");
    abort();
}

static void add_drive(const char *options, DriveInterface kind)
{
    static GPtrArray *kept; /* the drives keep using their options */
    Error *err = NULL;
    OptGroup *o = opts_parse("-drive", options, NULL, &err);
    need(o && drive_add(o, kind, 2, &err), err);
    if (!kept)
        kept = g_ptr_array_new();
    g_ptr_array_add(kept, o);
}

static void add_devices(const char *const *list, unsigned drives)
{
    bool no_chardev;
    Error *err = NULL;
    for (unsigned i = 0; i < drives; i++) {
        g_autofree char *text = g_strdup_printf("if=none,id=d%u,driver=null-co,size=1M,read-zeroes=on", i);
        add_drive(text, DRIVE_NONE);
    }
    static const char *const chardevs[] = { "c0", "c1", "c2" };
    for (unsigned i = 0; i < ARRAY_SIZE(chardevs); i++)
        need(chardev_from_legacy(chardevs[i], "null", &no_chardev, &err) != NULL, err);
    for (; list && *list; list++) {
        OptGroup *o = opts_parse("-device", *list, "driver", &err);
        need(o && device_add(o, &err), err);
        opts_free(o);
    }
}

/* An image of zeroes instead of firmware: nobody runs it. */
static char *empty_firmware(void)
{
    char *path;
    int fd = g_file_open_tmp("savevm-fuzz-XXXXXX", &path, NULL);
    must(fd >= 0 && !ftruncate(fd, 65536), "firmware");
    close(fd);
    return path;
}

static void build(const char *name)
{
    Error *err = NULL;
    unsigned i = 0;
    while (i < ARRAY_SIZE(boards) && strcmp(boards[i].name, name))
        i++;
    must(i < ARRAY_SIZE(boards), "FUZZ_MACHINE is in the list");
    current_target = !strcmp(boards[i].target, "x86_64") ? &x86_64_target_ops : !strcmp(boards[i].target, "i386") ? &i386_target_ops
                     : !strcmp(boards[i].target, "aarch64") ? &aarch64_target_ops : &arm_target_ops;
    g_autofree char *options = g_strconcat(name, boards[i].options, NULL);
    const MachineType *type = machine_type_find(name, boards[i].target);
    state = (MachineState){ .type = type, .cpus = 1, .max_cpus = 1, .sockets = 1, .dies = 1, .cores = 1, .threads = 1, .ram_size = type->default_ram,
                            .options = opts_parse("-machine", options, "type", NULL), .vga = type->takes_vga ? "std" : "none", .rtc_start = 1000000000,
                            .rtc_clock = CLOCK_VIRTUAL, .boot_splash_time = -1, .boot_reboot_timeout = -1 };
    opts_get(state.options, "type");
    if (type->takes_vga || !strcmp(name, "microvm")) {
        state.ram_size = 4 * MiB;
        state.bios = empty_firmware();
    }
    current_machine = &state;
    memory_init();
    current_target->init();
    qtest_accel_init();
    need(type->init(&state, &err), err);
    add_devices(boards[i].devices, boards[i].drives);
    device_reset_all();
    CPU_FOREACH(cpu)
        current_target->reset(cpu);
    if (type->reset)
        type->reset(&state);
    if (state.bios)
        unlink(state.bios);
}

/* ---- The undamaged stream ---- */

static uint64_t number_at(uint64_t at)
{
    uint64_t v;
    memcpy(&v, good->data + at, 8);
    return GUINT64_FROM_LE(v);
}

/* Cuts what vm_state_save wrote off behind the devices and vCPUs and notes where each state begins. */
static void find_sections(void)
{
    uint64_t at = 8, len;
    for (unsigned i = 0; i < 2; i++) /* target, machine */
        at += 8 + number_at(at);
    at += 16;
    sections = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    for (;; at += 8 + len) { /* at each section's kind */
        uint64_t kind = number_at(at);
        at += 8;
        len = 0;
        if (kind == 'T') {
            at += 6 * 8 - 8;
            continue;
        }
        if (kind == 'D')
            for (unsigned i = 0; i < 2; i++)
                at += 8 + number_at(at);
        else if (kind == 'C')
            at += 5 * 8;
        else
            break;
        uint64_t start = at + 8;
        len = number_at(at);
        if (len)
            g_array_append_val(sections, start);
    }
    g_byte_array_set_size(good, (guint)(at - 8));
    uint64_t end = GUINT64_TO_LE((uint64_t)'E');
    g_byte_array_append(good, (const uint8_t *)&end, 8);
}

static void machine(void)
{
    const char *name = g_getenv("FUZZ_MACHINE");
    uint64_t size;
    machine_lock();
    build(name ? name : "q35");
    good = stream = g_byte_array_new();
    VMStateStream *s = vmstate_open(&stream_node, true, 0);
    vm_state_save(s);
    vmstate_close(s, &size);
    find_sections();
    must(load(good), "what was saved loads");
}

/* ---- Inputs ---- */

static void damage(GByteArray *bytes, const uint8_t *p, uint64_t *end)
{
    unsigned section = p[0] | p[1] << 8, place = p[2] | p[3] << 8;
    uint64_t at = (section << 8 | (place & 255)) % bytes->len;
    if (section & 0x8000 || section < sections->len * 4) {
        uint64_t start = g_array_index(sections, uint64_t, section % sections->len);
        at = start + place % number_at(start - 8);
    }
    static const uint64_t edges[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff, INT64_MAX,
                                      1ull << 63, ~0ull, 0x100, 0x10000 };
    unsigned width = 1u << (p[4] & 3);
    uint64_t v = p[4] & 4 ? edges[p[5] & 15] : p[4] & 8 ? (uint64_t)(int64_t)(int8_t)p[5] : p[5];
    v = GUINT64_TO_LE(v);
    memcpy(bytes->data + at, &v, MIN(width, bytes->len - at));
    *end = MAX(*end, at);
}

static void collect(void *opaque, const FlatRange *r)
{
    if (r->mr->kind == REGION_IO)
        g_array_append_vals(opaque, r, 1);
}

static void look(void)
{
    Console *c = console_first();
    if (!c)
        return;
    g_free(console_text_utf8(c));
    console_update(c);
}

static void operation(const uint8_t *p, const GArray *memory, const GArray *ports)
{
    const GArray *ranges = p[0] & 8 && ports->len ? ports : memory;
    AddressSpace *as = ranges == ports ? address_space_io : address_space_memory;
    unsigned where = p[1] | p[2] << 8, size = 1u << (p[0] & 3);
    uint32_t value;
    memcpy(&value, p + 4, 4);
    if (p[0] >> 4 == 15) {
        clock_virtual_set(clock_ns(CLOCK_VIRTUAL) + value % STEP_MAX);
    } else if (p[0] >> 4 == 14) {
        look();
    } else if (ranges->len) {
        const FlatRange *r = &g_array_index(ranges, FlatRange, where % ranges->len);
        hwaddr at = r->start + ((hwaddr)p[3] << (p[0] >> 5 & 2)) % r->size;
        if (p[0] & 4)
            address_space_st(as, at, value | (uint64_t)value << 32, size);
        else
            address_space_ld(as, at, size, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!good)
        machine();
    if (!size)
        return 0;
    size_t damages = MIN(data[0] & 0x7fu, (size - 1) / DAMAGE_BYTES), at = 1;
    GByteArray *bytes = g_byte_array_new();
    uint64_t end = 0;
    g_byte_array_append(bytes, good->data, good->len);
    for (size_t i = 0; i < damages; i++, at += DAMAGE_BYTES)
        damage(bytes, data + at, &end);
    if (data[0] & 0x80)
        g_byte_array_set_size(bytes, (guint)end);
    load(bytes);
    GArray *memory = g_array_new(FALSE, FALSE, sizeof(FlatRange)), *ports = g_array_new(FALSE, FALSE, sizeof(FlatRange));
    address_space_foreach(address_space_memory, collect, memory);
    address_space_foreach(address_space_io, collect, ports);
    look();
    for (unsigned n = 0; at + OPERATION_BYTES <= size && n < OPERATIONS_MAX; n++, at += OPERATION_BYTES)
        operation(data + at, memory, ports);
    blk_drain(NULL);
    g_array_free(memory, TRUE);
    g_array_free(ports, TRUE);
    g_byte_array_unref(bytes);
    device_reset_all();
    must(load(good), "the undamaged state loads");
    return 0;
}
