/// The size of the smallest page, and of every physical frame.
package let pageSize: UInt64 = 4096

/// An address that cannot be mistaken for one of another space.
package struct Address<Space>: Comparable {
  package var value: UInt64

  package init(_ value: UInt64) { self.value = value }

  package static func == (a: Self, b: Self) -> Bool { a.value == b.value }
  package static func < (a: Self, b: Self) -> Bool { a.value < b.value }
  package static func + (a: Self, offset: UInt64) -> Self { Self(a.value &+ offset) }
  package static func - (a: Self, b: Self) -> UInt64 { a.value &- b.value }

  package func alignedDown(to alignment: UInt64 = pageSize) -> Self {
    Self(value & ~(alignment &- 1))
  }
  package func alignedUp(to alignment: UInt64 = pageSize) -> Self {
    Self((value &+ (alignment &- 1)) & ~(alignment &- 1))
  }
}

/// What the memory bus decodes.
package enum PhysicalSpace {}

/// What paging translates.
package enum LinearSpace {}

package typealias PhysicalAddress = Address<PhysicalSpace>
package typealias LinearAddress = Address<LinearSpace>
