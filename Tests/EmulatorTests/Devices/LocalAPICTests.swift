import Emulator
import Testing

@Suite struct LocalAPICTests {
  let clock = VirtualClock()
  let bus = APICBus()
  let apics: [LocalAPIC]
  var apic: LocalAPIC { apics[0] }

  init() {
    apics = (0..<3).map { [clock, bus] id in
      LocalAPIC(id: UInt32(id), isBootstrap: id == 0, clock: clock, bus: bus)
    }
    for apic in apics { apic.setDoubleword(0xF0, 0x1FF) }
  }

  private func enterX2APIC() {
    for apic in apics {
      let base = apic.readMSR(0x1B) ?? 0
      #expect(apic.writeMSR(0x1B, base | 0x400))
    }
  }

  private func sendIPI(_ low: UInt32, to destination: UInt32 = 0) {
    apic.setDoubleword(0x310, destination << 24)
    apic.setDoubleword(0x300, low)
  }

  /// The vectors an APIC gives, in order, each ended at once.
  private func drain(_ apic: LocalAPIC) -> [UInt8] {
    var vectors: [UInt8] = []
    while apic.hasPendingInterrupt {
      vectors.append(apic.acknowledgeInterrupt())
      apic.setDoubleword(0xB0, 0)
    }
    return vectors
  }

  // MARK: Registers

  @Test func powerUpValues() {
    let fresh = LocalAPIC(id: 5, isBootstrap: true, clock: clock, bus: APICBus())
    #expect(fresh.doubleword(0x20) == 5 << 24)
    #expect(fresh.doubleword(0x30) == 0x0005_0014)
    #expect(fresh.doubleword(0xF0) == 0xFF)
    #expect(fresh.doubleword(0xE0) == 0xFFFF_FFFF)
    for offset: UInt64 in stride(from: 0x320, through: 0x370, by: 0x10) {
      #expect(fresh.doubleword(offset) == 0x1_0000)
    }
    #expect(fresh.readMSR(0x1B) == 0xFEE0_0900)
    #expect(fresh.mmioBase == 0xFEE0_0000)
    // While software-disabled the masks cannot be cleared.
    fresh.setDoubleword(0x320, 0x40)
    #expect(fresh.doubleword(0x320) == 0x1_0040)
  }

  @Test func reservedRegistersSetTheErrorStatus() {
    #expect(apic.doubleword(0x40) == 0)
    #expect(apic.doubleword(0x280) == 0)
    apic.setDoubleword(0x280, 0)
    #expect(apic.doubleword(0x280) == 0x80)
    apic.setDoubleword(0x280, 0)
    #expect(apic.doubleword(0x280) == 0)
  }

  // MARK: Priorities

  @Test func higherClassesNestAndEqualClassesWait() {
    for vector: UInt32 in [0x41, 0x45, 0x52] { sendIPI(0x4_0000 | vector) }
    #expect(apic.acknowledgeInterrupt() == 0x52)
    #expect(apic.doubleword(0xA0) == 0x50)
    #expect(!apic.hasPendingInterrupt)
    sendIPI(0x4_0061)
    #expect(apic.hasPendingInterrupt)
    #expect(apic.acknowledgeInterrupt() == 0x61)
    apic.setDoubleword(0xB0, 0)
    #expect(!apic.hasPendingInterrupt)
    apic.setDoubleword(0xB0, 0)
    #expect(drain(apic) == [0x45, 0x41])
  }

  @Test func theTaskPriorityHoldsClassesBack() {
    apic.taskPriorityClass = 5
    #expect(apic.doubleword(0x80) == 0x50)
    sendIPI(0x4_0051)
    #expect(!apic.hasPendingInterrupt)
    apic.setDoubleword(0x80, 0x4F)
    #expect(apic.taskPriorityClass == 4)
    #expect(apic.hasPendingInterrupt)
    // It may rise again before the processor looks: the answer is the spurious vector.
    apic.taskPriorityClass = 0xF
    #expect(apic.acknowledgeInterrupt() == 0xFF)
    #expect(apic.doubleword(0x220) == 1 << 17)
  }

  @Test func attentionIsRequestedOnce() {
    let requests = Recorder<Int>()
    apic.attentionRequested = { requests.add(1) }
    sendIPI(0x4_0041)
    sendIPI(0x4_0042)
    #expect(requests.values.count == 1)
  }

  // MARK: IPIs

  @Test func fixedIPIsFindPhysicalDestinations() {
    sendIPI(0x4041, to: 2)
    #expect(drain(apics[2]) == [0x41])
    #expect(!apics[1].hasPendingInterrupt)
    sendIPI(0x4042, to: 0xFF)
    for apic in apics { #expect(drain(apic) == [0x42]) }
  }

  @Test func shorthandsSelectSelfAllAndOthers() {
    sendIPI(0x8_4050)
    #expect(apics.map { drain($0) } == [[0x50], [0x50], [0x50]])
    sendIPI(0xC_4051)
    #expect(apics.map { drain($0) } == [[], [0x51], [0x51]])
    sendIPI(0x4_4052)
    #expect(apics.map { drain($0) } == [[0x52], [], []])
  }

  @Test func flatLogicalDestinationsAreMasks() {
    for (index, apic) in apics.enumerated() {
      apic.setDoubleword(0xD0, UInt32(1 << (24 + index)))
    }
    sendIPI(0x4860, to: 0b101)
    #expect(apics.map { drain($0) } == [[0x60], [], [0x60]])
  }

  @Test func clusterLogicalDestinationsMatchTheCluster() {
    for (apic, destination) in zip(apics, [0x11, 0x12, 0x21] as [UInt32]) {
      apic.setDoubleword(0xE0, 0x0FFF_FFFF)
      apic.setDoubleword(0xD0, destination << 24)
    }
    sendIPI(0x4860, to: 0x13)
    #expect(apics.map { drain($0) } == [[0x60], [0x60], []])
    sendIPI(0x4860, to: 0xF1)
    #expect(apics.map { drain($0) } == [[0x60], [], [0x60]])
  }

  @Test func lowestPriorityPicksOneProcessor() {
    apics[0].taskPriorityClass = 8
    apics[1].taskPriorityClass = 4
    apics[2].taskPriorityClass = 6
    sendIPI(0x4191, to: 0xFF)
    #expect(apics.map { drain($0) } == [[], [0x91], []])
  }

  @Test func nmiInitAndStartUpReachTheirProcessor() {
    let started = Recorder<UInt8>()
    let initialized = Recorder<Int>()
    apics[1].startUpRequested = { started.add($0) }
    apics[1].initializeRequested = { initialized.add(1) }
    apics[1].taskPriorityClass = 3
    sendIPI(0x4400, to: 1)
    #expect(apics[1].hasPendingNMI)
    apics[1].acknowledgeNMI()
    #expect(!apics[1].hasPendingNMI)
    sendIPI(0x4500, to: 1)
    #expect(initialized.values.count == 1)
    #expect(apics[1].taskPriorityClass == 0)
    #expect(apics[1].doubleword(0xF0) == 0xFF)
    // INIT level de-assert is nothing.
    sendIPI(0x8500, to: 1)
    #expect(initialized.values.count == 1)
    sendIPI(0x4608, to: 1)
    #expect(started.values == [8])
  }

  @Test func illegalVectorsAreErrorsAndTheErrorInterruptComesOnce() {
    apic.setDoubleword(0x370, 0xE0)
    sendIPI(0x4_4005)
    sendIPI(0x4_4006)
    #expect(drain(apic) == [0xE0])
    apic.setDoubleword(0x280, 0)
    #expect(apic.doubleword(0x280) == 0x20)
    // An error vector that is itself illegal must not recurse.
    apic.setDoubleword(0x370, 0x01)
    sendIPI(0x4_4005)
    apic.setDoubleword(0x280, 0)
    #expect(apic.doubleword(0x280) == 0x60)
  }

  @Test func aSoftwareDisabledAPICDropsFixedInterruptsButTakesNMI() {
    apic.setDoubleword(0x350, 0x40)
    apic.setDoubleword(0xF0, 0xFF)
    #expect(apic.doubleword(0x350) == 0x1_0040)
    sendIPI(0x4_4041)
    #expect(!apic.hasPendingInterrupt)
    #expect(bus.send(InterruptMessage(vector: 0, deliveryMode: .nonMaskable, destination: 0)))
    #expect(apic.hasPendingNMI)
  }

  // MARK: Timer

  @Test func theOneShotTimerFiresOnce() {
    apic.setDoubleword(0x320, 0x30)
    apic.setDoubleword(0x3E0, 0xB)
    apic.setDoubleword(0x380, 1000)
    clock.advance(400)
    #expect(apic.doubleword(0x390) == 600)
    #expect(clock.nextDeadline == 1000)
    clock.advance(600)
    #expect(apic.doubleword(0x390) == 0)
    #expect(drain(apic) == [0x30])
    clock.advance(10_000)
    #expect(!apic.hasPendingInterrupt)
  }

  @Test(
    arguments: zip(
      [0, 1, 2, 3, 8, 9, 10, 11] as [UInt32], [2, 4, 8, 16, 32, 64, 128, 1] as [UInt64]))
  func theDivideConfiguration(code: UInt32, divisor: UInt64) {
    apic.setDoubleword(0x3E0, code)
    #expect(apic.doubleword(0x3E0) == code)
    apic.setDoubleword(0x320, 0x30)
    apic.setDoubleword(0x380, 100)
    #expect(clock.nextDeadline == 100 * divisor)
  }

  @Test func thePeriodicTimerKeepsItsPhase() {
    apic.setDoubleword(0x320, 0x2_0030)
    apic.setDoubleword(0x3E0, 0xB)
    apic.setDoubleword(0x380, 1000)
    clock.now = 1300
    clock.runDueEvents()
    #expect(drain(apic) == [0x30])
    #expect(clock.nextDeadline == 2000)
    #expect(apic.doubleword(0x390) == 700)
    // Many missed periods are one interrupt, and the phase is kept.
    clock.now = 9950
    clock.runDueEvents()
    #expect(drain(apic) == [0x30])
    #expect(clock.nextDeadline == 10_000)
    apic.setDoubleword(0x380, 0)
    #expect(clock.nextDeadline == .max)
  }

  @Test func aMaskedTimerCountsButDoesNotInterrupt() {
    apic.setDoubleword(0x3E0, 0xB)
    apic.setDoubleword(0x380, 1000)
    clock.advance(999)
    #expect(apic.doubleword(0x390) == 1)
    clock.advance(1)
    #expect(!apic.hasPendingInterrupt)
  }

  @Test func theDeadlineModeFiresByTheTimeStamp() {
    #expect(apic.writeMSR(0x6E0, 500))
    #expect(apic.readMSR(0x6E0) == 0)
    apic.setDoubleword(0x320, 0x4_0030)
    apic.setDoubleword(0x380, 77)
    #expect(apic.doubleword(0x390) == 0)
    #expect(apic.writeMSR(0x6E0, 500))
    #expect(apic.readMSR(0x6E0) == 500)
    clock.advance(500)
    #expect(apic.readMSR(0x6E0) == 0)
    #expect(drain(apic) == [0x30])
    // A deadline in the past fires at once.
    #expect(apic.writeMSR(0x6E0, 1))
    clock.runDueEvents()
    #expect(drain(apic) == [0x30])
    // The time-stamp counter may have been written.
    apic.timeStampCounterMoved(offset: 10_000)
    #expect(apic.writeMSR(0x6E0, 11_000))
    #expect(clock.nextDeadline == 1000)
    #expect(apic.writeMSR(0x6E0, 0))
    #expect(clock.nextDeadline == .max)
  }

  // MARK: Pins

  @Test func virtualWireModeLetsThe8259Through() {
    let pic = PIC8259Pair(output: InterruptLine(to: apic, pin: 0))
    apic.externalController = pic
    apic.reset()
    pic.master.setByte(1, 0xFE)
    pic.setLine(0, level: true)
    #expect(!apic.hasPendingInterrupt)
    apic.enterVirtualWireMode()
    #expect(apic.hasPendingInterrupt)
    #expect(apic.acknowledgeInterrupt() == 0x08)
    #expect(!apic.hasPendingInterrupt)
    // Globally disabled, the pin is INTR.
    #expect(apic.writeMSR(0x1B, 0xFEE0_0100))
    #expect(apic.mmioBase == nil)
    pic.master.setByte(0, 0x20)
    pic.setLine(0, level: false)
    pic.setLine(0, level: true)
    #expect(apic.acknowledgeInterrupt() == 0x08)
  }

  @Test func lint1IsNMIOnARisingEdge() {
    apic.enterVirtualWireMode()
    apic.setLine(1, level: true)
    #expect(apic.hasPendingNMI)
    apic.acknowledgeNMI()
    apic.setLine(1, level: true)
    #expect(!apic.hasPendingNMI)
  }

  @Test func aLevelTriggeredPinInterruptsUntilItDrops() {
    apic.setDoubleword(0x350, 0x8041)
    apic.setLine(0, level: true)
    #expect(apic.acknowledgeInterrupt() == 0x41)
    #expect(apic.doubleword(0x350) == 0xC041)
    apic.setDoubleword(0xB0, 0)
    #expect(apic.acknowledgeInterrupt() == 0x41)
    apic.setLine(0, level: false)
    apic.setDoubleword(0xB0, 0)
    #expect(!apic.hasPendingInterrupt)
    #expect(apic.doubleword(0x350) == 0x8041)
  }

  // MARK: x2APIC

  @Test func theBaseAllowsOnlyTheManualsTransitions() {
    #expect(!apic.writeMSR(0x1B, 0xFEE0_0400))
    #expect(!apic.writeMSR(0x1B, 0xFEE0_0A00))
    #expect(!apic.writeMSR(0x1B, 1 << 60 | 0x800))
    #expect(apic.writeMSR(0x1B, 0xFEE0_0D00))
    #expect(apic.mmioBase == nil)
    #expect(!apic.writeMSR(0x1B, 0xFEE0_0900))
    #expect(apic.writeMSR(0x1B, 0xFEE0_0100))
    #expect(!apic.writeMSR(0x1B, 0xFEE0_0D00))
    #expect(apic.writeMSR(0x1B, 0xFED0_0900))
    #expect(apic.mmioBase == 0xFED0_0000)
  }

  @Test func x2APICRegistersExistOnlyInThatMode() {
    #expect(apic.readMSR(0x802) == nil)
    #expect(!apic.writeMSR(0x80B, 0))
    enterX2APIC()
    #expect(apics[2].readMSR(0x802) == 2)
    #expect(apics[2].readMSR(0x80D) == 0x4)
    for missing: UInt32 in [0x80B, 0x80E, 0x809, 0x80C, 0x831, 0x83F, 0x8FF] {
      #expect(apic.readMSR(missing) == nil)
    }
    for readOnly: UInt32 in [0x802, 0x803, 0x80A, 0x80D, 0x810, 0x820, 0x839] {
      #expect(!apic.writeMSR(readOnly, 0))
    }
    #expect(!apic.writeMSR(0x80B, 1))
    #expect(!apic.writeMSR(0x808, 0x100))
    #expect(!apic.writeMSR(0x832, 1 << 32))
    #expect(!apic.writeMSR(0x828, 1))
    #expect(apic.writeMSR(0x808, 0x20))
    #expect(apic.taskPriorityClass == 2)
  }

  @Test func x2APICInterruptCommandsAreOneWrite() {
    enterX2APIC()
    #expect(apic.writeMSR(0x830, 2 << 32 | 0x4041))
    #expect(apics[2].acknowledgeInterrupt() == 0x41)
    // Logical: cluster 0, processors 1 and 2.
    #expect(apic.writeMSR(0x830, 6 << 32 | 0x4842))
    #expect(apics[1].acknowledgeInterrupt() == 0x42)
    #expect(!apic.hasPendingInterrupt)
    #expect(apic.writeMSR(0x83F, 0x43))
    #expect(apic.acknowledgeInterrupt() == 0x43)
    #expect(apic.readMSR(0x812) == 1 << 3)
    #expect(apic.writeMSR(0x80B, 0))
    #expect(apic.readMSR(0x812) == 0)
    #expect(apic.writeMSR(0x830, 0xFFFF_FFFF << 32 | 0x4055))
    for apic in apics { #expect(apic.hasPendingInterrupt) }
  }

  @Test func restoringTheStateArmsTheTimer() {
    apic.setDoubleword(0x320, 0x2_0030)
    apic.setDoubleword(0x3E0, 0xB)
    apic.setDoubleword(0x380, 1000)
    sendIPI(0x4_0041)
    clock.advance(300)
    let otherClock = VirtualClock(now: 300)
    let other = LocalAPIC(id: 0, isBootstrap: true, clock: otherClock, bus: APICBus())
    other.state = apic.state
    #expect(other.hasPendingInterrupt)
    #expect(otherClock.nextDeadline == 1000)
    #expect(other.state == apic.state)
  }
}
