/* Stand-in for <sys/inttypes.h>. */
#ifndef MOCK_SYS_INTTYPES_H
#define MOCK_SYS_INTTYPES_H

#include <sys/stdint.h>

#define PRId64 "ld"
#define PRIu64 "lu"
#define PRIx64 "lx"
#define PRIu32 "u"
#define PRIx32 "x"

#endif
