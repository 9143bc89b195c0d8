# SPDX-License-Identifier: MIT
# Runs inside gdb (see reverse.sh): goes through hits of a breakpoint forwards, then backwards, and compares all registers.
import re
import socket
import time


def run(command):
    try:
        return gdb.execute(command, to_string=True)
    except gdb.error as e:
        return str(e)


def state():
    return run("info registers")


def count():
    return int(re.search(r"instruction count = (\d+)", run("monitor info replay")).group(1))


run("hbreak *%#x" % openat)
hits = []
for n in range(4):
    run("continue")
    hits.append((state(), count()))
print("hits are different places:", len({c for _, c in hits}) == 4 and [c for _, c in hits] == sorted(c for _, c in hits))
run("stepi 3")
run("reverse-stepi 3")
print("after steps back:", state() == hits[3][0])
for n in (2, 1, 0):
    run("reverse-continue")
    print("hit %d again:" % n, (state(), count()) == hits[n])
run("reverse-continue")
print("beginning:", count())
run("continue")
print("forward again:", (state(), count()) == hits[0])
run("delete")
if jiffies:
    run("watch *(unsigned long *)%#x" % jiffies)
    values, back = [], []
    for n in range(3):
        run("continue")
        values.append(int(gdb.parse_and_eval("*(unsigned long *)%#x" % jiffies)))
    for n in range(2):
        run("reverse-continue")
        back.append(int(gdb.parse_and_eval("*(unsigned long *)%#x" % jiffies)))
    print("watchpoint back:", back == [values[1], values[0]], values, back)
    run("delete")
run("continue")
end = count()
print("end:", end > hits[3][1])
run("hbreak *%#x" % openat)
run("reverse-continue")
last = (state(), count())
print("last hit:", hits[3][1] < last[1] < end)
run("delete")
run("monitor replay_break %d" % (last[1] + 1000))
run("continue")
there = count()
# By the human monitor: a packet of gdb's would stop the machine on its way.
monitor = socket.socket(socket.AF_UNIX)
monitor.connect(monitor_path)
monitor.sendall(b"replay_seek %d\n" % hits[1][1])
text = ""
while "= %d\r" % hits[1][1] not in text and "= %d\n" % hits[1][1] not in text:
    time.sleep(0.1)
    monitor.sendall(b"info replay\n")
    text += monitor.recv(65536).decode(errors="replace")
run("maintenance flush register-cache")
print("seek:", (state(), count()) == hits[1] and there == last[1] + 1000, there - last[1], count() - hits[1][1])
