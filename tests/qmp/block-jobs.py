# SPDX-License-Identifier: MIT
"""
Jobs on disks of a machine whose guest writes on (an IDE disk by bus-master DMA over the device-test protocol): what is on the images afterwards is
compared with what was written, by qemu-img where it is installed (by rhea-img otherwise), which also checks them; states, verbs, events and messages
are those observed on QEMU 7.2.
"""
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from qmplib import Machine, QMPError, Schema

failures = []
MiB = 1 << 20
SIZE = 16 * MiB
rng = random.Random(int(os.environ.get("SEED", "1")))


def check(ok, what):
    if not ok:
        failures.append(what)
        print("FAILED:", what, flush=True)


work = tempfile.mkdtemp(prefix="rhea-jobs-")
img = os.path.join(os.path.abspath(os.environ.get("BUILD", ".")), "rhea-img")
oracle = shutil.which("qemu-img") or img


def path(name):
    return os.path.join(work, name)


def tool(program, *args):
    r = subprocess.run([program, *args], capture_output=True, text=True)
    check(r.returncode == 0, f"{program} {args}: {r.stdout}{r.stderr}")
    return r.stdout


def content(name, fmt="qcow2"):
    """What an image reads as."""
    out = path("content.raw")
    tool(oracle, "convert", "-U", "-f", fmt, "-O", "raw", path(name), out)
    with open(out, "rb") as f:
        return f.read()


def clean(name):
    r = subprocess.run([oracle, "check", "-q", path(name)], capture_output=True, text=True)
    check(r.returncode == 0, f"{name} is not clean: {r.stdout[:500]}{r.stderr}")
    r = subprocess.run([img, "check", "-q", path(name)], capture_output=True, text=True)
    check(r.returncode == 0, f"{name} is not clean for rhea-img: {r.stdout[:500]}{r.stderr}")


def backing(name):
    text = tool(oracle, "info", path(name))
    return next((l.split()[2] for l in text.splitlines() if l.startswith("backing file:")), None)


def same(got, want, what):
    if got == want:
        return
    if len(got) != len(want):
        check(False, f"{what}: {len(got)} bytes, wanted {len(want)}")
        return
    at = next(i for i in range(0, len(want), 512) if got[i:i + 512] != want[i:i + 512])
    bad = sum(got[i:i + 512] != want[i:i + 512] for i in range(0, len(want), 512))
    check(False, f"{what}: differs in {bad} sectors from {at:#x}: {got[at]:#x}, wanted {want[at]:#x}")


class Guest:
    """The driver of an IDE disk on the PC's first channel; knows what the disk must hold."""
    PORTS, BMDMA, PRD, DATA = 0x1f0, 0xc000, 0x1000, 0x100000

    def __init__(self, where, model):
        self.sock = socket.socket(socket.AF_UNIX)
        for _ in range(200):
            try:
                self.sock.connect(where)
                break
            except OSError:
                time.sleep(0.05)
        self.sock.settimeout(60)
        self.file = self.sock.makefile("rw")
        self.model = bytearray(model)
        self.ask("outl 0xcf8 0x80000920")
        self.ask(f"outl 0xcfc {self.BMDMA:#x}")
        self.ask("outl 0xcf8 0x80000904")
        self.ask("outw 0xcfc 5")

    def ask(self, text):
        self.file.write(text + "\n")
        self.file.flush()
        while True:
            line = self.file.readline()
            if not line.startswith("IRQ"):
                assert line.startswith("OK"), f"{text}: {line}"
                return line.split()[1:]

    def start(self, at, size, byte):
        """Begins to write size bytes (of a value) at an offset: at most 64 KiB."""
        self.ask(f"memset {self.DATA:#x} {size:#x} {byte:#x}")
        self.ask(f"writel {self.PRD:#x} {self.DATA:#x}")
        self.ask(f"writel {self.PRD + 4:#x} {0x80000000 | size & 0xffff:#x}")
        self.ask(f"outl {self.BMDMA + 4:#x} {self.PRD:#x}")
        self.ask(f"outb {self.BMDMA + 2:#x} 6")
        lba, n = at // 512, size // 512
        for reg, v in ((6, 0xe0 | lba >> 24), (2, n & 255), (3, lba & 255), (4, lba >> 8 & 255), (5, lba >> 16 & 255), (7, 0xca)):
            self.ask(f"outb {self.PORTS + reg:#x} {v:#x}")
        self.ask(f"outb {self.BMDMA:#x} 1")
        self.model[at:at + size] = bytes([byte]) * size

    def wait(self):
        for _ in range(20000):
            if not int(self.ask(f"inb {self.PORTS + 7:#x}")[0], 0) & 0x88 and int(self.ask(f"inb {self.BMDMA + 2:#x}")[0], 0) & 4:
                break
            time.sleep(0.001)
        status = int(self.ask(f"inb {self.PORTS + 7:#x}")[0], 0)
        self.ask(f"outb {self.BMDMA:#x} 0")
        return status & 1

    def write(self, at, size, byte):
        self.start(at, size, byte)
        check(not self.wait(), f"the guest's write at {at:#x}")

    def scribble(self, count):
        for _ in range(count):
            size = 512 * rng.randrange(1, 128)
            self.write(512 * rng.randrange((len(self.model) - size) // 512), size, rng.randrange(256))


machines = 0


def machine(image, model, *options, drive=""):
    global machines
    machines += 1
    qsock = path(f"qtest{machines}")
    m = Machine("-accel", "qtest", "-qtest", f"unix:{qsock},server=on,wait=off", "-M", "pc", "-m", "64", "-nodefaults",
                "-drive", f"file={path(image)},if=ide,index=0,id=d,node-name=top,discard=unmap{drive}", *options, paused=False)
    mon = m.connect()
    return m, mon, Guest(qsock, model)


def leave(m, mon):
    mon.cmd("quit")
    code, text = m.finish()
    check(code == 0, f"exit status {code}: {text}")


def status_events(mon, until):
    """The states a job goes through, to the last; other events of jobs in their place."""
    seen = []
    while True:
        e = mon.events.pop(0) if mon.events else mon.read()
        if "event" not in e:
            continue
        if e["event"] == "JOB_STATUS_CHANGE":
            seen.append(e["data"]["status"])
        elif e["event"].startswith("BLOCK_JOB"):
            seen.append(e["event"])
        if seen and seen[-1] == until:
            return seen


def expect_error(mon, desc, name, cls="GenericError", /, **args):
    r = mon.call(name, **args)
    check(r.get("error") == {"class": cls, "desc": desc}, f"{name} {args}: {r}, wanted {cls}: {desc}")


def chain():
    """q0 <- q1 <- q2, and what they hold together."""
    model = bytearray(SIZE)
    names = ["q0.qcow2", "q1.qcow2", "q2.qcow2"]
    for i, n in enumerate(names):
        if os.path.exists(path(n)):
            os.remove(path(n))
        tool(img, "create", "-q", "-f", "qcow2", *(["-b", path(names[i - 1]), "-F", "qcow2"] if i else []), path(n), str(SIZE))
        commands = []
        for _ in range(12):
            size = 512 * rng.randrange(1, 1024)
            at, byte = 512 * rng.randrange((SIZE - size) // 512), rng.randrange(1, 256)
            commands += ["-c", f"write -P {byte} {at} {size}"]
            model[at:at + size] = bytes([byte]) * size
        tool(img[:-3] + "io", "-f", "qcow2", *commands, path(n))
    return model


WELL = ["waiting", "pending", "BLOCK_JOB_COMPLETED", "concluded", "null"]

# ---- stream ----
m, mon, g = machine("q2.qcow2", chain())
schema = Schema(mon.cmd("query-qmp-schema"))
schema.check_closed()
expect_error(mon, "Cannot find device='zz' nor node-name='zz'", "block-stream", device="zz")
expect_error(mon, "Invalid job ID '1x'", "block-stream", device="d", job__id="1x")
expect_error(mon, "Can't find 'foo' in the backing chain", "block-stream", device="d", base="foo")
expect_error(mon, "Cannot find device='' nor node-name='foo'", "block-stream", device="d", base__node="foo")
expect_error(mon, "'base' and 'base-node' cannot be specified at the same time", "block-stream", device="d", base="a", base__node="b")
expect_error(mon, "Parameter 'speed' expects a non-negative value", "block-stream", device="d", speed=-1)
expect_error(mon, "Block job 'd' not found", "block-job-cancel", "DeviceNotActive", device="d")
expect_error(mon, "Job not found", "job-cancel", id="d")
mon.events.clear()
mon.cmd("block-stream", device="d", speed=1)
check(status_events(mon, "running") == ["created", "running"], "a job starts")
g.scribble(20)
busy = "Node 'd' is busy: block device is in use by block job: stream"
expect_error(mon, busy, "block-stream", device="d", job__id="e")
expect_error(mon, busy, "block_resize", device="d", size=SIZE * 2)
expect_error(mon, busy, "blockdev-snapshot-sync", device="d", snapshot__file=path("no.qcow2"))
expect_error(mon, busy, "drive-mirror", device="d", target=path("no.qcow2"), sync="full", job__id="m")
for verb, name in (("complete", "job-complete"), ("finalize", "job-finalize"), ("dismiss", "job-dismiss")):
    expect_error(mon, f"Job 'd' in state 'running' cannot accept command verb '{verb}'", name, id="d")
expect_error(mon, "Job 'd' in state 'running' cannot accept command verb 'complete'", "block-job-complete", device="d")
expect_error(mon, "Can't resume a job that was not paused", "block-job-resume", device="d")
mon.cmd("job-pause", id="d")
expect_error(mon, "Job is already paused", "block-job-pause", device="d")
check(status_events(mon, "paused") == ["paused"], "paused")
j = mon.cmd("query-block-jobs")[0]
schema.check("[BlockJobInfo]", [j], "query-block-jobs")
check(j["paused"] and j["status"] == "paused" and j["type"] == "stream" and j["speed"] == 1 and j["len"] == SIZE, f"{j}")
schema.check("[JobInfo]", mon.cmd("query-jobs"), "query-jobs")
g.scribble(5)
mon.cmd("job-resume", id="d")
check(status_events(mon, "running") == ["running"], "resumed")
check(mon.hmp("info block-jobs").startswith("Streaming device d: Completed ") and "speed limit 1 bytes/s" in mon.hmp("info block-jobs"), "info block-jobs")
expect_error(mon, "Parameter 'speed' expects a non-negative value", "block-job-set-speed", device="d", speed=-1)
mon.cmd("block-job-set-speed", device="d", speed=0)
g.scribble(20)
check(status_events(mon, "null") == WELL, "a stream's end")
check(mon.hmp("info block-jobs") == "No active jobs\n", "no jobs any more")
g.scribble(5)
check("backing_file" not in mon.cmd("query-block")[0]["inserted"], "nothing below any more")
leave(m, mon)
clean("q2.qcow2")
check(backing("q2.qcow2") is None, "the header has no backing file")
same(content("q2.qcow2"), g.model, "streamed")

# down to a base, which stays
m, mon, g = machine("q2.qcow2", chain())
mon.hmp(f"block_stream d 0 {path('q0.qcow2')}")
g.scribble(20)
check(status_events(mon, "null")[-3] == "BLOCK_JOB_COMPLETED", "streamed to a base")
leave(m, mon)
clean("q2.qcow2")
check(backing("q2.qcow2") == path("q0.qcow2"), f"on its base: {backing('q2.qcow2')}")
os.remove(path("q1.qcow2"))
same(content("q2.qcow2"), g.model, "streamed to a base")

# cancelled: nothing lost
m, mon, g = machine("q2.qcow2", chain())
mon.cmd("block-stream", device="d", speed=100000)
g.scribble(10)
mon.events.clear()
mon.cmd("block-job-cancel", device="d")
check(status_events(mon, "null") == ["aborting", "BLOCK_JOB_CANCELLED", "concluded", "null"], "cancelled")
leave(m, mon)
clean("q2.qcow2")
same(content("q2.qcow2"), g.model, "a stream that was cancelled")
print("stream: ok", flush=True)

# ---- commit ----
m, mon, g = machine("q2.qcow2", chain())
expect_error(mon, "Top image file zz not found", "block-commit", device="d", top="zz")
expect_error(mon, "Can't find 'zz' in the backing chain", "block-commit", device="d", base="zz")
expect_error(mon, "Device 'zz' not found", "block-commit", "DeviceNotFound", device="zz")
expect_error(mon, "'top-node' and 'top' are mutually exclusive", "block-commit", device="d", top="a", top__node="b")
expect_error(mon, "'base-node' and 'base' are mutually exclusive", "block-commit", device="d", base="a", base__node="b")
expect_error(mon, "'backing-file' specified, but 'top' is the active layer", "block-commit", device="d", backing__file="foo")
mon.events.clear()
mon.cmd("block-commit", device="d", top=path("q1.qcow2"), base=path("q0.qcow2"))
g.scribble(20)
check(status_events(mon, "null") == ["created", "running"] + WELL, "the end of a commit")
leave(m, mon)
for n in ("q0.qcow2", "q2.qcow2"):
    clean(n)
os.remove(path("q1.qcow2"))
check(backing("q2.qcow2") == path("q0.qcow2"), "its overlay stands on the base")
same(content("q2.qcow2"), g.model, "committed from the middle")

m, mon, g = machine("q2.qcow2", chain())
mon.events.clear()
mon.cmd("block-commit", device="d", speed=2000000)
g.scribble(20)
mon.cmd("block-job-set-speed", device="d", speed=0)
check(status_events(mon, "BLOCK_JOB_READY") == ["created", "running", "ready", "BLOCK_JOB_READY"], "an active commit is ready")
g.scribble(10)
at_pivot = None
mon.cmd("job-complete", id="d")
g.scribble(5)
check(status_events(mon, "null") == WELL, "the end of an active commit")
check(mon.cmd("query-block")[0]["inserted"]["file"] == path("q0.qcow2"), "the base is in use")
g.scribble(10)
leave(m, mon)
clean("q0.qcow2")
same(content("q0.qcow2"), g.model, "committed")
print("commit: ok", flush=True)

# ---- mirror ----
for mode in ("background", "write-blocking"):
    m, mon, g = machine("q2.qcow2", chain())
    mon.events.clear()
    mon.cmd("drive-mirror", device="d", target=path("m.qcow2"), sync="full", format="qcow2", copy__mode=mode, node__name="mir", speed=2000000)
    g.scribble(20)
    mon.cmd("block-job-set-speed", device="d", speed=0)
    status_events(mon, "BLOCK_JOB_READY")
    j = mon.cmd("query-block-jobs")[0]
    check(j["ready"] and j["status"] == "ready" and j["len"] >= j["offset"], f"ready: {j}")
    g.scribble(20)
    mon.cmd("block-job-complete", device="d")
    check(status_events(mon, "null") == WELL, f"the end of a mirror, {mode}")
    pivot = bytes(g.model)
    check(mon.cmd("query-block")[0]["inserted"]["node-name"] == "mir", "the target is in use")
    g.scribble(10)
    leave(m, mon)
    for n in ("m.qcow2", "q2.qcow2"):
        clean(n)
    same(content("m.qcow2"), g.model, f"mirrored, {mode}")
    same(content("q2.qcow2"), pivot, f"the source stays as it was, {mode}")

m, mon, g = machine("q2.qcow2", chain())
expect_error(mon, "Sync mode 'incremental' not supported", "drive-mirror", device="d", target=path("n.qcow2"), sync="incremental")
expect_error(mon, "Unknown file format 'foo'", "drive-mirror", device="d", target=path("n.qcow2"), sync="full", format="foo")
expect_error(mon, "Parameter 'granularity' expects a value in range [512B, 64MB]", "drive-mirror", device="d", target=path("n.qcow2"), sync="full",
             granularity=100)
expect_error(mon, "Can't mirror node into itself", "blockdev-mirror", device="d", target="top", sync="full")
mon.cmd("drive-mirror", device="d", target=path("m.raw"), sync="full", format="raw", granularity=16 * MiB)
status_events(mon, "BLOCK_JOB_READY")
g.scribble(10)
mon.cmd("block-job-cancel", device="d")
check(status_events(mon, "null") == WELL, "a ready mirror cancelled ends well")
stopped = bytes(g.model)
g.scribble(10)
same(content("m.raw", "raw"), stopped, "the copy is of that moment")
mon.cmd("drive-mirror", device="d", target=path("mt.qcow2"), sync="top", auto__finalize=False, auto__dismiss=False)
status_events(mon, "BLOCK_JOB_READY")
g.scribble(5)
mon.cmd("block-job-complete", device="d")
check(status_events(mon, "BLOCK_JOB_PENDING") == ["waiting", "pending", "BLOCK_JOB_PENDING"], "pending")
g.scribble(5) # still on the source: the target gets it, too
mon.cmd("block-job-finalize", id="d")
check(status_events(mon, "concluded") == ["BLOCK_JOB_COMPLETED", "concluded"], "concluded")
check(mon.cmd("query-jobs")[0]["status"] == "concluded", "there until it is dismissed")
expect_error(mon, "Job 'd' in state 'concluded' cannot accept command verb 'cancel'", "job-cancel", id="d")
mon.cmd("block-job-dismiss", id="d")
g.scribble(5)
mon.cmd("drive-mirror", device="d", target=path("mn.qcow2"), sync="none")
status_events(mon, "BLOCK_JOB_READY")
g.scribble(5)
mon.cmd("block-job-cancel", device="d", force=True)
check(status_events(mon, "null") == ["aborting", "BLOCK_JOB_CANCELLED", "concluded", "null"], "force")
leave(m, mon)
clean("mt.qcow2")
check(backing("mt.qcow2") == path("q1.qcow2"), "sync=top stands on what the source did")
same(content("mt.qcow2"), g.model, "sync=top")

m, mon, g = machine("q2.qcow2", chain())
tool(img, "create", "-q", "-f", "qcow2", path("bm.qcow2"), str(SIZE))
tool(img[:-3] + "io", "-f", "qcow2", "-c", f"write -P 99 0 {SIZE}", path("bm.qcow2"))
mon.cmd("blockdev-add", **{"driver": "qcow2", "node__name": "t", "file": {"driver": "file", "filename": path("bm.qcow2")}})
mon.cmd("blockdev-mirror", device="top", target="t", sync="full", job__id="j0")
expect_error(mon, "Node 't' is busy: block device is in use by block job: mirror", "blockdev-mirror", device="t", target="top", sync="full", job__id="k")
status_events(mon, "BLOCK_JOB_READY")
g.scribble(10)
mon.hmp("block_job_complete j0")
status_events(mon, "null")
g.scribble(10)
leave(m, mon)
clean("bm.qcow2")
same(content("bm.qcow2"), g.model, "into a node that held something else")
print("mirror: ok", flush=True)

# ---- backup ----
m, mon, g = machine("q2.qcow2", chain())
start = bytes(g.model)
mon.cmd("drive-backup", device="d", target=path("b.qcow2"), sync="full", format="qcow2", speed=1000000)
g.scribble(30)
mon.cmd("block-job-set-speed", device="d", speed=0)
g.scribble(10)
mon.events.clear()
check(status_events(mon, "null")[-3] == "BLOCK_JOB_COMPLETED", "a backup's end")
same(content("b.qcow2"), start, "a backup is of the moment it started")
start = bytes(g.model)
mon.cmd("drive-backup", device="d", target=path("bt.qcow2"), sync="top", speed=1000000)
g.scribble(20)
mon.cmd("block-job-set-speed", device="d", speed=0)
status_events(mon, "null")
check(backing("bt.qcow2") == path("q1.qcow2"), "sync=top")
same(content("bt.qcow2"), start, "a backup of the top")
start = bytes(g.model)
mon.cmd("drive-backup", device="d", target=path("bc.qcow2"), sync="full", format="qcow2", compress=True)
g.scribble(10)
status_events(mon, "null")
same(content("bc.qcow2"), start, "compressed")
start = bytes(g.model)
mon.cmd("drive-backup", device="d", target=path("bn.qcow2"), sync="none")
g.scribble(20)
mon.cmd("job-cancel", id="d")
status_events(mon, "null")
leave(m, mon)
same(content("bn.qcow2"), start, "sync=none, over the disk as it is now")
for n in ("b.qcow2", "bt.qcow2", "bc.qcow2", "bn.qcow2", "q2.qcow2"):
    clean(n)
same(content("q2.qcow2"), g.model, "the disk itself")
print("backup: ok", flush=True)

# a raw disk, whose writes otherwise take a short cut past the nodes
for aio in "threads", "io_uring":
    with open(path("r.raw"), "wb") as f:
        f.write(bytes(SIZE))
    m, mon, g = machine("r.raw", bytes(SIZE), drive=f",format=raw,aio={aio}")
    g.scribble(20)
    start = bytes(g.model)
    mon.cmd("block-dirty-bitmap-add", node="top", name="seen", granularity=512)
    mon.cmd("drive-backup", device="d", target=path("rb.qcow2"), sync="full", format="qcow2", speed=1000000)
    g.scribble(20)
    mon.cmd("block-job-set-speed", device="d", speed=0)
    status_events(mon, "null")
    same(content("rb.qcow2"), start, f"a backup of a raw disk, {aio}")
    count = next(b for b in mon.cmd("query-block")[0]["inserted"]["dirty-bitmaps"] if b.get("name") == "seen")["count"]
    differ = sum(512 for i in range(0, SIZE, 512) if g.model[i:i + 512] != start[i:i + 512])
    check(count >= differ > 0, f"a bitmap of a raw disk: {count}, {differ} bytes changed")
    mon.cmd("block-dirty-bitmap-remove", node="top", name="seen")
    mon.cmd("drive-mirror", device="d", target=path("rm.raw"), sync="full", format="raw", speed=4000000)
    g.scribble(20)
    mon.cmd("block-job-set-speed", device="d", speed=0)
    status_events(mon, "BLOCK_JOB_READY")
    g.scribble(20)
    mon.cmd("job-complete", id="d")
    status_events(mon, "null")
    g.scribble(10)
    leave(m, mon)
    same(content("rm.raw", "raw"), g.model, f"a raw mirror, {aio}")
print("raw disks: ok", flush=True)

# incremental, with a persistent bitmap over two runs
m, mon, g = machine("q2.qcow2", chain())
for mistake, args in (("must provide a valid bitmap name for 'incremental' sync mode", {"sync": "incremental"}),
                      ("Bitmap 'zz' could not be found", {"sync": "incremental", "bitmap": "zz"}),
                      ("Cannot specify bitmap sync mode without a bitmap", {"sync": "full", "bitmap-mode": "never"})):
    expect_error(mon, mistake, "drive-backup", device="d", target=path("no.qcow2"), **args)
for mistake, args in (("Cannot find device='zz' nor node-name='zz'", {"node": "zz", "name": "b"}), ("Bitmap name cannot be empty", {"node": "top", "name": ""}),
                      ("Granularity must be power of 2 and at least 512", {"node": "top", "name": "b", "granularity": 1000})):
    expect_error(mon, mistake, "block-dirty-bitmap-add", **args)
mon.cmd("transaction", actions=[
    {"type": "block-dirty-bitmap-add", "data": {"node": "top", "name": "inc", "persistent": True}},
    {"type": "block-dirty-bitmap-add", "data": {"node": "top", "name": "all", "granularity": 4096}},
    {"type": "drive-backup", "data": {"device": "d", "target": path("i0.qcow2"), "sync": "full", "format": "qcow2"}}])
expect_error(mon, "Bitmap already exists: inc", "block-dirty-bitmap-add", node="top", name="inc")
start0 = bytes(g.model)
status_events(mon, "null")
g.scribble(15)
bitmaps = {b["name"]: b for b in mon.cmd("query-block")[0]["inserted"]["dirty-bitmaps"] if "name" in b}
changed = {i for i in range(0, SIZE, 65536) if g.model[i:i + 65536] != start0[i:i + 65536]}
check(bitmaps["inc"]["persistent"] and bitmaps["inc"]["recording"] and bitmaps["inc"]["count"] >= 65536 * len(changed), f"{bitmaps}, {len(changed)} changed")
start1 = bytes(g.model)
tool(img, "create", "-q", "-f", "qcow2", "-b", path("i0.qcow2"), "-F", "qcow2", path("i1.qcow2"))
mon.cmd("drive-backup", device="d", target=path("i1.qcow2"), sync="incremental", bitmap="inc", mode="existing", speed=200000)
expect_error(mon, "Bitmap 'inc' is currently in use by another operation and cannot be used", "block-dirty-bitmap-clear", node="top", name="inc")
g.scribble(15)
mon.cmd("block-job-set-speed", device="d", speed=0)
status_events(mon, "null")
leave(m, mon)
same(content("i1.qcow2"), start1, "incremental, first")
clean("q2.qcow2")
kept = bytes(g.model)
m, mon, g = machine("q2.qcow2", kept)
g.scribble(5)
# one that is cancelled leaves the bitmap as it was, and what was written meanwhile
tool(img, "create", "-q", "-f", "qcow2", path("ix.qcow2"), str(SIZE))
mon.cmd("drive-backup", device="d", target=path("ix.qcow2"), sync="incremental", bitmap="inc", mode="existing", speed=1)
g.scribble(5)
mon.cmd("block-job-cancel", device="d", force=True)
status_events(mon, "null")
start2 = bytes(g.model)
tool(img, "create", "-q", "-f", "qcow2", "-b", path("i1.qcow2"), "-F", "qcow2", path("i2.qcow2"))
mon.cmd("blockdev-add", **{"driver": "qcow2", "node__name": "i2", "file": {"driver": "file", "filename": path("i2.qcow2")}})
mon.cmd("blockdev-backup", device="d", target="i2", sync="bitmap", bitmap="inc", bitmap__mode="never")
g.scribble(5)
status_events(mon, "null")
count = next(b for b in mon.cmd("query-block")[0]["inserted"]["dirty-bitmaps"] if b.get("name") == "inc")["count"]
check(count > 0, "never: the bitmap keeps its bits")
sums = [mon.cmd("x-debug-block-dirty-bitmap-sha256", node="top", name="inc")["sha256"]]
mon.cmd("block-dirty-bitmap-add", node="top", name="copy", disabled=True)
mon.cmd("block-dirty-bitmap-merge", node="top", target="copy", bitmaps=["inc", {"node": "top", "name": "inc"}])
sums.append(mon.cmd("x-debug-block-dirty-bitmap-sha256", node="top", name="copy")["sha256"])
check(sums[0] == sums[1], "merged")
before = [b for b in mon.cmd("query-block")[0]["inserted"]["dirty-bitmaps"]]
expect_error(mon, "Transaction aborted using Abort action", "transaction", actions=[
    {"type": "block-dirty-bitmap-clear", "data": {"node": "top", "name": "copy"}},
    {"type": "block-dirty-bitmap-enable", "data": {"node": "top", "name": "copy"}},
    {"type": "block-dirty-bitmap-remove", "data": {"node": "top", "name": "inc"}},
    {"type": "block-dirty-bitmap-add", "data": {"node": "top", "name": "x"}},
    {"type": "block-dirty-bitmap-disable", "data": {"node": "top", "name": "x"}},
    {"type": "block-dirty-bitmap-merge", "data": {"node": "top", "target": "x", "bitmaps": ["copy"]}},
    {"type": "blockdev-snapshot-sync", "data": {"device": "d", "snapshot-file": path("ts.qcow2")}},
    {"type": "drive-backup", "data": {"device": "d", "target": path("tb.qcow2"), "sync": "full", "format": "qcow2"}},
    {"type": "abort", "data": {}}])
check(mon.cmd("query-block")[0]["inserted"]["dirty-bitmaps"] == before and mon.cmd("query-block")[0]["inserted"]["node-name"] == "top" and
      mon.cmd("query-jobs") == [], "nothing of it happened")
mon.cmd("block-dirty-bitmap-enable", node="top", name="copy")
mon.cmd("block-dirty-bitmap-disable", node="top", name="copy")
mon.cmd("block-dirty-bitmap-clear", node="top", name="copy")
mon.cmd("block-dirty-bitmap-remove", node="top", name="copy")
g.scribble(3)
mon.events.clear() # of the job that was taken back
mon.cmd("transaction", actions=[{"type": "blockdev-snapshot-sync", "data": {"device": "d", "snapshot-file": path("s1.qcow2"), "snapshot-node-name": "s1"}},
                                {"type": "blockdev-backup", "data": {"device": "s1", "target": "i2", "sync": "full", "job-id": "g1"}}],
        properties={"completion-mode": "grouped"})
start3 = bytes(g.model)
g.scribble(3)
status_events(mon, "null")
leave(m, mon)
same(content("i2.qcow2"), start3, "a snapshot and a backup at one moment")
same(content("s1.qcow2"), g.model, "the snapshot is in use")
for n in ("i0.qcow2", "i1.qcow2", "i2.qcow2", "q2.qcow2", "s1.qcow2"):
    clean(n)
check("inc" in tool(oracle, "info", path("q2.qcow2")), "the bitmap is in the image")
print("bitmaps, transactions: ok", flush=True)

# ---- Errors: a target whose file system is full ----
small = path("small")
os.mkdir(small)
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", small], stderr=subprocess.DEVNULL).returncode:
    print("no tmpfs of a small size can be mounted: errors of targets are left out")
else:
    try:
        m, mon, g = machine("q2.qcow2", chain())
        mon.cmd("drive-backup", device="d", target=small + "/b.qcow2", sync="full", format="qcow2")
        g.scribble(10) # the guest does not care
        e = mon.wait_event("BLOCK_JOB_COMPLETED")["data"]
        check(e["error"] == "No space left on device", f"a backup fails: {e}")
        mon.wait_event("JOB_STATUS_CHANGE")
        os.remove(small + "/b.qcow2")
        mon.events.clear()
        mon.cmd("drive-mirror", device="d", target=small + "/m.qcow2", sync="full", format="qcow2", on__target__error="enospc")
        e = mon.wait_event("BLOCK_JOB_ERROR")["data"]
        check(e == {"device": "d", "operation": "write", "action": "stop"}, f"a mirror stops: {e}")
        j = mon.cmd("query-block-jobs")[0]
        check(j["io-status"] == "nospace" and j["paused"], f"it waits: {j}")
        g.scribble(5)
        subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
        mon.cmd("block-job-resume", device="d")
        mon.wait_event("BLOCK_JOB_READY")
        mon.cmd("block-job-cancel", device="d")
        mon.wait_event("BLOCK_JOB_COMPLETED")
        leave(m, mon)
        shutil.copy(small + "/m.qcow2", path("mfull.qcow2"))
        same(content("mfull.qcow2"), g.model, "a mirror that had to wait for space")
    finally:
        subprocess.run(["umount", small])

# ---- Snapshots of the machine as jobs ----
for n in ("q0.qcow2", "flat.qcow2"):
    if os.path.exists(path(n)):
        os.remove(path(n))
tool(img, "create", "-q", "-f", "qcow2", path("flat.qcow2"), str(SIZE))
m, mon, g = machine("flat.qcow2", bytes(SIZE))


def snapshot_job(name, /, **args):
    """Runs it; its error, or None."""
    mon.events.clear()
    mon.cmd(name, job__id="s", **args)
    seen = status_events(mon, "concluded")
    j = mon.cmd("query-jobs")[0]
    check(mon.cmd("query-block-jobs") == [] and j["type"] == name and j["status"] == "concluded" and j["total-progress"] == 1, f"{j}")
    check(seen == ["created", "running"] + (["aborting", "concluded"] if "error" in j else ["waiting", "pending", "concluded"]), f"{name}: {seen}")
    mon.cmd("job-dismiss", id="s")
    return j.get("error")


g.scribble(5)
then = bytes(g.model)
check(snapshot_job("snapshot-save", tag="x", vmstate="top", devices=["top"]) is None, "snapshot-save")
check(snapshot_job("snapshot-save", tag="x", vmstate="top", devices=["top"]) == "Snapshot 'x' already exists in one or more devices", "twice")
check(snapshot_job("snapshot-save", tag="y", vmstate="zz", devices=["top"]) == "vmstate block device 'zz' does not exist", "no such place")
check(snapshot_job("snapshot-save", tag="y", vmstate="top", devices=["zz"]) == "No block device node 'zz'", "no such disk")
check(snapshot_job("snapshot-save", tag="y", vmstate="top", devices=[]) == "At least one device is required for snapshot", "no disk")
g.scribble(5)
check(snapshot_job("snapshot-load", tag="zz", vmstate="top", devices=["top"]) == "Snapshot 'zz' does not exist in one or more devices", "no such snapshot")
check(snapshot_job("snapshot-load", tag="x", vmstate="top", devices=["top"]) is None, "snapshot-load")
same(content("flat.qcow2"), then, "loaded")
check(snapshot_job("snapshot-delete", tag="zz", devices=["top"]) is None and snapshot_job("snapshot-delete", tag="x", devices=["top"]) is None, "deleted")
leave(m, mon)
clean("flat.qcow2")
print("snapshots: ok", flush=True)

# ---- Left alone while they run: quit, and a reset of the disk ----
m, mon, g = machine("q2.qcow2", chain())
mon.cmd("drive-mirror", device="d", target=path("lq.qcow2"), sync="full", format="qcow2", speed=100000)
g.scribble(3)
mon.cmd("system_reset")
leave(m, mon)
clean("q2.qcow2")
same(content("q2.qcow2"), g.model, "quit while a mirror runs")
shutil.rmtree(work)
sys.exit(1 if failures else 0)
