import Emulator

extension CallTree {
  /// Folded stacks, one line each, as flame-graph programs read them: `a;b;c count`.
  public var folded: String {
    nodes.indices.dropFirst().filter { nodes[$0].count > 0 }
      .map { index in
        let names = path(to: index).map { $0.replacing(";", with: ",") }
        return "\(names.joined(separator: ";")) \(nodes[index].count)"
      }
      .sorted().map { $0 + "\n" }.joined()
  }

  /// A profile for speedscope, its unit being instructions.
  public func speedscope(name: String) -> String {
    var frames: [String: Int] = [:]
    var order: [String] = []
    func frame(_ name: String) -> Int {
      if let known = frames[name] { return known }
      frames[name] = order.count
      order.append(name)
      return order.count - 1
    }
    var samples: [String] = []
    var weights: [String] = []
    for index in nodes.indices.dropFirst() where nodes[index].count > 0 {
      let stack = path(to: index).map { "\(frame($0))" }
      samples.append("[\(stack.joined(separator: ","))]")
      weights.append("\(nodes[index].count)")
    }
    let list = order.map { "{\"name\":\(JSON.quote($0))}" }.joined(separator: ",")
    return """
      {"$schema":"https://www.speedscope.app/file-format-schema.json","name":\(JSON.quote(name)),\
      "exporter":"emu","shared":{"frames":[\(list)]},"profiles":[{"type":"sampled","name":\
      \(JSON.quote(name)),"unit":"none","startValue":0,"endValue":\(total),\
      "samples":[\(samples.joined(separator: ","))],"weights":[\(weights.joined(separator: ","))]}]}

      """
  }

  /// The functions with the most instructions, as a table.
  public func table(limit: Int = 40) -> String {
    let all = max(total, 1)
    var lines = ["       own     %      total     %      calls  function"]
    for share in functions().prefix(limit) {
      lines.append(
        [
          Self.pad(share.own, 10), Self.percent(share.own, all), Self.pad(share.total, 10),
          Self.percent(share.total, all), Self.pad(share.calls, 10), " \(share.name)",
        ].joined(separator: " "))
    }
    lines.append("\(total) instructions")
    return lines.map { $0 + "\n" }.joined()
  }

  /// Who called whom how often: for each function what it called.
  public var callGraph: String {
    var edges: [String: [String: UInt64]] = [:]
    for node in nodes.dropFirst() where node.calls > 0 {
      edges[nodes[node.parent].name, default: [:]][node.name, default: 0] += node.calls
    }
    return edges.keys.sorted().flatMap { caller -> [String] in
      let called = (edges[caller] ?? [:]).sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      return [caller] + called.map { "  \($0.value) x \($0.key)" }
    }.map { $0 + "\n" }.joined()
  }

  static func pad(_ number: UInt64, _ width: Int) -> String {
    let text = "\(number)"
    return String(repeating: " ", count: max(0, width - text.count)) + text
  }

  static func percent(_ part: UInt64, _ all: UInt64) -> String {
    let tenths = Int(Double(part) / Double(all) * 1000 + 0.5)
    let text = "\(tenths / 10).\(tenths % 10)"
    return String(repeating: " ", count: max(0, 5 - text.count)) + text
  }
}

/// The little of JSON that exports need.
enum JSON {
  /// A string literal.
  static func quote(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case _ where scalar.value < 0x20:
        result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
