#if __has_include(<Zydis/Zydis.h>)
#include <Zydis/Zydis.h>
#else
#error "Zydis is missing: sudo apt-get install libzydis-dev (make boot does it)"
#endif
