/* Stand-in for <sys/cdefs.h>: the compiler's words that kernel sources use. */
#ifndef MOCK_SYS_CDEFS_H
#define MOCK_SYS_CDEFS_H

#define __unused __attribute__((__unused__))
#define __used __attribute__((__used__))
#define __packed __attribute__((__packed__))
#define __aligned(n) __attribute__((__aligned__(n)))
#define __dead __attribute__((__noreturn__))
#define __noinline __attribute__((__noinline__))
#define __printflike(f, a) __attribute__((__format__(__printf__, f, a)))
#define __predict_true(e) __builtin_expect((e) != 0, 1)
#define __predict_false(e) __builtin_expect((e) != 0, 0)
#define __read_mostly
#define __cacheline_aligned __aligned(64)
#define __BIT(n) (1ULL << (n))
#define __arraycount(a) (sizeof(a) / sizeof((a)[0]))
#define __UNCONST(p) ((void *)(__UINTPTR_TYPE__)(p))
#define __KERNEL_RCSID(n, text) struct mock_rcsid
#define __CTASSERT(e) _Static_assert(e, #e)
#define CTASSERT(e) __CTASSERT(e)
#define __BEGIN_DECLS
#define __END_DECLS

#endif
