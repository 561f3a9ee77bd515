/// The buddy allocator on 32 frames of its own, drawn after each step.
import KernelArch

enum BuddyDemo {
  private static let frames = 32
  private static let first = 32

  static func run() -> Bool {
    let pages = UnsafeMutablePointer<Page>.allocate(capacity: first + frames)
    defer { pages.deallocate() }
    var buddy = BuddyAllocator(pages: pages, frameCount: first + frames)
    buddy.addZone("demo", 0..<first + frames)
    buddy.add(first..<first + frames)
    Demo.say("32 frames, all free, in one block. Letters are blocks in use, dots are free frames,")
    Demo.say("bars separate blocks.")
    draw(buddy, "at first", [])
    var live: [(letter: UInt8, frame: Int, order: Int)] = []
    for (letter, order) in [(0x41, 0), (0x42, 2), (0x43, 0), (0x44, 3)] as [(UInt8, Int)] {
      var splits = 0
      guard let frame = buddy.allocate(order: order, { _ in splits += 1 }) else { return false }
      live.append((letter, frame, order))
      var name: TextLine = ""
      name.append(byte: letter)
      draw(buddy, "\(name): \(1 << order) frames, \(splits) splits", live)
    }
    Demo.say("Each comes back; a block whose buddy is free too becomes one with it:")
    for index in [1, 0, 2, 3] {
      let block = live[index]
      var merges = 0
      guard buddy.release(block.frame, order: block.order, { _ in merges += 1 }) else {
        return false
      }
      var name: TextLine = ""
      name.append(byte: block.letter)
      live[index].letter = 0
      draw(buddy, "free \(name): \(merges) merges", live)
    }
    var passed = Demo.check(
      buddy.blocks(5) == 1 && buddy.freeCount == frames, "all 32 frames are one block again")
    passed =
      Demo.check(buddy.firstInconsistency() == nil, "no two free buddies stay apart") && passed
    return real() && passed
  }

  /// The same with the machine's memory.
  private static func real() -> Bool {
    let before = Frames.freeCount
    guard let block = Frames.allocate(order: 4, .kernel) else { return false }
    let during = Frames.freeCount
    Frames.release(block)
    Demo.say("The kernel's own allocator works the same way: cat /proc/buddyinfo")
    return Demo.check(
      before - during == 16 && block.value % (16 * pageSize) == 0,
      "16 of its frames lie at a multiple of 64 KiB")
  }

  private static func draw(
    _ buddy: borrowing BuddyAllocator, _ title: TextLine,
    _ live: [(letter: UInt8, frame: Int, order: Int)]
  ) {
    var line = title
    line.pad(to: 24)
    line.append("|")
    var frame = first
    while frame < first + frames {
      var letter: UInt8 = 0x2e
      var count = 1
      for block in live where block.frame == frame && block.letter != 0 {
        letter = block.letter
        count = 1 << block.order
      }
      if letter == 0x2e, buddy.pages[frame].state.contains(.free) {
        count = 1 << Int(buddy.pages[frame].order)
      }
      for _ in 0..<count { line.append(byte: letter) }
      line.append("|")
      frame += count
    }
    Demo.say(line)
  }
}
