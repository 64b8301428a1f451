/* Stand-in for <sys/cprng.h>. */
#ifndef MOCK_SYS_CPRNG_H
#define MOCK_SYS_CPRNG_H

#include <sys/types.h>

uint32_t cprng_fast32(void);
uint64_t cprng_fast64(void);
uint32_t cprng_strong32(void);
uint64_t cprng_strong64(void);
size_t cprng_fast(void *, size_t);

#endif
