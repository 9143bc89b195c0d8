# SPDX-License-Identifier: MIT
"""A small QMP client over a Unix socket for the tests, and a check of values against query-qmp-schema."""
import atexit
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time


class QMPError(Exception):
    def __init__(self, error):
        super().__init__(error.get("desc"))
        self.cls, self.desc = error.get("class"), error.get("desc")


class Monitor:
    """One connection."""

    def __init__(self, path, negotiate=True, oob=False):
        self.sock = socket.socket(socket.AF_UNIX)
        for _ in range(200):
            try:
                self.sock.connect(path)
                break
            except OSError:
                time.sleep(0.05)
        self.sock.settimeout(60)
        self.buf, self.events = b"", []
        self.greeting = self.read()
        if negotiate:
            self.cmd("qmp_capabilities", **({"enable": ["oob"]} if oob else {}))

    def read(self):
        """The next message; messages may be several lines (pretty)."""
        decoder = json.JSONDecoder()
        while True:
            text = self.buf.decode("utf-8", "replace").lstrip()
            try:
                value, end = decoder.raw_decode(text)
                self.buf = text[end:].encode()
                return value
            except ValueError:
                data = self.sock.recv(65536)
                if not data:
                    raise EOFError("connection closed")
                self.buf += data

    def raw(self, data):
        self.sock.sendall(data)

    def reply(self):
        """The next message that is not an event."""
        while True:
            m = self.read()
            if "event" not in m:
                return m
            self.events.append(m)

    def call(self, name, /, _id=None, _oob=False, **args):
        request = {"exec-oob" if _oob else "execute": name}
        if args:
            request["arguments"] = {k.replace("__", "-"): v for k, v in args.items()}
        if _id is not None:
            request["id"] = _id
        self.raw(json.dumps(request).encode())
        return self.reply()

    def cmd(self, name, /, **args):
        r = self.call(name, **args)
        if "error" in r:
            raise QMPError(r["error"])
        return r["return"]

    def hmp(self, line):
        return self.cmd("human-monitor-command", **{"command__line": line}).replace("\r", "")

    def wait_event(self, name):
        for e in self.events:
            if e["event"] == name:
                self.events.remove(e)
                return e
        while True:
            m = self.read()
            if m.get("event") == name:
                return m
            if "event" in m:
                self.events.append(m)


class Machine:
    """The emulator with a QMP socket; paused unless told otherwise."""

    def __init__(self, *args, paused=True, pretty=False, mon=True):
        self.dir = tempfile.mkdtemp(prefix="rhea-qmp-")
        self.path = os.path.join(self.dir, "qmp")
        emulator = os.environ.get("RHEA") or os.path.join(
            os.path.abspath(os.environ.get("BUILD", ".")), "rhea-system-x86_64")
        argv = [emulator, "-display", "none", *args]
        if mon:
            argv += ["-qmp-pretty" if pretty else "-qmp", f"unix:{self.path},server=on,wait=off"]
        if paused:
            argv.append("-S")
        self.log = open(os.path.join(self.dir, "log"), "w+")
        self.proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                     cwd=self.dir)
        atexit.register(self.proc.kill)  # also when a test breaks off

    def connect(self, **kw):
        return Monitor(self.path, **kw)

    def alive(self):
        return self.proc.poll() is None

    def finish(self, timeout=30):
        """Exit status and what was printed."""
        try:
            status = self.proc.wait(timeout)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            status = "timeout"
        self.log.seek(0)
        text = self.log.read()
        self.log.close()
        shutil.rmtree(self.dir)
        return status, text


class Schema:
    """query-qmp-schema, checked for sense and used to judge values."""

    def __init__(self, entries):
        self.types = {}
        for e in entries:
            if e["name"] in self.types:
                raise AssertionError(f"{e['name']} is there twice")
            self.types[e["name"]] = e

    def commands(self):
        return sorted(n for n, e in self.types.items() if e["meta-type"] == "command")

    def events(self):
        return sorted(n for n, e in self.types.items() if e["meta-type"] == "event")

    def check_closed(self):
        """Every type that is named exists and is a type."""
        def need(name, where):
            t = self.types.get(name)
            assert t and t["meta-type"] not in ("command", "event"), f"{where} names {name}"
        for n, e in self.types.items():
            kind = e["meta-type"]
            if kind == "command":
                need(e["arg-type"], n)
                need(e["ret-type"], n)
            elif kind == "event":
                need(e["arg-type"], n)
            elif kind == "array":
                need(e["element-type"], n)
            elif kind == "alternate":
                for m in e["members"]:
                    need(m["type"], n)
            elif kind == "enum":
                assert [m["name"] for m in e["members"]] == e["values"], n
            elif kind == "object":
                for m in e["members"]:
                    need(m["type"], n)
                if "tag" in e:
                    tag = next(m for m in e["members"] if m["name"] == e["tag"])
                    values = self.types[tag["type"]]["values"]
                    assert sorted(v["case"] for v in e["variants"]) == sorted(values), n
                    for v in e["variants"]:
                        need(v["type"], n)
            else:
                assert kind == "builtin", kind

    def check(self, name, value, where):
        e = self.types[name]
        kind = e["meta-type"]
        if kind == "builtin":
            ok = {"string": lambda v: isinstance(v, str), "int": lambda v: isinstance(v, int) and not isinstance(v, bool),
                  "number": lambda v: isinstance(v, (int, float)), "boolean": lambda v: isinstance(v, bool),
                  "value": lambda v: True, "null": lambda v: v is None}[e["json-type"]](value)
            assert ok, f"{where}: {value!r} is not {name}"
        elif kind == "enum":
            assert value in e["values"], f"{where}: {value!r} is not in {name}"
        elif kind == "array":
            assert isinstance(value, list), where
            for i, v in enumerate(value):
                self.check(e["element-type"], v, f"{where}[{i}]")
        else:
            assert isinstance(value, dict), f"{where}: {value!r}"
            members = list(e["members"])
            if "tag" in e:
                case = next(v for v in e["variants"] if v["case"] == value[e["tag"]])
                members += self.types[case["type"]]["members"]
            known = {m["name"] for m in members}
            for m in members:
                if m["name"] in value:
                    self.check(m["type"], value[m["name"]], f"{where}.{m['name']}")
                else:
                    assert "default" in m, f"{where} lacks {m['name']}"
            assert set(value) <= known, f"{where} has {set(value) - known} beyond {name}"

    def make(self, name, rng, depth=0):
        """A random value of a type."""
        e = self.types[name]
        kind = e["meta-type"]
        if kind == "builtin":
            return {"string": lambda: rng.choice(["", "x", "a" * 300, "\u00e9", "0", "/machine", "serial0", "\x01"]),
                    "int": lambda: rng.choice([0, 1, -1, 255, 65536, 2**31, 2**62, -2**63]),
                    "number": lambda: rng.choice([0, 1.5, -1e300]), "boolean": lambda: rng.random() < 0.5,
                    "null": lambda: None,
                    "value": lambda: rng.choice([None, 1, "x", [], {}, True])}[e["json-type"]]()
        if kind == "enum":
            return rng.choice(e["values"])
        if kind == "array":
            return [self.make(e["element-type"], rng, depth + 1) for _ in range(rng.randrange(3) if depth < 4 else 0)]
        if kind == "alternate":
            simple = [m for m in e["members"] if self.types[m["type"]]["meta-type"] == "builtin"]
            return self.make(rng.choice(simple if depth > 3 else e["members"])["type"], rng, depth + 1)
        members = list(e["members"])
        value = {}
        if "tag" in e:
            case = rng.choice(e["variants"])
            value[e["tag"]] = case["case"]
            members = [m for m in members if m["name"] != e["tag"]] + self.types[case["type"]]["members"]
        for m in members:
            if "default" not in m or (rng.random() < 0.5 and depth < 4):
                value[m["name"]] = self.make(m["type"], rng, depth + 1)
        return value
