#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Guest workloads and boots under Rhea, beside QEMU and native where they exist, in one run.

Run from the build directory: bench.py [--arch amd64,i386] [--only WORKLOAD,...] [--no-peer] [--no-native]
                                       [--boots N] [--history FILE] [--rhea-args ARGS]
Prints a table of seconds and ratios; geometric means last. The history file gets one JSON line a run.
"""
import argparse, gzip, json, math, os, re, shutil, subprocess, sys, tempfile, time

SRC = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ARCHES = {
    "amd64": dict(kernel="cloud-amd64", cc=["gcc"], prog="rhea-system-x86_64", peer="qemu-system-x86_64"),
    "i386": dict(kernel="686", cc=["gcc", "-m32", "-idirafter", "/usr/include/x86_64-linux-gnu", "-march=i686", "-mfpmath=387"], prog="rhea-system-i386", peer="qemu-system-i386",
                 smp_kernel="686-pae"),
}
WORKLOADS = "int sort sieve call indirect chase fp matmul trans memcpy syscall pipe fork fault".split()


def guest(*words):
    return subprocess.run([SRC + "/scripts/guest.sh", *words], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def cpio_entry(name, mode, data=b"", ino=[0]):
    ino[0] += 1
    head = "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X" % (
        ino[0], mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    out = head.encode() + name.encode() + b"\0"
    out += b"\0" * (-len(out) % 4)
    return out + data + b"\0" * (-len(data) % 4)


def build(arch, folder):
    """The workload program and an initramfs that runs it."""
    program = os.path.join(folder, "bench-" + arch)
    subprocess.run([*ARCHES[arch]["cc"], "-O2", "-static", SRC + "/tests/bench/bench.c", "-o", program, "-lm"], check=True)
    script = ("#!/bin/busybox sh\n/bin/busybox mount -t devtmpfs dev /dev 2>/dev/null\n/bin/busybox mount -t proc proc /proc\n"
              "for w in $(/bin/busybox sed -n 's/.*bench=\\([^ ]*\\).*/\\1/p' /proc/cmdline | /bin/busybox tr , ' '); do /bench $w; done\n"
              "echo BENCH-END\n/bin/busybox poweroff -f\n")
    image = b"".join([
        cpio_entry("bin", 0o040755), cpio_entry("dev", 0o040755), cpio_entry("proc", 0o040755),
        cpio_entry("bin/busybox", 0o100755, open(guest("busybox", arch), "rb").read()),
        cpio_entry("bench", 0o100755, open(program, "rb").read()),
        cpio_entry("init", 0o100755, script.encode()), cpio_entry("TRAILER!!!", 0)])
    path = os.path.join(folder, "initrd-" + arch)
    open(path, "wb").write(gzip.compress(image, 1))
    return program, path


def parse(text):
    return {m[1]: float(m[2]) for m in re.finditer(r"BENCH ([\w-]+) +([\d.]+)", text)}


def run_guest(command, timeout):
    start = time.time()
    try:
        p = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
        text, status = p.stdout.decode(errors="replace"), p.returncode
    except subprocess.TimeoutExpired as e:
        text, status = (e.stdout or b"").decode(errors="replace"), "timeout"
    return text, status, time.time() - start


def geomean(values):
    values = [v for v in values if v > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else float("nan")


def bench_arch(arch, args, folder, record):
    a = ARCHES[arch]
    program, initrd = build(arch, folder)
    wanted = args.only.split(",") if args.only else WORKLOADS
    append = "console=ttyS0 panic=-1 quiet bench=" + ",".join(wanted)
    base = ["-kernel", guest("kernel", a["kernel"]), "-m", "512", "-nographic", "-no-reboot"]
    columns = {}
    if not args.no_native:
        text = "".join(subprocess.run([program, w], stdout=subprocess.PIPE, text=True).stdout for w in wanted)
        columns["native"] = parse(text)
    runs = [("rhea", ["./" + a["prog"], *args.rhea_args.split()])]
    if not args.no_peer and shutil.which(a["peer"]):
        runs.insert(0, ("qemu", [a["peer"], "-accel", "tcg"]))
    for name, command in runs:
        text, status, _ = run_guest([*command, *base, "-initrd", initrd, "-append", append], args.timeout)
        columns[name] = parse(text)
        if "BENCH-END" not in text:
            print("%s %s did not finish (status %s): ...%s" % (arch, name, status, text[-600:]))
    print("\n%-10s" % arch + "".join("%10s" % c for c in columns) + "%12s%12s" % ("qemu/rhea", "rhea/native"))
    for w in wanted:
        t = {c: columns[c].get(w, 0) for c in columns}
        ratio = lambda x, y: "%12.2f" % (t[x] / t[y]) if t.get(x) and t.get(y) else "%12s" % "-"
        print("%-10s" % w + "".join("%10.3f" % t[c] for c in columns) + ratio("qemu", "rhea") + ratio("rhea", "native"))
    both = [w for w in wanted if columns.get("qemu", {}).get(w) and columns["rhea"].get(w)]
    print("geometric mean: %.2f times faster than QEMU, %.2f times native" % (
        geomean([columns["qemu"][w] / max(columns["rhea"][w], 1e-3) for w in both]),
        geomean([columns["rhea"][w] / max(columns["native"][w], 1e-3) for w in wanted
                 if columns.get("native", {}).get(w) and columns["rhea"].get(w)])))
    record[arch] = columns


def bench_smp(arch, args, folder, record):
    """Two guest threads on two processors: tests/smp/guest.c, smp=bench."""
    a = ARCHES[arch]
    program, initrd = os.path.join(folder, "smp-" + arch), os.path.join(folder, "smp-initrd-" + arch)
    subprocess.run([*a["cc"], "-O2", "-static", "-pthread", SRC + "/tests/smp/guest.c", "-o", program], check=True)
    image = b"".join([cpio_entry(d, 0o040755) for d in ("dev", "proc", "sys")] +
                     [cpio_entry("init", 0o100755, open(program, "rb").read()), cpio_entry("TRAILER!!!", 0)])
    open(initrd, "wb").write(gzip.compress(image, 1))
    base = ["-smp", "2", "-kernel", guest("kernel", a.get("smp_kernel", a["kernel"])), "-initrd", initrd, "-m", "512", "-nographic",
            "-no-reboot", "-append", "console=ttyS0 panic=-1 quiet cpus=2 smp=bench"]
    columns = {}
    if not args.no_peer and shutil.which(a["peer"]):
        columns["qemu"] = parse(run_guest([a["peer"], "-accel", "tcg,thread=multi", *base], args.timeout)[0])
    columns["rhea"] = parse(run_guest(["./" + a["prog"], *args.rhea_args.split(), *base], args.timeout)[0])
    print("\n%-10s" % (arch + " x2") + "".join("%10s" % c for c in columns) + "%12s" % "qemu/rhea")
    for w, r in columns["rhea"].items():
        q = columns.get("qemu", {}).get(w)
        print("%-10s" % w + "".join("%10.3f" % columns[c].get(w, 0) for c in columns) + ("%12.2f" % (q / max(r, 1e-3)) if q else ""))
    record[arch + " smp"] = columns


def bench_boots(args, record):
    print("\nboot to userland and power off, seconds (best of %d)" % args.boots)
    print("%-14s%10s%10s%12s" % ("kernel", "qemu", "rhea", "qemu/rhea"))
    for flavour, prog, peer in (("686", "i386", "i386"), ("686-pae", "i386", "i386"), ("amd64", "x86_64", "x86_64"),
                                ("cloud-amd64", "x86_64", "x86_64")):
        base = ["-kernel", guest("kernel", flavour), "-initrd", guest("initrd-off", flavour), "-m", "512", "-nographic",
                "-no-reboot", "-append", "console=ttyS0 panic=-1"]
        best = {}
        runs = [("rhea", ["./rhea-system-" + prog, *args.rhea_args.split()])]
        if not args.no_peer and shutil.which("qemu-system-" + peer):
            runs.insert(0, ("qemu", ["qemu-system-" + peer, "-accel", "tcg"]))
        for _ in range(args.boots):
            for name, command in runs:
                text, status, seconds = run_guest(command + base, args.timeout)
                if "RHEA-BOOT-OK" in text:
                    best[name] = min(best.get(name, 1e9), seconds)
        q, r = best.get("qemu"), best.get("rhea")
        cell = lambda v: "%10.2f" % v if v else "%10s" % "-"
        print("%-14s" % flavour + cell(q) + cell(r) + ("%12.2f" % (q / r) if q and r else "%12s" % "-"))
        record["boot " + flavour] = best


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--arch", default="amd64,i386")
    p.add_argument("--only", default="")
    p.add_argument("--no-peer", action="store_true")
    p.add_argument("--no-native", action="store_true")
    p.add_argument("--smp-only", action="store_true", help="only what needs two processors")
    p.add_argument("--boots", type=int, default=3)
    p.add_argument("--timeout", type=float, default=600)
    p.add_argument("--rhea-args", default="")
    p.add_argument("--history", default="bench-history.jsonl")
    args = p.parse_args()
    record = {"time": time.strftime("%Y-%m-%dT%H:%M:%S"), "commit": subprocess.run(
        ["git", "-C", SRC, "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True).stdout.strip()}
    with tempfile.TemporaryDirectory() as folder:
        for arch in filter(None, args.arch.split(",")):
            if not args.smp_only:
                bench_arch(arch, args, folder, record)
            if not args.only:
                bench_smp(arch, args, folder, record)
    if args.boots and not args.smp_only:
        bench_boots(args, record)
    with open(args.history, "a") as f:
        f.write(json.dumps(record) + "\n")


main()
