/// How full file systems are, and copies of blocks.
import Apus

enum DiskFree {
  /// Without operands, all mounted file systems that have a size.
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    let named = Options(arguments, known: "").operands
    var failed: Int32 = 0
    say("TYPE            KiB       USED       FREE  USE%  PATH\n")
    if named.isEmpty {
      let read = forEachInput([[UInt8](text: "/proc/mounts")]) { input, _ in
        while let line = input.line() {
          let words = Words.split(line)
          if words.count > 1 { failed |= show(words[1], always: false) }
        }
      }
      return failed | read
    }
    for name in named { failed |= show(name, always: true) }
    return failed
  }

  private static func show(_ name: [UInt8], always: Bool) -> Int32 {
    forEachOperand([name]) { (name) throws(SystemError) in
      let status = try FileTree.fileSystemStatus(of: name)
      guard status.blocks > 0 || always else { return }
      let used = status.blocks - status.freeBlocks
      var line: TextLine = "\(text: status.name.bytes)"
      line.pad(to: 10)
      line.append(decimal: status.blocks * status.blockSize >> 10, width: 9)
      line.append(decimal: used * status.blockSize >> 10, width: 11)
      line.append(decimal: status.freeBlocks * status.blockSize >> 10, width: 11)
      let percent = status.blocks == 0 ? 0 : (used * 100 + status.blocks - 1) / status.blocks
      line.append(decimal: percent, width: 5)
      say("\(line)%  \(text: name)\n")
    }
  }
}

enum BlockCopy {
  private struct Request {
    var input: [UInt8]?
    var output: [UInt8]?
    var size = 512
    var count = UInt64.max
    var seek: UInt64 = 0
    var skip: UInt64 = 0
    var truncates = true

    init(_ arguments: ArraySlice<[UInt8]>) {
      for argument in arguments {
        guard let sign = argument.firstIndex(of: 0x3d) else { fail("\(text: argument): no value") }
        let (name, value) = (Array(argument[..<sign]), Array(argument[(sign + 1)...]))
        let number = ByteCount.parse(value)
        if name.equals("if") {
          input = value
        } else if name.equals("of") {
          output = value
        } else if name.equals("bs"), let number, number > 0, number <= 1 << 20 {
          size = Int(number)
        } else if name.equals("count"), let number {
          count = number
        } else if name.equals("seek"), let number {
          seek = number
        } else if name.equals("skip"), let number {
          skip = number
        } else if name.equals("conv"), value.equals("notrunc") {
          truncates = false
        } else {
          fail("\(text: argument): not understood; bs is from 1 to 1M", code: 2)
        }
      }
    }

    func position(_ blocks: UInt64) throws(SystemError) -> Int64 {
      let (bytes, isTooFar) = blocks.multipliedReportingOverflow(by: UInt64(size))
      guard !isTooFar, bytes < 1 << 62 else { throw .fileTooLarge }
      return Int64(bytes)
    }
  }

  static func run(_ arguments: [[UInt8]]) -> Int32 {
    let request = Request(Options(arguments, known: "").operands[...])
    var read = (whole: 0 as UInt64, part: 0 as UInt64)
    var written = read
    var bytes: UInt64 = 0
    let operand = request.output ?? [UInt8](text: "standard output")
    let code = forEachOperand([operand]) { (_) throws(SystemError) in
      let (from, to) = try open(request)
      while read.whole + read.part < request.count {
        let part = try from.read(limit: request.size)
        if part.isEmpty { break }
        if part.count == request.size { read.whole += 1 } else { read.part += 1 }
        try to.write(all: part)
        if part.count == request.size { written.whole += 1 } else { written.part += 1 }
        bytes += UInt64(part.count)
      }
      if to != .output { try to.close() }
    }
    // To standard error: standard output may be the copy.
    let report: TextLine =
      "\(read.whole)+\(read.part) records in\n\(written.whole)+\(written.part) records out\n\(bytes) bytes\n"
    report.withBytes { _ = Descriptor.error.write(all: UnsafeRawBufferPointer($0)) }
    return code
  }

  private static func open(
    _ request: Request
  ) throws(SystemError) -> (from: Descriptor, to: Descriptor) {
    var from = Descriptor.input
    if let name = request.input { from = try Descriptor.open(name) }
    var to = Descriptor.output
    if let name = request.output { to = try Descriptor.open(name, [.writeOnly, .create]) }
    if request.skip > 0 {
      _ = try from.seek(try request.position(request.skip), from: .start)
    }
    let start = try request.position(request.seek)
    if request.output != nil, request.truncates, try to.status().mode.kind == .regular {
      try to.truncate(to: start)
    }
    if start > 0 { _ = try to.seek(start, from: .start) }
    return (from, to)
  }
}
