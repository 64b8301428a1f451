/*
 * What the stand-in kernel asks of the process it runs in: rumpuser(3) in little. Included by both worlds,
 * so it names nothing but the compiler's own types. Every name begins with "rump" and so is not renamed.
 */
#ifndef MOCK_HOST_H
#define MOCK_HOST_H

void *rumphost_alloc(unsigned long len);
void rumphost_free(void *block);

void *rumphost_mutex_new(int recursive);
void rumphost_mutex_free(void *mutex);
void rumphost_mutex_enter(void *mutex);
int rumphost_mutex_tryenter(void *mutex);	/* 1: entered */
void rumphost_mutex_exit(void *mutex);

void *rumphost_cv_new(void);
void rumphost_cv_free(void *cv);
void rumphost_cv_wait(void *cv, void *mutex);
int rumphost_cv_timedwait(void *cv, void *mutex, unsigned long nanoseconds);	/* 1: timed out */
void rumphost_cv_broadcast(void *cv);

void *rumphost_thread_new(void (*func)(void *), void *arg);
void rumphost_thread_join(void *thread);
void *rumphost_thread_get(void);		/* what this thread was given by set: its lwp */
void rumphost_thread_set(void *lwp);

unsigned long rumphost_clock(void);		/* monotonic, nanoseconds */
void rumphost_random(void *into, unsigned long len);
int rumphost_format(char *into, unsigned long len, const char *format, __builtin_va_list args);
void rumphost_print(const char *text);		/* to stderr, unbuffered */
void rumphost_abort(void) __attribute__((__noreturn__));
void rumphost_set_errno(int number);
void rumphost_copy(void *to, const void *from, unsigned long len);
void rumphost_move(void *to, const void *from, unsigned long len);
void rumphost_fill(void *to, int byte, unsigned long len);

#endif
