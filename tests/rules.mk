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
