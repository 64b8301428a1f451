/*
 * Stand-in for <sys/kmem.h>. A block lies at 8 modulo 16, always: whoever needs more must see to it.
 * Freeing with another size than it was asked with panics; so does a KM_SLEEP where nobody may sleep, and
 * the pair without _intr_ in a softint.
 */
#ifndef MOCK_SYS_KMEM_H
#define MOCK_SYS_KMEM_H

#include <sys/types.h>

typedef unsigned int km_flag_t;
#define KM_SLEEP 1
#define KM_NOSLEEP 2

void *kmem_alloc(size_t, km_flag_t);
void *kmem_zalloc(size_t, km_flag_t);
void kmem_free(void *, size_t);
void *kmem_intr_alloc(size_t, km_flag_t);
void *kmem_intr_zalloc(size_t, km_flag_t);
void kmem_intr_free(void *, size_t);

#endif
