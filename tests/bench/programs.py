# SPDX-License-Identifier: MIT
"""Debian's programs in a guest, under QEMU and Rhea in one run: what bench.py --programs does.

The guest's root folder is made of Debian's packages for its architecture (cryptography, compression, a database, interpreters, a compiler) and of two
programs of our own; it lies in memory. tests/bench/programs/init runs the workloads and prints a checksum of what each wrote: two emulators that
differ in one are an error.
"""
import itertools, os, random, re, shutil, subprocess

from bench import ARCHES, SRC, CpuTimes, cpio_entry, geomean, guest, run_guest

PACKAGES = "gcc libc6-dev openssl gzip zstd sqlite3 python3 perl".split()
WORKLOADS = ("core linpack aes-cbc aes-gcm sha256 sha512 bignum gzip gunzip zstd unzstd sqlite py-nbody py-json py-regex py-dict py-start "
             "perl-regex perl-hash gcc").split()
INPUTS = SRC + "/tests/bench/programs"
# What no workload opens, and would be most of the folder.
LEFT_OUT = re.compile(r"\.a$|/(lto1|lto-wrapper|lto-dump.*|.*gold|.*gprofng.*|lib[alt]san.*|libubsan.*|libcc1.*)$|^var/|"
                      r"^usr/share/(?!perl|python)")


def text(size=4 << 20):
    """The same words, numbers and punctuation each time, with the frequencies of a language."""
    r = random.Random(1)
    words = ["".join(r.choice("etaoinshrdlucmfwypvbg") for _ in range(r.randint(1, 9))) + r.choice(["", "", "ing", "ed", "s"]) for _ in range(4000)]
    weights = list(itertools.accumulate(1 / (i + 3) for i in range(len(words))))
    out, length = [], 0
    while length < size:
        line = r.choices(words, cum_weights=weights, k=r.randint(4, 16))
        line.append("%d-%d" % (r.randint(1, 9999), r.randint(0, 99)))
        line[r.randrange(len(line))] += r.choice([",", ".", ";"])
        out.append(" ".join(line) + "\n")
        length += len(out[-1])
    return "".join(out).encode()[:size]


def tree_entries(root):
    """Archive entries of a folder: directories before what is in them, links as they are."""
    for folder, names, files in os.walk(root):
        where = os.path.relpath(folder, root)
        if where != ".":
            yield cpio_entry(where, 0o040755)
        for name in sorted(files + [n for n in names if os.path.islink(os.path.join(folder, n))]):
            path, inside = os.path.join(folder, name), os.path.normpath(os.path.join(where, name))
            if LEFT_OUT.search(inside):
                continue
            if os.path.islink(path):
                yield cpio_entry(inside, 0o120777, os.readlink(path).encode())
            else:
                with open(path, "rb") as f:
                    yield cpio_entry(inside, os.stat(path).st_mode & 0o777 | 0o100444, f.read())


def build_initrd(arch, folder):
    path = os.path.join(folder, "programs-" + arch)
    with open(path, "wb") as f:
        for entry in tree_entries(guest("tree", arch, *PACKAGES)):
            f.write(entry)
        for name in ("bench", "bin/box"):
            f.write(cpio_entry(name, 0o040755))
        for name in ("core", "linpack"):
            program = os.path.join(folder, name)
            subprocess.run([*ARCHES[arch]["cc"], "-O2", "-static", "%s/%s.c" % (INPUTS, name), "-o", program, "-lm"], check=True)
            f.write(cpio_entry("bench/" + name, 0o100755, open(program, "rb").read()))
        for name in ("core.c", "linpack.c", "../bench.c", "work.py", "work.pl", "work.sql"):
            f.write(cpio_entry("bench/" + os.path.basename(name), 0o100644, open(os.path.join(INPUTS, name), "rb").read()))
        f.write(cpio_entry("bench/text", 0o100644, text()))
        f.write(cpio_entry("bin/busybox", 0o100755, open(guest("busybox", arch), "rb").read()))
        f.write(cpio_entry("init", 0o100755, open(INPUTS + "/init", "rb").read()))
        f.write(cpio_entry("TRAILER!!!", 0))
    return path


def bench(arch, args, folder, record):
    """Prints the table of one architecture. Returns the number of workloads that failed or came out differently."""
    a = ARCHES[arch]
    wanted = args.only.split(",") if args.only else WORKLOADS
    base = [*a.get("machine", []), "-kernel", guest("kernel", a["kernel"]), "-initrd", build_initrd(arch, folder), "-m", "1536", "-nographic",
            "-no-reboot", "-append", "console=%s panic=-1 quiet programs=%s" % (a.get("console", "ttyS0"), ",".join(wanted))]
    runs = [("rhea", ["./" + a["prog"], *args.rhea_args.split()])]
    if not args.no_peer and shutil.which(a["peer"]):
        runs.insert(0, ("qemu", [a["peer"], "-accel", "tcg"]))
    times, sums, wrong = {}, {}, 0
    for name, command in runs:
        cpu = CpuTimes()
        output, status, _ = run_guest([*command, *base, *args.guest_args.split()], args.timeout, cpu)
        clock = {m[1]: float(m[2]) for m in re.finditer(r"BENCH ([\w-]+) +([\d.]+)", output)}
        times[name] = cpu.times if args.cpu else clock
        sums[name] = {m[1]: (m[2], m[3]) for m in re.finditer(r"SUM ([\w-]+) (\w+) (\d+)", output)}
        if "BENCH-END" not in output:
            print("%s %s did not finish (status %s): ...%s" % (arch, name, status, output[-1500:]))
            wrong += 1
        for w in wanted:
            if sums[name].get(w, ("", "0"))[1] != "0":
                print("%s %s: %s failed: %s" % (arch, name, w, output.partition("SUM %s " % w)[2].partition("BEGIN")[0].strip()))
                wrong += 1
    print("\n%-12s" % arch + "".join("%10s" % c for c in times) + "%12s" % "qemu/rhea")
    ratios = []
    for w in wanted:
        t = [times[c].get(w, 0) for c in times]
        if len(t) == 2 and all(t):
            ratios.append(t[0] / t[1])
        print("%-12s" % w + "".join("%10.3f" % s for s in t) + ("%12.2f" % ratios[-1] if len(t) == 2 and all(t) else "%12s" % "-"))
        found = {c: sums[c].get(w, ("nothing",))[0] for c in sums}
        if len(set(found.values())) > 1:
            print("ERROR: the output of %s differs: %s" % (w, ", ".join("%s %s" % f for f in found.items())))
            wrong += 1
    if ratios:
        print("geometric mean: %.2f times faster than QEMU, least %.2f" % (geomean(ratios), min(ratios)))
    record[arch + " programs"] = times
    return wrong
