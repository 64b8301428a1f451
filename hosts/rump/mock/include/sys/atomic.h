/* Stand-in for <sys/atomic.h>. */
#ifndef MOCK_SYS_ATOMIC_H
#define MOCK_SYS_ATOMIC_H

#include <sys/types.h>

#define atomic_inc_uint(p) ((void)__atomic_add_fetch(p, 1, __ATOMIC_SEQ_CST))
#define atomic_dec_uint(p) ((void)__atomic_sub_fetch(p, 1, __ATOMIC_SEQ_CST))
#define atomic_inc_uint_nv(p) __atomic_add_fetch(p, 1, __ATOMIC_SEQ_CST)
#define atomic_dec_uint_nv(p) __atomic_sub_fetch(p, 1, __ATOMIC_SEQ_CST)
#define atomic_cas_uint(p, o, n) __sync_val_compare_and_swap(p, o, n)
#define atomic_inc_64(p) ((void)__atomic_add_fetch(p, 1, __ATOMIC_SEQ_CST))
#define atomic_add_64(p, n) ((void)__atomic_add_fetch(p, n, __ATOMIC_SEQ_CST))
#define membar_sync() __atomic_thread_fence(__ATOMIC_SEQ_CST)

#endif
