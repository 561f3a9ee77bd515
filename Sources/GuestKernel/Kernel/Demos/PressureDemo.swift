/// Many at once with too little memory: faults, copies, reclaim and fork in each other's way.
import KernelArch

enum PressureDemo {
  static func run() -> Bool {
    Demo.say("Three threads, each with a space of 400 pages, in a machine where 300 are left.")
    Demo.say("Each writes all pages, forks, and reads every page on both sides, twice.")
    return Demo.check(
      MemorySelfTest.pressure(), "no value was lost, and every slot of swap is free again")
  }
}
