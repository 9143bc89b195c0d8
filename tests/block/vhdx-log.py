# SPDX-License-Identifier: MIT
"""Gives a clean VHDX image a log with entries to be replayed, as [MS-VHDX] 2.3 has them. Usage: vhdx-log.py IMAGE CASE
plain   one entry that changes a sector of the metadata region
row     four entries, over the end of the log, with zero and data descriptors; all are to be replayed
tail    as row, but the last one says that only the last two count
torn    as row, but the last one is not whole: three are to be replayed
stale   as row, with a longer row of lower numbers elsewhere in the log
What the image is to be afterwards goes to IMAGE.want."""
import os
import struct
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for b in data:
        crc ^= b
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


SECTOR = 4096
path, case = sys.argv[1:]
with open(path, "r+b") as f:
    image = bytearray(f.read())
at, header = max(((at, image[at:at + SECTOR]) for at in (0x10000, 0x20000)), key=lambda h: struct.unpack_from("<Q", h[1], 8)[0])
length, offset = struct.unpack_from("<IQ", header, 68)
guid = bytes(range(1, 17))
size = len(image)
regions = image[0x30000:0x40000]
table = next(struct.unpack_from("<Q", regions, 32 + 32 * i)[0] for i in range(2) if regions[16 + 32 * i] == 0x06)  # metadata
free = table + 0x20000  # behind the items: nobody reads it


def put_log(pos, data):
    for i in range(0, len(data), SECTOR):
        where = offset + (pos + i) % length
        image[where:where + SECTOR] = data[i:i + SECTOR]


def entry(pos, tail, sequence, changes):
    """changes: (offset, sector) or (offset, number of zero bytes)"""
    descriptors, data = b"", b""
    for where, what in changes:
        if isinstance(what, int):
            descriptors += struct.pack("<4sIQQQ", b"zero", 0, what, where, sequence)
        else:
            descriptors += struct.pack("<4s4s8sQQ", b"desc", what[-4:], what[:8], where, sequence)
            data += struct.pack("<4sI", b"data", sequence >> 32) + what[8:-4] + struct.pack("<I", sequence & 0xFFFFFFFF)
    head = 64 + len(descriptors)
    head += -head % SECTOR
    total = head + len(data)
    e = bytearray(struct.pack("<4sIIIQII16sQQ", b"loge", 0, total, tail, sequence, len(changes), 0, guid, size, size) + descriptors)
    e += bytes(head - len(e)) + data
    struct.pack_into("<I", e, 4, crc32c(e))
    put_log(pos, e)
    return (pos + total) % length


def carry_out(changes):
    for where, what in changes:
        data = bytes(what) if isinstance(what, int) else what
        want[where:where + len(data)] = data


def sector(seed):
    return bytes((seed * 7 + i) & 0xFF for i in range(SECTOR))


want = image[:]
if case == "plain":
    entry(0x3000, 0x3000, 9, [(free, sector(1))])
    carry_out([(free, sector(1))])
else:
    pos = length - 4 * SECTOR
    places = []
    rows = [[(free, sector(1)), (free + SECTOR, sector(2))], [(free + SECTOR, 2 * SECTOR)],
            [(free, sector(4)), (free + 3 * SECTOR, sector(3))], [(free + 2 * SECTOR, sector(5)), (free + 4 * SECTOR, sector(6))]]
    if case == "stale":
        p = 0x10000
        for i in range(6):
            p = entry(p, 0x10000, 2 + i, [(free + 8 * SECTOR, sector(9))])
    for i, changes in enumerate(rows):
        places.append(pos)
        pos = entry(pos, places[2] if case == "tail" and i == 3 else places[0], 0x1_0000_0020 + i, changes)
        if not (case == "tail" and i < 2) and not (case == "torn" and i == 3):
            carry_out(changes)
    if case == "torn":
        image[offset + (places[3] + 2 * SECTOR) % length + 100] ^= 1
want[offset:offset + length] = image[offset:offset + length]
with open(path + ".want", "wb") as f:
    f.write(want)
header[48:64] = guid
struct.pack_into("<Q", header, 8, struct.unpack_from("<Q", header, 8)[0] + 1)
struct.pack_into("<I", header, 4, 0)
struct.pack_into("<I", header, 4, crc32c(header))
image[at:at + SECTOR] = header
with open(path, "r+b") as f:
    f.write(image)
    f.flush()
    os.fsync(f.fileno())
