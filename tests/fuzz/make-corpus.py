#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the hand-made part of tests/fuzz/corpus. Inputs that once broke something are added beside it.

Layouts: Linux/x86 boot protocol, System V ABI, Xen's PVH note, Multiboot 0.6.96, Intel SDM volume 2; the header
of decoder inputs is described in decoder-fuzz.c."""
import gzip
import os
import struct
import zlib

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus"))


def put(target, name, data):
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(target, name), "wb") as f:
        f.write(data)


def at(buf, offset, fmt, *values):
    struct.pack_into("<" + fmt, buf, offset, *values)


def bzimage(version, setup_sects=1, loadflags=1):
    k = bytearray(512 * (setup_sects + 1) + 256)
    k[0x1F1] = setup_sects
    at(k, 0x1FE, "H", 0xAA55)
    at(k, 0x200, "BB4sH", 0xEB, 0x66, b"HdrS", version)
    k[0x211] = loadflags
    at(k, 0x214, "I", 0x100000)
    at(k, 0x22C, "IIBBH", 0x37FFFFFF, 0x200000, 1, 21, 1)
    at(k, 0x238, "I", 2047)
    at(k, 0x258, "QII", 0x1000000, 0x400000, 0)
    return bytes(k)


def elf64(note):
    f = bytearray(512)
    at(f, 0, "4sBBB", b"\x7fELF", 2, 1, 1)
    at(f, 16, "HHIQQ", 2, 62, 1, 0x1000100, 64)
    at(f, 52, "HHH", 64, 56, 2 if note else 1)
    at(f, 64, "IIQQQQQQ", 1, 5, 256, 0xFFFFFFFF81000000, 0x1000000, 256, 8192, 4096)
    at(f, 120, "IIQQQQQQ", 4, 4, 192, 0, 0, 20, 20, 4)
    at(f, 192, "III4sI", 4, 4, 18, b"Xen", 0x1000000)
    return bytes(f)


def elf32_multiboot():
    f = bytearray(512)
    at(f, 0, "4sBBB", b"\x7fELF", 1, 1, 1)
    at(f, 16, "HHIII", 2, 3, 1, 0x100100, 52)
    at(f, 40, "HHH", 52, 32, 1)
    at(f, 52, "IIIIIIII", 1, 128, 0x100000, 0x100000, 384, 4096, 5, 4096)
    at(f, 128, "III", 0x1BADB002, 3, (-0x1BADB002 - 3) & 0xFFFFFFFF)
    return bytes(f)


def multiboot_addresses():
    f = bytearray(256)
    flags = 0x10003
    at(f, 16, "III", 0x1BADB002, flags, (-0x1BADB002 - flags) & 0xFFFFFFFF)
    at(f, 28, "IIIII", 0x100010, 0x100000, 0x100100, 0x101000, 0x100030)
    return bytes(f)


def arm64_image():
    f = bytearray(256)
    at(f, 0, "IIQQQ", 0x14000000, 0, 0, 0x10000, 10)
    at(f, 0x38, "4s", b"ARM\x64")
    return bytes(f)


def arm_zimage():
    f = bytearray(256)
    at(f, 0x24, "III", 0x016F2818, 0, 256)
    return bytes(f)


def uimage(packing, payload):
    return struct.pack(">7I4B32s", 0x27051956, 0, 0, len(payload), 0x40008000, 0x40008000, 0, 5, 2, 2, packing,
                       b"kernel") + payload


def zboot(payload):
    f = bytearray(64)
    at(f, 0, "2sH4sII", b"MZ", 0, b"zimg", 64, len(payload))
    at(f, 24, "8s", b"gzip")
    return bytes(f) + payload


def arm_elf():
    f = bytearray(192)
    at(f, 0, "4sBBB", b"\x7fELF", 1, 1, 1)
    at(f, 16, "HHIII", 2, 40, 1, 0x40008000, 52)
    at(f, 40, "HHH", 52, 32, 1)
    at(f, 52, "IIIIIIII", 1, 128, 0x40008000, 0x40008000, 64, 4096, 5, 4096)
    return bytes(f)


def device_tree():
    nodes = b""
    for token in (1, b"\0\0\0\0", 3, 4, 0, 2, 1, b"memory@0\0\0\0\0", 3, 7, 15, b"memory\0\0", 2, 2, 9):
        nodes += token if isinstance(token, bytes) else struct.pack(">I", token)
    strings = b"#address-cells\0device_type\0"
    start = 40 + 16
    return struct.pack(">10I", 0xD00DFEED, start + len(nodes) + len(strings), start, start + len(nodes), 40, 17, 16, 0,
                       len(strings), len(nodes)) + bytes(16) + nodes + strings


def gzipped(data):
    return gzip.compress(data, mtime=0)


put("loader", "arm64-image", arm64_image())
put("loader", "arm64-image-gzip", gzipped(arm64_image()))
put("loader", "arm64-zboot", zboot(gzipped(arm64_image())))
put("loader", "arm-zimage", arm_zimage())
put("loader", "arm-uimage", uimage(0, arm_zimage()))
put("loader", "intel-hex", b":020000040001F9\r\n:0401000041424344F1\n:020000022000DC\n:010010005A95\n:0400000500010100F5\n:00000001FF\n")
put("loader", "arm-uimage-gzip", uimage(1, gzipped(arm_zimage())))
put("loader", "arm-elf", arm_elf())
put("loader", "arm-device-tree", device_tree())
for version in (0x200, 0x204, 0x20A, 0x20F):
    put("loader", f"bzimage-{version:x}", bzimage(version))
put("loader", "zimage", bzimage(0x201, 4, 0))
put("loader", "elf64-pvh", elf64(True))
put("loader", "elf64-plain", elf64(False))
put("loader", "elf32-multiboot", elf32_multiboot())
put("loader", "multiboot-addresses", multiboot_addresses())

for name, text in {
    "machine": "q35,accel=tcg,acpi=off,nohpet,x=a,,b",
    "smp": "cpus=4,sockets=1,cores=2,threads=2,maxcpus=4",
    "size": "1.5G",
    "size-hex": "0x10k",
    "number": "0777",
    "log": "in_asm,op,int,cpu_reset,none",
    "filter": "0x1000..0x2000,0xffffffff81000000+0x1000,8-9",
    "cpu": "Nehalem,+avx2,-x2apic,pcid=on,family=6,model=0x1a,stepping=3,vendor=GenuineIntel,phys-bits=46,enforce",
    "cpu-max": "max,model-id=A b c,level=0xd,xlevel=0x80000008,check=off,host-phys-bits=on",
    "argv": "-M\npc,usb=off\n-m\n256M\n-smp\n2\n-kernel\nvmlinuz\n-append\nconsole=ttyS0\n-nographic\n-no-reboot",
    "argv-devices": "-chardev\nringbuf,id=a,size=64k\n-device\nisa-debug-exit,iobase=0xf4,iosize=4\n-serial\nmon:stdio",
    "argv-help": "-device\nisa-serial,help",
    "argv-more": "--target\ni386\n-accel\ntcg,tb-size=64\n-rtc\nbase=2020-01-01\n-echr\n1\n-icount\nshift=3\n-d\nhelp",
}.items():
    put("options", name, text.encode())

CODE = {
    "integer": "4801d8 0fafc3 f7f1 48c1e005 0fa2 83e10f 0f95c0 0f44c3 d1d8 0fa4d005 f00fb10b 0fc7f0",
    "flow": "7405 e800000000 c3",
    "strings": "f348a5 f2ae 66ab ac 6c 6e",
    "system": "0f20c0 0f22d8 0f0111 0f01d8 0f32 0f30 0f08 0faef8 0fc731 fa fb 9c 9d cf",
    "far": "9a112233440500 cb ca0800 0fb411 c511 c411 ea1122334455",
    "sse": "0f58c1 660fefc0 f20f10c8 f30f5ac1 660f3a0fc108 660f3800c1 0fae10 0f5f11 660f70c01b",
    "vex": "c5f458c2 c4e27558c1 c4e3fdf0c805 c4e278f2c1 c5fc77 c4e2f9f7c3",
    "x87": "d9e8 dec1 d9fe dd00 db28 9bdbe3 d9c9 dfe0 d9f6",
    "mmx": "0f6fc1 0ffcc8 0f77 0f6e00 0fe700",
    "legacy": "27 37 d40a d50a 60 61 0e 1f 6200 63c8 c80800f1 d6 82c005",
    "prefixes": "2e363e2665646766f0f2f34f90",
    "addressing": "8b843712345678 678b4405 7f8b0425 00000000 8d6424f0 a1112233445566 7788",
    "jumps": "ebfe 0f8400000000 e2fc ff25 00000000 ffe0 ff10",
}
MODES = 7
for i, (name, text) in enumerate(CODE.items()):
    for mode in (i % MODES, (i + 3) % MODES):
        code = bytes.fromhex(text.replace(" ", ""))
        flags = 0 if mode == 0 else i << 14 & 0xFFFFFF
        header = struct.pack("<BBBBBBBB", mode, flags & 255, flags >> 8 & 255, flags >> 16, 5 * (i & 1), i % 4 & 1, i % 3 << 7 & 255, 0)
        put("decoder", f"{name}-{mode}", header + code)
for i, (name, text) in enumerate(CODE.items()):
    header = struct.pack("<BBBBBBBB", 0, 0, 0x18, 0x10 | (i & 1), 0, 0, 0, 0)
    put("decoder", f"{name}-max", header + bytes.fromhex(text.replace(" ", "")))

# Packets of gdb's remote protocol (gdb manual, appendix E), one a line; "!" before bytes without a frame.
GDB = {
    "attach": "qSupported:multiprocess+;swbreak+\nvMustReplyEmpty\nQStartNoAckMode\nHgp0.0\nqXfer:features:read:target.xml:0,ffb\n"
              "qXfer:features:read:i386-64bit.xml:0,1000\nqTStatus\n?\nqXfer:threads:read::0,1000\nqAttached:1\nHc-1\nqC\nqOffsets",
    "memory": "m10000,40\nM10000,4:01020304\nX10000,3:a}\x03b\nx10000,10\nqSearch:memory:0;10000;ab\nqCRC:0,1000\n"
              "Qqemu.PhyMemMode:1\nm0,10\nQqemu.PhyMemMode:0",
    "registers": "g\nG0011223344556677\np0\np10\np12\np1b\np1d\np20\np21\np31\nP0=8877665544332211\nP10=0000000000000000\nP11=02000000\n"
                 "P12=08000000\nP18=0000000000000000\nP1b=1100008000000000\nP1d=0010000000000000\nP1e=a000000000000000\n"
                 "P20=0005000000000000\nP21=00000000000000800040\nP29=7f030000\nP31=00112233445566778899aabbccddeeff\nP41=801f0000",
    "points": "Z0,1000,1\nZ1,2000,1\nZ2,3000,4\nZ3,4000,8\nZ4,5000,1\nvCont;c\nz0,1000,1\nz1,2000,1\nz2,3000,4\nz3,4000,8\nz4,5000,1\nvCont;s:p1.1\n"
              "Z0,1000,1;X3,220122;cmds:0",
    "run": "vCont?\nvCont;s:p1.1;c\n!\x03\nc\n!\x03\ns1000\nC05\nS05;2000\nvCont;r1000,2000:p1.-1\nvCont;C05:1;S06:-1\nD;1\nR00\nk",
    "threads": "qfThreadInfo\nqsThreadInfo\nqThreadExtraInfo,p1.1\nT1\nTp1.1\nHgp1.1\nHc0\nqqemu.sstep\nQqemu.sstep=5\nqqemu.sstepbits\nvAttach;1\n"
               "vKill;1\nF-1,2,C\nF0",
    "transport": "!$qC#00\n!-\n!$m0,1#\n!+++$?#3f\n!$0* #7a\n!$}\n!$m$qC#b4\n!" + "$" + "m" * 600,
}
for name, text in GDB.items():
    put("gdb", name, text.encode("latin1"))

QTEST = {
    "ports": "outb 0x43 0x34\noutb 0x40 0\noutb 0x40 0x10\ninb 0x40\ninw 0xe0\ninl 0xe8\noutl 0xe0 0x12345678\noutw 0x2000 1",
    "memory": "writeb 0x1000 1\nwritew 0x1000 2\nwritel 0x1000 3\nwriteq 0x1000 4\nreadb 0x1000\nreadw 0x1000\nreadl 0x1000\nreadq 0x1000",
    "blocks": "write 0x1000 4 0x01020304\nread 0x1000 4\nb64write 0x1000 3 YWJj\nb64read 0x1000 3\nmemset 0x1000 16 0x55\nread 0xff000000 64",
    "clock": "clock_step\nclock_step 1000\nclock_set 5000000\nendianness",
    "lines": "irq_intercept_in isa-i8259\nset_irq_in isa-i8259 unnamed-gpio-in 3 1\nirq_intercept_out /machine/isa-pit\nclock_step 1000000",
}
for name, text in QTEST.items():
    put("qtest", name, text.encode())

# ---- Monitors: QMP sessions, lines of the human monitor, what smoke tests read ----
QMP = [
    b'{"execute":"query-status"}{"execute":"query-commands","id":[1]}', b"{'execute':'qom-list','arguments':{'path':'/machine'}}",
    b'{"exec-oob":"query-yank"}{"execute":"query-qmp-schema"}', b'[1,2}{"a":tru}"x\n" 12 nul ]',
    b'{"execute":"device_add","arguments":{"driver":"isa-debug-exit","id":"a"}}', b'{"a":' * 40 + b'1' + b'}' * 40,
    b'{"execute":"chardev-add","arguments":{"id":"c","backend":{"type":"ringbuf","data":{"size":64}}}}'
    b'{"execute":"ringbuf-write","arguments":{"device":"c","data":"x"}}{"execute":"ringbuf-read","arguments":{"device":"c","size":9}}',
    b'{"execute":"object-add","arguments":{"qom-type":"monitor-hmp","id":"m","chardev":"c"}}',
    b'{"execute":"human-monitor-command","arguments":{"command-line":"p 1+(2*3)"}}',
    b'{"execute":"send-key","arguments":{"keys":[{"type":"qcode","data":"a"},{"type":"number","data":30}]}}',
    b'{"execute":"query-cpu-model-expansion","arguments":{"type":"full","model":{"name":"max","props":{"avx":false}}}}',
    b'{"execute":"input-send-event","arguments":{"events":[{"type":"rel","data":{"axis":"x","value":-3}}]}}',
]
for i, q in enumerate(QMP):
    put("qmp", f"session-{i}", q)
HMP = [
    b"info status\ninfo qtree\ninfo mtree -f\n", b"p/d 1+2*(3-4)|7^~1\nx/4xw 0\nxp/2i 0x100\n", b"help\nhelp info\ninfo\nhelp info uuid\n",
    b"device_add isa-debug-exit,id=a\ndevice_del a\n", b"chardev-add ringbuf,id=c\nringbuf_write c abc\nringbuf_read c 9\nchardev-remove c\n",
    b"object_add monitor-hmp,id=m,chardev=c\nobject_del m\n", b"sendkey ctrl-alt-delete 5\nmouse_move 1 -1 2\nmouse_button 7\n",
    b"qom-list /machine\nqom-get /machine type\nqom-set /machine a b\ninfo qom-tree\n", b"inf\t st\t\r\x1b[A\x01\x0bab\x17\x1b[3~\x10\r",
    b"gva2gpa 0\ngpa2hva 1\ni/w 0x70\no/b 0x70 1\n", b'print "a b\ninfo registers -a\ncpu 0\nboot_set ca\n',
]
for i, h in enumerate(HMP):
    put("hmp", f"lines-{i}", h)
SMOKE = [
    b"\x00timeout=60s,expect='login: ',send='root\\n\\x41\\cC',fail=a|b,detect=all-loop,serial=1,poweroff", b"\x00expect=a\\nb,wait=1.5s,exit=43",
    b"\x00name=x,step-timeout=2m,expect=[^x]+,key=ctrl-alt-f1,monitor=info status,reset,ignore=^Oops",
    b"\x01[    1.0] Kernel panic - not syncing: x\r\n\x1b[31mred\x1b[0m\n\x1b]0;t\x07[ 2.0] ---[ end Kernel panic - not syncing ]---\n",
    b"\x01<4>[    1.0] watchdog: BUG: soft lockup\n\x1b[", b"\x02ffffffff81000000 T _text\nffffffff81000200 t start\n",
]
for i, s in enumerate(SMOKE):
    put("smoke", f"input-{i}", s)
elf = bytearray(elf64(False) + bytes(512))
at(elf, 0x28, "Q", 512)
at(elf, 0x3A, "HHH", 64, 3, 0)
at(elf, 512 + 64, "IIQQQQIIQQ", 0, 2, 0, 0, 768, 48, 2, 0, 8, 24)
at(elf, 512 + 128, "IIQQQQIIQQ", 0, 3, 0, 0, 840, 16, 0, 0, 1, 0)
at(elf, 768 + 24, "IBBHQQ", 1, 2, 0, 1, 0x81000000, 16)
elf[841:847] = b"start\0"
put("smoke", "symbols-elf64", b"\x02" + bytes(elf))


def display_ops(*ops):
    return b"".join(bytes((op + (0, 0, 0))[:4]) for op in ops)


TEXT = [(0, 3, 0), (0, 2, 3), (0, 4, 2), (2, 5, 0x10), (2, 6, 0x0E), (2, 8, 0xFF), (1, 1, 79), (1, 9, 0x4F), (1, 18, 0x8F),
        (1, 7, 0x1F), (1, 19, 40), (3, 16, 12), (7, 65, 0, 0xC0), (15,)]
PLANAR = [(0, 4, 6), (0, 2, 15), (2, 6, 5), (2, 8, 0xF0), (2, 5, 2), (2, 3, 0x18), (1, 1, 79), (1, 18, 0xDF), (1, 19, 40),
          (8, 0, 16), (7, 5, 16), (15,), (2, 5, 0x40), (0, 4, 14), (15,)]
VBE = [(6, 4, 0), (6, 1, 0x80, 2), (6, 2, 0xE0, 1), (6, 3, 32), (6, 4, 0x41), (9, 255, 10), (15,), (6, 6, 0, 4), (6, 9, 3), (15,),
       (6, 5, 1), (7, 9, 1), (6, 4, 0), (15,)]
FLOPPY_READ = [(12, 2, 0x1C), (12, 7, 0), (14, 14, 0, 0), (14, 12, 0, 0), (14, 11, 0, 0x46), (14, 4, 0, 0), (14, 4, 0, 0x50),
               (14, 5, 0, 0xFF), (14, 5, 0, 1)] + [(10, b) for b in (0x46, 0, 0, 0, 1, 2, 18, 27, 255)] + [(13, 5)] * 7
for name, ops in ("text", TEXT), ("planar", PLANAR), ("vbe", VBE), ("floppy", FLOPPY_READ):
    put("display", name, display_ops(*ops))

REPLAY_HEAD = b"RHEA recording 1\ntarget x86_64\nmemory 33554432\nseed 0\n\n"
REPLAY_EVENTS = b"\x04\x90\x4e\x05\x00\x02\x85\x01\x80\xa0\x94\xa5\x8d\x1d\x06\x10\x01\x03abc\x03\x00\x01\x01\x80\x80\x80\x08\x12\x34\x56\x78"
for name, s in {"whole": REPLAY_HEAD + REPLAY_EVENTS + b"\x00\x05", "cut": REPLAY_HEAD + REPLAY_EVENTS, "head": REPLAY_HEAD[:30],
                "empty": REPLAY_HEAD + b"\x00\x00"}.items():
    put("replay", name, s)


# ---- Disk images: vmdk ----

def vmdk_descriptor(kind, extents):
    return (f'# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType="{kind}"\n\n# Extent description\n{extents}\n'
            '\n# The Disk Data Base\n#DDB\n\nddb.adapterType = "ide"\n').encode()


def vmdk_sparse(flags, version, grains, markers=b""):
    """16 grains of 1 KiB in two tables of 8; grains: table entries, which start at sector 8."""
    header = struct.pack("<4sIIQQQQIQQQB4sH433x", b"KDMV", version, flags | 3, 32, 2, 1, 1, 8, 2, 5, 8, 0, b"\n \r\n", 1 if flags >> 16 else 0)
    text = vmdk_descriptor("streamOptimized" if flags >> 16 else "monolithicSparse", 'RW 32 SPARSE "x.vmdk"').ljust(512, b"\0")
    tables = [struct.pack("<8I", *(grains[8 * i:8 * i + 8])).ljust(512, b"\0") for i in range(2)]
    directories = [struct.pack("<II", at + 1, at + 2).ljust(512, b"\0") for at in (2, 5)]
    return header + text + directories[0] + tables[0] + tables[1] + directories[1] + tables[0] + tables[1] + (markers or bytes(range(256)) * 12)


def vmdk_packed():
    out = b""
    for lba in (0, 30):
        data = zlib.compress(bytes([lba + 1]) * 1024)
        out += (struct.pack("<QI", lba, len(data)) + data).ljust(512, b"\0")
    return out


put("image", "vmdk-sparse", b"\x03" + vmdk_sparse(0, 1, [8, 0, 10] + [0] * 12 + [12]))
put("image", "vmdk-zeroed", b"\x43" + vmdk_sparse(4, 2, [8, 1, 10] + [1] * 12 + [12]))
put("image", "vmdk-stream", b"\x01" + vmdk_sparse(3 << 16, 3, [8] + [0] * 14 + [9], vmdk_packed()))
put("image", "vmdk-flat", b"\x03" + vmdk_descriptor("monolithicFlat", 'RW 64 FLAT "3" 2') + bytes(4096))
put("image", "vmdk-extents", b"\x43" + vmdk_descriptor("twoGbMaxExtentFlat", 'RW 8 ZERO\nRW 16 FLAT "3" 2\nRW 0 FLAT "3" 0\nRW 8 ZERO\nRW 4 SPARSE "4"'))

# ---- vhdx: changes to a good image, see image-fuzz.c ----


def vhdx(what, *changes, sums=True):
    out = bytes([what]) + b"vhdxfile" + bytes([0 if sums else 1])
    for place, offset, data in changes:
        out += struct.pack("<BHB", place, offset, len(data)) + data
    return out


HEADER_2, REGIONS_1, LOG, METADATA, ITEMS, TABLE = 2, 3, 5, 6, 7, 8
GUID = bytes(range(1, 17))
TABLE_AT = 3 << 20


def vhdx_log_entry(sector, tail, sequence, descriptor):
    data = descriptor[:4] == b"desc"
    head = struct.pack("<4sIIIQII16sQQ", b"loge", 0, 8192 if data else 4096, tail, sequence, 1, 0, GUID, 6 << 20, 7 << 20)
    out = [(LOG, sector * 4096, head + descriptor + struct.pack("<Q", sequence))]
    if data:
        out += [(LOG, sector * 4096 + 4096, struct.pack("<4sI", b"data", 0) + b"new"), (LOG, sector * 4096 + 8188, struct.pack("<I", sequence))]
    return out


used = (HEADER_2, 48, GUID)  # the log is
newest = (HEADER_2, 8, struct.pack("<Q", 1 << 40))
put("image", "vhdx-good", vhdx(0x43))
put("image", "vhdx-table", vhdx(0x43, (TABLE, 0, struct.pack("<QQ", (5 << 20) | 6, 2))))
put("image", "vhdx-table-twice", vhdx(0x41, (TABLE, 0, struct.pack("<Q", (4 << 20) | 6))))
put("image", "vhdx-regions", vhdx(0x01, (REGIONS_1, 8, b"\3"), (REGIONS_1, 80, GUID + struct.pack("<QII", 6 << 20, 1 << 20, 0))))
put("image", "vhdx-metadata", vhdx(0x01, (METADATA, 10, b"\6"), (METADATA, 192, GUID + struct.pack("<IIII", 0x10040, 8, 2, 0))))
put("image", "vhdx-items", vhdx(0x41, (ITEMS, 0, struct.pack("<IIQ", 2 << 20, 0, 3 << 20))))
put("image", "vhdx-log", vhdx(0x43, newest, used, *vhdx_log_entry(1, 4096, 9, struct.pack("<4s4sQQ", b"desc", b"tail", 0, TABLE_AT + 4096))))
put("image", "vhdx-log-row", vhdx(0x03, newest, used, *vhdx_log_entry(3, 12288, 7, struct.pack("<4sIQQ", b"zero", 0, 4096, TABLE_AT + 8192)),
                                  *vhdx_log_entry(4, 12288, 8, struct.pack("<4s4sQQ", b"desc", b"tail", 0, TABLE_AT + 4096))))
put("image", "vhdx-sums", vhdx(0x01, (REGIONS_1, 20, b"\xff"), sums=False))

# ---- saved machines: damages, then operations on what came of them; see savevm-fuzz.c ----


def savevm(damages, operations=(), cut=False):
    out = bytes([len(damages) | (0x80 if cut else 0)])
    for section, place, how, value in damages:
        out += struct.pack("<HHBB", section, place, how, value)
    for kind, where, offset, value in operations:
        out += struct.pack("<BHBI", kind, where, offset, value)
    return out


DEVICE, EDGE = 0x8000, 4  # a device's state, a value from the table of edges
USE = [(0xF0, 0, 0, 1 << 20), (0xE0, 0, 0, 0)]
for i in range(8):
    USE += [(kind, i * 5 + n, i * 4, 0x01010101 * i) for n in range(5) for kind in (0x08, 0x0C, 0x02, 0x06)]
put("savevm", "good", savevm([], USE))
put("savevm", "cut", savevm([(DEVICE | 7, 3, 0, 0)], USE, cut=True))
put("savevm", "header", savevm([(0x10, 0, EDGE | 1, 8)]))
for n in range(48):
    put("savevm", f"device-{n:02}", savevm([(DEVICE | n, 37 * k * k, EDGE | k & 3, n + 5 * k & 15) for k in range(12)], USE))
