/*
 * Time and callouts. The clock is the machine's, with a thread that calls what is due, or a test's, which
 * moves it and calls what is due itself: then nothing depends on how fast the machine is.
 */
#include <sys/callout.h>
#include <sys/kernel.h>

#include "kern.h"

#define TICK (1000000000UL / (unsigned long)hz)

static void *lock;			/* of all that follows; innermost but for the host's own */
static void *changed;
static struct callout *all;
static long count;
static unsigned long called;
static int stopping;
static int virtual;
static unsigned long virtual_now = 1000000000UL;	/* an uptime of 0 is easily a bug's friend */
static unsigned long real_start;
static void *thread;

uint64_t
mock_uptime(void)
{
	return virtual ? __atomic_load_n(&virtual_now, __ATOMIC_SEQ_CST) :
	    rumphost_clock() - real_start + 1000000000UL;
}

unsigned long
rumpmock_uptime(void)
{
	return mock_uptime();
}

void
nanouptime(struct timespec *ts)
{
	uint64_t now = mock_uptime();

	ts->tv_sec = (time_t)(now / 1000000000UL);
	ts->tv_nsec = (long)(now % 1000000000UL);
}

void
getnanouptime(struct timespec *ts)
{
	nanouptime(ts);
}

void
rumpmock_virtual_clock(void)
{
	virtual = 1;
}

void
mock_callout_balance(long *n)
{
	*n = count;
}

/* The callout that is due first, if that is at `now` at the latest; the lock is held. */
static struct callout *
due(uint64_t now)
{
	struct callout *c, *best = NULL;

	for (c = all; c != NULL; c = c->mock_next) {
		if (c->mock_pending && c->mock_due <= now && (best == NULL || c->mock_due < best->mock_due))
			best = c;
	}
	return best;
}

/* Calls it in a softint; the lock is let go meanwhile. */
static void
call(struct callout *c)
{
	c->mock_pending = 0;
	c->mock_running++;
	called++;
	rumphost_mutex_exit(lock);
	mock_softint(c->mock_func, c->mock_arg);
	rumphost_mutex_enter(lock);
	c->mock_running--;
	rumphost_cv_broadcast(changed);
}

static void
clock_thread(void *arg __unused)
{
	struct callout *c;

	rumphost_mutex_enter(lock);
	while (!stopping) {
		c = due(mock_uptime());
		if (c != NULL)
			call(c);
		else
			(void)rumphost_cv_timedwait(changed, lock, TICK);
	}
	rumphost_mutex_exit(lock);
}

void
mock_callout_init(void)
{
	lock = rumphost_mutex_new(0);
	changed = rumphost_cv_new();
	real_start = rumphost_clock();
	if (!virtual)
		thread = rumphost_thread_new(clock_thread, NULL);
}

void
mock_callout_shutdown(void)
{
	rumphost_mutex_enter(lock);
	stopping = 1;
	rumphost_cv_broadcast(changed);
	rumphost_mutex_exit(lock);
	if (thread != NULL)
		rumphost_thread_join(thread);
	thread = NULL;
}

void
rumpmock_advance(unsigned long nanoseconds)
{
	unsigned long until = virtual_now + nanoseconds;
	struct callout *c;

	rumphost_mutex_enter(lock);
	while ((c = due(until)) != NULL) {
		if (c->mock_due > virtual_now)
			__atomic_store_n(&virtual_now, c->mock_due, __ATOMIC_SEQ_CST);
		call(c);
	}
	__atomic_store_n(&virtual_now, until, __ATOMIC_SEQ_CST);
	rumphost_mutex_exit(lock);
}

unsigned long
rumpmock_next_callout(void)
{
	struct callout *c;
	unsigned long next;

	rumphost_mutex_enter(lock);
	c = due(~0UL);
	next = c != NULL ? c->mock_due : ~0UL;
	rumphost_mutex_exit(lock);
	return next;
}

unsigned long
rumpmock_callouts(void)
{
	return called;
}

/* ---- callout(9) ---- */

void
callout_init(callout_t *c, u_int flags)
{
	KASSERTMSG((flags & ~CALLOUT_MPSAFE) == 0, "callout_init: unknown flags");
	memset(c, 0, sizeof(*c));
	rumphost_mutex_enter(lock);
	c->mock_next = all;
	all = c;
	count++;
	rumphost_mutex_exit(lock);
}

void
callout_destroy(callout_t *c)
{
	struct callout **at;

	rumphost_mutex_enter(lock);
	KASSERTMSG(!c->mock_pending && !c->mock_running, "callout_destroy of one that is pending or running");
	for (at = &all; *at != c; at = &(*at)->mock_next)
		KASSERTMSG(*at != NULL, "callout_destroy of no callout");
	*at = c->mock_next;
	count--;
	rumphost_mutex_exit(lock);
}

void
callout_setfunc(callout_t *c, void (*func)(void *), void *arg)
{
	c->mock_func = func;
	c->mock_arg = arg;
}

/* At the first tick boundary that is `ticks` whole ticks away: never early, up to a tick late. */
void
callout_schedule(callout_t *c, int ticks)
{
	KASSERTMSG(c->mock_func != NULL, "callout_schedule without a function");
	rumphost_mutex_enter(lock);
	c->mock_due = (mock_uptime() / TICK + (unsigned long)MAX(ticks, 1)) * TICK;
	c->mock_pending = 1;
	rumphost_cv_broadcast(changed);
	rumphost_mutex_exit(lock);
}

void
callout_reset(callout_t *c, int ticks, void (*func)(void *), void *arg)
{
	callout_setfunc(c, func, arg);
	callout_schedule(c, ticks);
}

bool
callout_stop(callout_t *c)
{
	bool was;

	rumphost_mutex_enter(lock);
	was = !c->mock_pending;
	c->mock_pending = 0;
	rumphost_mutex_exit(lock);
	return was;
}

/* Also waits for one that runs; the caller's mutex, which it may want, is let go meanwhile. */
bool
callout_halt(callout_t *c, void *interlock)
{
	bool was, again;

	mock_assert_sleepable("callout_halt");
	rumphost_mutex_enter(lock);
	was = !c->mock_pending;
	do {
		c->mock_pending = 0;
		again = c->mock_running != 0;
		if (!again)
			break;
		if (interlock != NULL)
			mutex_exit(interlock);
		while (c->mock_running)
			rumphost_cv_wait(changed, lock);
		rumphost_mutex_exit(lock);
		if (interlock != NULL)
			mutex_enter(interlock);
		rumphost_mutex_enter(lock);
	} while (again);
	rumphost_mutex_exit(lock);
	return was;
}

bool
callout_pending(callout_t *c)
{
	bool pending;

	rumphost_mutex_enter(lock);
	pending = c->mock_pending != 0;
	rumphost_mutex_exit(lock);
	return pending;
}
