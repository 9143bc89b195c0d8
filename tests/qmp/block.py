# SPDX-License-Identifier: MIT
"""
Block commands of both monitors: what QEMU 7.2 answers (observed on it), media seen by an IDE CD-ROM's guest side, nodes that come and go,
snapshots, limits; and disk errors: the machine stops, waits for the user, tries again (a file system of 1 MiB that fills up).
"""
import os
import socket
import subprocess
import sys
import tempfile
import time

from qmplib import Machine, QMPError, Schema

failures = []


def check(ok, what):
    if not ok:
        failures.append(what)
        print("FAILED:", what)


work = tempfile.mkdtemp(prefix="rhea-block-")
img = os.path.join(os.path.abspath(os.environ.get("BUILD", ".")), "rhea-img")


def path(name):
    return os.path.join(work, name)


def make(name, size, *options):
    subprocess.run([img, "create", "-q", *options, path(name), size], check=True)
    return path(name)


def expect_error(mon, desc, name, cls="GenericError", /, **args):
    r = mon.call(name, **args)
    check(r.get("error") == {"class": cls, "desc": desc}, f"{name} {args}: {r}, wanted {cls}: {desc}")


class QTest:
    """The device-test protocol, as far as an IDE driver needs it."""

    def __init__(self, where):
        self.sock = socket.socket(socket.AF_UNIX)
        for _ in range(200):
            try:
                self.sock.connect(where)
                break
            except OSError:
                time.sleep(0.05)
        self.sock.settimeout(60)
        self.file = self.sock.makefile("rw")

    def ask(self, text):
        self.file.write(text + "\n")
        self.file.flush()
        while True:
            line = self.file.readline()
            if not line.startswith("IRQ"):
                assert line.startswith("OK"), f"{text}: {line}"
                return line.split()[1:]

    def outb(self, port, v):
        self.ask(f"outb {port:#x} {v:#x}")

    def outw(self, port, v):
        self.ask(f"outw {port:#x} {v:#x}")

    def inb(self, port):
        return int(self.ask(f"inb {port:#x}")[0], 0)

    def inw(self, port):
        return int(self.ask(f"inw {port:#x}")[0], 0)

    def ide_wait(self, base):
        for _ in range(1000):
            status = self.inb(base + 7)
            if not status & 0x80:
                return status
            time.sleep(0.005)
        return status

    def ide_write(self, base, lba, byte, wait=True):
        """One sector by PIO; the status at its end."""
        for reg, v in ((6, 0xe0 | lba >> 24), (2, 1), (3, lba & 255), (4, lba >> 8 & 255), (5, lba >> 16 & 255), (7, 0x30)):
            self.outb(base + reg, v)
        check(self.ide_wait(base) & 8, "data request of a write")
        for _ in range(256):
            self.outw(base, byte << 8 | byte)
        return self.ide_wait(base) if wait else None

    def packet(self, base, *cdb):
        """An ATAPI command without data: (status, error)."""
        for reg, v in ((6, 0xa0), (1, 0), (4, 0xfe), (5, 0xff), (7, 0xa0)):
            self.outb(base + reg, v)
        self.ide_wait(base)
        cdb = list(cdb) + [0] * (12 - len(cdb))
        for i in range(0, 12, 2):
            self.outw(base, cdb[i] | cdb[i + 1] << 8)
        status = self.ide_wait(base)
        if status & 8:
            for _ in range((self.inb(base + 4) | self.inb(base + 5) << 8) // 2):
                self.inw(base)
            status = self.ide_wait(base)
        return status & 0x59, self.inb(base + 1)


# ---- What there is ----
base = make("base.qcow2", "8M", "-f", "qcow2")
make("top.qcow2", "8M", "-f", "qcow2", "-b", base, "-F", "qcow2")
cd1, cd2 = make("one.iso", "4M"), make("two.iso", "2M")
qsock = path("qtest")
m = Machine("-accel", "qtest", "-qtest", f"unix:{qsock},server=on,wait=off", "-M", "pc", "-m", "64", "-nodefaults",
            "-drive", f"file={path('top.qcow2')},if=ide,index=0", "-drive", f"file={cd1},if=ide,index=2,media=cdrom,format=raw",
            "-drive", "if=floppy,index=0", "-drive", "if=none,id=spare", "-device", "virtio-scsi-pci,id=scsi",
            "-device", "scsi-cd,id=scd,drive=spare", "-object", "throttle-group,id=tg,limits.iops-total=1000")
mon = m.connect()
schema = Schema(mon.cmd("query-qmp-schema"))
schema.check_closed()
qt = QTest(qsock)


def good(name, /, **args):
    try:
        value = mon.cmd(name, **args)
    except QMPError as e:
        check(False, f"{name} {args}: {e.cls}: {e.desc}")
        return None
    try:
        schema.check(schema.types[name]["ret-type"], value, name)
    except AssertionError as e:
        check(False, str(e))
    return value


def drive(name):
    return next(d for d in good("query-block") if d["device"] == name)


d = drive("ide0-hd0")
check(not d["removable"] and d["io-status"] == "ok" and d["inserted"]["backing_file_depth"] == 1 and not d["inserted"]["ro"] and
      d["inserted"]["image"]["backing-image"]["filename"] == base and d["qdev"].startswith("/machine/unattached/device["), f"a disk: {d}")
d = drive("ide1-cd0")
check(d["removable"] and d["tray_open"] is False and d["inserted"]["ro"] and d["inserted"]["drv"] == "raw", f"a CD-ROM: {d}")
d = drive("floppy0")
check(d["removable"] and "tray_open" not in d and "inserted" not in d and "io-status" not in d, f"a floppy: {d}")
check(drive("spare")["qdev"] == "/machine/peripheral/scd", "a SCSI CD-ROM")
stats = good("query-blockstats")
check([s["device"] for s in stats] == ["ide0-hd0", "ide1-cd0", "floppy0", "spare"], "query-blockstats")
check(stats[0]["backing"]["parent"]["node-name"].startswith("#block"), "nodes below have statistics, too")
good("query-blockstats", query__nodes=True)
check(len(good("query-named-block-nodes")) == 6 and "backing-image" not in good("query-named-block-nodes", flat=True)[-1]["image"], "nodes")
text = mon.hmp("info block")
check("ide0-hd0 (#block" in text and "    Backing file:     " + base + " (chain depth: 1)\n" in text and
      "floppy0: [not inserted]\n" in text and "    Removable device: not locked, tray closed\n" in text, f"info block: {text}")
check("Images:\nimage: " + path("top.qcow2") in mon.hmp("info block -v ide0-hd0"), "info block -v")
check(mon.hmp("info blockstats").startswith("ide0-hd0: rd_bytes=0 wr_bytes=0 rd_operations=0 "), "info blockstats")
mon.cmd("cont")
check(qt.ide_write(0x1f0, 3, 0xab) == 0x50, "a sector is written")
s = good("query-blockstats")[0]
check(s["stats"]["wr_bytes"] == 512 and s["stats"]["wr_operations"] == 1 and s["stats"]["wr_highest_offset"] == 2048 and
      s["stats"]["wr_total_time_ns"] > 0, f"it is counted: {s['stats']}")

# ---- Media ----
READY, TEST_UNIT = (0x50, 0), 0x00


def settle():
    qt.packet(0x170, TEST_UNIT)  # takes the attention that a new medium raises
    qt.packet(0x170, 0x03, 0, 0, 0, 18)
    return qt.packet(0x170, TEST_UNIT)


check(settle() == READY, "the CD-ROM is ready")
expect_error(mon, "Device 'ide0-hd0' is not removable", "eject", device="ide0-hd0")
expect_error(mon, "Device 'nope' not found", "eject", "DeviceNotFound", device="nope")
expect_error(mon, "Need exactly one of 'device' and 'id'", "eject")
expect_error(mon, "Tray of device 'ide1-cd0' is not open", "blockdev-remove-medium", id=drive("ide1-cd0")["qdev"])
qt.packet(0x170, 0x1e, 0, 0, 0, 1)  # the guest locks the door
check(drive("ide1-cd0")["locked"], "locked")
expect_error(mon, "Device 'ide1-cd0' is locked and force was not specified, wait for tray to open and try again", "eject", device="ide1-cd0")
good("blockdev-open-tray", device="ide1-cd0")
check(not drive("ide1-cd0")["tray_open"], "a locked tray stays closed")
good("eject", device="ide1-cd0", force=True)
e = mon.wait_event("DEVICE_TRAY_MOVED")["data"]
check(e == {"device": "ide1-cd0", "id": drive("ide1-cd0")["qdev"], "tray-open": True}, f"DEVICE_TRAY_MOVED: {e}")
check(qt.packet(0x170, TEST_UNIT) == (0x51, 0x20), "not ready without a medium")
good("blockdev-close-tray", device="ide1-cd0")
mon.wait_event("DEVICE_TRAY_MOVED")
check(settle() == (0x51, 0x20), "a closed tray has no medium either")
good("blockdev-change-medium", device="ide1-cd0", filename=cd2, format="raw")
check([mon.wait_event("DEVICE_TRAY_MOVED")["data"]["tray-open"] for _ in range(2)] == [True, False], "out and in")
check(qt.packet(0x170, TEST_UNIT) == (0x51, 0x60), "the guest is told of the new medium once")
check(qt.packet(0x170, TEST_UNIT) == READY, "then it is ready")
qt.packet(0x170, 0x1b, 0, 0, 0, 2)  # START STOP UNIT: eject
check(mon.wait_event("DEVICE_TRAY_MOVED")["data"]["tray-open"], "the guest ejects")
good("blockdev-add", driver="raw", node__name="disc", read__only=True, file={"driver": "file", "filename": cd1})
cd_path = drive("ide1-cd0")["qdev"]
good("blockdev-remove-medium", id=cd_path)
good("blockdev-insert-medium", id=cd_path, node__name="disc")
expect_error(mon, "Node 'disc' is already in use", "blockdev-insert-medium", id="scd", node__name="disc")
expect_error(mon, "Node 'nope' not found", "blockdev-insert-medium", id="scd", node__name="nope")
expect_error(mon, "Node disc is in use", "blockdev-del", node__name="disc")
good("blockdev-close-tray", id=cd_path)
mon.wait_event("DEVICE_TRAY_MOVED")
check(settle() == READY and drive("ide1-cd0")["inserted"]["node-name"] == "disc", "insert-medium")
expect_error(mon, "Could not open '/nonexistent': No such file or directory", "blockdev-change-medium", device="ide1-cd0", filename="/nonexistent")
check(mon.hmp("change floppy0 " + make("floppy.img", "1440K") + " raw read-only") == "", "change a floppy")
check(drive("floppy0")["inserted"]["ro"], "it is read-only")
check(mon.hmp("eject floppy0") == "" and "inserted" not in drive("floppy0"), "eject a floppy")
check(mon.hmp("change spare " + cd2) == "" and drive("spare")["inserted"]["file"] == cd2, "change a SCSI CD-ROM")
check(mon.hmp("eject ide0-hd0") == "Error: Device 'ide0-hd0' is not removable\n", "eject a disk")

# ---- Nodes and drives ----
disk = make("disk.qcow2", "4M", "-f", "qcow2")
expect_error(mon, "'node-name' must be specified for the root node", "blockdev-add", driver="null-co")
expect_error(mon, "Duplicate nodes with node-name='disc'", "blockdev-add", driver="null-co", node__name="disc")
expect_error(mon, "Parameter 'foo' is unexpected", "blockdev-add", driver="null-co", node__name="n0", foo=1)
expect_error(mon, "Parameter 'driver' does not accept value 'nope'", "blockdev-add", driver="nope", node__name="n0")
expect_error(mon, "Cannot find device='' nor node-name='nope'", "blockdev-add", driver="qcow2", node__name="n0",
             file={"driver": "file", "filename": disk}, backing="nope")
good("blockdev-add", driver="qcow2", node__name="n0", file={"driver": "file", "filename": disk}, discard="unmap", detect__zeroes="unmap")
good("blockdev-add", driver="throttle", node__name="slow", throttle__group="tg", file="n0")
expect_error(mon, "Node n0 is in use", "blockdev-del", node__name="n0")
expect_error(mon, "Throttle group 'nope' does not exist", "blockdev-add", driver="throttle", node__name="s2", throttle__group="nope", file="n0")
good("device_add", driver="virtio-blk-pci", id="vb", drive="slow")
check(next(b for b in good("query-block") if b.get("qdev", "").startswith("/machine/peripheral/vb"))["inserted"]["drv"] == "throttle", "a disk on a node")
expect_error(mon, "Node slow is in use", "blockdev-del", node__name="slow")
good("device_del", id="vb")
mon.wait_event("DEVICE_DELETED")
good("blockdev-del", node__name="slow")
good("blockdev-del", node__name="n0")
expect_error(mon, "Failed to find node with node-name='n0'", "blockdev-del", node__name="n0")
expect_error(mon, "Node %s is in use" % drive("ide0-hd0")["inserted"]["node-name"], "blockdev-del",
             node__name=drive("ide0-hd0")["inserted"]["node-name"])
check(mon.hmp(f"drive_add 0 if=none,id=x,file={disk},format=qcow2") == "OK\n", "drive_add")
good("device_add", driver="scsi-hd", id="hot", bus="scsi.0", drive="x")
check(mon.hmp("drive_del x") == "" and mon.hmp("drive_del x") == "Device 'x' not found\n", "drive_del")
check(not any(b["device"] == "x" for b in good("query-block")), "the drive is gone")
good("device_del", id="hot")
check(mon.hmp(f"drive_add 0 if=none,id=x,file={disk},format=qcow2") == "OK\n", "the image is free again")
good("device_add", driver="scsi-hd", id="hot", bus="scsi.0", drive="x")
good("block_resize", device="x", size=6 << 20)
check(drive("x")["inserted"]["image"]["virtual-size"] == 6 << 20, "block_resize")
check(mon.hmp("block_resize x 8") == "" and drive("x")["inserted"]["image"]["virtual-size"] == 8 << 20, "HMP takes megabytes")
expect_error(mon, "Parameter 'size' expects a >0 size", "block_resize", device="x", size=-1)
expect_error(mon, "Cannot find device='nope' nor node-name=''", "block_resize", device="nope", size=1)

# ---- Limits ----
limits = {"bps": 0, "bps_rd": 0, "bps_wr": 0, "iops": 100, "iops_rd": 0, "iops_wr": 0}
good("block_set_io_throttle", device="x", iops_max=200, group="g1", **limits)
check([drive("x")["inserted"].get(k) for k in ("iops", "iops_max", "group")] == [100, 200, "g1"], "limits are shown")
check("    I/O throttling:   bps=0 bps_rd=0 bps_wr=0 bps_max=0" in mon.hmp("info block x"), "info block shows them")
expect_error(mon, "bps/iops/max total values and read/write values cannot be used at the same time", "block_set_io_throttle",
             device="x", **{**limits, "iops_rd": 5})
expect_error(mon, "bps_max/iops_max require corresponding bps/iops values", "block_set_io_throttle", device="x", bps_max=5, **limits)
check(mon.hmp("block_set_io_throttle x 0 0 0 0 0 0") == "" and "group" not in drive("x")["inserted"], "no limits")
good("block_set_io_throttle", device="ide0-hd0", **{**limits, "iops": 20})
start = time.monotonic()
for i in range(12):
    qt.ide_write(0x1f0, 100 + i, i)
check(time.monotonic() - start > 0.3, "12 writes at 20 a second take their time")
good("block_set_io_throttle", device="ide0-hd0", **{**limits, "iops": 0})

# ---- Snapshots, commit ----
good("blockdev-snapshot-sync", device="ide0-hd0", snapshot__file=path("ov.qcow2"), snapshot__node__name="over")
d = drive("ide0-hd0")["inserted"]
check(d["file"] == path("ov.qcow2") and d["backing_file_depth"] == 2 and d["node-name"] == "over", "an overlay is on top")
check(qt.ide_write(0x1f0, 3, 0xcd) == 0x50, "writes go there")
expect_error(mon, "New overlay node-name already in use", "blockdev-snapshot-sync", device="ide0-hd0", snapshot__file=path("o2"),
             snapshot__node__name="over")
expect_error(mon, "Device 'floppy0' has no medium", "blockdev-snapshot-sync", device="floppy0", snapshot__file=path("o2"))
make("ov2.qcow2", "8M", "-f", "qcow2")
good("blockdev-add", driver="qcow2", node__name="over2", backing=None, file={"driver": "file", "filename": path("ov2.qcow2")})
good("blockdev-snapshot", node="over", overlay="over2")
check(drive("ide0-hd0")["inserted"]["backing_file_depth"] == 3, "blockdev-snapshot")
expect_error(mon, "The overlay is already in use", "blockdev-snapshot", node="over2", overlay="over2")
check(qt.ide_write(0x1f0, 4, 0xef) == 0x50, "writes go to the second")
check(mon.hmp("commit ide0-hd0") == "", "commit the second")
good("blockdev-snapshot-internal-sync", device="ide0-hd0", name="s1")
expect_error(mon, "Snapshot with name 's1' already exists on device 'ide0-hd0'", "blockdev-snapshot-internal-sync", device="ide0-hd0", name="s1")
check(good("blockdev-snapshot-delete-internal-sync", device="ide0-hd0", name="s1")["name"] == "s1", "deleted")
expect_error(mon, "Snapshot with id 'null' and name 's1' does not exist on device 'ide0-hd0'", "blockdev-snapshot-delete-internal-sync",
             device="ide0-hd0", name="s1")
expect_error(mon, "Name or id must be provided", "blockdev-snapshot-delete-internal-sync", device="ide0-hd0")
check(mon.hmp("commit nosuch") == "Device 'nosuch' not found\n", "commit of nothing")
mon.cmd("quit")
status, text = m.finish()
check(status == 0, f"exit status {status}: {text}")
for name in ("base.qcow2", "top.qcow2", "ov.qcow2", "ov2.qcow2", "disk.qcow2"):
    check(subprocess.run([img, "check", "-q", path(name)], stdout=subprocess.DEVNULL).returncode == 0, f"{name} is whole")
subprocess.run([img, "convert", "-O", "raw", path("ov.qcow2"), path("flat")], check=True)
flat = open(path("flat"), "rb").read()
check(flat[3 * 512] == 0xcd and flat[4 * 512] == 0xef and flat[103 * 512] == 3, "what was written is there, by layers")

# ---- Empty drives that are there without being asked for ----
for options, names in ((("-M", "pc"), ["ide1-cd0", "floppy0"]), (("-M", "q35"), ["ide2-cd0"]), (("-M", "isapc"), ["ide1-cd0", "floppy0"]),
                       (("-M", "pc", "-nodefaults"), []), (("-M", "pc", "-device", "ide-cd,id=x"), ["floppy0", ""]),
                       (("-M", "pc", "-cdrom", path("base.qcow2")), ["ide1-cd0", "floppy0"]),
                       (("-M", "pc", "-drive", "if=ide,index=2,id=mine,file=" + path("base.qcow2")), ["mine", "floppy0"])):
    m = Machine(*options)
    mon = m.connect()
    drives = mon.cmd("query-block")
    check([d["device"] for d in drives] == names, f"{options}: {[d['device'] for d in drives]}")
    if names and names[0].startswith("ide") and "inserted" not in drives[0]:
        check(mon.hmp(f"change {names[0]} {path('flat')} raw") == "" and "inserted" in mon.cmd("query-block")[0], f"{options}: a medium comes")
    mon.cmd("quit")
    check(m.finish()[0] == 0, f"{options}: exit status")

# ---- Locks ----
holder = Machine("-M", "none", "-drive", f"if=none,file={path('flat')},format=raw")
mon = holder.connect()
for locking, status in (("", 1), (",file.locking=auto", 1), (",file.locking=on", 1), (",file.locking=off", 0), (",file.locking=maybe", 1)):
    m = Machine("-M", "none", "-drive", f"if=none,file={path('flat')},format=raw{locking}")
    if status == 0:
        m.connect().cmd("quit")
    code, text = m.finish()
    wanted = "" if status == 0 else "invalid parameter value: maybe" if "maybe" in locking else 'Failed to get'
    check(code == status and wanted in text, f"an image in use{locking}: {code} {text}")
mon.cmd("quit")
holder.finish()

# ---- Errors: a file system that fills up ----
small = path("small")
os.mkdir(small)
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", small], stderr=subprocess.DEVNULL).returncode:
    print("no tmpfs of a small size can be mounted: the full disk is left out")
else:
    try:
        subprocess.run([img, "create", "-q", "-f", "qcow2", small + "/d.qcow2", "64M"], check=True)
        with open(small + "/filler", "wb") as f:
            f.write(b"x" * (1 << 20))
        for how, option in (("stop", ""), ("report", ",werror=report")):
            qsock = path("qtest-" + how)
            m = Machine("-accel", "qtest", "-qtest", f"unix:{qsock},server=on,wait=off", "-M", "pc", "-m", "64", "-nodefaults",
                        "-drive", f"file={small}/d.qcow2,if=ide,index=0,format=qcow2{option}", paused=False)
            mon, qt = m.connect(), QTest(qsock)
            lba, status = (0 if how == "stop" else 65536), 0x50
            while status == 0x50 and lba < 130000:
                lba += 128
                qt.ide_write(0x1f0, lba, 0x77, wait=False)
                for _ in range(400):
                    status = qt.inb(0x1f7)
                    if not status & 0x80 or (how == "stop" and mon.cmd("query-status")["status"] == "io-error"):
                        break
                    time.sleep(0.005)
            e = mon.wait_event("BLOCK_IO_ERROR")["data"]
            check(e["action"] == how and e["operation"] == "write" and e.get("nospace") is (True if how == "stop" else None) and e["reason"] == "No space left on device", f"{how}: {e}")
            if how == "stop":
                check(status & 0x80, "the guest's write waits")
                mon.wait_event("STOP")
                d = mon.cmd("query-block")[0]
                check(d["io-status"] == "nospace", f"io-status: {d['io-status']}")
                check("    I/O status:       nospace\n" in mon.hmp("info block"), "info block says so")
                mon.cmd("cont")
                mon.wait_event("STOP")
                check(mon.cmd("query-status")["status"] == "io-error", "still no space: stopped again")
                os.remove(small + "/filler")
                mon.cmd("cont")
                check(qt.ide_wait(0x1f0) == 0x50, "tried again: the guest sees no error")
                check(mon.cmd("query-block")[0]["io-status"] == "ok", "all is well")
                mon.cmd("stop")
                with open(small + "/filler", "wb") as f:
                    f.write(b"x" * (os.statvfs(small).f_bavail * 4096))
            else:
                check(status == 0x51 and mon.cmd("query-status")["running"], f"the guest sees the error, and goes on: {status:#x}")
            mon.cmd("quit")
            code, text = m.finish()
            check(code == 0, f"exit status {code}")
            lines = [x for x in text.splitlines() if "No space left" in x]
            check(len(lines) == (2 if how == "stop" else 1) and small + "/d.qcow2: write error" in lines[0], f"{how}: one clear line: {text}")
            check(subprocess.run([img, "check", "-q", small + "/d.qcow2"], stdout=subprocess.DEVNULL).returncode in (0, 3), "the image is valid")
    finally:
        subprocess.run(["umount", small])
subprocess.run(["rm", "-rf", work])
sys.exit(1 if failures else 0)
