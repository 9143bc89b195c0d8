# SPDX-License-Identifier: MIT
"""
A boot sector (modes.S) sets the BIOS's video modes one after the other and fills them; each picture must be the peer's, pixel by
pixel. It boots once from a floppy and once from a disk.
"""
import os
import shutil
import subprocess
import sys
import tempfile

from screenlib import QEMU, Screen, wait_same

HERE = os.path.dirname(os.path.abspath(__file__))
MODES = ["80x25", "40x25", "80x50", "CGA 4 colours", "CGA 2 colours", "EGA 320x200", "640x480 planar", "320x200 256 colours",
         "unchained, start moved", "640x480 8 bits", "640x480 15 bits", "800x600 16 bits", "800x600 24 bits", "1024x768 32 bits",
         "800x600 4 bits"]
# Where the peer (7.2) is not the hardware: 16 dots for a character of 40 columns, which has 18; components of 5 bits
# filled up with zeroes in 15-bit modes only; no map mask in planar VBE modes.
NOT_COMPARED = {"40x25", "640x480 15 bits", "800x600 4 bits"}

with tempfile.TemporaryDirectory() as work:
    image = os.path.join(work, "modes.img")
    subprocess.run(["gcc", "-m32", "-nostdlib", "-static", "-Wl,-Ttext=0x7c00,--oformat=binary,--build-id=none", "-o", image,
                    os.path.join(HERE, "modes.S")], check=True)
    os.truncate(image, 1440 * 1024)
    bad = 0
    for kind in ("floppy", "ide"):
        copy = os.path.join(work, "peer.img")
        shutil.copy(image, copy)
        ours, peer = (
            Screen(emulator, "-boot", "a" if kind == "floppy" else "c", "-drive", f"file={file},format=raw,if={kind}")
            if emulator != "" else None for emulator, file in ((None, image), (QEMU or "", copy)))
        for n, name in enumerate(MODES if kind == "floppy" else MODES[:1]):
            letter = chr(ord("A") + n)
            ours.wait_serial(letter)
            picture = ours.picture()
            if peer:
                peer.wait_serial(letter)
                words = wait_same(peer, picture, 0 if name in NOT_COMPARED else 5)
                if words and name not in NOT_COMPARED:
                    print(f"{kind}, {name}: {words}")
                    bad += 1
                peer.keys("spc")
            ours.keys("spc")
        if "?" in ours.serial() or "!" in ours.serial():
            print(f"{kind}: the guest complains: {ours.serial()!r}")
            bad += 1
        for screen in (ours, peer):
            if screen:
                screen.quit()
if bad:
    sys.exit(1)
if not QEMU:
    print("pictures not compared: qemu-system-x86_64 is not installed")
    sys.exit(77)
