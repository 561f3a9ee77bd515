#if __has_include(<editline/readline.h>)
#include <editline/readline.h>
#else
#error "libedit is missing: sudo apt-get install libedit-dev (make boot does it)"
#endif
