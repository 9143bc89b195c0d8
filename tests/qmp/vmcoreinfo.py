# SPDX-License-Identifier: MIT
"""
The vmcoreinfo device (QEMU's docs/specs/vmcoreinfo.rst), driven like a guest would over the device-test protocol: what is written into
its fw_cfg file by DMA decides which note is in memory dumps, ELF and kdump; nonsense from the guest leaves only the note out.
"""
import os
import socket
import struct
import sys

from qmplib import Machine

failures = []
READ, SELECT, WRITE = 2, 8, 16
TEXT = b"OSRELEASE=6.1\nNUMBER(phys_base)=16777216\nKERNELOFFSET=0\n"


def check(ok, what):
    if not ok:
        failures.append(what)
        print("FAILED:", what)


class QTest:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.file = self.sock.makefile("r")

    def __call__(self, line):
        self.sock.sendall(line.encode() + b"\n")
        answer = self.file.readline().split()
        assert answer[0] == "OK", (line, answer)
        return answer[1] if len(answer) > 1 else ""

    def write(self, addr, data):
        self("write 0x%x 0x%x 0x%s" % (addr, len(data), data.hex()))

    def read(self, addr, size):
        return bytes.fromhex(self("read 0x%x 0x%x" % (addr, size))[2:])

    def dma(self, control, addr, size):
        self.write(0x1000, struct.pack(">IIQ", control, size, addr))
        self("outl 0x514 0")
        self("outl 0x518 0x%x" % int.from_bytes(struct.pack(">I", 0x1000), "little"))
        return self.read(0x1000, 4) == bytes(4)

    def find(self, name):
        self("outw 0x510 0x19")
        data = lambda n: bytes(int(self("inb 0x511"), 16) for _ in range(n))
        for _ in range(int.from_bytes(data(4), "big")):
            size, key, _, text = struct.unpack(">IHH56s", data(64))
            if text.rstrip(b"\0").decode() == name:
                return key, size
        return None

    def tell(self, host, guest, size, addr, part=16):
        self.write(0x2000, struct.pack("<HHIQ", host, guest, size, addr))
        check(self.dma(key << 16 | SELECT | WRITE, 0x2000, part), "the file can be written")


def note(owner, text):
    owner += b"\0"
    return struct.pack("<III", len(owner), len(text), 0) + owner.ljust(-(-len(owner) // 4) * 4, b"\0") + \
        text.ljust(-(-len(text) // 4) * 4, b"\0")


def elf_notes(path):
    data = open(path, "rb").read()
    assert data[4] == 1 # no vCPU is in long mode
    phoff, = struct.unpack_from("<I", data, 28)
    kind, at, _, _, size = struct.unpack_from("<IIIII", data, phoff)
    assert kind == 4
    found, end = [], at + size
    while at < end:
        namesz, descsz, ntype = struct.unpack_from("<III", data, at)
        name = data[at + 12:at + 12 + namesz].rstrip(b"\0")
        at += 12 + (namesz + 3 & ~3)
        found.append((name, data[at:at + descsz]))
        at += descsz + 3 & ~3
    check(at == end, "notes fill their segment")
    return found


m = Machine("-M", "pc", "-m", "16", "-accel", "qtest", "-qtest", "unix:qtest,server=on,wait=off", "-device", "vmcoreinfo,id=v", paused=False)
mon = m.connect()
qtest = QTest(os.path.join(m.dir, "qtest"))
core = os.path.join(m.dir, "core")


def dumped():
    mon.cmd("dump-guest-memory", paging=False, protocol="file:" + core)
    return [text for name, text in elf_notes(core) if name not in (b"CORE", b"QEMU")]


key, size = qtest.find("etc/vmcoreinfo")
check(size == 16, "size of the file")
check(qtest.dma(key << 16 | SELECT | READ, 0x2000, 16) and qtest.read(0x2000, 16) == b"\1" + bytes(15), "the host takes ELF notes")
check(mon.hmp("info dump") == "Status: none\n", "no dump yet")
check(dumped() == [], "no note before the guest told one")
check(mon.hmp("info dump") == "Status: completed\n", "info dump")
good = note(b"VMCOREINFO", TEXT)
qtest.write(0x100000, good)
qtest.tell(1, 1, len(good), 0x100000)
check(dumped() == [TEXT], "the note is in the dump")
qtest.tell(1, 1, 4096, 0x100000)
check(dumped() == [TEXT], "a buffer may be larger than its note")

# kdump: its sub-header has place and size of the text, and where the kernel was loaded
mon.cmd("dump-guest-memory", paging=False, protocol="file:" + core, format="kdump-zlib")
sub = open(core, "rb").read()[4096:]
base, = struct.unpack_from("<I", sub, 0)
at, text_size = struct.unpack_from("<QI", sub, 20)
check(base == 16777216, "phys_base: 0x%x" % base)
check(open(core, "rb").read()[at:at + text_size] == TEXT, "vmcoreinfo in a kdump file")

# What is not a note, or not all there
for what, args in {"size 0": (1, 1, 0, 0x100000), "size of half a header": (1, 1, 11, 0x100000), "2 MiB": (1, 1, 2 << 20, 0x100000),
                   "too small": (1, 1, len(good) - 4, 0x100000), "format 7": (1, 7, len(good), 0x100000),
                   "no format": (1, 0, len(good), 0x100000), "no memory": (1, 1, len(good), 1 << 40),
                   "end of addresses": (1, 1, len(good), (1 << 64) - 4), "zeros": (1, 1, 8, 0x200000)}.items():
    qtest.tell(*args)
    check(dumped() == [], what)
for name_size, text_size in ((0xffffffff, 4), (4, 0xffffffff), (0xfffffffd, 0xfffffffd), (0x80000000, 0x80000000)):
    qtest.write(0x100000, struct.pack("<III", name_size, text_size, 0))
    qtest.tell(1, 1, 4096, 0x100000)
    check(dumped() == [], "sizes %x and %x" % (name_size, text_size))
qtest.write(0x100000, note(b"OTHER", b"text"))
qtest.tell(1, 1, 4096, 0x100000)
check(dumped() == [b"text"], "a note by another name is taken as it is")
mon.cmd("dump-guest-memory", paging=False, protocol="file:" + core, format="kdump-zlib")
check(struct.unpack_from("<QI", open(core, "rb").read()[4096:], 20) == (0, 0), "but is not vmcoreinfo")
qtest.write(0x100000, good)
qtest.tell(1, 1, len(good), 0x100000, part=8)
check(dumped() == [], "half of the file was written")

# A reset takes it back.
qtest.tell(1, 1, len(good), 0x100000)
check(dumped() == [TEXT], "there again")
mon.cmd("system_reset")
mon.wait_event("RESET")
qtest.write(0x100000, good)
check(dumped() == [], "nothing after a reset")
check(qtest.dma(key << 16 | SELECT | READ, 0x2000, 16) and qtest.read(0x2000, 16) == b"\1" + bytes(15), "the file after a reset")
mon.call("quit")
status, log = m.finish()
check(status == 0, "ends well: %s %s" % (status, log))
for line in ("guest note size is invalid: 11", "guest note format is unsupported: 7", "Invalid guest note header"):
    check("warning: " + line in log, "says %s" % line)

for args, want in ((("-device", "vmcoreinfo", "-device", "vmcoreinfo"), "at most one vmcoreinfo device is permitted"),
                   (("-M", "none", "-device", "vmcoreinfo"), "vmcoreinfo device requires fw_cfg with DMA"),
                   (("-global", "fw_cfg_io.dma_enabled=off", "-device", "vmcoreinfo"), "vmcoreinfo device requires fw_cfg with DMA")):
    status, log = Machine(*args, mon=False).finish()
    check(status == 1 and want in log, "%s: %s %s" % (args, status, log))
sys.exit(bool(failures))
