# Shared by the scripts beside it: paths, the emu under test, and how each engine runs an image.
# All they write goes to .build-bench (images) and .build-bench/run (the working directory).
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
images=$root/.build-bench
work=$images/run

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# Sets EMU, unless the environment names one, to a fresh release build.
prepare_emu() {
  if [ -z "${EMU:-}" ]; then
    (cd "$root" && swift build -c release --omit-frame-pointers -Xswiftc -enforce-exclusivity=unchecked \
      --product emu >&2) ||
      fail "emu does not build"
    EMU=$root/.build/release/emu
  fi
  EMU=$(realpath -- "$EMU")
  [ -x "$EMU" ]
}
prepare_qemu() { command -v qemu-system-x86_64 >/dev/null; }
prepare_bochs() { command -v bochs >/dev/null; }

prepare_images() {
  make -s -C "$here" >&2
  mkdir -p "$work"
  cd "$work"
}

# Each sets `command` to what runs an image in an engine.
command_emu() { command=("$EMU" boot "$images/$1.elf" --memory 256M --quiet); }
command_qemu() {
  command=(qemu-system-x86_64 -M pc -accel tcg -m 256 -nodefaults -display none -serial stdio
    -no-reboot -device "isa-debug-exit,iobase=0xf4,iosize=4" -kernel "$images/$1.elf")
}
command_bochs() {
  truncate -s 512 no-vga.rom
  printf 'continue\nquit\n' >debugger.rc
  cat >bochsrc <<TEXT
romimage: file=$images/$1.rom, address=0xffff0000
vgaromimage: file=no-vga.rom
display_library: rfb, options="timeout=0"
plugin_ctrl: unmapped=1, biosdev=0, speaker=0, serial=1, parallel=0, gameport=0, iodebug=0
sound: driver=dummy
vga: extension=none, update_freq=1, realtime=0
cpu: model=corei7_haswell_4770, ips=1000000
memory: guest=256, host=256
boot: disk
com1: enabled=0
port_e9_hack: enabled=1
panic: action=fatal
log: bochs.log
TEXT
  command=(env HOME="$work" bochs -q -f bochsrc -rc debugger.rc)
}

# Prints the checksum that an image wrote: result MIX FILE.
result() {
  tr -d '\r' <"$2" | grep -aoE "$1 [0-9a-f]{16} OK" | head -n 1 | cut -d ' ' -f 2
}

# Prints how many instructions Bochs had executed when it ended: bochs_instructions FILE.
bochs_instructions() {
  sed -n 's/^(0)\.\[\([0-9]*\)\].*/\1/p' "$1" | tail -n 1
}
