/* Stand-in for <sys/malloc.h>: the flags that mbuf calls are given. */
#ifndef MOCK_SYS_MALLOC_H
#define MOCK_SYS_MALLOC_H

#define M_WAITOK 0
#define M_NOWAIT 1

#endif
