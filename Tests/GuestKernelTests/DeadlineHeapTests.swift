import GuestKernel
import Testing

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
    let early = heap.popDue(at: 0)
    #expect(early == nil)
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
    var state: UInt64 = 1
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    var heap = DeadlineHeap<Due>()
    var all: [Due] = []
    for name in 0..<500 {
      let due = Due(next() % 100, name)
      all.append(due)
      heap.insert(due)
    }
    for place in all.indices { all.swapAt(place, Int(next() % 500)) }
    for due in all.prefix(250) {
      let isRemoved = heap.remove(due)
      #expect(isRemoved && due.heapIndex == -1)
      let isRemovedAgain = heap.remove(due)
      #expect(!isRemovedAgain)
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
    let isRemoved = heap.remove(other)
    #expect(!isRemoved)
    #expect(heap.count == 1)
  }
}
