extension CPU {
  /// RDRAND and RDSEED: the next number of a sequence that follows from the machine's seed; there
  /// is always one, so that CF is set.
  ///
  /// Quirk: rdrand-from-seed.
  func readRandom(_ i: borrowing Instruction) throws(Exception) {
    try write(i.operand0, i, state.pointee.randomNumbers.next())
    setStatusFlags(StatusFlags.carry)
  }
}
