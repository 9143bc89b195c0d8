# SPDX-License-Identifier: MIT
"""For savevm.sh: FLAVOUR KERNEL INITRD FOLDER. The guest prints "tick N SECONDS" for each block it wrote and read back."""
import os
import re
import subprocess
import sys
import time

from qmplib import Machine

flavour, kernel, initrd, work = sys.argv[1:]
build = os.path.abspath(os.environ.get("BUILD", "."))
arm = flavour.endswith("arm64")
if "RHEA" not in os.environ:
    os.environ["RHEA"] = os.path.join(build, "rhea-system-aarch64" if arm else "rhea-system-x86_64")
img = os.path.join(build, "rhea-img")
disk = os.path.join(work, flavour + ".qcow2")
failures = []


def check(ok, what):
    if not ok:
        failures.append(what)
        print("FAILED:", what)


def start(name, *more):
    console = os.path.join(work, name)
    options = ["-M", "virt", "-cpu", "cortex-a57"] if arm else []
    m = Machine(*options, "-m", "256", "-nodefaults", "-kernel", kernel, "-initrd", initrd, "-append",
                "console=%s quiet" % ("ttyAMA0" if arm else "ttyS0"), "-serial", f"file:{console}", "-smp", "2",
                "-drive", f"file={disk},if=none,id=d,format=qcow2", "-device", "virtio-blk-pci,drive=d", *more, paused=False)
    return m, console


def ticks(console):
    with open(console, errors="replace") as f:
        text = f.read()
    check("FAILED" not in text and "panic" not in text and "rror" not in text, f"the guest is well: {text[-300:]}")
    return [(int(a), int(b)) for a, b in re.findall(r"^tick (\d+) (\d+)\r?$", text, re.M)]


def wait_for(m, console, n, timeout=300):
    end = time.monotonic() + timeout
    while time.monotonic() < end and m.alive() and not failures:
        t = ticks(console)
        if t and t[-1][0] >= n:
            return t
        time.sleep(0.1)
    check(False, f"tick {n} does not come: {ticks(console)[-3:]}")
    return ticks(console)


subprocess.run([img, "create", "-q", "-f", "qcow2", disk, "64M"], check=True)
m, console = start("one")
mon = m.connect()
wait_for(m, console, 10)
check(mon.hmp("savevm first") == "", "savevm")
saved = ticks(console)[-1][0]
wait_for(m, console, saved + 10)  # it goes on
check(mon.hmp("loadvm nosuch") == "Error: Snapshot 'nosuch' does not exist in one or more devices\n", "loadvm of nothing")
check(re.search(r"^--        first +[\d.]+ MiB ", mon.hmp("info snapshots"), re.M), "info snapshots: " + mon.hmp("info snapshots"))
check(mon.hmp("savevm second") == "", "a second one")
second = ticks(console)[-1][0]
check(mon.hmp("loadvm first") == "", "back to the first, in the same process")
t = wait_for(m, console, second + 5)
back = next((i for i in range(1, len(t)) if t[i][0] < t[i - 1][0]), None)
check(back and saved <= t[back][0] <= saved + 2, f"it went back to {saved}: {t[-40:]}")
check(mon.hmp("delvm second") == "" and "second" not in mon.hmp("info snapshots"), "delvm")
mon.cmd("quit")
check(m.finish()[0] == 0, "exit status")

m, console = start("two", "-loadvm", "first")
mon = m.connect()
t = wait_for(m, console, saved + 20)
check(t and saved <= t[0][0] <= saved + 2, f"a new process goes on behind {saved}: {t[:3]}")
check(t and t[-1][1] - t[0][1] < 100, f"and with its clock: {t[0]} to {t[-1]}")
check(mon.cmd("query-status")["running"], "running")
mon.cmd("quit")
check(m.finish()[0] == 0, "exit status of the second process")

m, console = start("three", "-loadvm", "nosuch")
status, text = m.finish(60)
check(status == 1 and text.count("\n") == 1 and "-loadvm nosuch: Snapshot 'nosuch' does not exist" in text, f"no such snapshot: {status} {text}")
m, console = start("four", "-loadvm", "first", "-device", "virtio-rng-pci")
status, text = m.finish(60)
check(status == 1 and text.count("\n") == 1 and "the " in text, f"another machine: {status} {text}")
for tool in (img, "qemu-img"):
    try:
        check(subprocess.run([tool, "check", "-q", disk], stdout=subprocess.DEVNULL).returncode == 0, f"{tool} check")
    except FileNotFoundError:
        pass
print(flavour, "ok" if not failures else "not ok")
sys.exit(1 if failures else 0)
