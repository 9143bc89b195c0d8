# SPDX-License-Identifier: MIT
"""
Guests from Debian packages on the VGA screen, each beside the peer: our screen must stand still, then both must come to
show the same picture, pixel by pixel. SeaBIOS, GRUB's rescue CD, isolinux, iPXE, the Debian installer's boot menu (graphical, VESA)
for amd64 and i386. SLOW=1: the loaders on q35, too; memtest86+, one pass over 64 MiB without an error; the installers' first screens, text and graphical, pc and q35.
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time

from screenlib import QEMU, Screen, difference

INSTALLER = "/usr/lib/debian-installer/images/12"
PICTURES = os.environ.get("PICTURES")  # a folder to keep what was seen in
bad, done, missing = [], [], []


def isolinux_iso(work, name, config, files=()):
    """A CD with isolinux, this configuration and these {name on it: file}."""
    root, out = os.path.join(work, name), os.path.join(work, name + ".iso")
    os.makedirs(os.path.join(root, "isolinux"))
    shutil.copy("/usr/lib/ISOLINUX/isolinux.bin", os.path.join(root, "isolinux"))
    shutil.copy("/usr/lib/syslinux/modules/bios/ldlinux.c32", os.path.join(root, "isolinux"))
    with open(os.path.join(root, "isolinux", "isolinux.cfg"), "w") as f:
        f.write(config)
    for target, source in dict(files).items():
        path = os.path.join(root, target)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copytree(source, path) if os.path.isdir(source) else shutil.copy(source, path)
    subprocess.run(["genisoimage", "-quiet", "-R", "-o", out, "-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat", "-no-emul-boot",
                    "-boot-load-size", "4", "-boot-info-table", root], check=True, stderr=subprocess.DEVNULL)
    return out


def installer_iso(work, arch, form):
    """The network installer's files as its mini.iso has them: everything in one folder."""
    base = os.path.join(INSTALLER, arch, form, "debian-installer", arch)
    files = {"linux": os.path.join(base, "linux"), "initrd.gz": os.path.join(base, "initrd.gz")}
    for source in glob.glob(os.path.join(base, "boot-screens", "*")):
        name = os.path.basename(source)
        if name.endswith((".cfg", ".txt")):
            with open(source, "rb") as f:
                text = f.read().replace(b"debian-installer/%s/boot-screens/" % arch.encode(), b"")
            source = os.path.join(work, f"{arch}-{form}-{name}")
            with open(source, "wb") as f:
                f.write(text.replace(b"debian-installer/%s/" % arch.encode(), b"/"))
        files["isolinux/" + name] = source
    return isolinux_iso(work, f"installer-{arch}-{form}", "path \ninclude menu.cfg\ndefault vesamenu.c32\nprompt 0\ntimeout 0\n", files)


def keep(name, picture):
    if PICTURES:
        with open(os.path.join(PICTURES, name.replace(" ", "-").replace("/", "-") + ".ppm"), "wb") as f:
            f.write(b"P6\n%d %d\n255\n" % picture[:2] + picture[2])


def settled(screen, seconds, quiet, press):
    """The picture once it has not changed for a while. press() is called all along."""
    last, since, end = None, time.time(), time.time() + seconds
    while time.time() < end:
        press()
        picture = screen.picture()
        if picture != last:
            last, since = picture, time.time()
        elif time.time() - since > quiet:
            break
        time.sleep(0.3)
    return last


def agree(ours, peer, seconds, press):
    """Waits until both show the same, whoever is slower; the last difference, None when they did."""
    end = time.time() + seconds
    while True:
        press()
        a, b = ours.picture(), peer.picture()
        if a == b:
            return None
        if time.time() > end:
            return difference(a, b)
        time.sleep(0.2)


def beside(name, options, size=None, seconds=60, quiet=3, drives=(), key=None):
    """Boots both, each with its drive. Our screen must stand still (and have the size); then both must come to show the same. The key
    is pressed in both all the time: it ends the countdown of a menu."""
    drive = [("-drive", d) for d in drives] or [("-boot", "d")] * 2
    ours, peer = Screen(None, *options, *drive[0]), Screen(QEMU, *options, *drive[1]) if QEMU else None

    def press():
        for screen in (ours, peer):
            if screen and key:
                screen.keys(key)

    try:
        end = time.time() + seconds
        while size and ours.picture()[:2] != size and time.time() < end:
            time.sleep(0.3)
        picture = settled(ours, seconds, quiet, press)
        keep(name, picture)
        if size and picture[:2] != size:
            bad.append(f"{name}: the screen is {picture[0]}x{picture[1]}, not {size[0]}x{size[1]}")
        elif len(set(picture[2])) < 2:
            bad.append(f"{name}: the screen is empty")
        elif peer:
            words = agree(ours, peer, seconds, press)
            if words:
                keep(name + " peer", peer.picture())
                bad.append(f"{name}: {words}")
        done.append(name)
    finally:
        for screen in (ours, peer):
            if screen:
                screen.quit()


def busy(picture):
    """Whether there are letters and more: pixels that differ from the ones to their left."""
    width, height, pixels = picture
    changes = sum(pixels[i:i + 3] != pixels[i - 3:i] for y in range(0, height, 4) for i in range(3 * (y * width + 1), 3 * (y + 1) * width, 3))
    return changes > 600


def installer(work, arch, form, machine):
    """From the boot menu's first entry to the first screen: the list of languages."""
    name = f"{arch} {form} installer on {machine}"
    options = ("-M", machine, "-cdrom", installer_iso(work, arch, form), "-m", "1536", "-boot", "d")
    ours, peer = Screen(None, *options), Screen(QEMU, *options) if QEMU else None
    try:
        for screen in filter(None, (ours, peer)):
            end = time.time() + 120
            while time.time() < end and (screen.picture()[:2] != (640, 480) or not busy(screen.picture())):
                time.sleep(0.5)
        time.sleep(2)
        for screen in filter(None, (ours, peer)):
            screen.keys("ret")
        picture, end = None, time.time() + 600
        while time.time() < end:
            picture = settled(ours, 60, 10, lambda: None)
            if picture[:2] == (1280, 800) and busy(picture):
                break
        else:
            bad.append(f"{name}: no first screen")
        keep(name, picture)
        words = peer and agree(ours, peer, 900, lambda: None)
        if words:
            keep(name + " peer", peer.picture())
            bad.append(f"{name}: {words}")
        done.append(name)
    finally:
        for screen in filter(None, (ours, peer)):
            screen.quit()


def memtest(work, machine):
    iso = isolinux_iso(work, "memtest-" + machine, "DEFAULT mt\nPROMPT 0\nLABEL mt\n  KERNEL /memtest\n", {"memtest": "/boot/memtest86+x64.bin"})
    emulator = os.path.join(os.environ.get("BUILD", "."), "rhea-system-x86_64")
    report = os.path.join(work, "memtest.json")
    run = subprocess.run([emulator, "-M", machine, "-m", "64", "-cdrom", iso, "-display", "none", "-serial", "null", "-monitor", "none", "-smoke",
                          "timeout=40m,detect=none,screen=Pass:\\s+1\\s+Errors: 0", "-smoke-report", f"json={report}"],
                         capture_output=True, text=True)
    if run.returncode:
        bad.append(f"memtest86+ on {machine}: " + run.stderr[-300:])
    done.append(f"memtest86+ on {machine}")


def installers(work, only=None):
    for arch in ("amd64", "i386"):
        for form in ("text", "gtk"):
            for machine in ("pc", "q35"):
                if os.path.isdir(os.path.join(INSTALLER, arch, form)) and only in (None, f"{arch}/{form}/{machine}"):
                    with tempfile.TemporaryDirectory(dir=work) as folder:
                        installer(folder, arch, form, machine)


def everything(work):
    blank = [os.path.join(work, f"blank{i}") for i in range(2)]
    for path in blank:
        with open(path, "wb") as f:
            f.truncate(1 << 20)
    disks = [f"file={path},format=raw,if=ide" for path in blank]
    beside("SeaBIOS with an empty disk", ("-m", "64"), drives=disks)
    have = os.path.exists("/usr/lib/ISOLINUX/isolinux.bin") and shutil.which("genisoimage")
    prompt = have and isolinux_iso(work, "prompt", "DEFAULT none\nPROMPT 1\nTIMEOUT 0\nSAY The quick brown fox\nLABEL none\n LOCALBOOT -1\n")
    for machine in ("pc", "q35") if os.environ.get("SLOW") else ("pc",):
        on = ("-M", machine)
        beside(f"GRUB rescue CD on {machine}", (*on, "-cdrom", "/usr/lib/grub-rescue/grub-rescue-cdrom.iso", "-m", "128"), key="up")
        if prompt:
            beside(f"isolinux prompt on {machine}", (*on, "-cdrom", prompt, "-m", "64"))
        if os.path.exists("/usr/lib/ipxe/ipxe.iso"):
            # With a disk: without, the peer's order of what it tries next comes from an option ROM of its own.
            beside(f"iPXE on {machine}", (*on, "-cdrom", "/usr/lib/ipxe/ipxe.iso", "-boot", "d", "-m", "64"), quiet=8, drives=disks)
    if not have:
        missing.append("isolinux, genisoimage")
    if not os.path.exists("/usr/lib/ipxe/ipxe.iso"):
        missing.append("ipxe")
    for arch in ("amd64", "i386"):
        if not have or not os.path.isdir(os.path.join(INSTALLER, arch)):
            missing.append(f"debian-installer-12-netboot-{arch}")
            continue
        iso = installer_iso(work, arch, "text")
        beside(f"{arch} installer boot menu", ("-cdrom", iso, "-m", "512"), size=(640, 480))
        beside(f"{arch} installer boot menu on q35", ("-M", "q35", "-cdrom", iso, "-m", "512"), size=(640, 480))
    if os.environ.get("SLOW") and have:
        installers(work)
    if os.environ.get("SLOW") and have and os.path.exists("/boot/memtest86+x64.bin"):
        for machine in ("pc", "q35"):
            memtest(work, machine)


with tempfile.TemporaryDirectory() as folder: # INSTALLER=amd64/gtk/pc: only that
    if os.environ.get("INSTALLER"):
        installers(folder, os.environ["INSTALLER"])
    else:
        everything(folder)

for line in bad:
    print(line)
print(f"{len(done)} guests" + (f"; not installed: {', '.join(missing)}" if missing else ""))
sys.exit(1 if bad else 0 if QEMU else 77)
