#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
