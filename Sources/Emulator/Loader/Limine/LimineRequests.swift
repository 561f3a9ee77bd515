/// The requests in a loaded image, by the addresses they were found at.
///
/// The Limine Boot Protocol, "Features", "Base protocol revisions", "Requests Delimiters".
struct LimineRequests {
  /// A part of the image and its address in memory.
  struct Part {
    let address: UInt64
    let bytes: [UInt8]
  }

  /// Where a kernel of base revision 0 may list its requests.
  static let listSection = ".limine_reqs"
  /// The newest base revision that is spoken here.
  static let newestRevision: UInt64 = 3

  private enum Marker {
    static let start: [UInt64] = [
      0xF6B8_F4B3_9DE7_D1AE, 0xFAB9_1A69_40FC_B9CF, 0x785C_6ED0_15D3_E316, 0x181E_920A_7852_B9D9,
    ]
    static let end: [UInt64] = [0xADC0_E053_1BB1_0D03, 0x9572_709F_3176_4C62]
    static let baseRevision: [UInt64] = [0xF956_2B2D_5C95_A6C8, 0x6A7B_3849_4453_6BDC]
  }

  private enum Finding {
    case request(id: (UInt64, UInt64))
    case baseRevision(UInt64)
    case start, end
  }

  /// Where each kind's request stands.
  private(set) var requests: [(feature: LimineFeature, address: UInt64)] = []
  /// Where the base revision tag stands, nil if there is none.
  private(set) var revisionTag: UInt64?
  /// The revision that the kernel asks for.
  private(set) var requestedRevision: UInt64 = 0

  /// The revision that the kernel gets.
  var revision: UInt64 { min(requestedRevision, Self.newestRevision) }

  /// Whether bytes hold a request or a base revision tag.
  static func isIn(_ bytes: ArraySlice<UInt8>, address: UInt64) -> Bool {
    var isFound = false
    scan(Array(bytes), address: address) { finding, _ in
      switch finding {
      case .request, .baseRevision: isFound = true
      case .start, .end: break
      }
    }
    return isFound
  }

  /// Finds the requests of an image, whose parts are in ascending order of address.
  ///
  /// Only those in `list` count for base revision 0, if a section of the file lists them.
  init(_ parts: [Part], list: [UInt64]?, name: String) throws(ImageError) {
    var findings: [(Finding, UInt64)] = []
    for part in parts {
      Self.scan(part.bytes, address: part.address) { findings.append(($0, $1)) }
    }
    // The last start marker counts, and the first end marker.
    var first: UInt64 = 0
    var end: UInt64 = .max
    for (finding, address) in findings {
      switch finding {
      case .start: first = address
      case .end: end = min(end, address)
      case .request, .baseRevision: break
      }
    }
    let inside = findings.filter { $0.1 >= first && $0.1 < end }
    for case (.baseRevision(let revision), let address) in inside where revisionTag == nil {
      revisionTag = address
      requestedRevision = revision
    }
    for case (.request(let id), let address) in inside {
      if let list, revision == 0, !list.contains(address) { continue }
      try add(id, at: address, name: name)
    }
  }

  private mutating func add(
    _ id: (UInt64, UInt64), at address: UInt64, name: String
  ) throws(ImageError) {
    guard let feature = LimineFeature(id) else { return }
    if let other = requests.first(where: { $0.feature == feature }) {
      throw ImageError(
        name,
        "its Limine request for \(feature) stands twice in it, at \(other.address.hex) "
          + "and at \(address.hex)")
    }
    requests.append((feature, address))
  }

  /// Reports everything of the protocol in bytes that lie at an address.
  private static func scan(
    _ bytes: [UInt8], address: UInt64, found: (Finding, UInt64) -> Void
  ) {
    bytes.withUnsafeBytes { buffer in
      func word(_ at: Int) -> UInt64? {
        at + 8 <= buffer.count ? buffer.loadUnaligned(fromByteOffset: at, as: UInt64.self) : nil
      }
      func matches(_ words: [UInt64], _ at: Int) -> Bool {
        words.indices.allSatisfy { word(at + $0 * 8) == words[$0] }
      }
      var at = Int((8 - address % 8) % 8)
      while let first = word(at) {
        let here = address &+ UInt64(at)
        if first == LimineFeature.commonID.0, word(at + 8) == LimineFeature.commonID.1 {
          if let third = word(at + 16), let fourth = word(at + 24), word(at + 40) != nil {
            found(.request(id: (third, fourth)), here)
          }
        } else if first == Marker.baseRevision[0], matches(Marker.baseRevision, at) {
          if let revision = word(at + 16) { found(.baseRevision(revision), here) }
        } else if first == Marker.start[0], matches(Marker.start, at) {
          found(.start, here)
        } else if first == Marker.end[0], matches(Marker.end, at) {
          found(.end, here)
        }
        at += 8
      }
    }
  }
}
