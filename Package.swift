// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "emu",
  products: [
    .library(name: "Emulator", targets: ["Emulator", "Debugger", "EmulatorTesting"]),
    .executable(name: "emu", targets: ["emu"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .target(
      name: "Emulator",
      dependencies: ["CElf", "CSlirp", "CZlib"],
      exclude: [
        "CPU/README.md", "Debugger", "Devices/README.md", "Generators", "Libraries", "Testing",
      ]),
    // What looks at machines and steers them: cold, so that it can be a module of its own.
    .target(
      name: "Debugger", dependencies: ["CDw", "CEdit", "CZstd", "CZydis", "Emulator"],
      path: "Sources/Emulator/Debugger", exclude: ["DebuggingAGuest.md", "GDB.md"]),
    // What tests of guests say: what a machine is expected to do, and manifests of such tests.
    .target(
      name: "EmulatorTesting", dependencies: ["Debugger", "Emulator"],
      path: "Sources/Emulator/Testing"),
    .systemLibrary(
      name: "CDw", path: "Sources/Emulator/Libraries/CDw", pkgConfig: "libdw",
      providers: [.apt(["libdw-dev"])]),
    .systemLibrary(
      name: "CEdit", path: "Sources/Emulator/Libraries/CEdit", pkgConfig: "libedit",
      providers: [.apt(["libedit-dev"])]),
    .systemLibrary(
      name: "CElf", path: "Sources/Emulator/Libraries/CElf", pkgConfig: "libelf",
      providers: [.apt(["libelf-dev"])]),
    .systemLibrary(
      name: "CSlirp", path: "Sources/Emulator/Libraries/CSlirp",
      providers: [.apt(["libslirp-dev"])]),
    .systemLibrary(
      name: "CZlib", path: "Sources/Emulator/Libraries/CZlib", pkgConfig: "zlib",
      providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
      name: "CZstd", path: "Sources/Emulator/Libraries/CZstd", pkgConfig: "libzstd",
      providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(
      name: "CZydis", path: "Sources/Emulator/Libraries/CZydis",
      providers: [.apt(["libzydis-dev"])]),
    .executableTarget(
      name: "emu",
      dependencies: [
        "Debugger", "Emulator", "EmulatorTesting",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    // The guest kernel. The path is the whole directory, so that a new kernel file makes a new plan;
    // only Host and Core are compiled for the host, the plugin compiles the rest for the guest.
    .target(
      name: "GuestKernel", path: "Sources/GuestKernel",
      exclude: [
        "Arch", "Kernel", "Modules", "User", "Plugins", "Tools", "docs", "kernel.config",
        "kernel.ld", "kernel.options", "README.md",
      ],
      sources: ["Host", "Core"], plugins: ["BuildGuest"]),
    .plugin(
      name: "BuildGuest", capability: .buildTool(),
      path: "Sources/GuestKernel/Plugins/BuildGuest"),
    .plugin(
      name: "InstallImages",
      capability: .command(
        intent: .custom(
          verb: "install-images", description: "Builds the guest kernel and puts it into Images/"),
        permissions: [.writeToPackageDirectory(reason: "to refresh Images/kernel.elf")]),
      path: "Sources/GuestKernel/Plugins/InstallImages"),
    .testTarget(
      name: "GuestKernelTests", dependencies: ["GuestKernel"], path: "Tests/GuestKernelTests"),
    .testTarget(
      name: "GoldenTests", dependencies: ["Debugger"], path: "Tests/GoldenTests",
      exclude: ["Goldens"]),
    .testTarget(
      name: "BootTests", dependencies: ["GuestKernel", "TestImages"], path: "Tests/BootTests"),
    .testTarget(
      name: "EmulatorTests", dependencies: ["Emulator", "TestImages"], path: "Tests/EmulatorTests"),
    .testTarget(
      name: "EmulatorTestingTests", dependencies: ["EmulatorTesting", "TestImages"],
      path: "Tests/TestingTests"),
    .testTarget(
      name: "DebuggerTests", dependencies: ["Debugger", "TestImages"], path: "Tests/DebuggerTests"),
    // Small images for tests, right ones and wrong ones.
    .target(
      name: "TestImages", dependencies: ["FaultyGuest", "MultiprocessorGuest"],
      path: "Tests/TestImages", exclude: ["Guests"]),
    .target(name: "FaultyGuest", path: "Tests/FaultyGuest"),
    .target(name: "MultiprocessorGuest", path: "Tests/MultiprocessorGuest"),
    .testTarget(
      name: "CommandTests", dependencies: ["emu", "EmulatorTesting", "TestImages"],
      path: "Tests/CommandTests"),
    .testTarget(
      name: "FuzzTests", dependencies: ["Emulator", "TestImages"], path: "Tests/FuzzTests"),
    .testTarget(
      name: "GuestTests", dependencies: ["Emulator"], path: "Tests/Guests/GuestTests"),
    .target(name: "HostCPU", path: "Tests/HostCPU"),
    .target(
      name: "Oracle", dependencies: ["Emulator", "HostCPU", "CZydis"], path: "Tests/Oracle"),
    .executableTarget(
      name: "differential",
      dependencies: [
        "Oracle", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/Differential"),
    .executableTarget(
      name: "travel",
      dependencies: [
        "Debugger", "Emulator", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/Benchmarks/Travel"),
    .testTarget(
      name: "RowTests", dependencies: ["Oracle"], path: "Tests/Rows",
      exclude: ["README.md", "Instructions"]),
    .testTarget(
      name: "SystemCaseTests", dependencies: ["Emulator"], path: "Tests/SystemCases",
      exclude: [
        "README.md", "bochs.py", "cases.py", "cases.txt", "environment.py", "environments.txt",
        "exceptions.txt", "generate.py", "generate_levels.py", "levels.py", "levels.txt",
        "levels_environments.txt", "modes.py", "modes.txt", "qemu.py", "qemu_start.S",
      ]),
    .testTarget(
      name: "DecoderTests", dependencies: ["Emulator", "CZydis"], path: "Tests/DecoderTests"),
  ],
  swiftLanguageModes: [.v6]
)
