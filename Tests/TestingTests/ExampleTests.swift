import Emulator
import EmulatorTesting
import Testing

@Test func theShellListsItsProcesses() throws {
  let machine = try Machine(image: .file("Images/kernel.elf"))
  try machine.expect(console: "apus$ ", within: .instructions(50_000_000))
  let booted = machine.snapshot()  // boot once, run many tests from here
  machine.type("ps\n")
  try machine.expect(console: .line(/\d+ .*\(idle\)/), forbidding: ["PANIC"])
  machine.restore(booted)  // or: let other = try machine.fork()
  machine.type("poweroff\n")
  try machine.expect(stop: .poweredOff)
}
