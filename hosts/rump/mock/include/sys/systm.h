/* Stand-in for <sys/systm.h>: text, ends and copies. */
#ifndef MOCK_SYS_SYSTM_H
#define MOCK_SYS_SYSTM_H

#include <sys/types.h>

void printf(const char *, ...) __printflike(1, 2);
int snprintf(char *, size_t, const char *, ...) __printflike(3, 4);
void panic(const char *, ...) __printflike(1, 2) __dead;

void *memcpy(void *, const void *, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
size_t strlen(const char *);
int strcmp(const char *, const char *);
int strncmp(const char *, const char *, size_t);
size_t strlcpy(char *, const char *, size_t);

/* Both refuse an address below one page (EFAULT) and panic where a mutex is held or in a softint. */
int copyin(const void *, void *, size_t);
int copyout(const void *, void *, size_t);
int copyinstr(const void *, void *, size_t, size_t *);

int enodev(void);
int nullop(void *);

/* 0 in time; else what it would panic with under DIAGNOSTIC. This kernel is a DIAGNOSTIC one. */
void kern_assert(const char *, ...) __printflike(1, 2) __dead;
#define KASSERT(e) ((e) ? (void)0 : kern_assert("assertion \"%s\" failed: %s:%d", #e, __FILE__, __LINE__))
#define KASSERTMSG(e, ...) ((e) ? (void)0 : kern_assert(__VA_ARGS__))
#define KDASSERT(e) KASSERT(e)
#define ASSERT_SLEEPABLE() mock_assert_sleepable(__func__)
void mock_assert_sleepable(const char *);

#define KERNEL_LOCK(count, l) mock_kernel_lock(count)
#define KERNEL_UNLOCK_ONE(l) mock_kernel_unlock()
#define KERNEL_LOCKED_P() mock_kernel_locked()
void mock_kernel_lock(int);
void mock_kernel_unlock(void);
bool mock_kernel_locked(void);

#endif
