import GuestKernel
import Testing

/// The lock validator's graph: orders, circles, interrupts.
struct LockGraphTests {
  @Test func oneOrderIsFineForEver() {
    var graph = LockGraph()
    for _ in 0..<3 {
      let first = graph.note(held: 1, wanted: 2)
      let second = graph.note(held: 2, wanted: 3)
      let third = graph.note(held: 1, wanted: 3)
      #expect(first == nil && second == nil && third == nil)
    }
    #expect(graph.edgeCount == 3)
  }

  @Test func theOppositeOrderIsFoundOnce() {
    var graph = LockGraph()
    _ = graph.note(held: 1, wanted: 2)
    let found = graph.note(held: 2, wanted: 1)
    #expect(found == .reversal(held: 2, wanted: 1))
    let again = graph.note(held: 2, wanted: 1)
    #expect(again == nil)
  }

  @Test func aCircleOfManyIsFoundWithItsWay() {
    var graph = LockGraph()
    for lock in 5..<100 { _ = graph.note(held: lock, wanted: lock + 1) }
    let found = graph.note(held: 100, wanted: 5)
    #expect(found == .reversal(held: 100, wanted: 5))
    var way: [Int] = []
    graph.forEachOnPath(from: 5, to: 100) { way.append($0) }
    #expect(way == Array(5...100))
  }

  @Test func twoOfAClassNeedLeave() {
    var graph = LockGraph()
    let found = graph.note(held: 7, wanted: 7)
    #expect(found == .recursion(7))
    graph.allowNesting(8)
    let allowed = graph.note(held: 8, wanted: 8)
    #expect(allowed == nil)
  }

  @Test func aLockOfHandlersMustNotBeHeldWithInterruptsOn() {
    var graph = LockGraph()
    let safe = graph.noteUse(3, inInterrupt: true, interruptsOn: false)
    let alsoSafe = graph.noteUse(3, inInterrupt: false, interruptsOn: false)
    #expect(safe == nil && alsoSafe == nil)
    let found = graph.noteUse(3, inInterrupt: false, interruptsOn: true)
    #expect(found == .unsafeInInterrupts(3))
    let again = graph.noteUse(3, inInterrupt: false, interruptsOn: true)
    #expect(again == nil)
  }
}
