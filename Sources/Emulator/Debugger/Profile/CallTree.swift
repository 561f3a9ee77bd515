/// Who called whom, with the instructions that were executed meanwhile.
public struct CallTree: Equatable, Sendable {
  /// A function at one place of the tree.
  public struct Node: Equatable, Sendable {
    /// The function's name.
    public let name: String
    /// The index of the caller's node; the root is its own.
    public let parent: Int
    /// Instructions executed in it, without those it called.
    public internal(set) var count: UInt64 = 0
    /// How often it was entered.
    public internal(set) var calls: UInt64 = 0
  }

  /// The nodes, callers before those they call; the first is the root.
  public private(set) var nodes = [Node(name: "all", parent: 0)]
  private var children: [Child: Int] = [:]

  private struct Child: Hashable {
    var parent: Int
    var name: String
  }

  /// An empty tree.
  public init() {}

  /// The node of a function that a node calls.
  mutating func child(of parent: Int, _ name: String) -> Int {
    let key = Child(parent: parent, name: name)
    if let known = children[key] { return known }
    nodes.append(Node(name: name, parent: parent))
    children[key] = nodes.count - 1
    return nodes.count - 1
  }

  mutating func add(_ count: UInt64, to node: Int) { nodes[node].count &+= count }
  mutating func enter(_ node: Int) { nodes[node].calls &+= 1 }

  /// The names from the outermost function to a node.
  public func path(to node: Int) -> [String] {
    var names: [String] = []
    var at = node
    while at != 0 {
      names.append(nodes[at].name)
      at = nodes[at].parent
    }
    return names.reversed()
  }

  /// All instructions.
  public var total: UInt64 { nodes.reduce(0) { $0 &+ $1.count } }

  /// A function's share of a profile.
  public struct Share: Equatable, Sendable {
    /// The function's name.
    public var name: String
    /// Instructions of its own.
    public var own: UInt64 = 0
    /// Instructions with those of everything that it called.
    public var total: UInt64 = 0
    /// How often it was entered.
    public var calls: UInt64 = 0
  }

  /// The functions, those with the most instructions of their own first.
  public func functions() -> [Share] {
    var subtree = nodes.map(\.count)
    for index in nodes.indices.dropFirst().reversed() {
      subtree[nodes[index].parent] &+= subtree[index]
    }
    var shares: [String: Share] = [:]
    for (index, node) in nodes.enumerated().dropFirst() {
      var share = shares[node.name] ?? Share(name: node.name)
      share.own &+= node.count
      share.calls &+= node.calls
      // What is inside itself again counts once.
      if !isInside(node.name, node.parent) { share.total &+= subtree[index] }
      shares[node.name] = share
    }
    return shares.values.sorted { ($0.own, $1.name) > ($1.own, $0.name) }
  }

  private func isInside(_ name: String, _ node: Int) -> Bool {
    var at = node
    while at != 0 {
      if nodes[at].name == name { return true }
      at = nodes[at].parent
    }
    return false
  }
}
