# SPDX-License-Identifier: MIT
# Tests, benchmarks and the demonstration boot. Included by the top Makefile.

#? make check           build and run all tests (CI runs this)
#? make check-unit      unit tests: every tests/unit/*-test.c
#? make check-boot      boots of Debian kernels to a busybox init and power-off
#? make check-tcg       random x86 instruction sequences against the host CPU, and both engines
#? make check-cli       command line: listings, errors, exit codes, bad input
#? make check-slow      longer runs of the above (SECONDS_PER_CLASS, BOOTS)
#? make bench           guest workloads, boots and start-up beside QEMU's and native, as ratios
.PHONY: check check-unit check-boot check-tcg check-cli check-slow bench boot test-setup
CHECK := $(SRC)/tests/run-checks.sh
TEST_PROGRAMS += tests/bin/x86-diff tests/bin/x86-oracle64 tests/bin/x86-oracle32

# The oracles are static programs of their own, in both widths; the runner links the whole emulator.
tests/bin/x86-oracle64: $(SRC)/tests/tcg/i386/oracle.c $(SRC)/tests/tcg/i386/diff.h
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@gcc -O1 -Wall -static -o $@ $<
tests/bin/x86-oracle32: $(SRC)/tests/tcg/i386/oracle.c $(SRC)/tests/tcg/i386/diff.h
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@gcc -m32 -O1 -Wall -static -o $@ $<
tests/bin/x86-diff: obj/tests/tcg/i386/x86-diff.o obj/tests/tcg/i386/generate.o $(LIB_OBJS)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(OPT) $(LDFLAGS) -o $@ $^ $(LIBS)
-include obj/tests/tcg/i386/x86-diff.d obj/tests/tcg/i386/generate.d

test-setup:
	@$(SRC)/scripts/setup.sh test

check: test-setup
	@$(MAKE) --no-print-directory check-programs
	@$(CHECK) unit cli tcg boot

.PHONY: check-programs
check-programs: all $(UNIT_TESTS) $(TEST_PROGRAMS)

check-unit: $(UNIT_TESTS)
	@$(CHECK) unit
check-boot: all
	@$(CHECK) boot
check-tcg: all $(TEST_PROGRAMS)
	@$(CHECK) tcg
check-cli: all
	@$(CHECK) cli
check-slow: all $(UNIT_TESTS) $(TEST_PROGRAMS)
	@SLOW=1 $(CHECK) unit cli tcg boot

bench: all
	@python3 $(SRC)/tests/bench/bench.py $(BENCH_FLAGS)

boot: all
	@$(SRC)/scripts/boot.sh
