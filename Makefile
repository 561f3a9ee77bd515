# The everyday commands. SwiftPM builds everything; make knows when there is nothing to build.
#
#   make boot    install what is missing, build, boot the kernel (ARGS='...' for emu's options)
#   make test    build and run every test
#   make lint    check the layout of the sources
#   make fuzz    random files, code and device programs under the address sanitizer (SECONDS=900)
#   make bench   measure emu beside QEMU and Bochs, where they are installed
#   make handlers  write the list of the engine's fast handlers anew
#   make rom     assemble the option ROM that starts Linux behind firmware anew
#   make bugs    build the guests with defects in Images/Bugs anew
#   make image   build the kernel and put it into Images/
#   make config  ask what the guest kernel shall contain, and write its kernel.config
#   make configs build and boot the guest kernel in many configurations
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

.PHONY: boot build test lint handlers rom fuzz bench bugs image config configs clean packages

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
SECONDS ?= 900
SEED ?= 1
FUZZ := .build-asan/release/emuPackageTests.xctest --testing-library swift-testing
ASSEMBLER := Sources/Emulator/Generators/rom
ROM := Sources/Emulator/Loader/Linux/LinuxROM+Code.swift

lint:
	$(SWIFT) format lint --strict --recursive --parallel Sources Tests Package.swift
	@$(SWIFT) $(GENERATOR) | diff - $(HANDLERS) >/dev/null || { \
	  echo "make: $(HANDLERS) is not what $(GENERATOR) writes: run make handlers" >&2; exit 1; }
	@$(ASSEMBLER) | diff - $(ROM) >/dev/null || { \
	  echo "make: $(ROM) is not what $(ASSEMBLER) writes: run make rom" >&2; exit 1; }

handlers:
	$(SWIFT) $(GENERATOR) > $(HANDLERS)

rom:
	$(ASSEMBLER) > $(ROM)

# Whole machines first: they take the longest to meet everything. Checks of exclusive access stay on.
fuzz: packages
	$(SWIFT) build -c release --build-tests --sanitize=address --scratch-path .build-asan
	EMU_FUZZ_SECONDS=$$(($(SECONDS) / 3)) EMU_FUZZ_SEED=$(SEED) $(FUZZ) --filter MachineFuzzTests
	EMU_FUZZ_SECONDS=$$(($(SECONDS) / 3)) EMU_FUZZ_SEED=$(SEED) $(FUZZ) --filter LoaderFuzzTests
	EMU_FUZZ_SECONDS=$$(($(SECONDS) / 3)) EMU_FUZZ_SEED=$(SEED) $(FUZZ) --filter GuestFuzzTests

bench: build
	EMU=$(EMU) Tests/Benchmarks/run

bugs:
	$(MAKE) -C Images/Bugs

image: packages
	$(SWIFT) package --allow-writing-to-package-directory install-images

GUEST := Sources/GuestKernel

config:
	@$(SWIFT) $(GUEST)/Tools/kconfig.swift menu $(GUEST)/kernel.options $(GUEST)/kernel.config

configs: build
	EMU=$(abspath $(EMU)) $(GUEST)/Tools/config-matrix

clean:
	rm -rf .build .build-asan .build-bench
