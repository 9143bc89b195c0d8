/* SPDX-License-Identifier: MIT */
/*
 * SMBus host controller of PIIX4 and ICH (Intel 82371AB datasheet, 7.3; ICH9 datasheet, order 316972, 19.2): quick, byte, word,
 * process call, block and I2C block read transfers, byte by byte or through the 32-byte buffer. A transfer takes no time.
 * Not modelled: slave mode, packet error codes, alerts.
 */
#include "hw/smbus.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

enum { HST_STS = 0, HST_CNT = 2, HST_CMD = 3, XMIT_SLVA = 4, HST_D0 = 5, HST_D1 = 6, HOST_BLOCK_DB = 7, AUX_CTL = 0x0d };
enum { STS_BUSY = 0x01, STS_INTR = 0x02, STS_DEV_ERR = 0x04, STS_CLEARABLE = 0xfe, STS_IN_USE = 0x40, STS_BYTE_DONE = 0x80,
       STS_IRQ = STS_INTR | STS_DEV_ERR | STS_BYTE_DONE };
enum { CNT_IRQ = 0x01, CNT_KILL = 0x02, CNT_LAST = 0x20, CNT_START = 0x40 };
enum { AUX_BUFFER = 0x02 };
enum { QUICK, BYTE, BYTE_DATA, WORD_DATA, PROCESS_CALL, BLOCK, I2C_BLOCK_READ };
#define EEPROMS 8

static void update_irq(SMBusHost *s)
{
    if (s->irq)
        irq_set(s->irq, (s->control & CNT_IRQ) && (s->status & STS_IRQ));
}

static SMBusSlave *find_slave(SMBusHost *s)
{
    for (Device *dev = s->bus.first; dev; dev = dev->next)
        if (((SMBusSlave *)dev)->address == s->address >> 1)
            return (SMBusSlave *)dev;
    return NULL;
}

static void slave_write(SMBusSlave *to, const uint8_t *data, unsigned len)
{
    ((const SMBusSlaveOps *)to->dev.type->class_data)->write(to, data, len);
}

static uint8_t slave_read(SMBusSlave *from)
{
    return ((const SMBusSlaveOps *)from->dev.type->class_data)->read(from);
}

/* ---- Blocks ---- */

static void write_block(SMBusHost *s, SMBusSlave *to, unsigned len)
{
    uint8_t all[2 + SMBUS_BLOCK_MAX] = { s->command, (uint8_t)len };
    memcpy(all + 2, s->block, len);
    slave_write(to, all, 2 + len);
}

/* Without the buffer each byte waits in the window until the guest acknowledges it. */
static void begin_bytes(SMBusHost *s, unsigned len, bool writing)
{
    s->length = (uint8_t)len;
    s->index = 0;
    s->writing = writing;
    s->by_bytes = true;
    s->status |= STS_BUSY | STS_BYTE_DONE;
}

static void next_byte(SMBusHost *s)
{
    SMBusSlave *slave = find_slave(s);
    bool last = s->control & CNT_LAST && !s->writing;
    if (++s->index < s->length && !last) {
        s->status |= STS_BYTE_DONE;
        return;
    }
    s->by_bytes = false;
    if (s->writing && slave)
        write_block(s, slave, s->length);
    s->index = 0;
    s->status = (uint8_t)((s->status & ~STS_BUSY) | STS_INTR);
}

/* True when the transfer is over. */
static bool transfer_block(SMBusHost *s, SMBusSlave *slave, bool read, bool i2c)
{
    bool buffer = s->aux_control & AUX_BUFFER;
    s->index = 0;
    if (!read) {
        unsigned len = MIN(MAX(s->data0, 1), SMBUS_BLOCK_MAX);
        if (!buffer)
            begin_bytes(s, len, true);
        else
            write_block(s, slave, len);
        return buffer;
    }
    slave_write(slave, i2c ? &s->data1 : &s->command, 1);
    unsigned len = i2c ? SMBUS_BLOCK_MAX : slave_read(slave);
    len = MIN(MAX(len, 1), SMBUS_BLOCK_MAX);
    for (unsigned i = 0; i < len; i++)
        s->block[i] = slave_read(slave);
    if (!i2c)
        s->data0 = (uint8_t)len;
    if (!buffer)
        begin_bytes(s, len, false);
    return buffer;
}

/* ---- Transfers ---- */

static bool transfer(SMBusHost *s, SMBusSlave *slave)
{
    bool read = s->address & 1;
    uint8_t out[3] = { s->command, s->data0, s->data1 };
    switch (s->control >> 2 & 7) {
    case QUICK: slave_write(slave, out, 0); return true;
    case BYTE:
        if (read)
            s->data0 = slave_read(slave);
        else
            slave_write(slave, out, 1);
        return true;
    case BYTE_DATA: case WORD_DATA: {
        unsigned bytes = (s->control >> 2 & 7) == WORD_DATA ? 2 : 1;
        slave_write(slave, out, read ? 1 : 1 + bytes);
        if (read) {
            s->data0 = slave_read(slave);
            s->data1 = bytes == 2 ? slave_read(slave) : s->data1;
        }
        return true;
    }
    case PROCESS_CALL:
        slave_write(slave, out, 3);
        s->data0 = slave_read(slave);
        s->data1 = slave_read(slave);
        return true;
    case BLOCK: return transfer_block(s, slave, read, false);
    case I2C_BLOCK_READ: return transfer_block(s, slave, true, true);
    default:
        guest_error("smbus: transfer type %u does not exist\n", s->control >> 2 & 7);
        return true;
    }
}

static void control_write(SMBusHost *s, uint8_t value)
{
    s->control = value & ~(CNT_START | CNT_KILL);
    if (value & CNT_KILL) {
        s->by_bytes = false;
        s->status &= (uint8_t)~(STS_BUSY | STS_BYTE_DONE);
    } else if ((value & CNT_START) && !(s->status & STS_BUSY)) {
        SMBusSlave *slave = find_slave(s);
        if (!slave)
            s->status |= STS_DEV_ERR;
        else if (transfer(s, slave))
            s->status |= STS_INTR;
    }
}

/* ---- Registers ---- */

static uint64_t smbus_read(void *opaque, hwaddr offset, unsigned size)
{
    SMBusHost *s = opaque;
    switch (offset) {
    case HST_STS: return s->status;
    case HST_CNT: { /* reading rewinds the buffer */
        if (!s->by_bytes)
            s->index = 0;
        return s->control;
    }
    case HST_CMD: return s->command;
    case XMIT_SLVA: return s->address;
    case HST_D0: return s->data0;
    case HST_D1: return s->data1;
    case HOST_BLOCK_DB: {
        uint8_t v = s->block[s->index % SMBUS_BLOCK_MAX];
        if (!s->by_bytes && (s->aux_control & AUX_BUFFER))
            s->index = (s->index + 1) % SMBUS_BLOCK_MAX;
        return v;
    }
    case AUX_CTL: return s->aux_control;
    default: return 0;
    }
}

static void smbus_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    SMBusHost *s = opaque;
    uint8_t v = (uint8_t)value;
    switch (offset) {
    case HST_STS: {
        bool go_on = s->by_bytes && (v & s->status & STS_BYTE_DONE);
        s->status &= (uint8_t)~(v & STS_CLEARABLE);
        if (go_on)
            next_byte(s);
        break;
    }
    case HST_CNT: control_write(s, v); break;
    case HST_CMD: s->command = v; break;
    case XMIT_SLVA: s->address = v; break;
    case HST_D0: s->data0 = v; break;
    case HST_D1: s->data1 = v; break;
    case HOST_BLOCK_DB:
        s->block[(s->by_bytes ? s->index + 1u : s->index) % SMBUS_BLOCK_MAX] = v;
        if (!s->by_bytes && (s->aux_control & AUX_BUFFER))
            s->index = (s->index + 1) % SMBUS_BLOCK_MAX;
        break;
    case AUX_CTL: s->aux_control = v & AUX_BUFFER; break;
    }
    update_irq(s);
}

static const MemoryRegionOps smbus_ops = { .read = smbus_read, .write = smbus_write, .impl_min = 1, .impl_max = 1 };

/* ---- Life ---- */

bool smbus_host_init(SMBusHost *s, Device *owner, const IRQLine *irq, Error **errp)
{
    s->irq = irq;
    memory_region_init_io(&s->region, owner, &smbus_ops, s, "pm-smbus", 64);
    device_add_region(owner, &s->region);
    bus_init(&s->bus, BUS_I2C, "i2c", owner);
    for (unsigned i = 0; i < EEPROMS; i++) {
        Device *dev = device_new("smbus-eeprom");
        device_set_u64(dev, "address", 0x50 + i);
        dev->parent = &s->bus;
        if (!device_realize(dev, errp))
            return false;
    }
    return true;
}

void smbus_host_reset(SMBusHost *s)
{
    s->status = s->control = s->command = s->address = s->data0 = s->data1 = s->aux_control = 0;
    memset(s->block, 0, sizeof(s->block));
    s->index = s->length = 0;
    s->by_bytes = s->writing = false;
    update_irq(s);
}

void smbus_host_loaded(SMBusHost *s)
{
    s->index %= SMBUS_BLOCK_MAX;
    s->length = MIN(s->length, SMBUS_BLOCK_MAX);
    update_irq(s);
}

const SavedField smbus_host_saved[] = {
    SAVED_INT(SMBusHost, status), SAVED_INT(SMBusHost, control), SAVED_INT(SMBusHost, command), SAVED_INT(SMBusHost, address),
    SAVED_INT(SMBusHost, data0), SAVED_INT(SMBusHost, data1), SAVED_INT(SMBusHost, aux_control), SAVED_BYTES(SMBusHost, block),
    SAVED_INT(SMBusHost, index), SAVED_INT(SMBusHost, length), SAVED_INT(SMBusHost, by_bytes), SAVED_INT(SMBusHost, writing), SAVED_END(),
};

/* ---- EEPROM of 256 bytes: a write's first byte is the address, the rest is stored; reads go on from there ---- */

typedef struct EEPROM {
    SMBusSlave slave;
    uint8_t data[256];
    uint8_t offset;
} EEPROM;

static void eeprom_write(SMBusSlave *slave, const uint8_t *data, unsigned len)
{
    EEPROM *s = (EEPROM *)slave;
    if (!len)
        return;
    s->offset = data[0];
    for (unsigned i = 1; i < len; i++)
        s->data[s->offset++] = data[i];
}

static uint8_t eeprom_read(SMBusSlave *slave)
{
    EEPROM *s = (EEPROM *)slave;
    return s->data[s->offset++];
}

static void eeprom_reset(Device *dev)
{
    EEPROM *s = (EEPROM *)dev;
    memset(s->data, 0, sizeof(s->data));
    s->offset = 0;
}

static const Property eeprom_props[] = { PROP_U8("address", EEPROM, slave.address, 0), {} };
static const SavedField eeprom_saved[] = { SAVED_BYTES(EEPROM, data), SAVED_INT(EEPROM, offset), SAVED_END() };
static const SMBusSlaveOps eeprom_ops = { eeprom_write, eeprom_read };
static const DeviceType eeprom_type = {
    .name = "smbus-eeprom", .bus = BUS_I2C, .category = "Misc devices", .internal = true, .size = sizeof(EEPROM), .props = eeprom_props,
    .saved = eeprom_saved, .reset = eeprom_reset, .class_data = &eeprom_ops,
};
device_type(eeprom_type)
