/// Block devices: disks that are read and written by the sector.
import KernelArch

enum BlockDevices {
  static func open(
    _ inode: Inode, _ flags: OpenFlags, _ path: Path?
  ) throws(SystemFailure) -> OpenFile {
    throw SystemFailure(.noSuchAddress)
  }

  static func describe(_ text: inout Text) {}
}
