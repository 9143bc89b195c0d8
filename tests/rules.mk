# SPDX-License-Identifier: MIT
# Tests, benchmarks and the demonstration boot. Included by the top Makefile.

#? make check           build and run all tests (CI runs this)
#? make check-unit      unit tests: every tests/unit/*-test.c
#? make check-boot      boots of Debian kernels to a busybox init and power-off
#? make check-block     disk images beside qemu-img, booting from them
#? make check-display   pictures of guests' screens beside the peer's, pixel by pixel
#? make check-smp       several vCPUs: bring-up, hotplug, memory model, atomics, stress
#? make check-tcg       random x86 instruction sequences against the host CPU, and both engines
#? make check-cli       command line: listings, errors, exit codes, bad input
#? make check-qmp       the machine protocol: every command, and thousands of random ones
#? make check-gdb       gdb on a program with symbols and on Debian's kernel; the remote protocol byte by byte
#? make check-qtest     devices over the device-test protocol, without a CPU running
#? make check-fuzz      damaged kernels, option texts and guest code: the corpus and some thousand mutations
#? make fuzz            the same targets under libFuzzer, FUZZ_SECONDS (60) each; needs clang
#? make check-slow      longer runs of the above (SECONDS_PER_CLASS, BOOTS)
#? make bench           guest workloads, boots and start-up beside QEMU's and native, as ratios
#? make bench-disk      fio in a guest on each kind of disk, beside QEMU's
.PHONY: check-gdb check-qtest check-display
.PHONY: check check-qmp check-smp check-block check-unit check-boot check-tcg check-cli check-fuzz check-slow fuzz bench bench-disk boot test-setup
CHECK := $(SRC)/tests/run-checks.sh
TEST_PROGRAMS += tests/bin/x86-diff tests/bin/x86-oracle64 tests/bin/x86-oracle32 obj/decodegen

# The oracles are static programs of their own, in both widths; the runner links the whole emulator.
tests/bin/x86-oracle64: $(SRC)/tests/tcg/i386/oracle.c $(SRC)/tests/tcg/i386/diff.h
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@gcc -O1 -Wall -static -o $@ $<
tests/bin/x86-oracle32: $(SRC)/tests/tcg/i386/oracle.c $(SRC)/tests/tcg/i386/diff.h
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@gcc -m32 -idirafter /usr/include/x86_64-linux-gnu -O1 -Wall -static -o $@ $<
tests/bin/x86-diff: obj/tests/tcg/i386/x86-diff.o obj/tests/tcg/i386/generate.o $(LIB_OBJS)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(OPT) $(LDFLAGS) -o $@ $^ $(LIBS)
-include obj/tests/tcg/i386/x86-diff.d obj/tests/tcg/i386/generate.d

# First program of the guests with several vCPUs.
TEST_PROGRAMS += tests/bin/smp-guest64 tests/bin/smp-guest32
SMP_GUEST_FLAGS := -O2 -Wall -Wextra -static -pthread
tests/bin/smp-guest64: $(SRC)/tests/smp/guest.c
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@gcc $(SMP_GUEST_FLAGS) -o $@ $<
tests/bin/smp-guest32: $(SRC)/tests/smp/guest.c
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@gcc -m32 -idirafter /usr/include/x86_64-linux-gnu $(SMP_GUEST_FLAGS) -o $@ $<

TEST_PROGRAMS += tests/bin/smp-guest-arm tests/bin/smp-guest-aarch64
tests/bin/smp-guest-arm: SMP_CC := arm-linux-gnueabi-gcc -march=armv7-a -marm
tests/bin/smp-guest-aarch64: SMP_CC := aarch64-linux-gnu-gcc
tests/bin/smp-guest-arm tests/bin/smp-guest-aarch64: $(SRC)/tests/smp/guest.c
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(SMP_CC) $(SMP_GUEST_FLAGS) -o $@ $<

TEST_PROGRAMS += tests/bin/smp-guest-exclusive32 tests/bin/smp-guest-exclusive64
tests/bin/smp-guest-exclusive32: SMP_CC := arm-linux-gnueabi-gcc -march=armv7-a -marm
tests/bin/smp-guest-exclusive64: SMP_CC := aarch64-linux-gnu-gcc
tests/bin/smp-guest-exclusive32 tests/bin/smp-guest-exclusive64: $(SRC)/tests/smp/exclusive.c
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(SMP_CC) $(SMP_GUEST_FLAGS) -o $@ $<

# First program of the guests that check disks from inside.
TEST_PROGRAMS += tests/bin/block-guest64 tests/bin/block-guest-arm64
tests/bin/block-guest64: GUEST_CC := gcc
tests/bin/block-guest-arm64: GUEST_CC := aarch64-linux-gnu-gcc
tests/bin/block-guest64 tests/bin/block-guest-arm64: $(SRC)/tests/block/guest.c
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(GUEST_CC) -D_GNU_SOURCE $(SMP_GUEST_FLAGS) -o $@ $<

# Arm: the oracles are static cross-built programs, run by the user-mode emulators.
TEST_PROGRAMS += tests/bin/arm-diff tests/bin/arm-oracle32 tests/bin/arm-oracle64
tests/bin/arm-oracle32: CROSS := arm-linux-gnueabi-gcc -marm
tests/bin/arm-oracle64: CROSS := aarch64-linux-gnu-gcc
tests/bin/arm-oracle32 tests/bin/arm-oracle64: $(SRC)/tests/tcg/arm/oracle.c $(SRC)/tests/tcg/arm/diff.h
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CROSS) -O1 -Wall -static -o $@ $<
ARM_DIFF_OBJS := $(patsubst $(SRC)/%.c,obj/%.o,$(wildcard $(SRC)/tests/tcg/arm/generate*.c)) obj/tests/tcg/arm/arm-diff.o
tests/bin/arm-diff: $(ARM_DIFF_OBJS) $(LIB_OBJS)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(OPT) $(LDFLAGS) -o $@ $^ $(LIBS)
-include $(ARM_DIFF_OBJS:.o=.d)

# Fuzz targets, twice: with a main of their own, and (in a clang build of its own) with libFuzzer's.
FUZZ_TARGETS := loader options decoder gdb qtest qmp hmp smoke image display replay virtio ahci savevm
FUZZ_SECONDS ?= 60
TEST_PROGRAMS += $(FUZZ_TARGETS:%=tests/bin/fuzz-%)
tests/bin/fuzz-%: obj/tests/fuzz/%-fuzz.o obj/tests/fuzz/fuzz-main.o $(LIB_OBJS)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(OPT) $(LDFLAGS) -o $@ $^ $(LIBS)
tests/bin/libfuzzer-%: obj/tests/fuzz/%-fuzz.o $(LIB_OBJS)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(OPT) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)
-include $(FUZZ_TARGETS:%=obj/tests/fuzz/%-fuzz.d) obj/tests/fuzz/fuzz-main.d
.PRECIOUS: obj/%.o

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_TARGETS:%=tests/bin/libfuzzer-%)
fuzz:
	@mkdir -p obj/libfuzzer
	@echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | clang -x c -fsanitize=fuzzer -o obj/libfuzzer/probe - 2>/dev/null || \
		{ echo "make fuzz needs clang with libFuzzer (apt-get install clang libclang-rt-dev)"; exit 1; }
	@cd obj/libfuzzer && $(SRC)/configure --cc=clang --enable-sanitizers --extra-cflags=-fsanitize=fuzzer-no-link >config.log
	@$(MAKE) --no-print-directory -C obj/libfuzzer fuzz-programs
	@cd obj/libfuzzer && $(SRC)/tests/fuzz/run-libfuzzer.sh $(FUZZ_SECONDS) $(FUZZ_TARGETS)


# Device tests drive the built program over a socket and link nothing of it.
QTESTS := $(patsubst $(SRC)/%.c,%,$(wildcard $(SRC)/tests/qtest/*-test.c))
TEST_PROGRAMS += $(QTESTS)
tests/qtest/%: $(SRC)/tests/qtest/%.c $(SRC)/tests/qtest/libqtest.c $(SRC)/tests/qtest/libqtest.h $(SRC)/tests/qtest/libqtest-virtio.h $(SRC)/tests/virtio-driver.h config-host.h
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) -std=gnu11 -O1 -g $(WARN) -D_GNU_SOURCE -include config-host.h $(LIB_CFLAGS) -o $@ $(filter %.c,$^) $(LIBS)

test-setup:
	@$(SRC)/scripts/setup.sh test

# All processors build, unless the user has said how many jobs.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

check: test-setup
	@$(MAKE) --no-print-directory $(JOBS) check-programs
	@$(CHECK) unit cli qmp gdb qtest fuzz tcg boot smp block display

.PHONY: check-programs
check-programs: all $(UNIT_TESTS) $(TEST_PROGRAMS)

check-unit: $(UNIT_TESTS)
	@$(CHECK) unit
check-boot: all tests/bin/block-guest64
	@$(CHECK) boot
check-tcg: all $(TEST_PROGRAMS)
	@$(CHECK) tcg
check-block: all tests/bin/block-guest64 tests/bin/block-guest-arm64
	@$(CHECK) block
check-display: all
	@$(CHECK) display
check-smp: all $(filter tests/bin/smp-guest%,$(TEST_PROGRAMS))
	@$(CHECK) smp
check-qmp: all
	@$(CHECK) qmp
check-cli: all
	@$(CHECK) cli
check-gdb: all
	@$(CHECK) gdb
check-qtest: all $(QTESTS)
	@$(CHECK) qtest
check-fuzz: $(FUZZ_TARGETS:%=tests/bin/fuzz-%)
	@$(CHECK) fuzz
check-slow: all $(UNIT_TESTS) $(TEST_PROGRAMS)
	@SLOW=1 $(CHECK) unit cli qmp gdb qtest fuzz tcg boot smp block display

bench: all
	@python3 $(SRC)/tests/bench/bench.py $(BENCH_FLAGS)
bench-disk: all
	@python3 $(SRC)/tests/bench/disk.py $(BENCH_FLAGS)

boot:
	@$(MAKE) --no-print-directory $(JOBS) all
	@$(SRC)/scripts/boot.sh
