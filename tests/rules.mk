# SPDX-License-Identifier: MIT
# Tests, benchmarks and the demonstration boot. Included by the top Makefile.

#? make check           build and run all tests (CI runs this)
#? make check-unit      unit tests
.PHONY: check check-unit
check: all $(UNIT_TESTS)
	@$(SRC)/tests/run-checks.sh
check-unit: $(UNIT_TESTS)
	@for t in $(UNIT_TESTS); do echo "== $$t"; ./$$t || exit 1; done
