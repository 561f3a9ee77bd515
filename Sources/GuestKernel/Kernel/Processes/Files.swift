/// The files there are before there is a disk: the programs in the image and the initial modules.
import KernelArch

struct File {
  enum Kind {
    case program
    case module
  }
  let name: [UInt8]
  let contents: UnsafeRawBufferPointer
  let kind: Kind
}

enum Files {
  /// Written at boot only.
  nonisolated(unsafe) private(set) static var all: [File] = []

  static func start(modules: [BootInformation.Module]) {
    addTable(address_of_programs_start()..<address_of_programs_end(), .program)
    addTable(address_of_modules_start()..<address_of_modules_end(), .module)
    for module in modules {
      KernelSpace.ensureMapped(
        PhysicalAddress(module.base), length: module.size, isDevice: false)
      let contents = UnsafeRawBufferPointer(
        start: PhysicalAddress(module.base).pointer, count: Int(module.size))
      all.append(File(name: module.name, contents: contents, kind: .module))
      log("init", "module \(text: module.name), \(size: module.size) at \(hex: module.base)")
    }
  }

  /// The files that the image holds.
  private static func addTable(
    _ table: Range<UnsafePointer<program_t>>, _ kind: File.Kind
  ) {
    var entry = table.lowerBound
    while entry < table.upperBound {
      let name = UnsafeRawBufferPointer(
        start: entry.pointee.name, count: strlen(entry.pointee.name))
      let contents = UnsafeRawBufferPointer(
        start: entry.pointee.start, count: Int(entry.pointee.size))
      all.append(File(name: Array(name), contents: contents, kind: kind))
      entry += 1
    }
  }

  /// Modules come first, so that one can take a program's place.
  static func find(_ name: [UInt8]) -> File? {
    for file in all where file.kind == .module && file.name == name { return file }
    for file in all where file.name == name { return file }
    return nil
  }
}
