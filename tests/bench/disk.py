#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fio in a guest on each kind of disk, under QEMU and Rhea in one run.

Run from the build directory: disk.py [--devices ide,ahci,virtio-blk,...] [--modes threads,io_uring,...] [--jobs NAME,...] [--seconds N]
                                      [--folder DIR] [--no-peer] [--history FILE] [--rhea-args ARGS]
One guest (Debian's amd64 kernel, fio from its package) with all the disks runs all jobs on one after the other, with direct=1. Images are raw
files that the host has in its page cache, unless cache=none; devices whose names end in -null have null-co instead. Prints MB/s of the
sequential jobs, thousands of operations a second of the random ones, and how many times QEMU's Rhea's are. A mode is an aio=, or
aio=+cache (native+none).
"""
import argparse, json, os, re, shutil, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import SRC, cpio_entry, geomean, guest, run_guest

MODULES = "ata_piix ahci virtio_blk virtio_pci virtio_scsi nvme sd_mod".split()
DEVICES = {
    "ide": ["-device", "ide-hd,drive={0},bus=ide.0"],
    "ahci": ["-device", "ahci,id=ahci", "-device", "ide-hd,drive={0},bus=ahci.0"],
    "virtio-blk": ["-device", "virtio-blk-pci,drive={0}"],
    "virtio-scsi": ["-device", "virtio-scsi-pci,id=scsi", "-device", "scsi-hd,drive={0},bus=scsi.0"],
    "nvme": ["-device", "nvme,serial=n,drive={0}"],
    "virtio-blk-null": ["-device", "virtio-blk-pci,drive={0}"],
    "nvme-null": ["-device", "nvme,serial=m,drive={0}"],
}
JOBS = { # fio's rw, bs, iodepth
    "seq-read": ("read", "128k", 32), "seq-write": ("write", "128k", 32),
    "rand-read-1": ("randread", "4k", 1), "rand-write-1": ("randwrite", "4k", 1),
    "rand-read-32": ("randread", "4k", 32), "rand-write-32": ("randwrite", "4k", 32),
}
INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
for m in /modules/*; do $b insmod $m; done
$b sleep 2
for d in /sys/block/*; do
    size=$($b cat $d/size) name=${d##*/}
    job=$($b sed -n "s/^$size //p" /sizes)
    [ "$job" ] || continue
    echo "DEVICE $job $name"
    LD_LIBRARY_PATH=/lib64 fio --output-format=terse --terse-version=3 --filename=/dev/$name /jobs
done
echo BENCH-END
$b poweroff -f
"""


def needed(path):
    """Names of the libraries an ELF file wants, and of the loader."""
    text = subprocess.run(["readelf", "-dlW", path], stdout=subprocess.PIPE, text=True, check=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.*)\]", text) + [os.path.basename(p) for p in re.findall(r"interpreter: (.*)\]", text)]


def program_files(tree, program):
    """The program and the closure of its libraries, as {path in the guest: file}."""
    libraries = {}
    for folder, _, names in os.walk(tree):
        if "/lib" in folder and "python" not in folder:
            for n in names:
                if ".so" in n:
                    libraries.setdefault(n, os.path.join(folder, n))
    files, todo = {"bin/" + os.path.basename(program): program}, [program]
    while todo:
        for name in needed(todo.pop()):
            path = "lib64/" + name
            if path in files or name == "linux-vdso.so.1":
                continue
            if name not in libraries:
                sys.exit("disk.py: no %s for fio" % name)
            files[path] = os.path.realpath(libraries[name])
            todo.append(files[path])
    return files


def build_initrd(folder, sizes, args):
    """The modules' initrd with fio and its jobs behind it."""
    init = os.path.join(folder, "init")
    with open(init, "w") as f:
        f.write(INIT)
    os.chmod(init, 0o755)
    base = open(guest("initrd-modules", "amd64", init, *MODULES), "rb").read()
    tree = guest("tree", "amd64", "fio")
    jobs = "[global]\nioengine=libaio\ndirect=1\nsize=100%%\ntime_based\nruntime=%g\ngtod_reduce=1\ninvalidate=0\nrandrepeat=1\nnorandommap\n" % args.seconds
    for name in args.jobs:
        jobs += "[%s]\nstonewall\nrw=%s\nbs=%s\niodepth=%d\n" % (name, *JOBS[name])
    image = [cpio_entry("lib64", 0o040755), cpio_entry("tmp", 0o041777), cpio_entry("jobs", 0o100644, jobs.encode()),
             cpio_entry("sizes", 0o100644, "".join("%d %s\n" % (s // 512, d) for d, s in sizes.items()).encode())]
    for path, file in program_files(tree, os.path.join(tree, "usr/bin/fio")).items():
        image.append(cpio_entry(path, 0o100755, open(file, "rb").read()))
    path = os.path.join(folder, "initrd")
    with open(path, "wb") as f:
        f.write(base + b"\0" * (-len(base) % 4) + b"".join(image) + cpio_entry("TRAILER!!!", 0))
    return path


def parse(text):
    """{device: {job: MB/s or thousands of operations a second}}."""
    out, device = {}, None
    for line in text.splitlines():
        line = line.strip() # a firmware may leave something before the first one
        if m := re.search(r"DEVICE (\S+)", line):
            device = out.setdefault(m[1], {})
        elif line.startswith("3;fio") and device is not None:
            f = line.split(";")
            at = 47 if "write" in f[2] else 6 # bandwidth in KiB/s, operations
            device[f[2]] = float(f[at]) * 1024 / 1e6 if f[2].startswith("seq") else float(f[at + 1]) / 1000
    return out


def drives(folder, sizes, mode):
    aio, _, cache = mode.partition("+")
    words = []
    for i, (device, size) in enumerate(sizes.items()):
        if device.endswith("-null"):
            words += ["-blockdev", "null-co,node-name=d%d,size=%d" % (i, size)]
        else:
            path = os.path.join(folder, device + ".raw")
            words += ["-drive", "if=none,id=d%d,file=%s,format=raw,aio=%s%s" % (i, path, aio, ",cache=" + cache if cache else "")]
        words += [w.format("d%d" % i) for w in DEVICES[device]]
    return words


def make_images(folder, sizes):
    chunk = os.urandom(1 << 20)
    for device, size in sizes.items():
        if not device.endswith("-null"):
            with open(os.path.join(folder, device + ".raw"), "wb") as f:
                for _ in range(size >> 20):
                    f.write(chunk)


def bench_mode(mode, initrd, folder, sizes, args, record):
    base = ["-kernel", guest("kernel", "amd64"), "-initrd", initrd, "-m", "1024", "-nographic", "-no-reboot",
            "-append", "console=ttyS0 panic=-1 quiet", *drives(folder, sizes, mode)]
    runs = [("rhea", ["./rhea-system-x86_64", *args.rhea_args.split()])]
    if not args.no_peer and shutil.which("qemu-system-x86_64"):
        runs.insert(0, ("qemu", ["qemu-system-x86_64", "-accel", "tcg"]))
    columns = {}
    for name, command in runs:
        text, status, _ = run_guest([*command, *base], args.timeout, (lambda _, line: print(line, end="")) if args.verbose else None)
        columns[name] = parse(text)
        if "BENCH-END" not in text:
            print("%s %s did not finish (status %s): ...%s" % (name, mode, status, text[-1500:]))
    print("\n%-18s" % ("aio=" + mode) + "".join("%18s" % j for j in args.jobs))
    ratios = []
    for device in sizes:
        cells = []
        for j in args.jobs:
            q, r = (columns.get(c, {}).get(device, {}).get(j, 0) for c in ("qemu", "rhea"))
            cells.append("%6.1f %6.1f %4.2f" % (q, r, r / q if q else 0))
            if q and r:
                ratios.append(r / q)
        print("%-18s" % device + "".join("%18s" % c for c in cells))
    if ratios:
        print("geometric mean %.2f, least %.2f" % (geomean(ratios), min(ratios)))
    record[mode] = columns


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--devices", default=",".join(DEVICES))
    p.add_argument("--modes", default="threads,io_uring")
    p.add_argument("--jobs", default=",".join(JOBS))
    p.add_argument("--seconds", type=float, default=3, help="of each job")
    p.add_argument("--folder", help="where the images lie (tmpfs has no O_DIRECT)")
    p.add_argument("--no-peer", action="store_true")
    p.add_argument("--timeout", type=float, default=900)
    p.add_argument("--rhea-args", default="")
    p.add_argument("--verbose", action="store_true", help="what the guests print")
    p.add_argument("--history", default="bench-history.jsonl")
    args = p.parse_args()
    args.jobs = args.jobs.split(",")
    sizes = {d: (256 + i) << 20 for i, d in enumerate(args.devices.split(","))} # by which the guest knows them
    record = {"time": time.strftime("%Y-%m-%dT%H:%M:%S"), "disk": {}, "commit": subprocess.run(
        ["git", "-C", SRC, "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True).stdout.strip()}
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        make_images(folder, sizes)
        initrd = build_initrd(folder, sizes, args)
        for mode in args.modes.split(","):
            bench_mode(mode, initrd, folder, sizes, args, record["disk"])
    with open(args.history, "a") as f:
        f.write(json.dumps(record) + "\n")


main()
