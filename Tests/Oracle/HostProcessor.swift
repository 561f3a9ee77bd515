import HostCPU

/// The processor this program runs on.
package final class HostProcessor: Processor {
  private let runner: OpaquePointer

  /// Fails where the host is not an x86-64 Linux system that lets programs set FS and GS bases.
  package init?() {
    guard let runner = host_runner_create() else { return nil }
    self.runner = runner
  }

  deinit {
    host_runner_destroy(runner)
  }

  package func run(_ batch: Batch) -> [Outcome] {
    start(batch)
    return finish(batch)
  }

  /// Hands `batch` to the child process, which works on it until `finish`.
  package func start(_ batch: Batch) {
    precondition(batch.cases.count <= Batch.capacity && batch.images.count <= Batch.capacity)
    guard let cases = host_runner_cases(runner), let images = host_runner_images(runner) else {
      return
    }
    for (index, image) in batch.images.enumerated() {
      image.bytes.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(start: images + index * DataImage.size, count: DataImage.size)
          .copyMemory(from: $0)
      }
    }
    for (index, item) in batch.cases.enumerated() {
      fill(cases + index, from: item)
    }
    host_runner_submit(runner, UInt32(batch.cases.count))
  }

  /// Waits for the batch last started and returns what became of it.
  package func finish(_ batch: Batch) -> [Outcome] {
    host_runner_wait(runner)
    guard let results = host_runner_results(runner) else { return [] }
    return batch.cases.indices.map { index in
      outcome(results + index, image: batch.images[batch.cases[index].image])
    }
  }

  private func fill(_ target: UnsafeMutablePointer<HostCase>, from item: Case) {
    precondition(item.code.count <= Int(HOST_CODE_LIMIT))
    target.pointee.image = UInt32(item.image)
    target.pointee.code_length = UInt32(item.code.count)
    let raw = UnsafeMutableRawPointer(target)
    withUnsafeBytes(of: item.before) {
      raw.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: $0.count)
    }
    let code = raw + HostProcessor.codeOffset
    for (offset, byte) in item.code.enumerated() {
      code.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
    }
  }

  private static let codeOffset = MemoryLayout<HostCase>.offset(of: \.code) ?? 0

  private func outcome(_ result: UnsafeMutablePointer<HostResult>, image: DataImage) -> Outcome {
    let ending: Ending
    switch result.pointee.outcome {
    case UInt64(HOST_OUTCOME_TIMEOUT): ending = .timeout
    case UInt64(HOST_OUTCOME_UNRUNNABLE): ending = .unrunnable
    case let vector:
      ending = .exception(
        vector: UInt8(truncatingIfNeeded: vector), errorCode: result.pointee.error_code,
        cr2: vector == 14 ? result.pointee.cr2 : 0)
    }
    var after = UnsafeRawPointer(result).load(as: UserState.self)
    after.clearUncompared()
    after.plainNullSelectors()
    return Outcome(
      ending: ending, after: after,
      changes: MemoryChange.between(image, host_result_data(result)))
  }
}
