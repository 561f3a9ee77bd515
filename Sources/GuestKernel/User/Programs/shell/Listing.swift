/// The commands that show something of the system.
import Apus
import UserSystem

enum Listing {
  static func files() -> [FileRecord] {
    var files: [FileRecord] = []
    while let file = System.file(files.count) { files.append(file) }
    return files
  }

  static func showFiles() {
    for file in files() {
      let kind: StaticString =
        file.kind == FileRecord.Kind.program.rawValue ? "program" : "module"
      say("  \(kind, padded: 9)\(file.size, width: 8)  \(text: file.name.bytes)\n")
    }
  }

  static func show(file name: [UInt8]?) {
    for (index, file) in files().enumerated() where file.name.bytes == name {
      var offset = 0
      while true {
        let part = System.readFile(index, from: offset)
        if part.isEmpty { return }
        say(bytes: part)
        offset += part.count
      }
    }
    say("no such file; ls shows what there is\n")
  }

  static func showProcesses() {
    say("  PID PARENT STATE    TICKS PREEMPTED  CALLS  MEMORY NAME\n")
    for record in System.processes() {
      let state: StaticString =
        switch ProcessRecord.State(rawValue: record.state) {
        case .ready: "ready"
        case .running: "running"
        case .waiting: "waiting"
        case .sleeping: "sleeping"
        case .ended, nil: "ended"
        }
      let open: StaticString = record.isUser == 0 ? "(" : ""
      let close: StaticString = record.isUser == 0 ? ")" : ""
      say(
        "\(record.pid, width: 5) \(record.parent, width: 6) \(state, padded: 8)\(record.ticks, width: 6) \(record.preemptions, width: 9) \(record.systemCalls, width: 6) \(record.memory >> 10, width: 4) KiB \(open)\(text: record.name.bytes)\(close)\n"
      )
    }
  }

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

  static func showLog() {
    var position = 0
    while true {
      let part = System.readLog(from: position)
      if part.bytes.isEmpty { return }
      say(bytes: part.bytes)
      position = part.next
    }
  }

  static func showUptime() {
    let milliseconds = System.uptime / 1_000_000
    let seconds = milliseconds / 1000
    var line: TextLine = "up \(seconds / 3600)"
    for part in [seconds / 60 % 60, seconds % 60] {
      line.append(":")
      line.append(decimal: part, width: 2, fill: 0x30)
    }
    line.append(".")
    line.append(decimal: milliseconds % 1000, width: 3, fill: 0x30)
    say("\(line), \(System.processes().count) threads\n")
  }

  static func showCPU() {
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

  private static func append(_ register: UInt32, to line: inout TextLine) {
    for shift in stride(from: 0 as UInt32, to: 32, by: 8) {
      let byte = UInt8(truncatingIfNeeded: register >> shift)
      if byte >= 0x20, byte < 0x7f { line.append(byte: byte) }
    }
  }
}
