import GuestKernel
import Testing

/// The run queues' pure logic, driven through simulated time.
struct SchedulingTests {
  private func entity(_ policy: SchedulingPolicy = .other, nice: Int = 0, priority: Int = 0)
    -> EntityPointer
  {
    let pointer = EntityPointer.allocate(capacity: 1)
    pointer.initialize(to: Entity())
    pointer.pointee.policy = policy
    pointer.pointee.priority = priority
    pointer.pointee.setNice(nice)
    return pointer
  }

  /// Runs the queue for `duration`, with a tick each millisecond.
  private func run(_ queue: inout ReadyQueue, from start: UInt64 = 0, _ duration: UInt64) {
    var now = start
    _ = queue.pickNext(now: now)
    while now < start + duration {
      now += 1_000_000
      if queue.tick(now: now) {
        if let group = queue.needsAllowance { queue.throttle(group, now: now) }
        _ = queue.pickNext(now: now)
      }
    }
    queue.update(now: now)
  }

  @Test func treeStaysBalancedAndOrdered() {
    var tree = EntityTree()
    var random: UInt64 = 1
    var inside: [EntityPointer] = []
    for step in 0..<4000 {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      if inside.count < 10 || random >> 40 & 3 != 0 && inside.count < 600 {
        let node = entity()
        node.pointee.key = random >> 50
        tree.insert(node)
        inside.append(node)
      } else {
        let node = inside.remove(at: Int(random >> 33) % inside.count)
        tree.remove(node)
        node.deallocate()
      }
      guard step % 50 == 0 else { continue }
      #expect(tree.blackHeight != nil)
      var count = 0
      var at = tree.first
      var key: UInt64 = 0
      while let node = at {
        #expect(node.pointee.key >= key)
        key = node.pointee.key
        count += 1
        at = tree.next(after: node)
      }
      #expect(count == inside.count)
      #expect(tree.last?.pointee.key == inside.map(\.pointee.key).max())
    }
  }

  @Test func equalKeysKeepTheirOrder() {
    var tree = EntityTree()
    let nodes = (0..<20).map { _ in entity() }
    for node in nodes { tree.insert(node) }
    var at = tree.first
    for node in nodes {
      #expect(at == node)
      at = tree.next(after: node)
    }
  }

  @Test func fairSharesFollowTheWeights() {
    var queue = ReadyQueue()
    let threads = [0, 0, 5, -5].map { entity(nice: $0) }
    for thread in threads { queue.add(thread, now: 0) }
    run(&queue, 60_000_000_000)
    let total = threads.reduce(0) { $0 + $1.pointee.weight }
    for thread in threads {
      let expected = 60_000_000_000 * thread.pointee.weight / total
      let got = thread.pointee.runTime
      #expect(got > expected * 98 / 100 && got < expected * 102 / 100)
    }
  }

  @Test func sleeperComesSoonButGetsNoMoreThanItsCredit() {
    var queue = ReadyQueue()
    let hog = entity()
    let sleeper = entity()
    queue.add(hog, now: 0)
    run(&queue, 10_000_000_000)
    queue.add(sleeper, now: 10_000_000_000)
    #expect(queue.shouldPreempt(sleeper))
    run(&queue, from: 10_000_000_000, 1_000_000_000)
    let difference = Int64(sleeper.pointee.runTime) - 500_000_000
    #expect(abs(difference) < 20_000_000)
  }

  @Test func batchDoesNotPreemptAndIdleGivesWay() {
    var queue = ReadyQueue()
    let idle = entity(.idle)
    let hog = entity()
    queue.add(idle, now: 0)
    run(&queue, 1_000_000_000)
    queue.add(hog, now: 1_000_000_000)
    #expect(queue.shouldPreempt(hog))
    run(&queue, from: 1_000_000_000, 1_000_000_000)
    #expect(hog.pointee.runTime > 970_000_000)
    let batch = entity(.batch)
    queue.add(batch, now: 2_000_000_000)
    #expect(!queue.shouldPreempt(batch))
  }

  @Test func realTimeRunsFirstAndRoundRobinTakesTurns() {
    var queue = ReadyQueue()
    let fair = entity()
    let low = entity(.fifo, priority: 10)
    let high = entity(.fifo, priority: 50)
    for thread in [fair, low, high] { queue.add(thread, now: 0) }
    run(&queue, 1_000_000_000)
    #expect(high.pointee.runTime == 1_000_000_000 && low.pointee.runTime == 0)
    queue.remove(high, now: 1_000_000_000)
    let first = entity(.roundRobin, priority: 20)
    let second = entity(.roundRobin, priority: 20)
    queue.add(first, now: 1_000_000_000)
    queue.add(second, now: 1_000_000_000)
    run(&queue, from: 1_000_000_000, 1_000_000_000)
    #expect(first.pointee.runTime == 500_000_000 && second.pointee.runTime == 500_000_000)
    #expect(low.pointee.runTime == 0 && fair.pointee.runTime == 0)
  }

  @Test func earliestDeadlineMeetsAllAndKeepsHogsToTheirBudget() {
    var queue = ReadyQueue()
    let periods: [UInt64] = [10, 20, 50]
    let budgets: [UInt64] = [3, 6, 15]
    let threads = zip(periods, budgets).map { period, budget in
      let thread = entity(.deadline)
      thread.pointee.deadline = DeadlineParameters(
        runtime: budget * 1_000_000, deadline: period * 1_000_000, period: period * 1_000_000)
      return thread
    }
    for thread in threads { queue.add(thread, now: 0) }
    run(&queue, 1_000_000_000)
    for thread in threads {
      #expect(thread.pointee.runTime == 300_000_000)
      #expect(!(thread.pointee.isThrottled && thread.pointee.budget > 0))
    }
  }

  @Test func admissionStopsAtNineteenTwentieths() {
    var admission = DeadlineAdmission(processors: 2)
    let half = DeadlineParameters(runtime: 5_000_000, deadline: 10_000_000, period: 10_000_000)
    for _ in 0..<3 { _ = admission.admit(half, insteadOf: nil) }
    do {
      let answer = admission.admit(half, insteadOf: nil)
      #expect(!answer)
    }
    do {
      let answer = admission.admit(nil, insteadOf: half)
      #expect(answer)
    }
    do {
      let answer = admission.admit(half, insteadOf: nil)
      #expect(answer)
    }
    #expect(admission.permille == 1500)
    #expect(
      !DeadlineAdmission.isValid(
        DeadlineParameters(runtime: 2_000_000, deadline: 1_000_000, period: 3_000_000)))
  }

  @Test func groupsShareBeforeTheirThreadsDo() {
    var queue = ReadyQueue()
    func group() -> UnsafeMutablePointer<GroupQueue> {
      let own = entity()
      let queue = UnsafeMutablePointer<GroupQueue>.allocate(capacity: 1)
      queue.initialize(to: GroupQueue(entity: own))
      own.pointee.groupQueue = queue
      return queue
    }
    let (a, b) = (group(), group())
    let threads = (0..<4).map { _ in entity() }
    for (index, thread) in threads.enumerated() {
      thread.pointee.memberOf = index == 0 ? a : b
      queue.add(thread, now: 0)
    }
    run(&queue, 6_000_000_000)
    #expect(abs(Int64(a.pointee.runTime) - 3_000_000_000) < 60_000_000)
    for thread in threads[1...] {
      #expect(abs(Int64(thread.pointee.runTime) - 1_000_000_000) < 60_000_000)
    }
    // A limited group stops when its allowance is used up, and goes on when it is let.
    b.pointee.isLimited = true
    b.pointee.allowance = 100_000_000
    let before = b.pointee.runTime
    run(&queue, from: 6_000_000_000, 2_000_000_000)
    #expect(b.pointee.runTime - before < 110_000_000)
    #expect(b.pointee.isThrottled)
    do {
      let answer = queue.unthrottle(b)
      #expect(answer)
    }
  }

  @Test func poolGivesItsQuotaOncePerPeriod() {
    var pool = BandwidthPool(quota: 20_000_000, period: 100_000_000, now: 0)
    var drawn: UInt64 = 0
    for _ in 0..<10 { drawn += pool.draw() }
    #expect(drawn == 20_000_000)
    do {
      let answer = pool.refill(now: 99_000_000)
      #expect(!answer)
    }
    do {
      let answer = pool.refill(now: 250_000_000)
      #expect(answer)
    }
    #expect(pool.periods == 2 && pool.left == 20_000_000 && pool.periodEnd == 300_000_000)
  }
}
