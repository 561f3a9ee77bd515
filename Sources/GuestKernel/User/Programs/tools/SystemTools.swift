/// Programs that show the machine and the kernel, or turn them off.
import Apus
import UserSystem

let systemTools: [Tool] = [
  Tool(name: "mem", usage: "mem", summary: "what memory is used for") { _ in
    MemoryTools.showMemory()
    return 0
  },
  Tool(name: "free", usage: "free", summary: "memory in one line") { _ in
    MemoryTools.showFree()
    return 0
  },
  report("meminfo", "meminfo", "what memory is used for, in full"),
  report("slabinfo", "slabinfo", "the kernel's object caches"),
  report("irqs", "interrupts", "interrupts by line and processor"),
  report("mounts", "mounts", "what is mounted where"),
  report("lspci", "pci", "devices on the PCI bus"),
  Tool(name: "maps", usage: "maps [PID]", summary: "the areas of an address space") { arguments in
    let operands = Options(arguments, known: "", operands: 0...1).operands
    let pid = operands.first ?? [UInt8](text: "self")
    return showFile([UInt8](text: "/proc/") + pid + [UInt8](text: "/maps"))
  },
  Tool(name: "cpu", usage: "cpu", summary: "what CPUID says") { _ in
    showCPU()
    return 0
  },
  Tool(
    name: "dmesg", usage: "dmesg [-cCrw] [-n LEVEL] [-l LEVEL]", summary: "the kernel's log",
    run: LogTool.run),
  Tool(name: "uptime", usage: "uptime", summary: "time since boot") { _ in
    showUptime()
    return 0
  },
  Tool(
    name: "date", usage: "date [+FORMAT]", summary: "the time of day (UTC)", run: date),
  Tool(
    name: "uname", usage: "uname [-amnrsv]", summary: "which kernel this is", run: uname),
  Tool(
    name: "hostname", usage: "hostname [NAME]", summary: "the machine's name", run: hostname),
  Tool(name: "clear", usage: "clear", summary: "empties the screen") { _ in
    say("\u{1b}[H\u{1b}[2J")
    return 0
  },
  Tool(name: "poweroff", usage: "poweroff", summary: "turns the machine off") { _ in
    end(.off)
  },
  Tool(name: "reboot", usage: "reboot", summary: "starts the machine again") { _ in
    end(.reboot)
  },
  Tool(
    name: "panic", usage: "panic [stack|null|smap|smep]",
    summary: "stops the kernel, with a backtrace", run: panic),
]

/// A program that prints a file of /proc.
private func report(_ name: StaticString, _ file: StaticString, _ summary: StaticString) -> Tool {
  Tool(name: name, usage: name, summary: summary) { _ in
    showFile([UInt8](text: "/proc/") + [UInt8](text: file))
  }
}

func showFile(_ path: [UInt8]) -> Int32 {
  forEachInput([path]) { input, _ in
    while true {
      let part = input.part()
      if part.isEmpty { return }
      say(bytes: part)
    }
  }
}

private func end(_ action: PowerAction) -> Int32 {
  Output.flush()
  _ = Call.sync()
  System.power(action)
  return 1
}

private func panic(_ arguments: [[UInt8]]) -> Int32 {
  guard let kind = Options(arguments, known: "", operands: 0...1).operands.first else {
    return end(.panic)
  }
  let kinds: [(StaticString, PowerAction)] = [
    ("stack", .overflowStack), ("null", .nullPointer), ("smap", .readUser), ("smep", .runUser),
  ]
  for (name, action) in kinds where kind.equals(name) { return end(action) }
  Usage.refuse("\(text: kind): there is no such kind")
}

enum MemoryTools {
  static func showMemory() {
    let memory = System.memory()
    size("usable", memory.usable)
    size("free", memory.free)
    size("kernel image", memory.kernelImage)
    size("kernel heap", memory.heapTotal)
    say(
      "    in use             \(memory.heapInUse >> 10, width: 8) KiB in \(memory.heapBlocks) blocks\n"
    )
    size("kernel stacks", memory.kernelStacks)
    size("page tables", memory.pageTables)
    size("processes", memory.processes)
  }

  private static func size(_ name: StaticString, _ bytes: UInt64) {
    say("  \(name, padded: 20) \(bytes >> 10, width: 8) KiB\n")
  }

  static func showFree() {
    let memory = System.memory()
    say("     TOTAL       USED       FREE  (KiB)\n")
    say(
      "\(memory.usable >> 10, width: 10) \((memory.usable - memory.free) >> 10, width: 10) \(memory.free >> 10, width: 10)\n"
    )
  }
}

private func showUptime() {
  let milliseconds = Time.sinceBoot / 1_000_000
  let seconds = milliseconds / 1000
  var line: TextLine = "up \(seconds / 3600)"
  for part in [seconds / 60 % 60, seconds % 60] {
    line.append(":")
    line.append(decimal: part, width: 2, fill: 0x30)
  }
  line.append(".")
  line.append(decimal: milliseconds % 1000, width: 3, fill: 0x30)
  say("\(line)\n")
}

/// POSIX's options, in POSIX's order; without any, the system's name.
private func uname(_ arguments: [[UInt8]]) -> Int32 {
  let options: [(letter: UInt8, field: SystemIdentity)] = [
    (0x73, .system), (0x6e, .node), (0x72, .release), (0x76, .version), (0x6d, .machine),
  ]
  var wanted: [UInt8] = []
  for argument in arguments.dropFirst() {
    guard argument.first == 0x2d, argument.count > 1 else {
      fail("usage: uname [-amnrsv]", code: 2)
    }
    for letter in argument.dropFirst() {
      guard letter == 0x61 || options.contains(where: { $0.letter == letter }) else {
        fail("usage: uname [-amnrsv]", code: 2)
      }
      wanted.append(letter)
    }
  }
  if wanted.isEmpty { wanted.append(0x73) }
  let record = nodeRecord()
  var line: [UInt8] = []
  for option in options where wanted.contains(option.letter) || wanted.contains(0x61) {
    if !line.isEmpty { line.append(0x20) }
    line += option.field.text(in: record)
  }
  say(bytes: line + [0x0a])
  return 0
}

private func hostname(_ arguments: [[UInt8]]) -> Int32 {
  guard arguments.count > 1 else {
    say(bytes: SystemIdentity.node.text(in: nodeRecord()) + [0x0a])
    return 0
  }
  let outcome = Call.sethostname(arguments[1], UInt64(arguments[1].count))
  if let error = outcome.error { fail("\(error.name)") }
  return 0
}

private func nodeRecord() -> [UInt8] {
  var record = [UInt8](repeating: 0, count: 6 * SystemIdentity.fieldSize)
  _ = record.withUnsafeMutableBytes { Call.uname($0.baseAddress) }
  return record
}

private func date(_ arguments: [[UInt8]]) -> Int32 {
  let operands = Options(arguments, known: "u", operands: 0...1).operands
  let format = operands.first ?? [UInt8](text: "+%Y-%m-%d %H:%M:%S UTC")
  guard format.first == 0x2b else { Usage.refuse("a format begins with +") }
  guard let nanoseconds = Time.ofDay else { fail("this kernel does not know the time of day") }
  let seconds = Int64(nanoseconds / 1_000_000_000)
  say(bytes: DateFormat.text(Array(format.dropFirst()), secondsSince1970: seconds) + [0x0a])
  return 0
}

private func showCPU() {
  let vendor = cpuid(0, 0)
  var name = TextLine()
  for register in [vendor.ebx, vendor.edx, vendor.ecx] { append(register, to: &name) }
  let basic = cpuid(1, 0)
  say("  vendor \(name), signature \(hex: basic.eax), highest leaf \(vendor.eax)\n")
  let highest = cpuid(0x8000_0000, 0).eax
  if highest >= 0x8000_0004 {
    var brand = TextLine()
    for leaf in 0x8000_0002...0x8000_0004 as ClosedRange<UInt32> {
      let part = cpuid(leaf, 0)
      for register in [part.eax, part.ebx, part.ecx, part.edx] { append(register, to: &brand) }
    }
    say("  \(brand)\n")
  }
  if highest >= 0x8000_0008 {
    let widths = cpuid(0x8000_0008, 0).eax
    say("  \(widths & 255) physical address bits, \(widths >> 8 & 255) linear\n")
  }
  say("  leaf 1: ecx \(hex: basic.ecx, digits: 8), edx \(hex: basic.edx, digits: 8)\n")
  if vendor.eax >= 7 {
    let more = cpuid(7, 0)
    say("  leaf 7: ebx \(hex: more.ebx, digits: 8), ecx \(hex: more.ecx, digits: 8)\n")
  }
}

private func append(_ register: UInt32, to line: inout TextLine) {
  for shift in stride(from: 0 as UInt32, to: 32, by: 8) {
    let byte = UInt8(truncatingIfNeeded: register >> shift)
    if byte >= 0x20, byte < 0x7f { line.append(byte: byte) }
  }
}
