import Foundation
import PackagePlugin

/// `swift package --allow-writing-to-package-directory install-images`: builds the kernel and puts it
/// into Images/, where `emu boot` finds it.
@main
struct InstallImages: CommandPlugin {
  func performCommand(context: PluginContext, arguments: [String]) throws {
    let result = try packageManager.build(
      .target("GuestKernel"), parameters: .init(configuration: .release))
    guard result.succeeded else {
      Diagnostics.error(result.logText)
      return
    }
    // The build plugin's output folder lies beside this plugin's.
    let outputs = context.pluginWorkDirectoryURL.deletingLastPathComponent()
      .deletingLastPathComponent()
    let name = "kernel.release.elf"
    guard let paths = FileManager.default.enumerator(at: outputs, includingPropertiesForKeys: nil)
    else { return }
    var newest: (url: URL, date: Date)?
    for case let url as URL in paths
    where url.lastPathComponent == name && url.path.contains("/BuildGuest/") {
      let date =
        try url.resourceValues(forKeys: [.contentModificationDateKey])
        .contentModificationDate ?? .distantPast
      if newest.map({ date > $0.date }) ?? true { newest = (url, date) }
    }
    guard let image = newest?.url else {
      Diagnostics.error("\(name) was not found below \(outputs.path)")
      return
    }
    let images = context.package.directoryURL.appending(path: "Images")
    try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
    let destination = images.appending(path: "kernel.elf")
    try Data(contentsOf: image).write(to: destination, options: .atomic)
    print("installed \(destination.path)")
  }
}
