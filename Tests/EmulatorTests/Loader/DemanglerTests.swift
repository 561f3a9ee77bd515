import Emulator
import Testing

@Suite struct DemanglerTests {
  @Test(arguments: [
    ("_ZN6kernel5Timer4tickEv", "kernel::Timer::tick()"),
    ("_Z3addii", "add(int, int)"), ("$s6Kernel3FooV3baryyF", "Kernel.Foo.bar() -> ()"),
    ("_Zebra", "_Zebra"), ("main", "main"),
  ])
  func namesBecomeReadable(symbol: String, name: String) {
    #expect(Demangler.demangle(symbol) == name)
  }
}
