/* SPDX-License-Identifier: MIT */
/*
 * System registers of Arm's Versatile Express motherboard (ARM DUI 0447, ch. 4) and of the older Versatile boards (DUI 0225),
 * and the way to the board's microcontroller: clocks, voltages, power off and reboot. Region 0 (4 KiB); inputs = the card
 * slots' switches, output 0 = display multiplexer (a number, not a level); properties sys_id, proc_id. Not modelled: LCD multiplexer, temperatures, DMA routing, NVFLAGS over power cycles.
 */
#include "hw/boards.h"
#include "util/log.h"
#include "util/timer.h"

#include <glib.h>

enum { R_ID, R_SW, R_LED, R_LOCK, R_100HZ, R_CFGDATA1, R_CFGDATA2, R_FLAGS, R_FLAGSCLR, R_NVFLAGS, R_NVFLAGSCLR, R_RESETCTL,
       R_PCICTL, R_MCI, R_FLASH, R_CLCD, R_CLCDSER, R_BOOTCS, R_24MHZ, R_MISC, R_DMA, R_PROCID0, R_PROCID1, R_CFGDATA,
       R_CFGCTRL, R_CFGSTAT, R_OSC0 };
enum { CFG_OSC = 1, CFG_VOLT = 2, CFG_TEMP = 4, CFG_SHUTDOWN = 8, CFG_REBOOT = 9, CFG_DVIMODE = 11, CFG_MUXFPGA = 7,
       CFG_SCC = 6, CFG_RESET = 5 };
enum { CFGCTRL_WRITE = 1u << 30, CFGCTRL_START = 1u << 31, CFGSTAT_DONE = 1, CFGSTAT_ERROR = 2 };
#define OSCILLATORS 32
enum { BOARD_VEXPRESS = 0x190, UNLOCK = 0xa05f, CLCD_ID_MASK = 0x3f00, CLCD_ID_VGA = 0x1f00 };

typedef struct SysReg {
    Device dev;
    uint32_t sys_id, proc_id;
    uint32_t osc[2][OSCILLATORS]; /* Hz; motherboard, daughterboard */
    uint32_t cards;               /* SYS_MCI */
} SysReg;

static uint32_t read_id(void *dev, unsigned index, uint32_t value)
{
    const SysReg *s = dev;
    (void)value;
    return index == R_ID ? s->sys_id : index == R_PROCID0 ? s->proc_id : 0xff000000;
}

static uint32_t read_counter(void *dev, unsigned index, uint32_t value)
{
    uint64_t ns = (uint64_t)clock_ns(CLOCK_VIRTUAL);
    (void)dev;
    (void)value;
    return (uint32_t)(index == R_100HZ ? ns / (NS_PER_SEC / 100) : (unsigned __int128)ns * 24 / 1000);
}

/* Flag registers set bits; the register after each clears them. */
static void set_flags(void *dev, unsigned index, uint32_t value)
{
    ((Device *)dev)->regs[index] |= value;
}

static void clear_flags(void *dev, unsigned index, uint32_t value)
{
    ((Device *)dev)->regs[index - 1] &= ~value;
}

static bool is_vexpress(const SysReg *s)
{
    return (s->sys_id >> 16 & 0xfff) == BOARD_VEXPRESS;
}

/* SYS_LOCK: the value opens what changes clocks and resets; bit 16 of it tells whether they are locked. */
static bool unlocked(const SysReg *s)
{
    return s->dev.regs[R_LOCK] == UNLOCK;
}

/* Versatile: bit 8 resets, once unlocked, whatever the depth in bits 0-2. */
static void write_resetctl(void *dev, unsigned index, uint32_t value)
{
    SysReg *s = dev;
    if ((value & 0x100) && unlocked(s) && !is_vexpress(s))
        system_reset_request(SHUTDOWN_GUEST);
}

static void write_osc(void *dev, unsigned index, uint32_t value)
{
    SysReg *s = dev;
    if (unlocked(s) && !is_vexpress(s))
        s->dev.regs[index] = value & 0x7ffff;
}

/* Versatile: which pixel format the multiplexer behind the display controller makes. */
static void write_clcd(void *dev, unsigned index, uint32_t value)
{
    SysReg *s = dev;
    if (is_vexpress(s))
        return;
    s->dev.regs[R_CLCD] = (s->dev.regs[R_CLCD] & CLCD_ID_MASK) | (value & ~(uint32_t)CLCD_ID_MASK);
    irq_set(&s->dev.out[0], value & 3);
}

/* Card slots: 2 * slot = a card is in it, 2 * slot + 1 = it is write protected. Versatile puts the second kind from bit 2 on. */
static void card_input(void *dev, int n, int level)
{
    SysReg *s = dev;
    unsigned bit = is_vexpress(s) ? (unsigned)n : (unsigned)(n & 1) * 2 + (unsigned)n / 2;
    s->cards = (s->cards & ~(1u << bit)) | (uint32_t)(level != 0) << bit;
}

static uint32_t read_mci(void *dev, unsigned index, uint32_t value)
{
    return ((SysReg *)dev)->cards;
}

/* ---- The microcontroller ---- */

static bool oscillator(SysReg *s, unsigned site, unsigned device, bool write)
{
    uint32_t *data = &s->dev.regs[R_CFGDATA];
    if (site > 1 || device >= OSCILLATORS)
        return false;
    if (write)
        s->osc[site][device] = *data;
    else
        *data = s->osc[site][device];
    return true;
}

static bool run_command(SysReg *s, uint32_t ctrl)
{
    unsigned function = ctrl >> 20 & 0x3f, site = ctrl >> 16 & 3, device = ctrl & 0xfff;
    bool write = ctrl & CFGCTRL_WRITE;
    switch (function) {
    case CFG_OSC: return oscillator(s, site, device, write);
    case CFG_VOLT:
        s->dev.regs[R_CFGDATA] = write ? s->dev.regs[R_CFGDATA] : 1000000; /* microvolts */
        return true;
    case CFG_TEMP:
        s->dev.regs[R_CFGDATA] = 25000;
        return !write;
    case CFG_SHUTDOWN:
        if (write)
            system_shutdown_request(SHUTDOWN_GUEST);
        return write;
    case CFG_REBOOT: case CFG_RESET:
        if (write)
            system_reset_request(SHUTDOWN_GUEST);
        return write;
    case CFG_DVIMODE: case CFG_MUXFPGA: case CFG_SCC: return true;
    default:
        log_printf(LOG_UNIMP, "vexpress-sysreg: configuration function %u\n", function);
        return false;
    }
}

static void write_cfgctrl(void *dev, unsigned index, uint32_t value)
{
    SysReg *s = dev;
    s->dev.regs[index] &= ~(uint32_t)CFGCTRL_START;
    if (value & CFGCTRL_START)
        s->dev.regs[R_CFGSTAT] = run_command(s, value) ? CFGSTAT_DONE : CFGSTAT_DONE | CFGSTAT_ERROR;
}

static const RegisterRow sysreg_regs[] = {
    { "SYS_ID", 0x00, 4, .on_read = read_id },
    { "SYS_SW", 0x04, 4, .write = ~0u },
    { "SYS_LED", 0x08, 4, .write = 0xff },
    { "SYS_LOCK", 0x20, 4, .write = 0xffff },
    { "SYS_100HZ", 0x24, 4, .on_read = read_counter },
    { "SYS_CFGDATA1", 0x28, 4, .write = ~0u },
    { "SYS_CFGDATA2", 0x2c, 4, .write = ~0u },
    { "SYS_FLAGS", 0x30, 4, .on_write = set_flags },
    { "SYS_FLAGSCLR", 0x34, 4, .on_write = clear_flags },
    { "SYS_NVFLAGS", 0x38, 4, .on_write = set_flags },
    { "SYS_NVFLAGSCLR", 0x3c, 4, .on_write = clear_flags },
    { "SYS_RESETCTL", 0x40, 4, .on_write = write_resetctl },
    { "SYS_PCICTL", 0x44, 4, .reset = 1 },
    { "SYS_MCI", 0x48, 4, .on_read = read_mci },
    { "SYS_FLASH", 0x4c, 4, .write = ~0u },
    { "SYS_CLCD", 0x50, 4, .on_write = write_clcd },
    { "SYS_CLCDSER", 0x54, 4, .write = ~0u },
    { "SYS_BOOTCS", 0x58, 4, .reset = 0 },
    { "SYS_24MHZ", 0x5c, 4, .on_read = read_counter },
    { "SYS_MISC", 0x60, 4, .write = ~0u },
    { "SYS_DMA", 0x64, 4, .write = ~0u },
    { "SYS_PROCID0", 0x84, 4, .on_read = read_id },
    { "SYS_PROCID1", 0x88, 4, .on_read = read_id },
    { "SYS_CFGDATA", 0xa0, 4, .write = ~0u },
    { "SYS_CFGCTRL", 0xa4, 4, .write = ~(3u << 18), .on_write = write_cfgctrl },
    { "SYS_CFGSTAT", 0xa8, 4, .write = 3 },
    { "SYS_OSC0", 0x0c, 4, .on_write = write_osc },
    { "SYS_OSC1", 0x10, 4, .on_write = write_osc },
    { "SYS_OSC2", 0x14, 4, .on_write = write_osc },
    { "SYS_OSC3", 0x18, 4, .on_write = write_osc },
    { "SYS_OSC4", 0x1c, 4, .on_write = write_osc },
    {},
};

/* Clocks as the boards come up: all around 24 MHz to 50 MHz; a kernel sets what it needs. */
static void sysreg_reset(Device *dev)
{
    SysReg *s = (SysReg *)dev;
    for (unsigned site = 0; site < 2; site++)
        for (unsigned i = 0; i < OSCILLATORS; i++)
            s->osc[site][i] = site ? 45000000 : 24000000;
    dev->regs[R_CLCD] = is_vexpress(s) ? 0 : CLCD_ID_VGA;
    irq_set(&dev->out[0], 0);
}

static void sysreg_post_load(Device *dev)
{
    irq_set(&dev->out[0], dev->regs[R_CLCD] & 3);
}

static bool sysreg_realize(Device *dev, Error **errp)
{
    device_init_out(dev, 1);
    device_init_in(dev, card_input, 4);
    sysreg_reset(dev);
    return true;
}

static const Property sysreg_props[] = {
    PROP_U32("sys_id", SysReg, sys_id, 0), PROP_U32("proc_id", SysReg, proc_id, 0), {},
};
static const SavedField sysreg_saved[] = {
    SAVED_ARRAY(SysReg, osc[0]), SAVED_ARRAY(SysReg, osc[1]), SAVED_INT(SysReg, cards), SAVED_END(),
};
static const DeviceType sysreg_type = {
    .name = "vexpress-sysreg", .desc = "Versatile Express system registers", .bus = BUS_SYSTEM,
    .category = "Misc devices", .internal = true, .size = sizeof(SysReg), .props = sysreg_props, .saved = sysreg_saved,
    .regs = sysreg_regs, .regs_size = 0x1000, .realize = sysreg_realize, .reset = sysreg_reset, .post_load = sysreg_post_load,
};
device_type(sysreg_type)
