#if __has_include(<elfutils/libdw.h>)
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#else
#error "libdw is missing: sudo apt-get install libdw-dev (make boot does it)"
#endif
