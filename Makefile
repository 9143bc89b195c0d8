# SPDX-License-Identifier: MIT
# One non-recursive makefile for everything. `make help` lists the targets.

ifndef SRC
SRC := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))
endif
NOCONFIG := clean distclean help setup
ifneq ($(filter-out $(NOCONFIG),$(or $(MAKECMDGOALS),all)),)
-include config.mk
endif
vpath %.c $(SRC)

WARN := -Wall -Wextra -Wno-unused-parameter
CFLAGS ?= -g
ALL_CFLAGS = -std=gnu11 $(OPT) $(CFLAGS) $(WARN) -fno-strict-aliasing -fwrapv -pthread \
	-D_GNU_SOURCE -I. -Iobj -I$(SRC)/include -I$(SRC) -include config-host.h $(LIB_CFLAGS) $(EXTRA_CFLAGS)

DIRS := . tcg tcg/x86_64 tcg/interp target-i386 target-arm fpu util chardev monitor block gdbstub ui \
	$(patsubst $(SRC)/%/,%,$(wildcard $(SRC)/hw/*/))
SOURCES := $(foreach d,$(DIRS),$(patsubst $(SRC)/%,%,$(wildcard $(SRC)/$(d)/*.c)))
SOURCES := $(patsubst ./%,%,$(SOURCES))
OBJS := $(patsubst %.c,obj/%.o,$(SOURCES))
LIB_OBJS := $(filter-out obj/main.o,$(OBJS))
UNIT_SOURCES := $(patsubst $(SRC)/%,%,$(wildcard $(SRC)/tests/unit/*-test.c))
UNIT_TESTS := $(patsubst tests/unit/%.c,tests/unit/%,$(UNIT_SOURCES))
LINKS := $(addprefix rhea-system-,$(TARGETS))

.PHONY: all
all: rhea $(LINKS) rhea-img rhea-io

config.mk: $(SRC)/configure $(SRC)/VERSION
	@test -f config.mk || $(SRC)/scripts/setup.sh
	@echo "  CONFIGURE"
	@$(SRC)/configure $(CONFIGURE_FLAGS) >config.log || { cat config.log; rm -f config.mk; exit 1; }

config-host.h: config.mk

rhea: $(OBJS)
	@echo "  LINK    $@"
	@$(CC) $(OPT) $(LDFLAGS) -rdynamic -o $@ $(OBJS) $(LIBS)

IMG_OBJS := $(patsubst $(SRC)/%.c,obj/%.o,$(wildcard $(SRC)/tools/rhea-img*.c))
rhea-img: $(IMG_OBJS) $(LIB_OBJS)
	@echo "  LINK    $@"
	@$(CC) $(OPT) $(LDFLAGS) -o $@ $^ $(LIBS)
rhea-io: obj/tools/rhea-io.o obj/tools/rhea-io-cmds.o $(LIB_OBJS)
	@echo "  LINK    $@"
	@$(CC) $(OPT) $(LDFLAGS) -o $@ $^ $(LIBS)
-include $(IMG_OBJS:.o=.d) obj/tools/rhea-io.d obj/tools/rhea-io-cmds.d

$(LINKS): rhea
	@ln -sf rhea $@

obj/%.o: %.c config-host.h
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

obj/vl.o obj/main.o: $(SRC)/VERSION

# Decoders made from pattern files; scripts/decodegen.c documents the format. HOSTCC builds what runs here.
HOSTCC ?= $(CC)
DECODERS := $(patsubst $(SRC)/%.decode,obj/%.decode.inc,$(wildcard $(SRC)/target-*/*.decode))
obj/decodegen: $(SRC)/scripts/decodegen.c
	@mkdir -p $(@D)
	@echo "  HOSTCC  scripts/decodegen.c"
	@$(HOSTCC) -std=gnu11 -O1 -Wall -o $@ $<
obj/%.decode.inc: $(SRC)/%.decode obj/decodegen
	@mkdir -p $(@D)
	@echo "  DECODE  $(patsubst $(SRC)/%,%,$<)"
	@obj/decodegen $< >$@.new && mv $@.new $@
$(filter obj/target-arm/%.o,$(OBJS)): | $(DECODERS)

tests/unit/%: obj/tests/unit/%.o $(LIB_OBJS)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(OPT) $(LDFLAGS) -o $@ $^ $(LIBS)

-include $(OBJS:.o=.d) $(patsubst %.c,obj/%.d,$(UNIT_SOURCES))

TEST_PROGRAMS :=
include $(SRC)/tests/rules.mk

# ---- Installing ----
BIN := $(DESTDIR)$(PREFIX)/bin
MAN := $(DESTDIR)$(PREFIX)/share/man/man1
.PHONY: install install-compat uninstall
install: all
	install -d $(BIN) $(MAN)
	install -m 755 rhea $(BIN)/rhea
	install -m 755 rhea-img $(BIN)/rhea-img
	install -m 755 rhea-io $(BIN)/rhea-io
	install -m 644 $(SRC)/docs/rhea.1 $(SRC)/docs/rhea-img.1 $(SRC)/docs/rhea-io.1 $(MAN)
	for l in $(LINKS); do ln -sf rhea $(BIN)/$$l; ln -sf rhea.1 $(MAN)/$$l.1; done

# Links with the qemu-system-* names, for tools that look for them.
install-compat: install
	for t in $(TARGETS); do ln -sf rhea $(BIN)/qemu-system-$$t; done

uninstall:
	rm -f $(BIN)/rhea $(BIN)/rhea-img $(BIN)/rhea-io $(MAN)/rhea.1 $(MAN)/rhea-img.1 $(MAN)/rhea-io.1
	for l in $(LINKS); do rm -f $(BIN)/$$l $(MAN)/$$l.1; done
	for t in $(TARGETS); do \
		if [ "$$(readlink $(BIN)/qemu-system-$$t)" = rhea ]; then rm -f $(BIN)/qemu-system-$$t; fi; done

# ---- Housekeeping ----
.PHONY: setup clean distclean help
setup:
	@$(SRC)/scripts/setup.sh

clean:
	rm -rf obj tests/unit/*-test tests/bin rhea rhea-system-*

distclean: clean
	rm -f config.mk config-host.h config.log

help:
	@sed -n 's/^#? //p' $(SRC)/Makefile $(SRC)/tests/rules.mk

#? make                 build rhea and the rhea-system-TARGET links
#? make boot            build, then boot Debian's kernel to a busybox shell on this terminal
#? make install         into PREFIX (configure --prefix), with DESTDIR
#? make install-compat  install, and add qemu-system-TARGET links
#? make uninstall       remove what install put there
#? make setup           install (or, when not root, name) the packages the build and tests need
#? make clean           remove what was built
#? make distclean       clean, and forget the configuration
