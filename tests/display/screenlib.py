# SPDX-License-Identifier: MIT
"""Emulators side by side, judged by what their screens show."""
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "qmp"))
from qmplib import Machine  # noqa: E402

QEMU = shutil.which("qemu-system-x86_64")


def read_ppm(path):
    """(width, height, pixels) of a binary PPM."""
    data = open(path, "rb").read()
    magic, width, height, depth, pixels = split_header(data)
    assert magic == b"P6" and depth == 255 and len(pixels) == 3 * width * height, path
    return width, height, pixels


def split_header(data):
    words, at = [], 0
    for _ in range(4):
        end = at
        while data[end:end + 1] not in (b" ", b"\n"):
            end += 1
        words.append(data[at:end])
        at = end + 1
    return words[0], int(words[1]), int(words[2]), int(words[3]), data[at:]


class Screen:
    """A running emulator, its first display and its first serial port."""

    def __init__(self, emulator, *args):
        if emulator:
            os.environ["RHEA"] = emulator
        else:
            os.environ.pop("RHEA", None)
        self.name = os.path.basename(emulator or "rhea")
        self.machine = Machine("-nodefaults", "-vga", "std", "-serial", "file:serial", *args, paused=False)
        self.mon = self.machine.connect()
        self.serial_path = os.path.join(self.machine.dir, "serial")
        self.picture_path = os.path.join(self.machine.dir, "picture.ppm")

    def serial(self):
        try:
            return open(self.serial_path, "rb").read().decode("latin-1")
        except OSError:
            return ""

    def wait_serial(self, text, seconds=60):
        for _ in range(seconds * 20):
            if text in self.serial():
                return
            time.sleep(0.05)
        sys.exit(f"{self.name}: no {text!r} on the serial port: {self.serial()!r}")

    def picture(self):
        self.mon.cmd("screendump", filename=self.picture_path)
        for _ in range(100):  # the peer writes the file in the background
            try:
                return read_ppm(self.picture_path)
            except (OSError, AssertionError, ValueError, IndexError):
                time.sleep(0.02)
        sys.exit(f"{self.name}: no screendump")

    def keys(self, combo):
        self.mon.hmp(f"sendkey {combo}")

    def quit(self):
        try:
            self.mon.call("quit")
        except (EOFError, OSError):
            pass
        self.machine.finish()


def difference(a, b):
    """None when the pictures are equal, else words."""
    if a[:2] != b[:2]:
        return f"{a[0]}x{a[1]} and {b[0]}x{b[1]}"
    if a[2] == b[2]:
        return None
    differ = [i // 3 for i in range(0, len(a[2]), 3) if a[2][i:i + 3] != b[2][i:i + 3]]
    n = differ[0]
    return (f"{len(differ)} of {a[0] * a[1]} pixels differ, the first at {n % a[0]},{n // a[0]}: "
            f"{a[2][3 * n:3 * n + 3].hex()} and {b[2][3 * n:3 * n + 3].hex()}")


def wait_same(screen, picture, seconds=60):
    """Waits until a screen shows that picture; the last difference, None when it did."""
    end = time.time() + seconds
    while True:
        got = screen.picture()
        if got == picture:
            return None
        if time.time() > end:
            return difference(picture, got)
        time.sleep(0.1)
