#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ACPI tables of the boards virt and microvm as firmware gets them: read through fw_cfg over the device-test protocol, placed by the loader's
script, checked for sums and pointers, compiled back by iasl, and compared with those of qemu-system-* where it is installed.
What differs from there on purpose: who made them, IORT and ITS only where there is an ITS."""
import os, re, shutil, struct, subprocess, sys, tempfile

BASE = 0x48000000  # where the tables are placed
CONFIGS = [
    ('aarch64', '-M virt -cpu cortex-a57 -smp 4,sockets=2,cores=2'),
    ('aarch64', '-M virt -cpu cortex-a57 -smp 8,sockets=1,cores=4,threads=2'),
    ('aarch64', '-M virt,gic-version=3,virtualization=on -cpu cortex-a72 -smp 2,sockets=1,cores=2'),
    ('aarch64', '-M virt,gic-version=3,highmem=off,acpi=on -cpu max'),
    ('aarch64', '-M virt,secure=on,virtualization=on -cpu cortex-a53'),
    ('arm', '-M virt,acpi=auto -cpu cortex-a15 -smp 2,sockets=1,cores=2'),
    ('x86_64', '-M microvm -smp 3 -device virtio-rng-device -device virtio-balloon-device'),
    ('x86_64', '-M microvm,ioapic2=off,rtc=off,isa-serial=off -device virtio-serial-device'),
    ('x86_64', '-M microvm,pic=off,pit=off'),
]


class Machine:
    def __init__(self, program, options, firmware):
        self.arm = '-M virt' in options
        self.scratch = 0x44000000 if self.arm else 0x4000000
        self.p = subprocess.Popen([program] + options.split() + ['-bios', firmware, '-display', 'none', '-qtest', 'stdio', '-m', '256'],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.communicate()

    def command(self, line):
        self.p.stdin.write(line + '\n')
        self.p.stdin.flush()
        while True:
            answer = self.p.stdout.readline()
            if not answer or answer.startswith('OK'):
                break
        if not answer:
            sys.exit(f'no answer to {line}')
        return answer[2:].strip()

    def item(self, key, size):
        """By the DMA interface: select and read into memory."""
        control = struct.pack('>IIQ', key << 16 | 0x0a, size, self.scratch + 0x100)
        self.command(f'write {self.scratch:#x} 16 0x{control.hex()}')
        if self.arm:
            self.command(f'writeq 0x9020010 {int.from_bytes(struct.pack(">Q", self.scratch), "little"):#x}')
        else:
            self.command('outl 0x514 0')
            self.command(f'outl 0x518 {int.from_bytes(struct.pack(">I", self.scratch), "little"):#x}')
        return bytes.fromhex(self.command(f'read {self.scratch + 0x100:#x} {size:#x}')[2:])

    def files(self):
        count = struct.unpack('>I', self.item(0x19, 4))[0]
        found = {}
        for i, entry in enumerate(struct.iter_unpack('>IHH56s', self.item(0x19, 4 + 64 * count)[4:])):
            found[entry[3].split(b'\0')[0].decode()] = (entry[1], entry[0])
        return {name: bytearray(self.item(*found[name])) for name in found if 'acpi/' in name or name == 'etc/table-loader'}


def place(files):
    """What firmware does with the script. Returns the tables that the root pointer leads to, without who made them."""
    at = {'etc/acpi/tables': BASE, 'etc/acpi/rsdp': BASE - 0x1000}
    script = files['etc/table-loader']
    for i in range(0, len(script), 128):
        line = script[i:i + 128]
        kind = struct.unpack_from('<I', line)[0]
        names = [line[o:o + 56].split(b'\0')[0].decode('latin1') for o in (4, 60)]
        data = files.get(names[0])
        if kind == 2:
            offset, size = struct.unpack_from('<IB', line, 116)
            value = int.from_bytes(data[offset:offset + size], 'little') + at[names[1]]
            data[offset:offset + size] = value.to_bytes(size, 'little')
        elif kind == 3:
            offset, start, length = struct.unpack_from('<III', line, 60)
            data[offset] = (data[offset] - sum(data[start:start + length])) & 0xff
    blob, rsdp = files['etc/acpi/tables'], files['etc/acpi/rsdp']
    if rsdp[:8] != b'RSD PTR ' or sum(rsdp) & 0xff:
        sys.exit('bad root pointer')

    def table(address):
        o = address - BASE
        data = blob[o:o + struct.unpack_from('<I', blob, o + 4)[0]]
        if sum(data) & 0xff:
            sys.exit(f'{data[:4]}: bad sum')
        return data
    xsdt = table(struct.unpack_from('<Q', rsdp, 24)[0])
    tables = {}
    for o in range(36, len(xsdt), 8):
        data = table(struct.unpack_from('<Q', xsdt, o)[0])
        tables[data[:4].decode()] = data
    tables['DSDT'] = table(struct.unpack_from('<Q', tables['FACP'], 140)[0])
    return tables


def disassemble(folder, name, data):
    path = os.path.join(folder, name)
    with open(path + '.aml', 'wb') as out:
        out.write(data)
    subprocess.run(['iasl', '-d', path + '.aml'], capture_output=True, check=True)
    with open(path + '.dsl') as source:
        return source.read()


def compile_back(folder, name):
    done = subprocess.run(['iasl', '-p', os.path.join(folder, 'back'), os.path.join(folder, name + '.dsl')], capture_output=True, text=True)
    if done.returncode or '0 Errors, 0 Warnings' not in done.stdout and name == 'DSDT':
        sys.exit(f'iasl refuses {name}:\n{done.stdout[-2000:]}{done.stderr[-500:]}')


def comparable(name, data, text):
    """DSDT: devices with their addresses and interrupts; others: the bytes behind the header."""
    if name == 'DSDT':
        text = re.sub(r'EisaId \(("\w+")\)', r'\1', text).replace('Scope (_SB)', 'Scope (\\_SB)')
        if '_CBA' not in text:  # microvm: all of it, but for how the event is tested and S5 is named
            body = text[text.index('Scope (\\_SB)'):]
            body = re.sub(r'Scope \(\\\)|[\\(){}]|== 0x02', ' ', body)
            return re.sub(r'\s+', ' ', body)
        body = text[text.index('Scope (\\_SB)'):text.index('Name (_CRS', text.index('Method (_CBA'))]
        return re.sub(r'\s+', ' ', body) + ' '.join(re.findall(r'0x[0-9A-F]{8,16}, +// Range|Notify.*', text))
    data = bytearray(data[36:])
    if name == 'FACP':
        data[40 - 36:44 - 36] = bytes(4)
        data[140 - 36:148 - 36] = bytes(8)
        del data[268 - 36:]
    return bytes(data)


def main():
    if not shutil.which('iasl'):
        print('iasl (acpica-tools) is not installed')
        return 77
    with tempfile.TemporaryDirectory() as folder:
        firmware = os.path.join(folder, 'firmware')
        with open(firmware, 'wb') as out:
            out.write(bytes(65536))
        for target, options in CONFIGS:
            with Machine(f'{os.environ["BUILD"]}/rhea-system-{target}', options, firmware) as m:
                ours = place(m.files())
            sources = {name: disassemble(folder, name, data) for name, data in ours.items()}
            for name in ours:
                compile_back(folder, name)
            compared = 'nothing to compare with'
            if shutil.which(f'qemu-system-{target}'):
                with Machine(f'qemu-system-{target}', options, firmware) as m:
                    theirs = place(m.files())
                compared = 'as the peer\'s'
                for name in sorted(set(ours) | set(theirs)):
                    if name == 'IORT' and 'gic-version=3' not in options:
                        continue
                    if name not in ours or name not in theirs:
                        sys.exit(f'{options}: {name} on one side only')
                    if comparable(name, ours[name], sources[name]) != comparable(name, theirs[name], disassemble(folder, 'peer', theirs[name])):
                        sys.exit(f'{options}: {name} differs:\n{ours[name].hex()}\n{theirs[name].hex()}')
            print(f'{target} {options}: {" ".join(sorted(ours))}: {compared}')
        with Machine(f'{os.environ["BUILD"]}/rhea-system-aarch64', '-M virt,acpi=off -cpu cortex-a57', firmware) as m:
            if m.files():
                sys.exit('acpi=off leaves tables')
    return 0


sys.exit(main())
