import GuestKernel
import Testing

/// The list that asks for no memory under its lock.
struct GuardedListTests {
  /// What an owner does when there is no place to promise.
  private func enlarge<Element>(_ list: GuardedList<Element>) {
    let room = list.nextCapacity
    list.exchange(.allocate(capacity: room), capacity: room)?.deallocate()
  }

  @Test func promisesAreKept() {
    let list = GuardedList<Int>(capacity: 2)
    #expect(list.promise() && list.promise())
    #expect(!list.promise(), "both places are somebody's")
    list.append(1)
    list.append(2)
    #expect(list.capacity == 2 && !list.promise())
    enlarge(list)
    #expect(list.promise() && Array(list) == [1, 2])
    list.withdraw()
    #expect(list.promise() && list.promise() && !list.promise())
  }

  @Test func nothingTakesNoMemory() {
    let list = GuardedList<Int>(capacity: 0)
    #expect(list.isEmpty && !list.promise() && list.removeAll { _ in true } == 0)
    enlarge(list)
    #expect(list.promise() && list.capacity == 4)
    list.append(5)
    #expect(Array(list) == [5])
  }

  @Test func memoryThatCameTooLateIsGivenBack() {
    let list = GuardedList<Int>(capacity: 4)
    list.append(7)
    list.exchange(.allocate(capacity: 2), capacity: 2)?.deallocate()
    #expect(list.capacity == 4 && Array(list) == [7])
  }

  @Test func behavesAsAnArray() {
    let list = GuardedList<Int>(capacity: 0)
    var model: [Int] = []
    var state: UInt64 = 1
    for step in 0..<2000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let at = model.isEmpty ? 0 : Int(state >> 33) % model.count
      switch state >> 61 {
      case 0...2:
        list.append(step)
        model.append(step)
      case 3, 4:
        list.insert(step, at: at)
        model.insert(step, at: at)
      case 5 where !model.isEmpty:
        let removed = list.remove(at: at)
        #expect(removed == model.remove(at: at))
      case 6 where !model.isEmpty:
        #expect(list.removeLast() == model.removeLast())
      default:
        let count = list.removeAll { $0 % 17 == step % 17 }
        let before = model.count
        model.removeAll { $0 % 17 == step % 17 }
        #expect(count == before - model.count)
      }
      #expect(Array(list) == model)
    }
  }

  private final class Tracked {
    nonisolated(unsafe) static var alive = 0
    init() { Tracked.alive += 1 }
    deinit { Tracked.alive -= 1 }
  }

  @Test func elementsAreReleasedOnce() {
    do {
      let list = GuardedList<Tracked>()
      for _ in 0..<10 { list.append(Tracked()) }
      list.remove(at: 3)
      list.removeLast()
      #expect(Tracked.alive == 8)
      // The first one is somebody else as soon as it is gone.
      #expect(list.removeAll { $0 === list[0] } == 1)
      #expect(Tracked.alive == 7)
    }
    #expect(Tracked.alive == 0)
  }
}
