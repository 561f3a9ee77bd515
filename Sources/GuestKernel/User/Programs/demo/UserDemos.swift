/// The demonstrations a program can give by itself. A new one is a file beside this and a line here.
import Apus

struct UserDemo {
  let name: StaticString
  /// One line, for the list.
  let summary: StaticString
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
