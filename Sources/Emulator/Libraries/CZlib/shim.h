#if __has_include(<zlib.h>)
#include <zlib.h>
#else
#error "zlib is missing: sudo apt-get install zlib1g-dev (make boot does it)"
#endif
