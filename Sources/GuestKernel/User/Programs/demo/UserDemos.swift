/// The demonstrations a program can give by itself. A new one is a file beside this and a line here.
import Apus

struct UserDemo {
  let name: StaticString
  /// One line, for the list.
  let summary: StaticString
  /// The option of kernel.config that it shows.
  var needs: StaticString? = nil
  /// True when everything it claims was so.
  let run: () -> Bool
}

enum UserDemos {
  static var all: [UserDemo] {
    [
      UserDemo(
        name: "rings", summary: "what ring 3 may not do ends the program, and only it",
        run: RingsDemo.run),
      UserDemo(
        name: "fork", summary: "one call, two processes, each with its own memory",
        run: ForkDemo.run),
      UserDemo(
        name: "pipeline", summary: "three programs, two pipes: what a shell does for a | b | c",
        run: PipelineDemo.run),
      UserDemo(
        name: "family", summary: "zombies wait to be asked, orphans are adopted",
        run: FamilyDemo.run),
      UserDemo(
        name: "exec", summary: "another program in the same process, or an error in time",
        run: ExecDemo.run),
      UserDemo(
        name: "signals", summary: "handlers, masks, stacks, restarted calls, stopped jobs",
        run: SignalsDemo.run),
      UserDemo(
        name: "queued-signals", summary: "signals that queue, carry a word and are waited for",
        run: QueuedSignalsDemo.run),
      UserDemo(
        name: "epoll", summary: "a hundred files watched, and only those with news named",
        run: EventPollDemo.run),
      UserDemo(
        name: "uthreads", summary: "preemptive threads in the program, driven by a timer's signal",
        run: UserThreadsDemo.run),
      UserDemo(
        name: "async-io", summary: "SIGIO when there is something to read", run: AsyncIODemo.run),
      UserDemo(
        name: "toctou", summary: "an argument that changes between its check and its use",
        needs: "MISTAKES",
        run: ToctouDemo.run),
      UserDemo(
        name: "entries", summary: "SYSCALL, INT 80h and SYSENTER lead to the same calls",
        needs: "COMPATIBILITY",
        run: EntriesDemo.run),
      UserDemo(
        name: "segments", summary: "base and bound of a segment, beside paging",
        needs: "COMPATIBILITY", run: SegmentsDemo.run),
      UserDemo(
        name: "permissions", summary: "who may do what: users, files, signals, the machine",
        run: PermissionsDemo.run),
      UserDemo(
        name: "pti", summary: "what of the kernel a program's page tables have, and at what cost",
        needs: "ISOLATION", run: IsolationDemo.run),
      UserDemo(
        name: "strace", summary: "a process writes its system calls down", needs: "STRACE",
        run: StraceDemo.run),
    ]
  }
}

/// What a demonstration speaks with; its twin inside the kernel has the same two functions.
enum Demo {
  /// One line of the story.
  static func say(_ line: TextLine) {
    Apus.say("  \(line)\n")
  }

  /// Says what must be true here, and whether it is; hands `condition` back.
  static func check(_ condition: Bool, _ claim: TextLine) -> Bool {
    Apus.say("  \(condition ? "yes: " as StaticString : "NO:  ")\(claim)\n")
    return condition
  }
}
