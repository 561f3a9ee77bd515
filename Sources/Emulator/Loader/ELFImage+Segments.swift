import CElf

extension ELFImage {
  /// The segments to load, with their number in the file.
  var loadable: [(number: Int, segment: Segment)] {
    segments.enumerated().filter { $0.element.isLoadable }.map { ($0.offset, $0.element) }
  }

  /// Refuses files that are no linked program for this machine.
  func checkIsKernel() throws(ImageError) {
    guard machine == UInt16(EM_X86_64) || machine == UInt16(EM_386) else {
      throw ImageError(
        name, "this is an ELF file for \(Self.machineName(machine)), not for x86-64")
    }
    guard type == UInt16(ET_EXEC) || type == UInt16(ET_DYN) else {
      throw ImageError(
        name, "this is \(Self.typeName(type)), not a linked kernel; \(ELFImage.wanted)")
    }
  }

  /// Checks everything about the segments that does not depend on the machine's memory.
  func checkSegments() throws(ImageError) {
    try checkFileRanges()
    for (number, segment) in loadable {
      guard !segment.physicalAddress.addingReportingOverflow(segment.memorySize).overflow,
        !segment.virtualAddress.addingReportingOverflow(segment.memorySize - 1).overflow
      else {
        throw ImageError(name, "segment \(number) goes beyond the end of the address space")
      }
    }
    try checkOverlaps(by: \.physicalAddress, "physical address")
  }

  /// Checks that the file holds what its segments claim.
  func checkFileRanges() throws(ImageError) {
    guard !loadable.isEmpty else { throw ImageError(name, "it has no segment to load") }
    for (number, segment) in loadable {
      guard segment.fileSize <= segment.memorySize else {
        throw ImageError(
          name,
          "segment \(number) has \(segment.fileSize) bytes in the file "
            + "for \(segment.memorySize) in memory")
      }
      let (end, overflow) = segment.offset.addingReportingOverflow(segment.fileSize)
      guard !overflow, end <= UInt64(bytes.count) else {
        throw ImageError(
          name,
          "the file is cut off: segment \(number) needs \(segment.fileSize) bytes "
            + "at offset \(segment.offset.hex), the file has \(bytes.count)")
      }
    }
  }

  /// Refuses segments that overlap by one of their addresses.
  func checkOverlaps(
    by address: KeyPath<Segment, UInt64>, _ addressName: String
  ) throws(ImageError) {
    let sorted = loadable.sorted { $0.segment[keyPath: address] < $1.segment[keyPath: address] }
    for (lower, upper) in zip(sorted, sorted.dropFirst()) {
      let distance = upper.segment[keyPath: address] - lower.segment[keyPath: address]
      guard lower.segment.memorySize <= distance else {
        throw ImageError(
          name,
          "segments \(lower.number) and \(upper.number) overlap at "
            + "\(addressName) \(upper.segment[keyPath: address].hex)")
      }
    }
  }

  static func machineName(_ machine: UInt16) -> String {
    switch Int32(machine) {
    case EM_X86_64: "x86-64"
    case EM_386: "i386"
    case EM_AARCH64: "AArch64"
    case EM_ARM: "32-bit Arm"
    case EM_RISCV: "RISC-V"
    case EM_PPC64, EM_PPC: "PowerPC"
    case EM_MIPS: "MIPS"
    case EM_S390: "S/390"
    case EM_SPARC, EM_SPARCV9: "SPARC"
    case EM_LOONGARCH: "LoongArch"
    case EM_BPF: "BPF"
    default: "machine number \(machine)"
    }
  }

  static func typeName(_ type: UInt16) -> String {
    switch Int32(type) {
    case ET_REL: "a relocatable object file (.o)"
    case ET_CORE: "a core dump"
    default: "an ELF file of type \(type)"
    }
  }
}
