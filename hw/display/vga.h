/* SPDX-License-Identifier: MIT */
/*
 * State of the VGA core, shared by its files and the cards built on it. Machine lock.
 *
 * Video memory holds the four planes side by side: byte n of plane p is at 4n + p. A chain-4 or linear
 * address is a byte address in that memory; an odd/even (text) address A is plane A & 1 of word A / 2.
 */
#ifndef RHEA_HW_DISPLAY_VGA_H
#define RHEA_HW_DISPLAY_VGA_H

#include "hw/device.h"
#include "ui/console.h"

#define VGA_WINDOW_BASE 0xa0000
#define VGA_WINDOW_SIZE 0x20000
#define VGA_PLANES_SIZE (256 * KiB) /* what the standard registers reach */

/* Sequencer, CRT controller, graphics and attribute controller: register numbers. */
enum { SR_RESET, SR_CLOCKING, SR_MAP_MASK, SR_CHARACTER_MAP, SR_MEMORY_MODE, SR_COUNT = 8 };
enum {
    CR_H_TOTAL, CR_H_DISPLAY_END, CR_V_TOTAL = 0x06, CR_OVERFLOW, CR_PRESET_ROW_SCAN, CR_MAX_SCAN_LINE, CR_CURSOR_START,
    CR_CURSOR_END, CR_START_HIGH, CR_START_LOW, CR_CURSOR_HIGH, CR_CURSOR_LOW, CR_V_RETRACE_START, CR_V_RETRACE_END,
    CR_V_DISPLAY_END, CR_OFFSET, CR_UNDERLINE, CR_MODE_CONTROL = 0x17, CR_LINE_COMPARE, CR_COUNT
};
enum {
    GR_SET_RESET, GR_ENABLE_SET_RESET, GR_COLOR_COMPARE, GR_DATA_ROTATE, GR_READ_MAP, GR_MODE, GR_MISC, GR_COLOR_DONT_CARE,
    GR_BIT_MASK, GR_COUNT = 16
};
enum { AR_MODE = 0x10, AR_OVERSCAN, AR_PLANE_ENABLE, AR_PEL_PANNING, AR_COLOR_SELECT, AR_COUNT };

/* Bits */
enum { SR_CLOCKING_8DOT = 1, SR_CLOCKING_HALF = 8, SR_CLOCKING_OFF = 0x20 };
enum { SR_MEMORY_SEQUENTIAL = 4, SR_MEMORY_CHAIN4 = 8 };
enum { CR_MODE_CGA_ROWS = 1, CR_MODE_HERCULES_ROWS = 2, CR_MODE_BYTE = 0x40 };
enum { GR_MODE_READ1 = 8, GR_MODE_ODD_EVEN = 0x10, GR_MODE_SHIFT_CGA = 0x20, GR_MODE_SHIFT_256 = 0x40 };
enum { GR_MISC_GRAPHICS = 1 };
enum { AR_MODE_MONO = 2, AR_MODE_LINE_GRAPHICS = 4, AR_MODE_BLINK = 8, AR_MODE_SPLIT_PANNING = 0x20, AR_MODE_P54S = 0x80 };
enum { AR_INDEX_SCREEN_ON = 0x20 };
enum { MISC_COLOR = 1, MISC_RAM = 2 };

/* Bochs VBE interface: registers and bits. */
enum {
    VBE_ID, VBE_XRES, VBE_YRES, VBE_BPP, VBE_ENABLE, VBE_BANK, VBE_VIRT_WIDTH, VBE_VIRT_HEIGHT, VBE_X_OFFSET, VBE_Y_OFFSET,
    VBE_MEMORY_64K, VBE_COUNT
};
enum { VBE_ENABLED = 0x01, VBE_GETCAPS = 0x02, VBE_8BIT_DAC = 0x20, VBE_LFB = 0x40, VBE_NO_CLEAR = 0x80 };
enum { VBE_ID_FIRST = 0xb0c0, VBE_ID_LAST = 0xb0c5, VBE_MAX_XRES = 16000, VBE_MAX_YRES = 12000, VBE_MAX_BPP = 32 };

#define VGA_PORT_RANGES 5
typedef struct VGAState VGAState;
typedef struct VGAPorts {
    MemoryRegion io;
    VGAState *vga;
    uint16_t base;
} VGAPorts;

struct VGAState {
    Device *dev;
    MemoryRegion vram;               /* linear frame buffer */
    uint32_t vram_size;              /* power of two */
    MemoryRegion window;             /* 0xa0000-0xbffff through the graphics controller */
    MemoryRegion direct;             /* over it, when the controller changes nothing */
    bool direct_wanted, windowed;
    VGAPorts ports[VGA_PORT_RANGES];
    MemoryRegion vbe_ports;

    uint8_t misc, feature;
    uint8_t sr_index, sr[SR_COUNT];
    uint8_t cr_index, cr[CR_COUNT];
    uint8_t gr_index, gr[GR_COUNT];
    uint8_t ar_index, ar[AR_COUNT];  /* index holds AR_INDEX_SCREEN_ON */
    bool ar_data;                    /* the next write to 0x3c0 is data */
    uint8_t dac[768], dac_mask;
    uint8_t dac_index, dac_part;     /* entry and colour of the next access */
    uint8_t dac_pending[3];          /* of an entry being written */
    bool dac_reading;
    uint32_t latch;                  /* plane 0 lowest */
    uint16_t vbe_index, vbe[VBE_COUNT];
    bool big_endian;                 /* pixels of the linear modes */
    const uint8_t *bios;             /* the card's BIOS, NULL: none */
    size_t bios_len;

    Console *con;
    bool redraw;                     /* registers changed: no line may be kept */
    uint8_t *page_dirty;             /* while drawing: a byte per page of vram */
};

/* What the registers say is to be shown. */
typedef enum VGAModeKind { VGA_BLANK, VGA_TEXT, VGA_PLANAR, VGA_CGA4, VGA_INDEXED, VGA_RGB15, VGA_RGB16, VGA_RGB24, VGA_RGB32 } VGAModeKind;
typedef struct VGAMode {
    VGAModeKind kind;
    unsigned width, height;   /* of the surface */
    unsigned dots;            /* surface pixels per pixel of the mode: 1 or 2 */
    unsigned char_width;      /* text: dots, not doubled */
    unsigned row_lines;       /* scan lines per row of characters, or per pixel row */
    bool double_scan;
    uint32_t start, pitch;    /* bytes of video memory */
    uint32_t wrap;            /* addresses are taken modulo this */
    unsigned line_compare;    /* after this line the display starts again at address 0 */
    unsigned panning, preset_row;
} VGAMode;

/* ---- vga.c: realize, reset, ports ---- */
extern const SavedField vga_saved[];
/* memory_mb is rounded up to a power of two. */
bool vga_init(VGAState *s, Device *dev, uint32_t memory_mb, unsigned head, Error **errp);
/* Maps ports and window into these spaces; the device's release takes them out. */
void vga_map_legacy(VGAState *s, MemoryRegion *memory, MemoryRegion *io);
void vga_exit(VGAState *s);
void vga_reset(VGAState *s);
void vga_loaded(VGAState *s);
uint8_t vga_port_read(VGAState *s, uint16_t port);
void vga_port_write(VGAState *s, uint16_t port, uint8_t value);
/* Puts the card into 80x25 text mode as its BIOS does, with a font of 256 characters of 16 lines (NULL: none). */
void vga_set_text_mode(VGAState *s, const uint8_t *font);

/* ---- vga-mem.c ---- */
extern const MemoryRegionOps vga_window_ops;
/* After a change of what decides where the window leads. */
void vga_update_window(VGAState *s);
bool vga_chain4(const VGAState *s);

/* ---- vga-vbe.c ---- */
extern const MemoryRegionOps vga_vbe_port_ops;
uint16_t vga_vbe_read(VGAState *s, unsigned index);
void vga_vbe_write(VGAState *s, unsigned index, uint16_t value);
void vga_vbe_reset(VGAState *s);
/* Makes the geometry fit the memory. Also for images from outside. */
void vga_vbe_fix(VGAState *s);
static inline bool vga_vbe_enabled(const VGAState *s) { return s->vbe[VBE_ENABLE] & VBE_ENABLED; }
/* Bytes from one line to the next; bits per pixel as drawn (4, 8, 15, 16, 24, 32). */
uint32_t vga_vbe_pitch(const VGAState *s);
unsigned vga_vbe_depth(const VGAState *s);

/* ---- vga-mode.c, vga-draw.c ---- */
VGAMode vga_mode(const VGAState *s);
unsigned vga_display_lines(const VGAState *s);
unsigned vga_v_retrace_start(const VGAState *s);
unsigned vga_v_total(const VGAState *s);
/* Colour of a DAC entry, and of an attribute (0-15), as pixels. */
uint32_t vga_dac_pixel(const VGAState *s, uint8_t entry);
uint32_t vga_attribute_pixel(const VGAState *s, unsigned attribute);
extern const ConsoleOps vga_console_ops;

/* ---- vga-text.c ---- */
/* One scan line of a row of characters: (width / (char_width * dots)) + 1 cells from address into out. */
void vga_draw_text_line(const VGAState *s, const VGAMode *m, uint32_t address, unsigned scan, uint32_t *out);
bool vga_read_text(void *opaque, TextScreen *out);

#endif
