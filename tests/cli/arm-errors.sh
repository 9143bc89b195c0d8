# SPDX-License-Identifier: MIT
# Bad images, device trees and options on the Arm machines: one line that says what is wrong, and exit status 1.
. "$SRC/tests/cli/lib.bash"
arm="${rhea%x86_64}arm -display none" arm64="${rhea%x86_64}aarch64 -display none -cpu cortex-a57"
cd "$tmp" || exit 1
: >empty
printf 'no device tree, just some text' >noise
head -c 36 /dev/zero >start
{ cat start; printf '\x18\x28\x6f\x01\0\0\0\0\0\0\x10\0'; head -c 200 start; } >zimage # claims a megabyte
printf 'not a program' | gzip -c | head -c 20 >cut.gz
truncate -s 68000000 big
printf '\0\0\0\x14' >program # b .
expect 0 "" $arm64 -M virt,dumpdtb=good.dtb
head -c 500 good.dtb >cut.dtb
{ printf '\xd0\x0d\xfe\xed\x7f\xff\xff\xff'; tail -c +9 good.dtb; } >huge.dtb
{ head -c 60 good.dtb; head -c 400 big; tail -c +461 good.dtb; } >hole.dtb

bad() { # pattern command...
    expect 1 "$@"
    one_line
}
for board in virt vexpress-a9 raspi2b versatilepb; do
    bad "could not load kernel 'empty': the file is empty" $arm -M $board -kernel empty
    bad "could not load kernel 'zimage': the zImage is truncated" $arm -M $board -kernel zimage
    bad "could not load kernel 'cut.gz': cannot unpack the gzip file" $arm -M $board -kernel cut.gz
    bad "could not load kernel '/': is a directory" $arm -M $board -kernel /
    bad "could not load kernel 'missing': No such file" $arm -M $board -kernel missing
    bad "could not load kernel '/bin/true': the ELF file is for another machine" $arm -M $board -kernel /bin/true
done
for board in mps2-an385 lm3s6965evb microbit netduinoplus2; do
    bad "could not load kernel 'empty': the file is empty" $arm -M $board -kernel empty
    bad "could not load kernel '/bin/true'.*another machine" $arm -M $board -kernel /bin/true
done
for run in "$arm64 -M virt" "$arm -M virt" "$arm -M vexpress-a9" "$arm -M raspi2b"; do
    bad "could not load dtb 'empty': not a device tree" $run -kernel program -dtb empty
    bad "could not load dtb 'noise': not a (usable )?device tree" $run -kernel program -dtb noise
    bad "could not load dtb 'cut.dtb': not a usable device tree" $run -kernel program -dtb cut.dtb
    bad "could not load dtb 'huge.dtb': not a usable device tree" $run -kernel program -dtb huge.dtb
    bad "could not load dtb 'hole.dtb': not a usable device tree" $run -kernel program -dtb hole.dtb
    bad "-dtb missing: cannot read the file" $run -kernel program -dtb missing
done
bad "could not load initrd 'missing'" $arm -M virt -kernel program -initrd missing
bad "do not fit into memory" $arm -M virt -kernel program -initrd big -m 64
bad "cannot model more than 255GB RAM" $arm64 -M virt -m 1024G
bad "cannot model more than 3GB RAM without highmem" $arm64 -M virt,highmem=off -m 4G
bad "exceeds max CPUs supported by machine 'mach-virt' \(8\)" $arm -M virt -smp 9
bad "CPU type nonsense not supported" $arm -M virt -cpu nonsense
bad "Could not find ROM image 'missing'" $arm64 -M virt -bios missing
bad "Could not load ROM image 'big': .* larger than 67108864" $arm64 -M virt -bios big
bad "device requires 67108864 bytes" $arm64 -M virt -drive if=pflash,file=noise,format=raw
bad "Invalid RAM size, should be 512 MiB" $arm -M raspi0 -m 3G
bad "Invalid RAM size, should be 16 MiB" $arm -M mps2-an385 -m 3G
bad "Could not open 'missing'" $arm -M vexpress-a9 -sd missing
for board in virt raspi0 vexpress-a15 versatilepb mps2-an505 microbit; do
    bad "Invalid parameter 'nonsense'" $arm -M $board,nonsense=1
    bad "(Invalid SMP CPUs|exceeds max CPUs)" $arm -M $board -smp 777
done
bad "Invalid SMP CPUs 2. The max CPUs supported by machine 'raspi0' is 1" $arm -M raspi0 -smp 2
expect 1 "Invalid gic-version value" $arm -M virt,gic-version=5
expect 1 "Invalid iommu value" $arm -M virt,iommu=smmuv3
expect 1 "Invalid SD card size" $arm -M vexpress-a9 -sd noise
[ "$fails" = 0 ]
