# The everyday commands. SwiftPM builds everything; make knows when there is nothing to build.
#
#   make boot    install what is missing, build, boot the kernel (ARGS='...' for emu's options)
#   make test    build and run every test
#   make lint    check the layout of the sources
#   make bench   measure emu beside QEMU and Bochs, where they are installed
#   make handlers  write the list of the engine's fast handlers anew
#   make image   build the kernel and put it into Images/
#   make clean   remove what was built

SHELL := /bin/bash
SWIFT ?= swift
FLAGS := -c release --omit-frame-pointers -Xswiftc -enforce-exclusivity=unchecked
EMU := .build/release/emu

# Directories are among them, so that a file that came or went is noticed.
SOURCES := Package.swift $(shell find Sources -not -name '*.md')

# Debian's packages and a header of each, by which it is known to be there.
PACKAGES := libelf-dev:/usr/include/gelf.h libdw-dev:/usr/include/elfutils/libdw.h \
	libedit-dev:/usr/include/editline/readline.h libzydis-dev:/usr/include/Zydis/Zydis.h \
	libslirp-dev:/usr/include/slirp/libslirp.h zlib1g-dev:/usr/include/zlib.h \
	libzstd-dev:/usr/include/zstd.h

.PHONY: boot build test lint handlers bench image clean packages

boot: build
	@exec $(EMU) boot $(ARGS)

build: packages .build/emu.stamp

.build/emu.stamp: $(SOURCES)
	$(SWIFT) build $(FLAGS) --product emu
	$(SWIFT) build $(FLAGS) --target GuestKernel
	@touch $@

packages:
	@missing=; \
	for entry in $(PACKAGES); do \
	  [ -e "$${entry#*:}" ] || missing="$$missing $${entry%%:*}"; \
	done; \
	[ -z "$$missing" ] && exit 0; \
	run=; \
	if [ "$$(id -u)" != 0 ]; then \
	  command -v sudo >/dev/null || { \
	    echo "make: please install as root: apt-get install$$missing" >&2; exit 1; }; \
	  run=sudo; \
	fi; \
	command -v apt-get >/dev/null || { \
	  echo "make: please install the equivalents of Debian's$$missing" >&2; exit 1; }; \
	echo "make: installing$$missing with apt-get"; \
	$$run apt-get update -q && $$run apt-get install -y -q --no-install-recommends $$missing

test: packages
	$(SWIFT) build $(FLAGS) --product emu
	Tests/Guests/prepare
	$(SWIFT) test $(FLAGS) --disable-testable-imports
	Tests/Benchmarks/check-handlers $(EMU)
	EMU=$(EMU) Tests/Benchmarks/budget

GENERATOR := Sources/Emulator/Generators/handlers.swift
HANDLERS := Sources/Emulator/CPU/Engine/Handlers/HandlerList.swift

lint:
	$(SWIFT) format lint --strict --recursive --parallel Sources Tests Package.swift
	@$(SWIFT) $(GENERATOR) | diff - $(HANDLERS) >/dev/null || { \
	  echo "make: $(HANDLERS) is not what $(GENERATOR) writes: run make handlers" >&2; exit 1; }

handlers:
	$(SWIFT) $(GENERATOR) > $(HANDLERS)

bench: build
	EMU=$(EMU) Tests/Benchmarks/run

image: packages
	$(SWIFT) package --allow-writing-to-package-directory install-images

clean:
	rm -rf .build .build-bench
