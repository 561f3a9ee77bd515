#if __has_include(<slirp/libslirp.h>)
#include <slirp/libslirp.h>
#else
#error "libslirp is missing: sudo apt-get install libslirp-dev (make boot does it)"
#endif
