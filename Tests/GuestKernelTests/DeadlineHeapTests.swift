import Testing

@testable import GuestKernel

final class Due: HasDeadline {
  let deadline: UInt64
  let name: Int
  var sequence: UInt64 = 0
  var heapIndex = -1
  init(_ deadline: UInt64, _ name: Int = 0) {
    self.deadline = deadline
    self.name = name
  }
}

struct DeadlineHeapTests {
  @Test func popsInOrderAndNotBeforeTime() {
    var heap = DeadlineHeap<Due>()
    for deadline in [5, 3, 9, 1, 7] as [UInt64] { heap.insert(Due(deadline)) }
    #expect(heap.first?.deadline == 1)
    #expect(heap.popDue(at: 0) == nil)
    var order: [UInt64] = []
    while let due = heap.popDue(at: 7) { order.append(due.deadline) }
    #expect(order == [1, 3, 5, 7])
    #expect(heap.count == 1)
  }

  @Test func equalDeadlinesKeepTheirOrder() {
    var heap = DeadlineHeap<Due>()
    for name in 0..<50 { heap.insert(Due(10, name)) }
    var names: [Int] = []
    while let due = heap.popDue(at: 10) { names.append(due.name) }
    #expect(names == Array(0..<50))
  }

  @Test func removesFromAnywhere() {
    var random = SystemRandomNumberGenerator()
    var heap = DeadlineHeap<Due>()
    var all: [Due] = []
    for name in 0..<500 {
      let due = Due(UInt64.random(in: 0..<100, using: &random), name)
      all.append(due)
      heap.insert(due)
    }
    all.shuffle()
    for due in all.prefix(250) {
      #expect(heap.remove(due))
      #expect(due.heapIndex == -1)
      #expect(!heap.remove(due))
    }
    let rest = all.dropFirst(250).sorted {
      ($0.deadline, $0.sequence) < ($1.deadline, $1.sequence)
    }
    var names: [Int] = []
    while let due = heap.popDue(at: .max) { names.append(due.name) }
    #expect(names == rest.map(\.name))
  }

  @Test func aStrangerIsNotRemoved() {
    var heap = DeadlineHeap<Due>()
    heap.insert(Due(1))
    let other = Due(1)
    other.heapIndex = 0
    #expect(!heap.remove(other))
    #expect(heap.count == 1)
  }
}
