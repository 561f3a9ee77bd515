#if __has_include(<gelf.h>)
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#else
#error "libelf is missing: sudo apt-get install libelf-dev (make boot does it)"
#endif
