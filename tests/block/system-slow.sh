# SPDX-License-Identifier: MIT
# Full Debian systems (scripts/guest-system.sh) on overlays of a qcow2 disk: SeaBIOS, GRUB and systemd come to logins on the VGA
# console and on the serial port, root logs in, works, powers off; e2fsck finds nothing. Only with SLOW=1; SYSTEMS=amd64/nvme
# picks.
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/login.smoke" <<'END'
timeout 15m
screen 'GNU GRUB|GRUB loading|Booting'
screen 'Debian GNU/Linux 12 rhea tty1\s+rhea login:'
expect 'rhea login: $'
send 'root\n'
expect 'Password: $'
send 'rhea\n'
expect '# $'
send 'systemctl is-system-running --wait\n'
expect '^(running|degraded)'
send 'systemctl --failed --no-legend --plain; echo failed-units-end\n'
expect '^failed-units-end'
send 'apt-get check -qq; dd if=/dev/urandom of=data bs=64k count=100 status=none; sync; md5sum <data >sum; echo 3 >/proc/sys/vm/drop_caches\n'
expect '# $'
send 'md5sum <data | cmp - sum && echo DATA"-"OK; uname -m\n'
expect '^DATA-OK'
key r
key o
key o
key t
key ret
screen 'Password:'
key r
key h
key e
key a
key ret
screen 'root@rhea:~#'
send 'poweroff\n'
poweroff
fail 'I/O error|EXT4-fs error'
END

# boots ARCH WHAT OPTION...: DISK among the options is the disk.
boots() {
    local arch=$1 what=$2 base status=0 start=$SECONDS prog=x86_64
    shift 2
    case " ${SYSTEMS-} " in "  " | *" $arch/$what "*) ;; *) return 0 ;; esac
    [ "$arch" = amd64 ] || prog=i386
    base=$("$SRC/scripts/guest-system.sh" "$arch" "$BUILD") || exit 1
    rm -f "$work/disk.qcow2"
    "$BUILD/rhea-img" create -q -f qcow2 -b "$base" -F qcow2 "$work/disk.qcow2"
    "$BUILD/rhea-system-$prog" "${@//DISK/$work/disk.qcow2}" -m 512 -display none -serial stdio -smoke "@$work/login.smoke" \
        -smoke-report log="$work/log" </dev/null >"$work/out" 2>&1 || status=$?
    [ $status = 0 ] || { echo "$arch $what: status $status"; tail -n 30 "$work/out"; exit 1; }
    "$BUILD/rhea-img" check "$work/disk.qcow2" >/dev/null
    "$BUILD/rhea-img" convert -O raw "$work/disk.qcow2" "$work/disk.raw"
    dd if="$work/disk.raw" of="$work/part.raw" bs=1M skip=1 conv=sparse status=none
    rm "$work/disk.raw"
    PATH=$PATH:/usr/sbin:/sbin
    ! dumpe2fs -h "$work/part.raw" 2>/dev/null | grep -q needs_recovery || { echo "$arch $what: not unmounted"; exit 1; }
    e2fsck -fn "$work/part.raw" >"$work/fsck" 2>&1 || { echo "$arch $what:"; cat "$work/fsck"; exit 1; }
    echo "$arch $what: ok, $((SECONDS - start)) s"
}

all() { # ARCH
    boots "$1" ide -M pc -hda DISK
    boots "$1" ahci -M q35 -hda DISK
    boots "$1" virtio-blk -M pc -drive file=DISK,if=virtio
    boots "$1" virtio-scsi -M q35 -drive file=DISK,if=none,id=d -device virtio-scsi-pci -device scsi-hd,drive=d
    boots "$1" nvme -M q35 -drive file=DISK,if=none,id=d -device nvme,serial=n,drive=d
}

all amd64
all i386
