extension CPU {
  func executeX87(_ i: borrowing Instruction) throws(Exception) {}
}
