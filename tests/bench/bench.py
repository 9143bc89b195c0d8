#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Guest workloads and boots under Rhea, beside QEMU and native where they exist, in one run.

Run from the build directory: bench.py [--arch amd64,i386,armhf,arm64] [--cpu] [--only WORKLOAD,...] [--no-peer] [--no-native]
                                       [--programs] [--boots N] [--history FILE] [--rhea-args ARGS] [--guest-args ARGS]
Prints a table of seconds and ratios; geometric means last. The history file gets one JSON line a run.
Seconds are those the guest saw; --cpu: those of CPU time that the emulator's threads used, which hold on a busy machine, too.
Arm guests stand beside the host's build of the same program. --programs: Debian's programs instead (programs.py), whose output both emulators
must agree on; exits with 1 where they do not.
"""
import argparse, contextlib, gzip, json, math, os, re, resource, shutil, subprocess, sys, tempfile, threading, time

SRC = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ARCHES = {
    "amd64": dict(kernel="cloud-amd64", cc=["gcc"], prog="rhea-system-x86_64", peer="qemu-system-x86_64"),
    "i386": dict(kernel="686", cc=["gcc", "-m32", "-idirafter", "/usr/include/x86_64-linux-gnu", "-march=i686", "-mfpmath=387"], prog="rhea-system-i386", peer="qemu-system-i386",
                 smp_kernel="686-pae"),
    "armhf": dict(kernel="armmp", cc=["arm-linux-gnueabihf-gcc"], prog="rhea-system-arm", peer="qemu-system-arm",
                  machine=["-M", "virt", "-cpu", "cortex-a15"], console="ttyAMA0"),
    "arm64": dict(kernel="cloud-arm64", cc=["aarch64-linux-gnu-gcc"], prog="rhea-system-aarch64", peer="qemu-system-aarch64",
                  machine=["-M", "virt", "-cpu", "cortex-a57"], console="ttyAMA0"),
}
BOOTS = (("686", "i386"), ("686-pae", "i386"), ("amd64", "amd64"), ("cloud-amd64", "amd64"), ("armmp", "armhf"),
         ("cloud-arm64", "arm64"))
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


def compile_workloads(cc, program):
    subprocess.run([*cc, "-O2", "-static", SRC + "/tests/bench/bench.c", "-o", program, "-lm"], check=True)
    return program


def build(arch, folder):
    """The workload program, as the guest's and as the host's, and an initramfs that runs it."""
    program = compile_workloads(ARCHES[arch]["cc"], os.path.join(folder, "bench-" + arch))
    native = compile_workloads(["gcc"], os.path.join(folder, "bench-host")) if "machine" in ARCHES[arch] else program
    script = ("#!/bin/busybox sh\n/bin/busybox mount -t devtmpfs dev /dev 2>/dev/null\n/bin/busybox mount -t proc proc /proc\n"
              "for w in $(/bin/busybox sed -n 's/.*bench=\\([^ ]*\\).*/\\1/p' /proc/cmdline | /bin/busybox tr , ' '); do\n"
              "echo BEGIN $w; /bench $w; done\n"
              "echo BENCH-END\n/bin/busybox poweroff -f\n")
    image = b"".join([
        cpio_entry("bin", 0o040755), cpio_entry("dev", 0o040755), cpio_entry("proc", 0o040755),
        cpio_entry("bin/busybox", 0o100755, open(guest("busybox", arch), "rb").read()),
        cpio_entry("bench", 0o100755, open(program, "rb").read()),
        cpio_entry("init", 0o100755, script.encode()), cpio_entry("TRAILER!!!", 0)])
    path = os.path.join(folder, "initrd-" + arch)
    open(path, "wb").write(gzip.compress(image, 1))
    return native, path


def parse(text):
    return {m[1]: float(m[2]) for m in re.finditer(r"BENCH ([\w-]+) +([\d.]+)", text)}


def cpu_seconds(pid):
    """What the threads of a process have run: clock_getcpuclockid(3) makes this number of a pid."""
    return time.clock_gettime(~pid << 3 | 2)


def run_guest(command, timeout, on_line=None):
    """The guest's text, the exit status, seconds. on_line(pid, line) sees each line as it comes."""
    start, lines = time.time(), []
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    timer = threading.Timer(timeout, p.kill)
    timer.start()
    for raw in p.stdout:
        lines.append(raw.decode(errors="replace"))
        if on_line:
            on_line(p.pid, lines[-1])
    status = p.wait() if timer.is_alive() else "timeout"
    timer.cancel()
    return "".join(lines), status, time.time() - start


class CpuTimes:
    """Seconds of CPU between the lines that begin and end a workload."""
    def __init__(self):
        self.begin, self.times = 0, {}

    def __call__(self, pid, line):
        if re.search(r"\bBEGIN [\w-]+\s*$", line): # firmware may have left something in front of it
            self.begin = cpu_seconds(pid)
        elif m := re.match(r"BENCH ([\w-]+)", line):
            self.times[m[1]] = cpu_seconds(pid) - self.begin


def run_native(program, wanted, cpu):
    """Seconds by workload; none where the host's kernel cannot run the program (32-bit ones)."""
    times = {}
    try:
        subprocess.run([program, "none"], stdout=subprocess.DEVNULL)
    except OSError as e:
        print("no native column: %s: %s" % (os.path.basename(program), e.strerror))
        return times
    for w in wanted:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.update(parse(subprocess.run([program, w], stdout=subprocess.PIPE, text=True).stdout))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if cpu:
            times[w] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return times


def geomean(values):
    values = [v for v in values if v > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else float("nan")


def bench_arch(arch, args, folder, record):
    a = ARCHES[arch]
    program, initrd = build(arch, folder)
    wanted = args.only.split(",") if args.only else WORKLOADS
    append = "console=%s panic=-1 quiet bench=%s" % (a.get("console", "ttyS0"), ",".join(wanted))
    base = [*a.get("machine", []), "-kernel", guest("kernel", a["kernel"]), "-m", "512", "-nographic", "-no-reboot"]
    columns = {}
    if not args.no_native:
        columns["native"] = run_native(program, wanted, args.cpu)
    runs = [("rhea", ["./" + a["prog"], *args.rhea_args.split()])]
    if not args.no_peer and shutil.which(a["peer"]):
        runs.insert(0, ("qemu", [a["peer"], "-accel", "tcg"]))
    for name, command in runs:
        cpu = CpuTimes()
        text, status, _ = run_guest([*command, *base, "-initrd", initrd, "-append", append], args.timeout, cpu)
        columns[name] = cpu.times if args.cpu else parse(text)
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
    base = [*a.get("machine", []), "-smp", "2", "-kernel", guest("kernel", a.get("smp_kernel", a["kernel"])), "-initrd", initrd,
            "-m", "512", "-nographic", "-no-reboot", "-append",
            "console=%s panic=-1 quiet cpus=2 smp=bench" % a.get("console", "ttyS0")]
    commands = [("rhea", ["./" + a["prog"], *args.rhea_args.split(), *base])]
    if not args.no_peer and shutil.which(a["peer"]):
        commands.insert(0, ("qemu", [a["peer"], "-accel", "tcg,thread=multi", *base]))
    columns = {name: {} for name, _ in commands}
    # In turns, and the best counts: where a virtual host has put its two processors decides how long a word takes from one to the
    # other (0.05 or 0.35 s for "spin", natively), and changes within seconds.
    for _ in range(3):
        for name, command in commands:
            for w, t in parse(run_guest(command, args.timeout)[0]).items():
                columns[name][w] = min(t, columns[name].get(w, t))
    print("\n%-10s" % (arch + " x2") + "".join("%10s" % c for c in columns) + "%12s" % "qemu/rhea")
    for w, r in columns["rhea"].items():
        q = columns.get("qemu", {}).get(w)
        print("%-10s" % w + "".join("%10.3f" % columns[c].get(w, 0) for c in columns) + ("%12.2f" % (q / max(r, 1e-3)) if q else ""))
    record[arch + " smp"] = columns


def bench_boots(args, record):
    print("\nboot to userland and power off, seconds (best of %d)" % args.boots)
    print("%-14s%10s%10s%12s" % ("kernel", "qemu", "rhea", "qemu/rhea"))
    for flavour, arch in BOOTS:
        a = ARCHES[arch]
        if arch not in args.arch.split(","):
            continue
        base = [*a.get("machine", []), "-kernel", guest("kernel", flavour), "-initrd", guest("initrd-off", flavour), "-m", "512",
                "-nographic", "-no-reboot", "-append", "console=%s panic=-1" % a.get("console", "ttyS0")]
        best = {}
        runs = [("rhea", ["./" + a["prog"], *args.rhea_args.split()])]
        if not args.no_peer and shutil.which(a["peer"]):
            runs.insert(0, ("qemu", [a["peer"], "-accel", "tcg"]))
        for _ in range(args.boots):
            for name, command in runs:
                used = [0]
                def sample(pid, _):
                    with contextlib.suppress(OSError): # it has just ended
                        used[0] = cpu_seconds(pid)
                text, status, seconds = run_guest(command + base, args.timeout, sample if args.cpu else None)
                if args.cpu:
                    seconds = used[0]
                if "RHEA-BOOT-OK" in text:
                    best[name] = min(best.get(name, 1e9), seconds)
        q, r = best.get("qemu"), best.get("rhea")
        cell = lambda v: "%10.2f" % v if v else "%10s" % "-"
        print("%-14s" % flavour + cell(q) + cell(r) + ("%12.2f" % (q / r) if q and r else "%12s" % "-"))
        record["boot " + flavour] = best


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--arch", default="amd64,i386,armhf,arm64")
    p.add_argument("--cpu", action="store_true", help="CPU time of the emulator instead of the guest's clock")
    p.add_argument("--only", default="")
    p.add_argument("--no-peer", action="store_true")
    p.add_argument("--no-native", action="store_true")
    p.add_argument("--smp-only", action="store_true", help="only what needs two processors")
    p.add_argument("--programs", action="store_true", help="Debian's programs instead of workloads and boots")
    p.add_argument("--boots", type=int, default=3)
    p.add_argument("--timeout", type=float, default=600)
    p.add_argument("--rhea-args", default="")
    p.add_argument("--guest-args", default="", help="options for both emulators (only with --programs)")
    p.add_argument("--history", default="bench-history.jsonl")
    args = p.parse_args()
    record = {"time": time.strftime("%Y-%m-%dT%H:%M:%S"), "commit": subprocess.run(
        ["git", "-C", SRC, "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True).stdout.strip()}
    wrong = 0
    if args.programs:
        import programs
    with tempfile.TemporaryDirectory() as folder:
        for arch in filter(None, args.arch.split(",")):
            if args.programs:
                wrong += programs.bench(arch, args, folder, record)
                continue
            if not args.smp_only:
                bench_arch(arch, args, folder, record)
            if not args.only:
                bench_smp(arch, args, folder, record)
    if args.boots and not args.smp_only and not args.programs:
        bench_boots(args, record)
    with open(args.history, "a") as f:
        f.write(json.dumps(record) + "\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
