/*
 * Threads, mutexes and condition variables, with the questions that a DIAGNOSTIC and LOCKDEBUG kernel asks
 * of each: who holds it, may this thread sleep, what else does it hold.
 *
 * A mutex at a soft level or none is adaptive: a thread that must wait for it gives up the kernel lock
 * meanwhile, as in a rump kernel. One at IPL_VM or above spins: nothing that sleeps may be called under it.
 */
#include <sys/condvar.h>
#include <sys/kernel.h>
#include <sys/select.h>

#include "kern.h"

int hz = 100;
int cold;

static void *biglock;
static long mutexes, condvars;
static void *waiters_lock;		/* of the lists of waiters; innermost */
static struct lwp lwp0;			/* of threads that never entered: boot */
static struct proc proc0;

void
mock_lock_init(void)
{
	biglock = rumphost_mutex_new(1);
	waiters_lock = rumphost_mutex_new(0);
	lwp0.l_proc = &proc0;
	if (rumphost_thread_get() == NULL)
		rumphost_thread_set(&lwp0);
}

void
mock_lock_balance(long *m, long *c)
{
	*m = __atomic_load_n(&mutexes, __ATOMIC_SEQ_CST);
	*c = __atomic_load_n(&condvars, __ATOMIC_SEQ_CST);
}

struct lwp *
mock_curlwp(void)
{
	struct lwp *l = rumphost_thread_get();

	if (l == NULL) {
		rumphost_print("mock: a thread is in the kernel without rump_schedule\n");
		rumphost_abort();
	}
	return l;
}

int
curlwp_bind(void)
{
	int bound = curlwp->mock_bound;

	curlwp->mock_bound = 1;
	return bound;
}

void
curlwp_bindx(int bound)
{
	KASSERTMSG(bound || curlwp->mock_psrefs == 0, "curlwp_bindx with a psref held");
	curlwp->mock_bound = bound;
}

bool
cpu_softintr_p(void)
{
	return curlwp->mock_softint != 0;
}

bool
cpu_intr_p(void)
{
	return false;
}

void
mock_assert_sleepable(const char *what)
{
	KASSERTMSG(curlwp->mock_softint == 0, "%s may sleep: in a softint", what);
	KASSERTMSG(curlwp->mock_spins == 0, "%s may sleep: a spin mutex is held", what);
}

void
mock_assert_no_soft(const char *what)
{
	KASSERTMSG(curlwp->mock_softs == 0, "%s with a mutex held that a softint may want", what);
}

void
mock_assert_no_mutex(const char *what)
{
	mock_assert_sleepable(what);
	KASSERTMSG(curlwp->mock_mutexes == 0, "%s with a mutex held", what);
}

void
mock_softint(void (*func)(void *), void *arg)
{
	struct lwp *was = rumphost_thread_get();
	struct lwp l;

	memset(&l, 0, sizeof(l));
	l.l_proc = &proc0;
	l.mock_softint = 1;
	l.mock_bound = 1;
	rumphost_thread_set(&l);
	func(arg);
	KASSERTMSG(l.mock_mutexes == 0, "a softint ends with a mutex held");
	rumphost_thread_set(was);
}

/* ---- the kernel lock ---- */

void
mock_kernel_lock(int count)
{
	struct lwp *l = curlwp;

	while (count-- > 0) {
		rumphost_mutex_enter(biglock);
		l->mock_biglocks++;
	}
}

void
mock_kernel_unlock(void)
{
	KASSERTMSG(curlwp->mock_biglocks > 0, "the kernel lock is not held");
	curlwp->mock_biglocks--;
	rumphost_mutex_exit(biglock);
}

bool
mock_kernel_locked(void)
{
	return curlwp->mock_biglocks > 0;
}

int
mock_biglock_drop(void)
{
	int depth = curlwp->mock_biglocks, i;

	for (i = 0; i < depth; i++)
		mock_kernel_unlock();
	return depth;
}

void
mock_biglock_take(int depth)
{
	mock_kernel_lock(depth);
}

/* ---- mutexes ---- */

void
mutex_init(kmutex_t *m, kmutex_type_t type, int ipl)
{
	m->mock_mutex = rumphost_mutex_new(0);
	m->mock_owner = NULL;
	m->mock_spin = type == MUTEX_SPIN || (type == MUTEX_DEFAULT && ipl >= IPL_VM);
	m->mock_soft = ipl != IPL_NONE;
	__atomic_add_fetch(&mutexes, 1, __ATOMIC_SEQ_CST);
}

void
mutex_destroy(kmutex_t *m)
{
	KASSERTMSG(m->mock_mutex != NULL, "mutex_destroy of no mutex");
	KASSERTMSG(m->mock_owner == NULL, "mutex_destroy of a mutex that is held");
	rumphost_mutex_free(m->mock_mutex);
	m->mock_mutex = NULL;
	__atomic_sub_fetch(&mutexes, 1, __ATOMIC_SEQ_CST);
}

static void
taken(kmutex_t *m)
{
	struct lwp *l = curlwp;

	__atomic_store_n(&m->mock_owner, l, __ATOMIC_RELAXED);
	l->mock_mutexes++;
	l->mock_spins += m->mock_spin;
	l->mock_softs += m->mock_soft;
}

static void
let_go(kmutex_t *m)
{
	struct lwp *l = curlwp;

	KASSERTMSG(__atomic_load_n(&m->mock_owner, __ATOMIC_RELAXED) == l, "mutex_exit of a mutex that is not held");
	__atomic_store_n(&m->mock_owner, NULL, __ATOMIC_RELAXED);
	l->mock_mutexes--;
	l->mock_spins -= m->mock_spin;
	l->mock_softs -= m->mock_soft;
}

void
mutex_enter(kmutex_t *m)
{
	int depth;

	KASSERTMSG(m->mock_mutex != NULL, "mutex_enter of no mutex");
	KASSERTMSG(!mutex_owned(m), "mutex_enter of a mutex that is held already");
	KASSERTMSG(m->mock_spin || curlwp->mock_spins == 0, "an adaptive mutex under a spin mutex");
	if (!rumphost_mutex_tryenter(m->mock_mutex)) {
		depth = m->mock_spin ? 0 : mock_biglock_drop();
		rumphost_mutex_enter(m->mock_mutex);
		mock_biglock_take(depth);
	}
	taken(m);
}

int
mutex_tryenter(kmutex_t *m)
{
	if (!rumphost_mutex_tryenter(m->mock_mutex))
		return 0;
	taken(m);
	return 1;
}

void
mutex_exit(kmutex_t *m)
{
	let_go(m);
	rumphost_mutex_exit(m->mock_mutex);
}

int
mutex_owned(kmutex_t *m)
{
	return __atomic_load_n(&m->mock_owner, __ATOMIC_RELAXED) == curlwp;
}

kmutex_t *
mutex_obj_alloc(kmutex_type_t type, int ipl)
{
	kmutex_t *m = rumphost_alloc(sizeof(*m));

	mutex_init(m, type, ipl);
	return m;
}

bool
mutex_obj_free(kmutex_t *m)
{
	mutex_destroy(m);
	rumphost_free(m);
	return true;
}

/* ---- condition variables ---- */

/*
 * Who waits is a list, so that a signal wakes exactly one and a wake that was forgotten is a sleep for
 * ever: the host's wait is cut into slices only to look for a kill, and returns to sleep after each.
 */
struct mock_waiter {
	struct mock_waiter *next;
	int woken;
};

#define SLICE 10000000UL		/* 10 ms */

void
cv_init(kcondvar_t *cv, const char *name)
{
	cv->mock_cv = rumphost_cv_new();
	cv->mock_name = name;
	cv->mock_first = NULL;
	__atomic_add_fetch(&condvars, 1, __ATOMIC_SEQ_CST);
}

void
cv_destroy(kcondvar_t *cv)
{
	KASSERTMSG(cv->mock_cv != NULL, "cv_destroy of no condvar");
	KASSERTMSG(!cv_has_waiters(cv), "cv_destroy of \"%s\": somebody waits", cv->mock_name);
	rumphost_cv_free(cv->mock_cv);
	cv->mock_cv = NULL;
	__atomic_sub_fetch(&condvars, 1, __ATOMIC_SEQ_CST);
}

static bool
killed(struct lwp *l)
{
	return __atomic_load_n(&l->l_proc->mock_killed, __ATOMIC_SEQ_CST) != 0;
}

static void
waiter_add(kcondvar_t *cv, struct mock_waiter *w)
{
	struct mock_waiter **at;

	w->next = NULL;
	w->woken = 0;
	rumphost_mutex_enter(waiters_lock);
	for (at = &cv->mock_first; *at != NULL; at = &(*at)->next)
		continue;
	*at = w;
	rumphost_mutex_exit(waiters_lock);
}

/* 1: it was woken. Only looks while `leave` is not set. */
static int
waiter_ask(kcondvar_t *cv, struct mock_waiter *w, bool leave)
{
	struct mock_waiter **at;
	int woken;

	rumphost_mutex_enter(waiters_lock);
	woken = w->woken;
	if (!woken && leave) {
		for (at = &cv->mock_first; *at != w; at = &(*at)->next)
			continue;
		*at = w->next;
	}
	rumphost_mutex_exit(waiters_lock);
	return woken;
}

/* 0: woken; EINTR, EWOULDBLOCK. */
static int
sleep_until(kcondvar_t *cv, kmutex_t *m, bool interruptible, unsigned long until)
{
	struct mock_waiter w;
	unsigned long now;

	waiter_add(cv, &w);
	for (;;) {
		now = rumphost_clock();
		if (interruptible && killed(curlwp))
			return waiter_ask(cv, &w, true) ? 0 : EINTR;
		if (now >= until)
			return waiter_ask(cv, &w, true) ? 0 : EWOULDBLOCK;
		(void)rumphost_cv_timedwait(cv->mock_cv, m->mock_mutex, MIN(until - now, SLICE));
		if (waiter_ask(cv, &w, false))
			return 0;
	}
}

static int
wait(kcondvar_t *cv, kmutex_t *m, bool interruptible, unsigned long nanoseconds)
{
	struct lwp *l = curlwp;
	int depth, error;

	KASSERTMSG(cv->mock_cv != NULL, "wait on no condvar");
	KASSERTMSG(mutex_owned(m), "wait on \"%s\" without its mutex", cv->mock_name);
	KASSERTMSG(l->mock_softint == 0, "wait on \"%s\" in a softint", cv->mock_name);
	depth = mock_biglock_drop();
	let_go(m);
	KASSERTMSG(l->mock_softs == 0, "wait on \"%s\": what a softint may want is held", cv->mock_name);
	error = sleep_until(cv, m, interruptible, nanoseconds == 0 ? ~0UL : rumphost_clock() + nanoseconds);
	taken(m);
	if (depth > 0) {
		mutex_exit(m);
		mock_biglock_take(depth);
		mutex_enter(m);
	}
	return error;
}

static unsigned long
nanoseconds_of(int ticks)
{
	return (unsigned long)ticks * (1000000000UL / (unsigned long)hz);
}

void
cv_wait(kcondvar_t *cv, kmutex_t *m)
{
	(void)wait(cv, m, false, 0);
}

int
cv_wait_sig(kcondvar_t *cv, kmutex_t *m)
{
	return wait(cv, m, true, 0);
}

int
cv_timedwait(kcondvar_t *cv, kmutex_t *m, int ticks)
{
	return wait(cv, m, false, nanoseconds_of(ticks));
}

int
cv_timedwait_sig(kcondvar_t *cv, kmutex_t *m, int ticks)
{
	return wait(cv, m, true, nanoseconds_of(ticks));
}

static void
wake(kcondvar_t *cv, bool all)
{
	struct mock_waiter *w;

	KASSERTMSG(cv->mock_cv != NULL, "wake on no condvar");
	rumphost_mutex_enter(waiters_lock);
	while ((w = cv->mock_first) != NULL) {
		cv->mock_first = w->next;
		w->woken = 1;
		if (!all)
			break;
	}
	rumphost_cv_broadcast(cv->mock_cv);
	rumphost_mutex_exit(waiters_lock);
}

void
cv_broadcast(kcondvar_t *cv)
{
	wake(cv, true);
}

void
cv_signal(kcondvar_t *cv)
{
	wake(cv, false);
}

bool
cv_has_waiters(kcondvar_t *cv)
{
	bool any;

	rumphost_mutex_enter(waiters_lock);
	any = cv->mock_first != NULL;
	rumphost_mutex_exit(waiters_lock);
	return any;
}

int
kpause(const char *name, bool interruptible, int ticks, kmutex_t *m)
{
	kmutex_t own;
	kcondvar_t cv;
	int error;

	KASSERTMSG(ticks > 0, "kpause without end");
	if (m != NULL)
		mutex_exit(m);
	mutex_init(&own, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&cv, name);
	mutex_enter(&own);
	error = interruptible ? cv_timedwait_sig(&cv, &own, ticks) : cv_timedwait(&cv, &own, ticks);
	mutex_exit(&own);
	cv_destroy(&cv);
	mutex_destroy(&own);
	if (m != NULL)
		mutex_enter(m);
	return error;
}
