# SPDX-License-Identifier: MIT
"""
Whatever a client sends, there is one answer or one error for each request, and the emulator lives: damaged JSON, huge
and deep values, random commands with fitting and with wrong arguments, random lines of the human monitor.
The oracle is the protocol: an answer with the id that was sent.
"""
import json
import os
import random
import sys

from qmplib import Machine, Schema

COUNT = int(os.environ.get("QMP_COMMANDS", "10000" if os.environ.get("SLOW") else "1500"))
SEED = int(os.environ.get("QMP_SEED", "1"))
rng = random.Random(SEED)
m = Machine("-m", "32", "-chardev", "ringbuf,id=ring,size=1024")
mon = m.connect(oob=True)
schema = Schema(mon.cmd("query-qmp-schema"))
rows = [line.split(" -- ")[0] for line in mon.hmp("help").splitlines()] + \
       [line.split(" -- ")[0] for line in mon.hmp("help info").splitlines()]


def fail(what):
    print(f"FAILED (seed {SEED}): {what}; status {m.proc.poll()}")
    print(m.finish(5)[1][-3000:])
    sys.exit(1)


def ask(data):
    """Sends bytes followed by a request that must be answered; returns the answers before it."""
    mon.raw(data + b'{"execute":"query-name","id":"fence"}')
    answers = []
    while True:
        try:
            r = mon.reply()
        except (EOFError, OSError) as e:
            fail(f"no answer after {data[:200]!r}: {e!r}")
        if r.get("id") == "fence":
            return answers
        answers.append(r)


# ---- Damaged JSON: an error, and the next request works ----
damaged = [b'{', b'}', b']', b'[}', b'{"execute":', b'"abc', b"'abc", b'{"a":"\x01"}', b'{"a":"\xff\xfe"}', b'\xff', b'\x00',
           b'nul', b'-', b'1e999 ', b'{"execute":"query-name","execute":"stop"}', b'{"\\u0000":1}', b'{"execute":"\\ud800"}',
           b'[' * 5000 + b']' * 5000, b'{"a":' * 2000 + b'1' + b'}' * 2000, b'"' + b'x' * 300000 + b'"',
           b'{"execute":"' + b'y' * 300000 + b'"}', b'[' + b'1,' * 100000 + b'1]', b'9' * 5000 + b' ', b'{"execute":"query-name"']
for d in damaged:
    # What is left open is closed by a line with every closer; that may give further errors.
    answers = ask(d + b"\n\"'\n" + b"}]" * 3 + b"\n\xff\n")
    if not answers or any("error" not in a for a in answers):
        fail(f"damaged input {d[:60]!r} gave {answers[:3]}")

# ---- Commands with random arguments ----
skip = {"quit", "human-monitor-command", "dump-guest-memory", "object-del", "qmp_capabilities"}
commands = [c for c in schema.commands() if c not in skip]


def arguments(name):
    e = schema.types[schema.types[name]["arg-type"]]
    args = schema.make(e["name"], rng)
    if rng.random() < 0.3 and args:  # something wrong
        key = rng.choice(list(args))
        args[key] = rng.choice([None, 1, "x", [], {}, True, 1.5])
    if rng.random() < 0.1:
        args["extra"] = 1
    if "size" in args and isinstance(args["size"], int):
        args["size"] = min(args["size"], 5000) if args["size"] > 0 else 1  # files, not disks full of zeros
    args.pop("reboot", None)  # set-action: Ctrl-Alt-Delete would end the program
    backend = args.get("backend")
    if isinstance(backend, dict) and backend.get("type") in ("socket", "pty", "pipe"):
        args["backend"] = {"type": "null", "data": {}}
    return args


for i in range(COUNT):
    name = rng.choice(commands)
    request = {rng.choice(["execute"] * 9 + ["exec-oob"]): name, "id": i}
    if rng.random() < 0.9:
        request["arguments"] = arguments(name)
    answers = ask(json.dumps(request).encode())
    if len(answers) != 1 or answers[0].get("id") != i or ("return" in answers[0]) == ("error" in answers[0]):
        fail(f"{request} gave {answers}")
    if "return" in answers[0]:
        try:
            schema.check(schema.types[name]["ret-type"], answers[0]["return"], name)
        except AssertionError as e:
            fail(f"{request}: {e}")

# ---- Lines of the human monitor ----
words = ["0", "-1", "1+", "(", "$rax", "$foo", "x", "ring", "/4xw", "/i", "-f", "-z", "0xffffffffffffffff", "%s", "\"a b\"", "\"",
         "a,b=c", "on", "serial0", "/machine", "é", "12345678901234567890123", "'c'", "\x01", "~~~1"]
risky = ("quit", "q", "log", "logfile", "memsave", "pmemsave", "gdbserver", "dump-guest-memory", "screendump", "chardev-",
         "sum", "exit", "info history")
for i in range(COUNT // 2):
    line = rng.choice(rows).split(" ")[0:2]
    line = " ".join(line if line[0] == "info" else line[:1]).split("|")[0]
    if line.startswith(risky):
        continue
    line = " ".join([line] + [rng.choice(words) for _ in range(rng.randrange(4))])
    answers = ask(json.dumps({"execute": "human-monitor-command", "arguments": {"command-line": line}}).encode())
    if len(answers) != 1 or not isinstance(answers[0].get("return"), str):
        fail(f"monitor line {line!r} gave {answers}")

if not m.alive():
    fail("the emulator ended")
mon.cmd("quit")
status, text = m.finish()
if status != 0:
    print(f"exit status {status}: {text[-3000:]}")
    sys.exit(1)
