#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Kills the emulator with SIGKILL at a random moment while four threads of a guest write files on ext4 and report each block after fsync.
Afterwards, with default cache and for each kind of disk in turn: both sides' image checkers find no error, a replay of the journal is all
that fsck needs, and every block that was reported is there: that one, or a later one that was written over it.
"""
import collections, os, random, re, select, shutil, signal, struct, subprocess, sys, time

KERNEL, INITRD, WORK, COUNT, SEED = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
BUILD = os.environ['BUILD']
SLOTS, FILES, BLOCK = 128, 8, 4096  # as in guest.c
DISKS = [
    ('vda', ['-drive', 'file={},if=virtio']),
    ('sda', ['-M', 'q35', '-hda', '{}']),
    ('nvme0n1', ['-drive', 'file={},if=none,id=d', '-device', 'nvme,serial=n,drive=d']),
    ('sda', ['-hda', '{}']),
    ('sda', ['-drive', 'file={},if=none,id=d', '-device', 'virtio-scsi-pci', '-device', 'scsi-hd,drive=d']),
]


def run(*command, ok=(0,)):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in ok:
        raise AssertionError(f'{" ".join(command)}: status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-1000:]}')
    return done.stdout


def pattern(writer, n, number):
    data = b''.join(struct.pack('<Q', ((n * BLOCK + i) * 0x9e3779b97f4a7c15 + writer * 0x1234567) & (1 << 64) - 1) for i in range(0, BLOCK, 8))
    return struct.pack('<III', writer, n, number) + data[12:]


def crash(image, disk, options, number, rng):
    """Last block that each writer reported, and how long the writers ran."""
    command = [f'{BUILD}/rhea-system-x86_64', '-kernel', KERNEL, '-initrd', INITRD, '-append', f'console=ttyS0 quiet panic=-1 test=acks disk={disk} round={number}',
               '-m', '256', '-smp', '2', '-nographic', '-no-reboot'] + [o.format(image) for o in options]
    guest = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, deadline, kill_at = b'', time.monotonic() + 120, None
    while time.monotonic() < (kill_at or deadline):
        ready = select.select([guest.stdout], [], [], max(0, (kill_at or deadline) - time.monotonic()))[0]
        part = os.read(guest.stdout.fileno(), 65536) if ready else b''
        if ready and not part:
            break
        said += part
        if kill_at is None and b'ACK ' in said:
            kill_at = time.monotonic() + rng.uniform(0.05, 4)
    ended = guest.poll()
    guest.send_signal(signal.SIGKILL)
    said += guest.stdout.read()
    guest.wait()
    if kill_at is None or ended is not None or b'FAILED' in said:
        raise AssertionError(f'{" ".join(command)}: it did not write until it was killed\n{said.decode("latin1")[-1500:]}')
    last = collections.Counter()
    for writer, n in re.findall(rb'ACK (\d+) (\d+)\r?\n', said):
        last[int(writer)] = max(last[int(writer)], int(n))
    return last


def check(image, last, number):
    raw = os.path.join(WORK, 'disk.raw')
    for tool in (f'{BUILD}/rhea-img', shutil.which('qemu-img')):
        if tool:
            run(tool, 'check', image, ok=(0, 3))  # 3: leaked clusters, nothing else
    run(f'{BUILD}/rhea-img', 'convert', '-O', 'raw', image, raw)
    run('e2fsck', '-y', '-E', 'journal_only', raw)
    run('e2fsck', '-fn', raw)
    checked = 0
    for writer in last:
        for f in range(FILES):
            path = os.path.join(WORK, 'file')
            run('debugfs', '-R', f'dump /w{writer}-{f} {path}', raw)
            with open(path, 'rb') as file:
                data = file.read()
            for slot in range(f, SLOTS * FILES, FILES):
                if slot > last[writer]:
                    break
                least = last[writer] - (last[writer] - slot) % (SLOTS * FILES)
                block = data[slot // FILES * BLOCK:][:BLOCK]
                got = struct.unpack('<III', block[:12]) if len(block) == BLOCK else None
                if not got or got[0] != writer or got[2] != number or got[1] < least or got[1] % (SLOTS * FILES) != slot or block != pattern(*got):
                    raise AssertionError(f'writer {writer}, block {least} was reported and is not there: {got}')
                checked += 1
    os.remove(raw)
    return checked


def main():
    rng = random.Random(SEED)
    print(f'seed {SEED}')
    image = os.path.join(WORK, 'disk.qcow2')
    for i in range(COUNT):
        disk, options = DISKS[i % len(DISKS)]
        if i % len(DISKS) == 0:  # a new one, after that each goes on where the last was killed
            empty = os.path.join(WORK, 'empty.raw')
            with open(empty, 'wb') as file:
                file.truncate(64 << 20)
            run('mke2fs', '-q', '-t', 'ext4', empty)
            run(f'{BUILD}/rhea-img', 'convert', '-O', 'qcow2', empty, image)
        before = time.monotonic()
        last = crash(image, disk, options, i, rng)
        print(f'{i + 1}: {" ".join(options).format("disk")}: {sum(last.values()) + len(last)} blocks reported, '
              f'{check(image, last, i)} compared, {time.monotonic() - before:.1f} s', flush=True)


try:
    main()
except AssertionError as e:
    sys.exit(f'seed {SEED}: {e}')
