/* SPDX-License-Identifier: MIT */
/* The bus between a host controller and its card slot. */
#include "hw/sd.h"

#include "sd-card.h"
#include "util/error.h"

static bool has_room(const Bus *bus)
{
    return !container_of(bus, SDBus, bus)->card;
}

void sd_bus_init(SDBus *bus, const char *name, Device *host, void (*card_changed)(Device *host))
{
    bus_init(&bus->bus, BUS_SD, name, host);
    bus->bus.has_room = has_room;
    bus->host = host;
    bus->card_changed = card_changed;
}

bool sd_bus_add_card(SDBus *bus, Drive *drive, Error **errp)
{
    Device *dev = device_new("sd-card");
    dev->parent = &bus->bus;
    device_set_drive(dev, "drive", drive->blk);
    drive->used = true;
    return device_realize(dev, errp);
}

bool sd_present(const SDBus *bus)
{
    return bus->card && sd_card_present(bus->card);
}

bool sd_write_protected(const SDBus *bus)
{
    return sd_present(bus) && sd_card_write_protected(bus->card);
}

unsigned sd_command(SDBus *bus, uint8_t cmd, uint32_t arg, uint8_t response[16])
{
    return sd_present(bus) ? sd_card_command(bus->card, cmd & 63, arg, response) : SD_NO_RESPONSE;
}

bool sd_can_read(const SDBus *bus)
{
    return sd_present(bus) && sd_card_can_read(bus->card);
}

bool sd_can_write(const SDBus *bus)
{
    return sd_present(bus) && sd_card_can_write(bus->card);
}

uint8_t sd_read(SDBus *bus)
{
    return sd_can_read(bus) ? sd_card_read(bus->card) : 0;
}

void sd_write(SDBus *bus, uint8_t byte)
{
    if (sd_can_write(bus))
        sd_card_write(bus->card, byte);
}
