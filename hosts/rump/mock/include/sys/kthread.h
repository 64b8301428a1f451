/* Stand-in for <sys/kthread.h>. */
#ifndef MOCK_SYS_KTHREAD_H
#define MOCK_SYS_KTHREAD_H

#include <sys/types.h>

#define PRI_NONE (-1)
#define PRI_SOFTNET 0
#define KTHREAD_MPSAFE 1
#define KTHREAD_INTR 2
#define KTHREAD_MUSTJOIN 8

struct cpu_info;
int kthread_create(int, int, struct cpu_info *, void (*)(void *), void *, lwp_t **, const char *, ...)
    __printflike(7, 8);
void kthread_exit(int) __dead;
int kthread_join(lwp_t *);

#endif
