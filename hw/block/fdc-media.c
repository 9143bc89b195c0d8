/* SPDX-License-Identifier: MIT */
/* Floppy formats: what a medium of so many sectors looks like to a drive. */
#include "fdc.h"

#include <glib.h>

static const FloppyFormat formats[] = {
    { 320, 8, 40, 1, RATE_300K, FLOPPY_120 },   { 360, 9, 40, 1, RATE_300K, FLOPPY_120 },
    { 640, 8, 40, 2, RATE_300K, FLOPPY_120 },   { 720, 9, 40, 2, RATE_300K, FLOPPY_120 },
    { 1440, 9, 80, 2, RATE_250K, FLOPPY_144 },  { 1600, 10, 80, 2, RATE_250K, FLOPPY_144 },
    { 2400, 15, 80, 2, RATE_500K, FLOPPY_120 }, { 2880, 18, 80, 2, RATE_500K, FLOPPY_144 },
    { 3200, 20, 80, 2, RATE_500K, FLOPPY_144 }, { 3360, 21, 80, 2, RATE_500K, FLOPPY_144 },
    { 3444, 21, 82, 2, RATE_500K, FLOPPY_144 }, { 3486, 21, 83, 2, RATE_500K, FLOPPY_144 },
    { 3520, 22, 80, 2, RATE_500K, FLOPPY_144 }, { 3680, 23, 80, 2, RATE_500K, FLOPPY_144 },
    { 3840, 24, 80, 2, RATE_500K, FLOPPY_144 }, { 5760, 36, 80, 2, RATE_1M, FLOPPY_288 },
    { 6240, 39, 80, 2, RATE_1M, FLOPPY_288 },   { 6400, 40, 80, 2, RATE_1M, FLOPPY_288 },
    { 7040, 44, 80, 2, RATE_1M, FLOPPY_288 },   { 7680, 48, 80, 2, RATE_1M, FLOPPY_288 },
};

static bool fits_drive(const FloppyFormat *f, FloppyType type)
{
    return type == FLOPPY_AUTO || f->type == type || (type == FLOPPY_288 && f->type == FLOPPY_144);
}

const FloppyFormat *floppy_format(uint64_t sectors, FloppyType type)
{
    const FloppyFormat *larger = NULL, *any = &formats[0];
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
        const FloppyFormat *f = &formats[i];
        if (!fits_drive(f, type))
            continue;
        if (f->sectors == sectors)
            return f;
        if (!larger && f->sectors > sectors && f->sectors >= 2400)
            larger = f;
        any = f;
    }
    return larger ? larger : any;
}

uint8_t floppy_cmos_type(int type)
{
    return type == FLOPPY_120 ? 2 : type == FLOPPY_144 ? 4 : type == FLOPPY_288 ? 5 : 0;
}
