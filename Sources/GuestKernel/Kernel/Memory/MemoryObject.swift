/// What can be mapped: pages with an index, kept in memory once they were asked for.
///
/// The base class is memory that begins as zeroes and belongs to nobody else: what processes share when
/// they map MAP_SHARED and MAP_ANONYMOUS. Subclasses say where the contents come from and go to.
/// The object holds one reference to the frame of each page, whoever maps it another.
/// Lock: interrupts off.
import KernelArch

class MemoryObject {
  private var pages = PageTree()

  init() {}

  var residentPages: Int { pages.count }

  /// What /proc/PID/maps calls it.
  var name: [UInt8] { [UInt8](text: "/dev/zero (shared)") }

  /// Fills a zeroed frame with page `index`; false when that fails.
  func fill(_ index: UInt64, _ frame: PhysicalAddress) -> Bool { true }

  /// Takes a dirty page's contents; false when that fails.
  func store(_ index: UInt64, _ frame: PhysicalAddress) -> Bool { false }

  /// Pages from this one on do not exist: touching them is an error.
  var pageCount: UInt64 { .max }

  /// The frame of page `index`, with one more reference, which is the caller's.
  final func page(_ index: UInt64) -> Result<PhysicalAddress, FaultFailure> {
    let known = pages[index]
    if known != 0 {
      let frame = PhysicalAddress(known)
      Frames.retain(frame)
      return .success(frame)
    }
    guard index < pageCount else { return .failure(.beyondEnd) }
    guard let frame = Frames.allocate(order: 0, [.zero, .user]) else {
      return .failure(.outOfMemory)
    }
    guard fill(index, frame) else {
      Frames.release(frame)
      return .failure(.beyondEnd)
    }
    let page = Frames.page(frame)
    page.pointee.state.insert(.cached)
    page.pointee.index = index
    page.pointee.owner = UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque())
    pages.set(index, frame.value)
    Frames.retain(frame)
    return .success(frame)
  }

  /// Drops every page the object still holds.
  final func releasePages() {
    var index: UInt64 = 0
    while let (found, frame) = pages.next(from: index) {
      Frames.release(PhysicalAddress(frame))
      index = found + 1
    }
    pages.removeAll()
  }

  deinit { releasePages() }
}

/// Why a page cannot be had.
enum FaultFailure: Error {
  /// No area there, or one that does not allow this.
  case badAddress
  case outOfMemory
  /// Beyond the end of what is mapped there, or unreadable.
  case beyondEnd
}

/// A file in the kernel's image or among the initial modules, as something that can be mapped.
final class ImageObject: MemoryObject {
  private let contents: UnsafeRawBufferPointer
  private let label: [UInt8]

  /// Never freed: the programs of the image stay.
  nonisolated(unsafe) private static var all: [ImageObject] = []

  private init(_ contents: UnsafeRawBufferPointer, name: [UInt8]) {
    self.contents = contents
    label = name
  }

  /// The one object for these contents, so that all who run a program share its pages.
  static func of(_ contents: UnsafeRawBufferPointer, name: [UInt8]) -> ImageObject {
    for object in all where object.contents.baseAddress == contents.baseAddress { return object }
    let object = ImageObject(contents, name: name)
    all.append(object)
    return object
  }

  override var name: [UInt8] { label }
  override var pageCount: UInt64 { (UInt64(contents.count) + pageSize - 1) / pageSize }

  override func fill(_ index: UInt64, _ frame: PhysicalAddress) -> Bool {
    let offset = Int(index * pageSize)
    guard offset < contents.count, let base = contents.baseAddress else { return false }
    frame.pointer.copyMemory(
      from: base + offset, byteCount: min(Int(pageSize), contents.count - offset))
    return true
  }
}
