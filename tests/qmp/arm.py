# SPDX-License-Identifier: MIT
"""
What the monitors say of Arm machines: models with the options they have and the errors for those they do not (words and values
observed on QEMU 7.2, which has SVE besides), dumps at virtual addresses refused for nothing, human commands that look into the machine.
"""
import os
import sys

os.environ["RHEA"] = os.path.join(os.path.abspath(os.environ.get("BUILD", ".")), "rhea-system-aarch64")
from qmplib import Machine, Schema

failures = []


def check(ok, what):
    if not ok:
        failures.append(what)
        print("FAILED:", what)


m = Machine("-M", "virt", "-cpu", "cortex-a57", "-smp", "2", "-m", "64", "-device", "vmcoreinfo")
mon = m.connect()
schema = Schema(mon.cmd("query-qmp-schema"))
schema.check_closed()


def expand(name, kind="full", **props):
    model = {"name": name}
    if props:
        model["props"] = {k.replace("_", "-"): v for k, v in props.items()}
    r = mon.call("query-cpu-model-expansion", type=kind, model=model)
    if "error" in r:
        return r["error"]["desc"]
    schema.check("CpuModelExpansionInfo" if "CpuModelExpansionInfo" in schema.types else
                 schema.types["query-cpu-model-expansion"]["ret-type"], r["return"], name)
    check(r["return"]["model"]["name"] == name, name)
    return r["return"]["model"].get("props", {})


names = [c["name"] for c in mon.cmd("query-cpu-definitions")]
check({"max", "cortex-a57", "cortex-a15", "neoverse-n1"} <= set(names), "query-cpu-definitions: %s" % names)
for name in names:
    check(isinstance(expand(name), dict), "expansion of %s" % name)
for args, props, want in (
        (("cortex-a57",), {}, {"aarch64": True, "pmu": True}),
        (("cortex-a57",), {"pmu": False}, {"aarch64": True, "pmu": False}),
        (("cortex-a15",), {}, {"pmu": True}),
        (("arm1176",), {}, {}),
        (("max",), {}, {"aarch64": True, "pauth": True, "pauth-impdef": False, "pmu": True}),
        (("max",), {"pauth": False}, {"aarch64": True, "pauth": False, "pauth-impdef": False, "pmu": True}),
        (("max",), {"pauth_impdef": True}, {"aarch64": True, "pauth": True, "pauth-impdef": True, "pmu": True}),
        (("host",), {}, "The CPU type 'host' requires KVM"),
        (("nonsense",), {}, "The CPU type 'nonsense' is not a recognized ARM CPU type"),
        (("max", "static"), {}, "The requested expansion type is not supported"),
        (("max",), {"nonsense": False}, "Parameter 'nonsense' is unexpected"),
        (("max",), {"pauth": 3}, "Invalid parameter type for 'pauth', expected: boolean"),
        (("cortex-a57",), {"pauth": True}, "Property 'cortex-a57-arm-cpu.pauth' not found"),
        (("cortex-a15",), {"aarch64": True}, "Property 'cortex-a15-arm-cpu.aarch64' not found"),
        (("cortex-a57",), {"aarch64": False},
         "'aarch64' feature cannot be disabled unless KVM is enabled and 32-bit EL1 is supported")):
    got = expand(*args, **props)
    check(got == want, "%s %s: %s, wanted %s" % (args, props, got, want))

# The human monitor: each command shows something of this machine.
for line, want in (("info registers", "PC="), ("info registers -a", "CPU#1"), ("info cpus", "CPU #1"), ("info mtree", "mach-virt.ram"),
                   ("info qtree", "arm_gic"), ("info pic", "arm_gic"), ("info roms", "dtb"), ("info jit", "TB count"),
                   ("info qom-tree", "/machine"), ("info ramblock", "mach-virt.ram"), ("info pci", "Host bridge"), ("info irq", ""),
                   ("info tlb", ""), ("info mem", ""), ("info lapic", "No local APIC"), ("p $pc", "0"), ("gva2gpa 0x40000000", "gpa: 0x40000000"),
                   ("xp /1xw 0x40000000", "0xedfe0dd0"), ("nmi", "machine does not provide NMIs")):
    text = mon.hmp(line)
    check(want in text and "unknown command" not in text, "%s: %s" % (line, text))

# Dumps: one at virtual addresses of a machine whose MMU is off is one at physical addresses.
for paging in (False, True):
    core = os.path.join(m.dir, "core")
    mon.cmd("dump-guest-memory", paging=paging, protocol="file:" + core)
    head = open(core, "rb").read(64)
    check(head[:5] == b"\x7fELF\2" and head[16:20] == b"\4\0\xb7\0", "an ELF core of AArch64")
mon.call("quit")
status, log = m.finish()
check(status == 0, "ends well: %s %s" % (status, log))
sys.exit(bool(failures))
