/* Stand-in for <sys/condvar.h>. A wait holds its own mutex and no other, and never in a softint. */
#ifndef MOCK_SYS_CONDVAR_H
#define MOCK_SYS_CONDVAR_H

#include <sys/types.h>
#include <sys/mutex.h>

typedef struct kcondvar {
	void *mock_cv;		/* the host's */
	const char *mock_name;
	struct mock_waiter *mock_first;	/* who waits, the longest first */
} kcondvar_t;

void cv_init(kcondvar_t *, const char *);
void cv_destroy(kcondvar_t *);
void cv_wait(kcondvar_t *, kmutex_t *);
int cv_wait_sig(kcondvar_t *, kmutex_t *);		/* EINTR once the process is killed */
int cv_timedwait(kcondvar_t *, kmutex_t *, int);	/* ticks; EWOULDBLOCK */
int cv_timedwait_sig(kcondvar_t *, kmutex_t *, int);
void cv_signal(kcondvar_t *);
void cv_broadcast(kcondvar_t *);
bool cv_has_waiters(kcondvar_t *);

#endif
