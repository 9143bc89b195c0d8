# SPDX-License-Identifier: MIT
"""The gdb server's answers, packet by packet, on a stopped machine: what gdb relies on and what scripts written for
QEMU send. Replies come from the gdb manual (appendix E) and, for the qemu.* packets, from what QEMU 7.2 answers.
Then packets that make no sense: each must get an answer, and the server must still work."""
import os, re, socket, subprocess, sys, tempfile, time
import xml.dom.minidom

build = os.environ["BUILD"]
fails = 0


class Connection:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        for _ in range(100):
            try:
                self.sock.connect(path)
                break
            except OSError:
                time.sleep(0.05)
        self.sock.settimeout(20)
        self.rest = b""
        self.acks = True

    def byte(self):
        if not self.rest:
            self.rest = self.sock.recv(65536)
            if not self.rest:
                raise EOFError
        c, self.rest = self.rest[:1], self.rest[1:]
        return c

    def send(self, data, checksum=None):
        if isinstance(data, str):
            data = data.encode("latin1")
        s = sum(data) & 255 if checksum is None else checksum
        self.sock.sendall(b"$" + data + b"#%02x" % s)

    def reply(self):
        while self.byte() != b"$":
            pass
        data = b""
        while (c := self.byte()) != b"#":
            data += c
        got = int(self.byte() + self.byte(), 16)
        assert got == sum(data) & 255, "checksum"
        if self.acks:
            self.sock.sendall(b"+")
        return re.sub(rb"}(.)", lambda m: bytes([m[1][0] ^ 0x20]), data, flags=re.S)

    def ask(self, data):
        self.send(data)
        return self.reply()


def expect(packet, want, got):
    global fails
    if not re.fullmatch(want if isinstance(want, bytes) else want.encode(), got, re.S):
        fails += 1
        print(f"{packet}: got {got[:200]}, wanted {want}")


def document(c, name, object="features"):
    data = b""
    while True:
        r = c.ask("qXfer:%s:read:%s:%x,200" % (object, name, len(data)))
        if r[:1] not in b"lm" or not r:
            return None
        data += r[1:]
        if r[:1] == b"l":
            return data


def registers(c):
    """name -> (number, bits), as the documents say"""
    regs = {}
    top = xml.dom.minidom.parseString(document(c, "target.xml").replace(b"xi:include", b"include"))
    for inc in top.getElementsByTagName("include"):
        feature = xml.dom.minidom.parseString(document(c, inc.getAttribute("href")))
        for r in feature.getElementsByTagName("reg"):
            regs[r.getAttribute("name")] = (int(r.getAttribute("regnum")), int(r.getAttribute("bitsize")))
    return regs


def text_hex(s):
    return s.encode().hex()


FIXED = [
    ("qSupported:multiprocess+;swbreak+;xmlRegisters=i386", r"PacketSize=[0-9a-f]+;.*qXfer:features:read\+.*vContSupported\+.*"),
    ("vCont?", r"vCont;c;C;s;S;r"),
    ("?", r"T05thread:p01.01;"),
    ("!", r"OK"),
    ("qC", r"QCp01.01"),
    ("qAttached", r"1"), ("qAttached:1", r"1"),
    ("qfThreadInfo", r"mp01.01,p01.02"), ("qsThreadInfo", r"l"),
    ("qThreadExtraInfo,p1.1", text_hex("CPU#0 [running]")),
    ("qThreadExtraInfo,p1.2", text_hex("CPU#1 [halted ]")),
    ("qThreadExtraInfo,p1.3", r"E22"),
    ("qOffsets", r"Text=0;Data=0;Bss=0"),
    ("qqemu.sstepbits", r"ENABLE=1,NOIRQ=2,NOTIMER=4"),
    ("qqemu.sstep", r"0x7"), ("Qqemu.sstep=5", r"OK"), ("qqemu.sstep", r"0x5"), ("Qqemu.sstep=7", r"OK"), ("Qqemu.sstep=8", r"E22"),
    ("qqemu.PhyMemMode", r"0"),
    ("Hg0", r"OK"), ("Hgp1.2", r"OK"), ("qC", r"QCp01.02"), ("Hgp1.1", r"OK"), ("Hc-1", r"OK"), ("Hc0", r"OK"), ("Hg9", r"E22"),
    ("Hx1", r"E22"), ("Hgp2.1", r"E22"),
    ("T1", r"OK"), ("Tp1.2", r"OK"), ("T3", r"E22"),
    ("qSymbol::", r"OK"),
    # unknown ones get the empty answer, non-stop mode with them
    ("vMustReplyEmpty", r""), ("QNonStop:1", r""), ("qTStatus", r""), ("b", r""), ("y", r""), ("", r""), ("qNoSuchThing", r""),
    ("vCont;t:p1.1", r"E22"), ("vCont", r"E22"), ("vCont;", r"E22"), ("vCont;c:p1.9", r"E22"), ("vCont;r1,2,3", r"E22"),
    ("vAttach;1", r"T05thread:p01.01;"), ("vAttach;7", r"E22"),
    # memory, at an address that is RAM
    ("M20000,4:deadbeef", r"OK"), ("m20000,4", r"deadbeef"), ("m20001,2", r"adbe"), ("m20000,0", r""),
    (b"X20000,4:\x01}\x03", r"E22"), (b"X20000,3:\x01}\x03}\x0a", r"OK"), ("m20000,4", r"01232aef"),
    ("x20000,3", r"b\x01#\*"), ("X20000,0:", r"OK"),
    ("m20000", r"E22"), ("m,4", r"E22"), ("m20000,fffffff", r"E22"), ("m20000,4x", r"E22"), ("mg", r"E22"),
    ("M20000,4:dead", r"E22"), ("M20000,4:deadbexx", r"E22"), ("m11111111111111111,1", r"E22"),
    (b"qSearch:memory:20000;100;}\x0a\xef", r"1,20002"), ("qSearch:memory:20000;100;nothing", r"0"), ("qSearch:memory:20000;100;", r"E22"),
    ("qCRC:20000,4", r"C[0-9a-f]{1,8}"), ("qCRC:20000", r"E22"),
    ("Qqemu.PhyMemMode:1", r"OK"), ("qqemu.PhyMemMode", r"1"), ("m20000,2", r"0123"), ("Qqemu.PhyMemMode:0", r"OK"),
    ("Qqemu.PhyMemMode:", r"E22"),
    # registers: eax..., 64-bit: number 0 is rax
    ("P0=efbeadde00000000", r"OK"), ("p0", r"efbeadde00000000"), ("P0=00", r"E22"), ("P0", r"E22"), ("p9999", r"E14"), ("P9999=00", r"E22"),
    ("p", r"E14"), ("pg", r"E14"), ("G00", r"E22"), ("Gzz", r"E22"),
    # points
    ("Z0,20000,1", r"OK"), ("z0,20000,1", r"OK"), ("z0,20000,1", r"OK"), ("Z1,20000,1", r"OK"), ("z1,20000,1", r"OK"),
    ("Z2,20000,4", r"OK"), ("Z3,20004,4", r"OK"), ("Z4,20008,8", r"OK"), ("z2,20000,4", r"OK"), ("z3,20004,4", r"OK"),
    ("z4,20008,8", r"OK"), ("Z2,20000,0", r"E22"), ("Z2,ffffffffffffffff,2", r"E22"), ("Z5,0,0", r""), ("Z", r""), ("Z0", r"E22"),
    ("Z0,zz,1", r"E22"),
    ("qXfer:features:read:nothing.xml:0,100", r"E00"), ("qXfer:features:read:target.xml:", r"E00"), ("qXfer:features:read:", r"E00"),
    ("qXfer:features:read:target.xml:fffffff0,100", r"l"), ("qXfer:threads:read::0,4", r"m<\?xm"),
    ("F0", r"E22"), ("F-1,2,C", r"E22"),
    ("D;2", r"E22"), ("C", r"E22"), ("s zz", r"E22"),
]


def steps(c):
    """A program of no-operations and a jump to itself at 0x20000, in the mode the machine starts in (real)."""
    regs = registers(c)
    expect("rax comes first", b"0", str(regs["rax"][0]).encode())
    for name in ("rip", "eflags", "cs", "fs_base", "cr0", "cr4", "efer", "st0", "fop", "xmm15", "mxcsr"):
        expect(name, b"True", str(name in regs).encode())
    # the peer's numbers, which scripts use: rip 16, eflags 17, fs_base 24, cr0 27, st0 33, xmm0 49, mxcsr 65
    numbers = [regs[n][0] for n in ("rip", "eflags", "fs_base", "cr0", "st0", "xmm0", "mxcsr")]
    expect("numbers", b"16 17 24 27 33 49 65", " ".join(map(str, numbers)).encode())
    expect("g", rb"[0-9a-f]{%d}" % (2 * sum(b // 8 for _, b in regs.values())), c.ask("g"))
    for name, (number, bits) in regs.items():
        expect("p " + name, rb"[0-9a-f]{%d}" % (bits // 4), c.ask("p%x" % number))
    expect("flat code", b"OK", c.ask("M20000,9:9090909090909090eb"))
    expect("its end", b"OK", c.ask("M20009,1:fe"))
    cs = regs["cs"][0]
    expect("cs", b"OK", c.ask("P%x=00200000" % cs))
    expect("ip", b"OK", c.ask("P10=0000000000000000"))
    stop = rb"T05thread:p01.01;"
    expect("s", stop, c.ask("s"))
    expect("rip", b"0100000000000000", c.ask("p10"))
    expect("s at an address", stop, c.ask("s3"))
    expect("rip", b"0400000000000000", c.ask("p10"))
    expect("S05", stop, c.ask("S05"))
    expect("Z0", b"OK", c.ask("Z0,20006,1"))
    expect("vCont;c", rb"T05thread:p01.01;swbreak:;", c.ask("vCont;c"))
    expect("rip", b"0600000000000000", c.ask("p10"))
    expect("step at a breakpoint that is still there", rb"T05thread:p01.01;swbreak:;", c.ask("vCont;s:p1.1;c"))
    expect("z0", b"OK", c.ask("z0,20006,1"))
    expect("step off it", stop, c.ask("vCont;s:p1.1"))
    expect("rip", b"0700000000000000", c.ask("p10"))
    expect("range", stop, c.ask("vCont;r20000,20008:p1.1"))
    expect("rip", b"0800000000000000", c.ask("p10"))
    c.send("c") # loops at 8
    time.sleep(0.1)
    c.sock.sendall(b"\x03")
    expect("Ctrl-C", rb"T02thread:p01.01;", c.reply())
    expect("rip", b"0800000000000000", c.ask("p10"))


def monitor(c):
    c.send("qRcmd," + text_hex("info status"))
    expect("O packet", b"O" + text_hex("VM status: paused").encode() + b".*", c.reply())
    expect("end", b"OK", c.reply())
    expect("no command", b"OK", c.ask("qRcmd,"))
    expect("bad hex", b"E22", c.ask("qRcmd,zz"))


def transport(c):
    """Checksums, repeats, run lengths, overlong and unfinished packets, noise."""
    c.send("qC", checksum=0)
    while c.byte() != b"-":
        pass
    first = c.ask("qC")
    c.sock.sendall(b"-")
    expect("repeat", first, c.reply())
    expect("run length", b"OK", c.ask(b"M20000,4:0* 0000")) # "0* " is 0 four times
    expect("noise", b"QC.*", (c.sock.sendall(b"\x00\xff+++garbage"), c.ask("qC"))[1])
    c.send(b"m" + b"0" * 100000)
    while c.byte() != b"-":
        pass
    expect("after an overlong packet", b"QC.*", c.ask("qC"))
    expect("a packet inside", b"E22", c.ask(b"m$qC"))
    expect("QStartNoAckMode", b"OK", c.ask("QStartNoAckMode"))
    c.acks = False
    expect("without acknowledgements", b"QC.*", c.ask("qC"))


def main():
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, "gdb")
        rhea = os.environ.get("PROGRAM", os.path.join(build, "rhea-system-x86_64"))
        args = [rhea, "-M", "pc", "-smp", "2", "-S", "-display", "none", "-monitor", "none", "-serial", "null", "-no-shutdown",
                "-chardev", "socket,id=g,server=on,wait=off,path=" + path, "-gdb", "chardev:g"]
        machine = subprocess.Popen(args)
        try:
            c = Connection(path)
            for packet, want in FIXED:
                expect(packet, want.encode("latin1"), c.ask(packet))
            steps(c)
            monitor(c)
            expect("threads", rb'.*id="p01.01".*id="p01.02".*', document(c, "", "threads"))
            transport(c)
            expect("D", b"OK", c.ask("D;1"))
            c.sock.close()
            c = Connection(path) # again, and to the end
            expect("new session", rb"T05thread:01;", c.ask("?"))
            c.send("k")
            expect("exit status", b"0", str(machine.wait(20)).encode())
        finally:
            machine.kill()
            machine.wait()
    sys.exit(fails > 0)


main()
