import Emulator
import Foundation
import Testing

/// Debian's packages as `Tests/Guests/prepare` unpacked them.
enum Guest {
  /// Where they are.
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../.build/guests").standardizedFileURL

  /// Why a test is skipped when its package is not there.
  static let absence: Comment = "not unpacked in .build/guests: run Tests/Guests/prepare"

  /// The initial RAM disk with busybox.
  static let initialRAMDisk = folder.appending(path: "initramfs.gz")

  /// The kernel of a package, nil where the package could not be had.
  static func kernel(_ package: String) -> String? {
    let boot = folder.appending(path: "\(package)/boot")
    let names = try? FileManager.default.contentsOfDirectory(atPath: boot.path)
    return names?.first { $0.hasPrefix("vmlinuz") }.map { boot.appending(path: $0).path }
  }

  /// Whether a Linux package and the initial RAM disk are there.
  static func canBoot(_ package: String) -> Bool {
    kernel(package) != nil && FileManager.default.fileExists(atPath: initialRAMDisk.path)
  }
}
