# SPDX-License-Identifier: MIT
# Mistakes on the command line: one line that names what was typed and the nearest right word, status 1.
. "$SRC/tests/cli/lib.bash"
k=$tmp/kernel
head -c 100000 /dev/urandom >"$k"
expect 1 "-kernal: invalid option; did you mean '-kernel'" "$rhea" -kernal x; one_line
expect 1 "-zzzz: invalid option" "$rhea" -zzzz; one_line
expect 1 "-kernel: requires an argument" "$rhea" -kernel; one_line
expect 1 "could not load kernel '/nonexistent': No such file" "$rhea" -kernel /nonexistent; one_line
expect 1 "could not load kernel '$tmp': " "$rhea" -kernel "$tmp" -display none; one_line
expect 1 "could not load kernel" "$rhea" -kernel "$k" -display none; one_line
expect 1 "could not load initrd '/nonexistent'" "$rhea" -kernel "$k" -initrd /nonexistent; one_line
expect 1 "only allowed with -kernel" "$rhea" -append foo; one_line
expect 1 "unsupported machine type" "$rhea" -M pcc; one_line 2
expect 1 "'foo' is not a valid device model name" "$rhea" -M none -device foo; one_line 2
expect 1 "isa-debug-exit.*iobas" "$rhea" -display none -device isa-debug-exit,iobas=1; one_line 2
expect 1 "unable to find CPU model 'foo'" "$rhea" -cpu foo -display none; one_line 2
expect 1 "Property.*foo" "$rhea" -cpu qemu64,foo=on -display none; one_line 2
expect 1 "expects a size" "$rhea" -m 12x; one_line 2
expect 1 "needs some memory" "$rhea" -m 0; one_line
expect 1 "." "$rhea" -m 1000000T -display none; one_line
expect 1 "Invalid 'thread'|thread" "$rhea" -accel tcg,thread=foo; one_line
expect 1 "unknown engine 'foo'" "$rhea" -accel tcg,engine=foo; one_line
expect 1 "invalid accelerator kvm" "$rhea" -accel kvm; one_line
expect 1 "Invalid parameter 'tbsize'; did you mean 'tb-size'" "$rhea" -accel tcg,tbsize=1; one_line
expect 1 "unknown log item 'in_asn'; did you mean 'in_asm'" "$rhea" -d in_asn; one_line
expect 1 "bad range" "$rhea" -dfilter zzz; one_line
expect 1 "wrong format" "$rhea" -uuid 12; one_line
expect 1 "invalid datetime" "$rhea" -rtc base=yesterday; one_line
expect 1 "Invalid CPU topology|Invalid SMP" "$rhea" -smp 0; one_line
expect 1 "max CPUs supported" "$rhea" -smp 4000 -display none; one_line
expect 1 "not a character device" "$rhea" -serial foo -display none; one_line
expect 1 "not a valid char driver name" "$rhea" -chardev foo,id=a -display none; one_line
expect 1 "Could not open" "$rhea" -chardev file,id=a,path=/nonexistent/x -display none; one_line
expect 1 "chardev 'nope' not found|nope" "$rhea" -serial chardev:nope -display none; one_line
expect 1 "stdio by multiple" "$rhea" -serial stdio -monitor stdio -display none; one_line
expect 1 "disk.img: Could not open 'disk.img': No such file" "$rhea" disk.img; one_line
expect 1 "/nonexistent" "$rhea" -bios /nonexistent -display none; one_line
for board in versatilepb vexpress-a9 raspi2b; do
    expect 1 "$board: CPU type cortex-m3 is of M profile" "${rhea%x86_64}arm" -M "$board" -cpu cortex-m3 -display none; one_line
done
drive=if=none,format=raw,file=$tmp/disk
head -c 65536 /dev/zero >"$tmp/disk"
expect 1 "-drive $drive,aio=fast: invalid aio option$" "$rhea" -M none -drive "$drive,aio=fast"; one_line
expect 1 "Parameter 'aio' does not accept value 'fast'" "$rhea" -M none -blockdev "file,node-name=n,filename=$tmp/disk,aio=fast"; one_line
expect 1 "aio=native was specified, but (it requires cache.direct=on, which was not specified|is not supported in this build)\.$" \
    "$rhea" -M none -drive "$drive,aio=native"; one_line
deny="python3 $SRC/tests/cli/deny.py 206,425" # io_setup, io_uring_setup
expect 1 "Unable to use io_uring: failed to init linux io_uring ring: Operation not permitted|not supported in this build" \
    $deny "$rhea" -M none -drive "$drive,aio=io_uring"; one_line
expect 1 "Unable to use native AIO: failed to create linux AIO context: Operation not permitted|not supported in this build|Invalid argument" \
    $deny "$rhea" -M none -drive "$drive,aio=native,cache=none"; one_line
exit $fails
