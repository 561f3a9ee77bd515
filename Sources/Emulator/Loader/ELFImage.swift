import CElf

/// An ELF file as far as a loader and a debugger care, read by libelf.
///
/// Reading checks that the headers are where the file says; whether the segments fit a machine is
/// the loader's question.
public struct ELFImage: Sendable {
  /// The width of the file's addresses.
  public enum Width: Sendable {
    /// ELFCLASS32
    case bits32
    /// ELFCLASS64
    case bits64
  }

  /// A program header.
  public struct Segment: Equatable, Sendable {
    /// p_type.
    public let type: UInt32
    /// p_flags.
    public let flags: UInt32
    /// p_offset.
    public let offset: UInt64
    /// p_vaddr.
    public let virtualAddress: UInt64
    /// p_paddr.
    public let physicalAddress: UInt64
    /// p_filesz.
    public let fileSize: UInt64
    /// p_memsz.
    public let memorySize: UInt64
    /// p_align.
    public let alignment: UInt64

    /// Whether the segment is to be loaded and has any bytes.
    public var isLoadable: Bool { type == UInt32(PT_LOAD) && memorySize > 0 }

    /// The segment's rights as `r`, `w`, `x`, with dashes for those it lacks.
    public var rights: String {
      (flags & UInt32(PF_R) != 0 ? "r" : "-") + (flags & UInt32(PF_W) != 0 ? "w" : "-")
        + (flags & UInt32(PF_X) != 0 ? "x" : "-")
    }
  }

  /// An entry of a note segment.
  public struct Note: Equatable, Sendable {
    /// Who defines the type.
    public let owner: String
    /// What the note means to its owner.
    public let type: UInt32
    /// The note's content.
    public let content: [UInt8]
  }

  /// The file's name, for messages.
  public let name: String
  /// The file.
  public let bytes: [UInt8]
  /// The width of the file's addresses.
  public let width: Width
  /// e_type.
  public let type: UInt16
  /// e_machine.
  public let machine: UInt16
  /// e_entry.
  public let entry: UInt64
  /// The program headers, in the file's order.
  public let segments: [Segment]
  /// The notes of all PT_NOTE segments.
  public let notes: [Note]

  /// Reads the headers of `bytes`.
  public init(_ bytes: [UInt8], name: String) throws(ImageError) {
    guard !bytes.isEmpty else { throw ImageError(name, "the file is empty") }
    guard FileSignature.matches(bytes, FileSignature.elf, at: 0) else {
      throw ImageError(
        name, "this is \(FileSignature.name(of: bytes)), not an ELF file; \(Self.wanted)")
    }
    let headers: Headers
    do throws(MalformedELF) {
      headers = try Self.withELF(bytes) { elf throws(MalformedELF) in
        try Headers(elf, size: bytes.count)
      }
    } catch {
      throw ImageError(name, error.description)
    }
    self.name = name
    self.bytes = bytes
    width = headers.width
    type = headers.header.e_type
    machine = headers.header.e_machine
    entry = headers.header.e_entry
    segments = headers.segments
    notes = headers.notes
  }

  /// What this machine boots, for messages.
  static let wanted =
    "emu boots a Linux bzImage, an ELF kernel with a PVH note (owner Xen, type 18), a Multiboot "
    + "header or Limine requests, a flat Multiboot image, or a static x86-64 ELF64"

  /// Runs `body` with libelf's view of `bytes`.
  static func withELF<Value>(
    _ bytes: [UInt8], _ body: (OpaquePointer) throws(MalformedELF) -> Value
  ) throws(MalformedELF) -> Value {
    _ = elf_version(UInt32(EV_CURRENT))
    // SAFETY: libelf only reads an image that it was given with `elf_memory`.
    let outcome: Result<Value, MalformedELF> = bytes.withUnsafeBytes { buffer in
      let start = UnsafeMutableRawPointer(mutating: buffer.baseAddress)
      guard let elf = elf_memory(start?.assumingMemoryBound(to: CChar.self), buffer.count) else {
        return .failure(MalformedELF(libelfMessage("the ELF header cannot be read")))
      }
      defer { elf_end(elf) }
      do throws(MalformedELF) {
        return .success(try body(elf))
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }
}

/// What is wrong with an ELF file, without its name.
struct MalformedELF: Error {
  let description: String

  init(_ description: String) { self.description = description }
}

/// A sentence with libelf's own reason behind it.
private func libelfMessage(_ problem: String) -> String {
  guard let reason = elf_errmsg(-1) else { return problem }
  return "\(problem) (\(String(cString: reason)))"
}

/// The parts of the file that are read at once.
private struct Headers {
  var header = GElf_Ehdr()
  let width: ELFImage.Width
  var segments: [ELFImage.Segment] = []
  var notes: [ELFImage.Note] = []

  init(_ elf: OpaquePointer, size: Int) throws(MalformedELF) {
    guard elf_kind(elf) == ELF_K_ELF, gelf_getehdr(elf, &header) != nil else {
      throw MalformedELF(libelfMessage("the file is cut off or damaged in its ELF header"))
    }
    width = gelf_getclass(elf) == Int32(ELFCLASS64) ? .bits64 : .bits32
    var count = 0
    guard elf_getphdrnum(elf, &count) == 0 else {
      throw MalformedELF(libelfMessage("the program headers lie outside the file"))
    }
    for index in 0..<count {
      var program = GElf_Phdr()
      guard gelf_getphdr(elf, Int32(truncatingIfNeeded: index), &program) != nil else {
        throw MalformedELF(libelfMessage("program header \(index) lies outside the file"))
      }
      segments.append(ELFImage.Segment(program))
    }
    for segment in segments where segment.type == UInt32(PT_NOTE) {
      readNotes(elf, segment, size: UInt64(size))
    }
  }

  /// Adds the notes of one segment; what is malformed ends it, as readers of notes do.
  private mutating func readNotes(
    _ elf: OpaquePointer, _ segment: ELFImage.Segment, size: UInt64
  ) {
    let (end, overflow) = segment.offset.addingReportingOverflow(segment.fileSize)
    guard !overflow, end <= size else { return }
    let type = segment.alignment == 8 ? ELF_T_NHDR8 : ELF_T_NHDR
    guard
      let data = elf_getdata_rawchunk(
        elf, Int64(segment.offset), Int(segment.fileSize), type),
      let start = data.pointee.d_buf
    else { return }
    let content = UnsafeRawBufferPointer(start: start, count: data.pointee.d_size)
    var offset = 0
    while true {
      var note = GElf_Nhdr()
      var nameAt = 0
      var contentAt = 0
      let next = gelf_getnote(data, offset, &note, &nameAt, &contentAt)
      guard next > offset else { return }
      let name = content[nameAt..<nameAt + Int(note.n_namesz)].prefix { $0 != 0 }
      notes.append(
        ELFImage.Note(
          owner: String(decoding: name, as: UTF8.self), type: note.n_type,
          content: Array(content[contentAt..<contentAt + Int(note.n_descsz)])))
      offset = next
    }
  }
}

extension ELFImage.Segment {
  fileprivate init(_ header: GElf_Phdr) {
    type = header.p_type
    flags = header.p_flags
    offset = header.p_offset
    virtualAddress = header.p_vaddr
    physicalAddress = header.p_paddr
    fileSize = header.p_filesz
    memorySize = header.p_memsz
    alignment = header.p_align
  }
}
