import Emulator

/// How often lines, branches and functions were executed.
public struct Coverage: Sendable {
  /// One branch of a line.
  public struct Branch: Equatable, Sendable {
    /// The address of the conditional jump.
    public var address: UInt64
    /// How often it jumped.
    public var taken: UInt64
    /// How often it went on.
    public var notTaken: UInt64
  }

  /// Executions of each line of each file: of the instruction of the line that was executed most.
  public private(set) var lines: [String: [Int: UInt64]] = [:]
  /// Instructions executed in each line of each file.
  public private(set) var instructions: [String: [Int: UInt64]] = [:]
  /// The conditional jumps of each line of each file.
  public private(set) var branches: [String: [Int: [Branch]]] = [:]
  /// The functions of each file, with the line of their first instruction and how often it was
  /// executed.
  public private(set) var functions: [String: [(name: String, line: Int, count: UInt64)]] = [:]
  private let counts: [CodeLocation: ExecutionCounters.Count]

  /// Adds up the counts of instructions by the lines that they belong to.
  ///
  /// Only code that symbols and the line table know is in it: the kernel's.
  public init(
    _ counts: [CodeLocation: ExecutionCounters.Count], lines table: [LineRange],
    symbols: SymbolTable
  ) {
    self.counts = counts
    let addresses = counts.keys.filter { !$0.isUser }.sorted()
    var rows = table.filter { $0.end > $0.start && $0.line > 0 }
    rows.sort { ($0.start, $0.end) < ($1.start, $1.end) }
    for row in rows {
      lines[row.file, default: [:]][row.line, default: 0] += 0
      var index = Self.first(addresses, row.start)
      while index < addresses.count, addresses[index].address < row.end {
        if let count = counts[addresses[index]] { add(count, addresses[index].address, row) }
        index += 1
      }
    }
    addFunctions(rows, symbols)
  }

  /// The index of the first address that is not before `start`.
  private static func first(_ addresses: [CodeLocation], _ start: UInt64) -> Int {
    var low = 0
    var high = addresses.count
    while low < high {
      let middle = (low + high) / 2
      if addresses[middle].address < start { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private mutating func add(
    _ count: ExecutionCounters.Count, _ address: UInt64, _ row: LineRange
  ) {
    let known = lines[row.file]?[row.line] ?? 0
    lines[row.file, default: [:]][row.line] = max(known, count.executed)
    instructions[row.file, default: [:]][row.line, default: 0] &+=
      count.executed &+ count.iterations
    guard let taken = count.taken, let notTaken = count.notTaken else { return }
    let branch = Branch(address: address, taken: taken, notTaken: notTaken)
    if branches[row.file]?[row.line]?.contains(where: { $0.address == address }) == true { return }
    branches[row.file, default: [:]][row.line, default: []].append(branch)
  }

  private mutating func addFunctions(_ rows: [LineRange], _ symbols: SymbolTable) {
    var seen: Set<String> = []
    for row in rows {
      guard let (symbol, offset) = symbols.symbol(at: row.start), offset == 0,
        seen.insert(symbol.name).inserted
      else { continue }
      let count = counts[CodeLocation(address: row.start, isUser: false)]?.executed ?? 0
      functions[row.file, default: []].append((symbol.displayName, row.line, count))
    }
  }

  /// The tracefile that lcov and genhtml read.
  public func lcov(name: String = "emu") -> String {
    var text = "TN:\(name)\n"
    for file in lines.keys.sorted() {
      text += "SF:\(file)\n"
      let own = (functions[file] ?? []).sorted { ($0.line, $0.name) < ($1.line, $1.name) }
      for function in own { text += "FN:\(function.line),\(function.name)\n" }
      for function in own { text += "FNDA:\(function.count),\(function.name)\n" }
      text += "FNF:\(own.count)\nFNH:\(own.count { $0.count > 0 })\n"
      text += branchRecords(file)
      let counts = (lines[file] ?? [:]).sorted { $0.key < $1.key }
      for (line, count) in counts { text += "DA:\(line),\(count)\n" }
      text += "LF:\(counts.count)\nLH:\(counts.count { $0.value > 0 })\nend_of_record\n"
    }
    return text
  }

  private func branchRecords(_ file: String) -> String {
    var text = ""
    var found = 0
    var hit = 0
    for (line, list) in (branches[file] ?? [:]).sorted(by: { $0.key < $1.key }) {
      for (block, branch) in list.sorted(by: { $0.address < $1.address }).enumerated() {
        for (number, count) in [branch.taken, branch.notTaken].enumerated() {
          text += "BRDA:\(line),\(block),\(number),\(count)\n"
          found += 1
          hit += count > 0 ? 1 : 0
        }
      }
    }
    return text + "BRF:\(found)\nBRH:\(hit)\n"
  }

  /// The lines with the most instructions, as a table.
  public func table(limit: Int = 40) -> String {
    let all = instructions.values.reduce(0) { $0 &+ $1.values.reduce(0, &+) }
    let rows = instructions.flatMap { file, lines in
      lines.map { (count: $0.value, place: "\(file):\($0.key)") }
    }.sorted { ($0.count, $1.place) > ($1.count, $0.place) }
    let text = rows.prefix(limit).map {
      "\(CallTree.pad($0.count, 12)) \(CallTree.percent($0.count, max(all, 1)))  \($0.place)\n"
    }
    return text.joined()
  }
}
