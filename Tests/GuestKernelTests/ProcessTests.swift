import GuestKernel
import Testing

@Suite struct ProcessTests {
  private func word(_ stack: InitialStack, _ index: Int) -> UInt64 {
    var value: UInt64 = 0
    for byte in 0..<8 { value |= UInt64(stack.bytes[index * 8 + byte]) << UInt64(byte * 8) }
    return value
  }

  private func string(_ stack: InitialStack, at address: UInt64) -> [UInt8] {
    Array(stack.bytes[Int(address - stack.stackPointer)...].prefix { $0 != 0 })
  }

  @Test(arguments: 0..<20) func theInitialStackIsAsTheABIHasIt(length: Int) {
    let arguments = [Array("prog".utf8), [UInt8](repeating: 0x61, count: length)]
    let environment = [Array("HOME=/".utf8), Array("A=".utf8), []]
    let stack = InitialStack(
      top: 0x7000, arguments: arguments, environment: environment,
      fileName: Array("/bin/prog".utf8), random: (1, 2), auxiliary: [(.pageSize, 4096)])
    #expect(stack.stackPointer % 16 == 0)
    #expect(stack.stackPointer + UInt64(stack.bytes.count) == 0x7000)
    #expect(word(stack, 0) == 2)
    #expect(string(stack, at: word(stack, 1)) == arguments[0])
    #expect(string(stack, at: word(stack, 2)) == arguments[1])
    #expect(word(stack, 3) == 0)
    for index in environment.indices {
      #expect(string(stack, at: word(stack, 4 + index)) == environment[index])
    }
    #expect(word(stack, 7) == 0)
    #expect((word(stack, 8), word(stack, 9)) == (6, 4096))
    #expect(word(stack, 10) == 25)
    #expect(word(stack, 11) % 16 == 0)
    #expect(word(stack, 12) == 31)
    #expect(string(stack, at: word(stack, 13)) == Array("/bin/prog".utf8))
    #expect((word(stack, 14), word(stack, 15)) == (0, 0))
    #expect(stack.argumentStrings.count == 4 + 1 + length + 1)
  }

  @Test func scriptsNameTheirInterpreter() {
    let plain = ScriptLine(Array("#!/bin/sh\necho".utf8))
    #expect(plain?.interpreter == Array("/bin/sh".utf8))
    #expect(plain?.argument == nil)
    let both = ScriptLine(Array("#! \t/bin/awk  -f x \r\n".utf8))
    #expect(both?.interpreter == Array("/bin/awk".utf8))
    #expect(both?.argument == Array("-f x".utf8))
    #expect(ScriptLine(Array("#!".utf8)) == nil)
    #expect(ScriptLine(Array("#!  \n".utf8)) == nil)
    #expect(ScriptLine([0x7f, 0x45, 0x4c]) == nil)
  }

  @Test func exitStatusSurvivesItsWord() {
    for status in [
      .exited(code: 0), .exited(code: 255), .signaled(.kill, dumped: false),
      .signaled(.segmentation, dumped: true), .stopped(.terminalStop), .continued,
    ] as [GuestKernel.ExitStatus] {
      #expect(GuestKernel.ExitStatus(word: status.word) == status)
    }
    #expect(GuestKernel.ExitStatus.exited(code: -1).word == 0xff00)
    #expect(GuestKernel.ExitStatus.signaled(.segmentation, dumped: true).word == 139)
  }

  @Test func identifiersAreFoundAndForgotten() {
    let table = IdentifierTable<Int>(capacity: 4)
    // Nearly in order, as numbers of processes are.
    for id in [2, 1] + Array(3...100) {
      let isNew = table.insert(id * 10, id)
      #expect(isNew)
    }
    let again = table.insert(0, 50)
    #expect(!again)
    #expect(table.count == 100)
    for id in 1...100 { #expect(table[id] == id * 10) }
    for id in 1...100 where id % 3 != 0 { table.remove(id) }
    #expect(table.count == 33)
    #expect(table[4] == nil)
    var values: [Int] = []
    table.forEach { values.append($0) }
    #expect(values == (1...33).map { $0 * 30 })
  }

  @Test func signalsHaveTheirDefaults() {
    #expect(GuestKernel.Signal(0) == nil)
    #expect(GuestKernel.Signal(65) == nil)
    #expect(GuestKernel.Signal.child.defaultAction == .ignore)
    #expect(GuestKernel.Signal.terminalStop.defaultAction == .stop)
    #expect(GuestKernel.Signal.segmentation.defaultAction == .dump)
    #expect(SignalSet.unstoppable.first == .kill)
    var set = SignalSet([SignalSet(.alarm), SignalSet(.interrupt)])
    #expect(set.first == .interrupt)
    set.remove(SignalSet(.interrupt))
    #expect(set.first == .alarm)
    #expect(SignalSet().first == nil)
  }

  @Test func anAlternateStackKnowsItsAddresses() {
    var stack = SignalStack()
    #expect(!stack.contains(0x1800))
    stack.base = 0x1000
    stack.size = 0x1000
    stack.flags = 0
    #expect(stack.contains(0x1800))
    #expect(stack.contains(0x2000))  // RSP of an empty stack
    #expect(!stack.contains(0x1000))
    #expect(!stack.contains(0x2001))
  }
}
