# ptqk: the front door. `make help` lists the words. Needs Rust 1.89, a C compiler and GNU make.
#
#   PREFIX, DESTDIR, LIBDIR    where `make install` puts things
#   CC, CFLAGS, AR, NM         the C tools
#   CARGO, CARGO_TARGET_DIR    cargo, and where it builds
#   BUILD                      where the libraries and programs go
#   TARGET                     a Rust target, to build for another machine

CARGO ?= cargo
CARGO_TARGET_DIR ?= target
NM ?= nm
BUILD ?= build
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
TARGET ?= $(CARGO_BUILD_TARGET)
CFLAGS ?= -O2

# The version is written once, in Cargo.toml.
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml)
MAJOR := $(firstword $(subst ., ,$(VERSION)))

# The install name has the major version: a program finds the library that it was linked to.
ifneq (,$(or $(findstring apple,$(TARGET)),$(if $(TARGET),,$(filter Darwin,$(shell uname -s)))))
    SHARED := libptqk.$(VERSION).dylib
    SONAME := libptqk.$(MAJOR).dylib
    DEVNAME := libptqk.dylib
    SHARED_FLAGS := -dynamiclib -Wl,-install_name,@rpath/$(SONAME)
else
    SHARED := libptqk.so.$(VERSION)
    SONAME := libptqk.so.$(MAJOR)
    DEVNAME := libptqk.so
    SHARED_FLAGS := -shared -Wl,-soname,$(SONAME) -Wl,-z,defs
endif

# What cargo makes of the library, before it is cut down to the library's own object.
CARGO_ARCHIVE := $(CARGO_TARGET_DIR)/$(if $(TARGET),$(TARGET)/)release/libptqk.a

# LIBDIR below PREFIX, and the way back up: installed files find each other wherever they move.
LIB := $(patsubst $(PREFIX)/%,%,$(LIBDIR))
UP := $(shell echo '$(LIB)' | sed 's|[^/][^/]*|..|g')

# Those that need MPI only where there is a compiler for it.
MPICC := $(shell command -v mpicc)
EXAMPLES := $(patsubst c_examples/%.c,%,$(wildcard c_examples/*.c $(if $(MPICC),c_examples/mpi/*.c)))

.DELETE_ON_ERROR:
.PHONY: lib static shared demo examples test install header bench ci clean help

lib: static shared ## The static and the shared library (default)

static: $(BUILD)/libptqk.a ## The static library alone

shared: $(BUILD)/$(DEVNAME)

demo: $(BUILD)/examples/digits ## Builds the digits example and prints its table
	@$< c_examples/data

examples: $(EXAMPLES:%=$(BUILD)/examples/%) ## Every C example, in build/examples

test: ## All tests
	$(CARGO) test

install: lib ## Into PREFIX, below DESTDIR: libraries, headers, pkg-config and CMake files
	@case '$(LIB)' in /*) echo 'LIBDIR must lie below PREFIX' >&2; exit 1;; esac
	mkdir -p '$(DESTDIR)$(PREFIX)/include' '$(DESTDIR)$(PREFIX)/$(LIB)/pkgconfig' \
	    '$(DESTDIR)$(PREFIX)/$(LIB)/cmake/ptqk'
	cp include/ptqk.h include/ptqk.hpp '$(DESTDIR)$(PREFIX)/include/'
	cp -P $(addprefix $(BUILD)/,libptqk.a $(SHARED) $(SONAME) $(DEVNAME)) '$(DESTDIR)$(PREFIX)/$(LIB)/'
	$(call fill,ptqk.pc,pkgconfig)
	$(call fill,ptqkConfig.cmake,cmake/ptqk)
	$(call fill,ptqkConfigVersion.cmake,cmake/ptqk)

header: ## Rewrites include/ptqk.h from the sources
	PTQK_BLESS=1 $(CARGO) check --features header

bench: ## The benches
	$(CARGO) bench

ci: ## What CI runs
	bash .ci/run

clean: ## Removes what was built
	$(CARGO) clean --target-dir '$(CARGO_TARGET_DIR)'
	rm -rf '$(BUILD)'

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1@\2/p' Makefile | while IFS=@ read -r word text; do \
	    printf '%-16s %s\n' "$$word" "$$text"; done

# Cargo knows best whether the library is up to date, so it is always asked; repack.sh leaves its output
# alone if nothing changed, and so nothing else is made again.
$(CARGO_ARCHIVE): FORCE
	$(CARGO) rustc --release --lib --crate-type staticlib --features capi \
	    --target-dir '$(CARGO_TARGET_DIR)' $(if $(TARGET),--target '$(TARGET)')

$(BUILD)/libptqk.a: $(CARGO_ARCHIVE) FORCE | $(BUILD)/examples
	AR='$(AR)' NM='$(NM)' sh packaging/repack.sh ptqk $< $@

# Linked from the object of the static library: the two cannot differ.
$(BUILD)/$(SHARED): $(BUILD)/libptqk.a
	$(CC) $(SHARED_FLAGS) $(LDFLAGS) -o $@ $(BUILD)/ptqk.o

$(BUILD)/$(DEVNAME): $(BUILD)/$(SHARED)
	ln -sf $(SHARED) $(BUILD)/$(SONAME)
	ln -sf $(SONAME) $@

$(BUILD)/examples/%: c_examples/%.c $(BUILD)/libptqk.a $(wildcard c_examples/*.h) include/ptqk.h
	$(CC) -std=c99 $(CFLAGS) -Iinclude -o $@ $< $(BUILD)/libptqk.a -lm -pthread

$(BUILD)/examples/mpi/%: c_examples/mpi/%.c $(BUILD)/libptqk.a $(wildcard c_examples/*.h) include/ptqk.h
	mkdir -p $(@D)
	$(MPICC) -std=c99 $(CFLAGS) -Iinclude -o $@ $< $(BUILD)/libptqk.a -lm

$(BUILD)/examples:
	mkdir -p $@

FORCE:

# $(call fill,FILE,FOLDER): installs packaging/FILE.in into a folder of LIBDIR.
fill = sed -e 's|@VERSION@|$(VERSION)|' -e 's|@MAJOR@|$(MAJOR)|' -e 's|@UP@|$(UP)|' -e 's|@LIB@|$(LIB)|' \
    -e 's|@SHARED@|$(SHARED)|' -e 's|@SONAME@|$(SONAME)|' \
    packaging/$1.in > '$(DESTDIR)$(PREFIX)/$(LIB)/$2/$1'
