#if __has_include(<zstd.h>)
#include <zstd.h>
#else
#error "libzstd is missing: sudo apt-get install libzstd-dev (make boot does it)"
#endif
