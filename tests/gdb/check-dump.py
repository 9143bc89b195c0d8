# SPDX-License-Identifier: MIT
"""check-dump.py RAW ELF KDUMP...: physical memory as pmemsave wrote it against dumps of the same machine. ELF cores by
their program headers; kdump files by makedumpfile's format description (header, sub-header, bitmaps, descriptors)."""
import struct, subprocess, sys, zlib

raw = open(sys.argv[1], "rb").read()
RAM = len(raw) - 0x20000 # a PC's 0xa0000 to 0xbffff is SMRAM, which only system management mode sees
fails = 0


def fail(text):
    global fails
    fails += 1
    print(text)


def check_elf(path):
    data = open(path, "rb").read()
    assert data[:4] == b"\x7fELF"
    wide = data[4] == 2
    phoff, = struct.unpack_from("<Q" if wide else "<I", data, 32 if wide else 28)
    size, count = struct.unpack_from("<HH", data, 54 if wide else 42)
    covered = cpus = 0
    for i in range(count):
        at = phoff + i * size
        if wide:
            kind, _, offset, va, pa, filesz = struct.unpack_from("<IIQQQQ", data, at)
        else:
            kind, offset, va, pa, filesz = struct.unpack_from("<IIIII", data, at)
        if kind == 4: # notes
            note = offset
            while note < offset + filesz:
                namesz, descsz, ntype = struct.unpack_from("<III", data, note)
                name = data[note + 12:note + 12 + namesz - 1]
                cpus += name == b"CORE" and ntype == 1
                note += 12 + (namesz + 3 & ~3) + (descsz + 3 & ~3)
        elif data[offset:offset + filesz] != raw[pa:pa + filesz]:
            fail("%s: segment at physical 0x%x differs" % (path, pa))
        else:
            covered += filesz
    print("%s: %d segments, %d bytes, %d vCPUs" % (path, count, covered, cpus))
    if cpus != 2 or covered != RAM:
        fail("%s: not everything is there" % path)


def check_kdump(path):
    data = open(path, "rb").read()
    assert data[:8] == b"KDUMP   " and struct.unpack_from("<I", data, 8)[0] == 6
    wide = data[12 + 4 * 65:].startswith(b"x86_64")
    status, block, sub, bitmap_blocks, _, _, _, _, _, cpus = struct.unpack_from("<10I", data, 424 if wide else 412)
    max_pfn, = struct.unpack_from("<Q", data, block + (96 if wide else 72))
    bitmap = block * (1 + sub)
    bits = data[bitmap + bitmap_blocks // 2 * block:bitmap + bitmap_blocks * block]
    desc = bitmap + bitmap_blocks * block
    pages, frames = 0, []
    for pfn in range(max_pfn):
        if not bits[pfn // 8] >> pfn % 8 & 1:
            continue
        offset, size, flags, _ = struct.unpack_from("<QIIQ", data, desc)
        desc += 24
        pages += 1
        page = data[offset:offset + size]
        if flags & 1:
            page = zlib.decompress(page)
        elif flags & 0x20:
            frames.append(page) # all at once: a process for each would take minutes
            continue
        if page != raw[pfn * block:(pfn + 1) * block]:
            fail("%s: page 0x%x differs" % (path, pfn))
    if frames:
        out = subprocess.run(["zstd", "-dc"], input=b"".join(frames), stdout=subprocess.PIPE, check=True).stdout
        if len(out) % block:
            fail("%s: zstd pages are not whole" % path)
    print("%s: %d pages, %d vCPUs" % (path, pages, cpus))
    if cpus != 2 or pages != RAM // block:
        fail("%s: not everything is there" % path)


check_elf(sys.argv[2])
for name in sys.argv[3:]:
    check_kdump(name)
sys.exit(fails > 0)
