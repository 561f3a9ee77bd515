import GuestKernel
import Testing

/// Which requests for memory are refused on purpose.
struct FailurePlanTests {
  private func plan(_ text: String) -> FailurePlan? { FailurePlan(Array(text.utf8)) }

  private func refused(_ text: String, of count: Int, by process: Int = 1) -> [Int] {
    guard var plan = plan(text) else { return [] }
    return (1...count).filter { _ in plan.refuses(.frames, by: process) }
  }

  @Test func onlyOneOrEachNth() {
    #expect(refused("nth=3", of: 10) == [3])
    #expect(refused("every=4", of: 10) == [4, 8])
    #expect(refused("every=1\n", of: 3) == [1, 2, 3])
  }

  @Test func chanceFollowsFromTheSeed() {
    let first = refused("chance=10 seed=7", of: 2000)
    #expect(first == refused("seed=7,chance=10", of: 2000))
    #expect(first != refused("chance=10 seed=8", of: 2000))
    #expect((150...250).contains(first.count))
  }

  @Test func othersAreNotCounted() throws {
    #expect(refused("nth=2 process=5", of: 5, by: 4).isEmpty)
    #expect(refused("nth=2 process=5", of: 5, by: 5) == [2])
    var some = try #require(plan("every=1 kinds=areas+stacks"))
    let refused = [FailurePlan.Kinds.frames, .buffers, .areas, .stacks].map {
      some.refuses($0, by: 1)
    }
    #expect(refused == [false, false, true, true])
    #expect(some.requests == 2 && some.refusals == 2)
  }

  @Test(arguments: [
    "", "off", "nth", "nth=", "nth=0", "nth=x", "every=3 nth=4", "kinds=frames", "nth=1 kinds=all",
    "nth=1 shape=round", "nth=99999999999999999999",
  ])
  func whatIsNotUnderstoodIsNoPlan(text: String) {
    #expect(plan(text) == nil)
  }
}
