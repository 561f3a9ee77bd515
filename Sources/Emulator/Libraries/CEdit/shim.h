#if __has_include(<editline/readline.h>)
#include <editline/readline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Says what completes the words of a line, and that only spaces end them.
static inline void edit_set_completion(char **(*complete)(const char *, int, int)) {
  // Signals stay the caller's.
  rl_catch_signals = 0;
  rl_attempted_completion_function = (rl_completion_func_t *)complete;
  rl_basic_word_break_characters = strdup(" \t");
  rl_completer_word_break_characters = strdup(" \t");
}

/// Says that there are no other completions, such as names of files.
static inline void edit_end_completion(void) { rl_attempted_completion_over = 1; }

/// The line as it is now.
static inline const char *edit_line(void) { return rl_line_buffer ? rl_line_buffer : ""; }
#else
#error "libedit is missing: sudo apt-get install libedit-dev (make boot does it)"
#endif
