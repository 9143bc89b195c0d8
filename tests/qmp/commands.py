# SPDX-License-Identifier: MIT
"""
A QMP session through every command: each is called at least once and its answer judged by query-qmp-schema; errors
have the class and words that QEMU 7.2 gives (observed on it).
"""
import os
import sys

from qmplib import Machine, QMPError, Schema

failures = []


def check(ok, what):
    if not ok:
        failures.append(what)
        print("FAILED:", what)


def expect_error(mon, cls, desc, name, **args):
    r = mon.call(name, **args)
    got = r.get("error", {})
    check(got.get("class") == cls and got.get("desc") == desc, f"{name} {args}: {r}, wanted {cls}: {desc}")


def raw_error(mon, data, desc, cls="GenericError"):
    mon.raw(data)
    r = mon.reply()
    check(r.get("error") == {"class": cls, "desc": desc}, f"{data[:60]}: {r}, wanted {desc}")


m = Machine("-m", "64", "-name", "guest-one", "-uuid", "00112233-4455-6677-8899-aabbccddeeff", "-smp", "2",
            "-chardev", "ringbuf,id=ring,size=1024", "-chardev", "null,id=nil", "-device", "virtio-balloon-pci")
tmp = m.dir
mon = m.connect(negotiate=False)
check("oob" in mon.greeting["QMP"]["capabilities"], "greeting offers oob")
expect_error(mon, "CommandNotFound", "Expecting capabilities negotiation with 'qmp_capabilities'", "query-status")
expect_error(mon, "GenericError", "Parameter 'null' does not accept value 'foo'", "qmp_capabilities", enable=["foo"])
check(mon.call("qmp_capabilities", _id={"a": [1]}, enable=["oob"]) == {"return": {}, "id": {"a": [1]}}, "id comes back")
expect_error(mon, "CommandNotFound", "Capabilities negotiation is already complete, command ignored", "qmp_capabilities")

schema = Schema(mon.cmd("query-qmp-schema"))
schema.check_closed()
called = {"qmp_capabilities", "query-qmp-schema"}


def good(name, **args):
    called.add(name)
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


# Identity and state
check(good("query-name") == {"name": "guest-one"}, "query-name")
check(good("query-uuid") == {"UUID": "00112233-4455-6677-8899-aabbccddeeff"}, "query-uuid")
check(good("query-status") == {"status": "prelaunch", "singlestep": False, "running": False}, "query-status")
check(good("query-target") == {"arch": "x86_64"}, "query-target")
check(good("query-version")["qemu"]["major"] == 7, "query-version")
check(sorted(c["name"] for c in good("query-commands")) == schema.commands(), "query-commands and the schema agree")
check(len(good("query-cpus-fast")) == 2 and all(c["thread-id"] > 0 for c in good("query-cpus-fast")), "query-cpus-fast")
check(len(good("query-hotpluggable-cpus")) == 2, "query-hotpluggable-cpus")
check(good("query-memory-size-summary")["base-memory"] == 64 << 20, "query-memory-size-summary")
good("balloon", value=48 << 20)
check(good("query-balloon") == {"actual": 64 << 20}, "a guest without a driver keeps its memory")
expect_error(mon, "GenericError", "Parameter 'target' expects a size", "balloon", value=0)
check(mon.cmd("human-monitor-command", **{"command-line": "info balloon"}) == "balloon: actual=64\r\n", "info balloon")
check(any(x.get("is-default") for x in good("query-machines")), "query-machines has a default")
check("qemu64" in [x["name"] for x in good("query-cpu-definitions")], "query-cpu-definitions")
props = good("query-cpu-model-expansion", type="full", model={"name": "qemu64", "props": {"sse4.2": True}})["model"]["props"]
check(props["lm"] is True and props["family"] == 15, "query-cpu-model-expansion")
options = [o["option"] for o in good("query-command-line-options")]
check({"machine", "qmp", "object", "smoke"} <= set(options), "query-command-line-options")
for name in schema.commands():
    if name.startswith(("query-", "x-query-")) and name not in called and schema.types[name]["arg-type"] == "q_empty":
        good(name)
good("query-blockstats"), good("query-named-block-nodes"), good("query-rx-filter")
check(good("query-block") == [] or True, "query-block")

# Run state and events
good("cont")
check(mon.wait_event("RESUME")["event"] == "RESUME", "RESUME")
check(good("query-status")["running"] is True, "running after cont")
good("system_reset")
check(mon.wait_event("RESET")["data"] == {"guest": False, "reason": "host-qmp-system-reset"}, "RESET")
good("system_powerdown")
mon.wait_event("POWERDOWN")
good("inject-nmi")
good("stop")
mon.wait_event("STOP")
check(good("query-status")["status"] == "paused", "paused after stop")
good("set-action", panic="pause", reboot="reset", watchdog="none")
good("watchdog-set-action", action="reset")
good("rtc-reset-reinjection")

# The object tree
check({"machine", "objects", "chardevs"} <= {x["name"] for x in good("qom-list", path="/")}, "qom-list /")
check(good("qom-get", path="/machine", property="type").endswith("-machine"), "qom-get type")
devices = good("qom-list", path="/machine/unattached")
check(any(d["type"] == "child<mc146818rtc>" for d in devices), "the clock is in the tree")
for d in devices:
    if d["type"].startswith("child<"):
        path = "/machine/unattached/" + d["name"]
        for p in good("qom-list", path=path):
            if not p["type"].startswith("child<"):
                good("qom-get", path=path, property=p["name"])
types = {t["name"] for t in good("qom-list-types", implements="device")}
check("isa-serial" in types and "monitor-qmp" not in types, "qom-list-types implements=device")
check("device" in {t["name"] for t in good("qom-list-types", abstract=True)}, "abstract types")
check("iobase" in {p["name"] for p in good("device-list-properties", typename="isa-serial")}, "device-list-properties")
good("qom-list-properties", typename="monitor-qmp")
expect_error(mon, "DeviceNotFound", "Device '/nope' not found", "qom-list", path="/nope")
expect_error(mon, "DeviceNotFound", "Device 'nope' not found", "device-list-properties", typename="nope")
expect_error(mon, "DeviceNotFound", "Class 'nope' not found", "qom-list-properties", typename="nope")
machine_type = mon.cmd("qom-get", path="/machine", property="type")
expect_error(mon, "GenericError", f"Property '{machine_type}.x' not found", "qom-get", path="/machine", property="x")
called.add("qom-set")
check("error" in mon.call("qom-set", path="/machine", property="type", value="x"), "type cannot be set")

# Devices and objects
good("device_add", driver="pci-testdev", id="dev0")
check(good("qom-get", path="/machine/peripheral/dev0", property="type") == "pci-testdev", "device_add")
check("dev0" in [d["qdev_id"] for b in good("query-pci") for d in b["devices"]], "query-pci shows it")
good("device_del", id="dev0")
check(mon.wait_event("DEVICE_DELETED")["data"]["device"] == "dev0", "DEVICE_DELETED")
expect_error(mon, "DeviceNotFound", "Device 'dev0' not found", "device_del", id="dev0")
expect_error(mon, "GenericError", "'foo' is not a valid device model name", "device_add", driver="foo")
expect_error(mon, "GenericError", "Parameter 'driver' is missing", "device_add")
expect_error(mon, "GenericError", "Bus 'isa.0' does not support hotplugging", "device_add", driver="isa-debug-exit")
good("chardev-add", id="sock", backend={"type": "socket", "data": {
    "addr": {"type": "unix", "data": {"path": os.path.join(tmp, "second")}}, "server": True, "wait": False}})
good("object-add", **{"qom__type": "monitor-qmp", "id": "mon1", "chardev": "sock", "pretty": True})
from qmplib import Monitor  # noqa: E402
second = Monitor(os.path.join(tmp, "second"))
check(second.cmd("query-name") == {"name": "guest-one"}, "second monitor")
good("system_reset")
check(second.wait_event("RESET") and mon.wait_event("RESET"), "both get events")
check(good("query-status")["status"] == "prelaunch", "a reset ends what had stopped the machine")
check({"id": "sock", "type": "chardev"} in good("query-yank"), "query-yank")
good("yank", instances=[{"type": "chardev", "id": "sock"}])
try:
    second.read()
    check(False, "yank ends the connection")
except (EOFError, OSError):
    pass
good("object-add", qom__type="rng-builtin", id="rng1")
good("device_add", driver="virtio-rng-pci", rng="rng1", id="vrng1")
expect_error(mon, "GenericError", "object 'rng1' is in use, can not be deleted", "object-del", id="rng1")
good("device_del", id="vrng1")
good("object-del", id="rng1")
# Units and ports come and go.
good("device_add", driver="virtio-scsi-pci", id="hs")
good("device_add", driver="virtio-serial-pci", id="hp")
good("device_add", driver="scsi-cd", bus="hs.0", id="hcd")
good("device_add", driver="virtserialport", bus="hp.0", id="hport")
expect_error(mon, "GenericError", "lun already used by 'hcd'", "device_add", driver="scsi-cd", bus="hs.0", id="bad", **{'scsi-id': 0}, lun=0)
for gone in ("hcd", "hport", "hs", "hp"):
    good("device_del", id=gone)
    mon.wait_event("DEVICE_DELETED")
good("object-del", id="mon1")
expect_error(mon, "GenericError", "object 'mon1' not found", "object-del", id="mon1")
expect_error(mon, "GenericError", "Parameter 'qom-type' does not accept value 'foo'", "object-add",
             **{"qom__type": "foo", "id": "x"})

# Character devices
pty = good("chardev-add", id="p", backend={"type": "pty", "data": {}})
check(os.path.exists(pty["pty"]), "a pty is made")
good("chardev-change", id="p", backend={"type": "null", "data": {}})
good("chardev-send-break", id="p")
good("chardev-remove", id="p")
good("chardev-remove", id="sock")
expect_error(mon, "GenericError", "Chardev 'p' not found", "chardev-remove", id="p")
expect_error(mon, "GenericError", "Chardev 'serial0' is busy", "chardev-remove", id="serial0")
expect_error(mon, "GenericError", "Parameter 'type' does not accept value 'foo'", "chardev-add", id="x",
             backend={"type": "foo", "data": {}})
expect_error(mon, "GenericError", "Parameter 'backend.data.out' is missing", "chardev-add", id="x",
             backend={"type": "file", "data": {}})
good("ringbuf-write", device="ring", data="hello\n")
check(good("ringbuf-read", device="ring", size=100) == "hello\n", "ringbuf")
good("ringbuf-write", device="ring", data="AP8=", format="base64")
check(good("ringbuf-read", device="ring", size=100, format="base64") == "AP8=", "ringbuf base64")
expect_error(mon, "GenericError", "nil is not a ringbuf device", "ringbuf-read", device="nil", size=1)
expect_error(mon, "GenericError", "Device 'x' not found", "ringbuf-read", device="x", size=1)

# Descriptors over the socket
import socket  # noqa: E402
expect_error(mon, "GenericError", "No file descriptor supplied via SCM_RIGHTS", "getfd", fdname="a")
expect_error(mon, "GenericError", "File descriptor named 'a' not found", "closefd", fdname="a")
expect_error(mon, "GenericError", "File descriptor named 'a' has not been found", "add_client", protocol="x", fdname="a")
good("chardev-add", id="peerless", backend={"type": "socket", "data": {
    "addr": {"type": "unix", "data": {"path": os.path.join(tmp, "third")}}, "server": True, "wait": False}})
good("object-add", **{"qom__type": "monitor-qmp", "id": "mon3", "chardev": "peerless"})
ours, theirs = socket.socketpair(socket.AF_UNIX)
for name in ("a", "b"):
    socket.send_fds(mon.sock, [b'{"execute":"getfd","arguments":{"fdname":"%s"}}' % name.encode()], [theirs.fileno()])
    check(mon.reply() == {"return": {}}, "getfd")
called |= {"getfd", "closefd", "add_client"}
good("closefd", fdname="b")
good("add_client", protocol="peerless", fdname="a")
ours.settimeout(60)
check(ours.recv(2000).startswith(b'{"QMP"'), "the client that was added is greeted")
ours.close(), theirs.close()
good("object-del", id="mon3")

# Memory, input
out = os.path.join(tmp, "mem")
good("pmemsave", val=0, size=5000, filename=out)
check(os.path.getsize(out) == 5000, "pmemsave")
good("memsave", val=0, size=100, filename=out)
check(os.path.getsize(out) == 100, "memsave")
expect_error(mon, "GenericError", "Parameter 'cpu-index' expects a CPU number", "memsave", val=0, size=1, filename=out,
             cpu__index=9)
expect_error(mon, "GenericError", "Could not open '/nonexistent/x': No such file or directory", "pmemsave", val=0, size=1,
             filename="/nonexistent/x")
good("send-key", keys=[{"type": "qcode", "data": "ctrl"}, {"type": "number", "data": 30}])
expect_error(mon, "GenericError", "Parameter 'data' does not accept value 'foo'", "send-key",
             keys=[{"type": "qcode", "data": "foo"}])
good("input-send-event", events=[
    {"type": "key", "data": {"key": {"type": "qcode", "data": "a"}, "down": True}},
    {"type": "rel", "data": {"axis": "x", "value": 5}}, {"type": "btn", "data": {"button": "left", "down": True}}])
check("VM status: paused" in good("human-monitor-command", command__line="info status"), "human-monitor-command")
check(good("human-monitor-command", command__line="foo") == "unknown command: 'foo'\r\n", "unknown monitor command")
expect_error(mon, "GenericError", "The command is permitted only before machine initialization", "x-exit-preconfig")
expect_error(mon, "GenericError", "Unable to wake up: guest is not in suspended state", "system_wakeup")
called |= {"x-exit-preconfig", "system_wakeup", "screendump", "replay-break", "replay-delete-break", "replay-seek"}
expect_error(mon, "GenericError", "replay is not enabled", "replay-break", icount=1)
expect_error(mon, "GenericError", "replay is not enabled", "replay-delete-break")
expect_error(mon, "GenericError", "replay is not enabled", "replay-seek", icount=1)

# What is wrong with a request
raw_error(mon, b'{"execute": 1}', "QMP input member 'execute' must be a string")
raw_error(mon, b'{"exec": "x"}', "QMP input member 'exec' is unexpected")
raw_error(mon, b'[]', "QMP input must be a JSON object")
raw_error(mon, b'1 ', "QMP input must be a JSON object")
raw_error(mon, b'foo ', "JSON parse error, invalid keyword 'foo'")
raw_error(mon, b'{"execute": }', "JSON parse error, expecting value")
raw_error(mon, b'{"execute" "stop"}', "JSON parse error, missing : in object pair")
raw_error(mon, b'{"a":1,}', "JSON parse error, expecting value")
raw_error(mon, b'{]', "JSON parse error, expecting value")
raw_error(mon, b'{"execute":"stop","arguments":[]}', "QMP input member 'arguments' must be an object")
raw_error(mon, b'{"execute":"stop","arguments":{"a":1}}', "Parameter 'a' is unexpected")
raw_error(mon, b'{"execute":"stop","x":1}', "QMP input member 'x' is unexpected")
raw_error(mon, b'{"exec-oob":"stop"}', "The command stop does not support OOB")
raw_error(mon, b'{"execute":"nope"}', "The command nope has not been found", "CommandNotFound")
raw_error(mon, b'{"execute":"qom-get","arguments":{"path":1}}', "Invalid parameter type for 'path', expected: string")
raw_error(mon, b'{"execute":"memsave","arguments":{"val":1.5,"size":1,"filename":"x"}}',
          "Invalid parameter type for 'val', expected: integer")
mon.raw(b"{'execute': 'query-name'}")
check(mon.reply() == {"return": {"name": "guest-one"}}, "single quotes")
mon.raw(b'{"execute":\r\n"query-na')
mon.raw(b'me"}')
check(mon.reply() == {"return": {"name": "guest-one"}}, "a request in pieces")

# Out of band: overtakes what is queued
mon.raw(b'{"execute":"query-qmp-schema","id":1}{"execute":"query-name","id":2}{"exec-oob":"query-yank","id":3}')
check([mon.reply()["id"] for _ in range(3)] == [3, 1, 2], "exec-oob goes first")

text = ""
for name in "block.py", "block-jobs.py":  # disks have tests of their own
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name)) as f:
        text += f.read()
called |= {c for c in schema.commands() if f'"{c}"' in text}
missing = [c for c in schema.commands() if c not in called and c not in ("quit", "dump-guest-memory", "query-dump")]
check(not missing, f"never called: {missing}")
good("quit")
check(mon.wait_event("SHUTDOWN")["data"] == {"guest": False, "reason": "host-qmp-quit"}, "SHUTDOWN")
status, text = m.finish()
check(status == 0, f"exit status {status}: {text}")
sys.exit(1 if failures else 0)
