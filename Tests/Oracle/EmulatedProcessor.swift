
var histogram: [String: Int] { [:] }
/// Our processor.
package final class EmulatedProcessor: Processor {
  let h = HostProcessor()
  package var counts: [String: Int] = [:]
  package init() {}

  package func run(_ batch: Batch) -> [Outcome] {
    let o = h!.run(batch)
    for (i, x) in o.enumerated() { 
      let end = batch.cases[i].before.rip &+ UInt64(batch.cases[i].code.count)
      var t = x.ending.text.prefix(3) + (x.after.rip == end &+ 1 ? " end" : "")
      counts[String(t), default: 0] += 1 }
    return o
  }
  deinit { for (k,v) in counts.sorted(by: {$0.value > $1.value}) { print(k, v) } }
}
