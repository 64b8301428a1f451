/*
 * poll and select: who found nothing ready is written down at each device it asked, sleeps, and asks all
 * again when one of them tells. A device that tells nobody leaves it asleep.
 */
#include <sys/select.h>
#include <sys/file.h>
#include <sys/filedesc.h>

#include "kern.h"

static void *lock;			/* of all lists of waiters; innermost */
static void *told;
static LIST_HEAD(, selinfo) lists;

void
mock_select_init(void)
{
	lock = rumphost_mutex_new(0);
	told = rumphost_cv_new();
}

void
selinit(struct selinfo *sip)
{
	memset(sip, 0, sizeof(*sip));
	sip->mock_alive = 1;
	rumphost_mutex_enter(lock);
	LIST_INSERT_HEAD(&lists, sip, mock_list);
	rumphost_mutex_exit(lock);
}

void
seldestroy(struct selinfo *sip)
{
	KASSERTMSG(sip->mock_alive, "seldestroy of what is none");
	KASSERTMSG(SLIST_EMPTY(&sip->sel_klist), "seldestroy with knotes");
	rumphost_mutex_enter(lock);
	while (sip->mock_waiter_count > 0)
		sip->mock_waiters[--sip->mock_waiter_count]->mock_selected = 1;
	sip->mock_alive = 0;
	LIST_REMOVE(sip, mock_list);
	rumphost_cv_broadcast(told);
	rumphost_mutex_exit(lock);
}

void
selrecord(struct lwp *l, struct selinfo *sip)
{
	int i;

	KASSERTMSG(sip->mock_alive, "selrecord at what is none");
	KASSERTMSG(l == curlwp, "selrecord of another thread");
	rumphost_mutex_enter(lock);
	for (i = 0; i < sip->mock_waiter_count && sip->mock_waiters[i] != l; i++)
		continue;
	KASSERT(i < (int)__arraycount(sip->mock_waiters));
	if (i == sip->mock_waiter_count)
		sip->mock_waiters[sip->mock_waiter_count++] = l;
	rumphost_mutex_exit(lock);
}

void
selnotify(struct selinfo *sip, int events __unused, long hint)
{
	KASSERTMSG(sip->mock_alive, "selnotify at what is none");
	rumphost_mutex_enter(lock);
	while (sip->mock_waiter_count > 0)
		sip->mock_waiters[--sip->mock_waiter_count]->mock_selected = 1;
	rumphost_cv_broadcast(told);
	rumphost_mutex_exit(lock);
	knote(&sip->sel_klist, hint);
}

/* The thread waits nowhere any more: it may end, and its lwp with it. */
static void
forget(struct lwp *l)
{
	struct selinfo *sip;
	int i;

	rumphost_mutex_enter(lock);
	LIST_FOREACH(sip, &lists, mock_list) {
		for (i = 0; i < sip->mock_waiter_count; i++) {
			if (sip->mock_waiters[i] == l)
				sip->mock_waiters[i--] = sip->mock_waiters[--sip->mock_waiter_count];
		}
	}
	rumphost_mutex_exit(lock);
}

static int
ask(struct pollfd *fds, unsigned n)
{
	struct file *fp;
	unsigned i;
	int count = 0;

	for (i = 0; i < n; i++) {
		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue;
		fp = fd_getfile((unsigned)fds[i].fd);
		if (fp == NULL) {
			fds[i].revents = POLLNVAL;
		} else {
			fds[i].revents = (short)(fp->f_ops->fo_poll(fp, fds[i].events | POLLERR | POLLHUP) &
			    (fds[i].events | POLLERR | POLLHUP));
			fd_putfile((unsigned)fds[i].fd);
		}
		count += fds[i].revents != 0;
	}
	return count;
}

/* Sleeps until a device tells, the process is killed (EINTR) or the time is over (EWOULDBLOCK). */
static int
sleep(struct lwp *l, unsigned long until)
{
	int error = 0;

	rumphost_mutex_enter(lock);
	while (!l->mock_selected && error == 0) {
		if (__atomic_load_n(&l->l_proc->mock_killed, __ATOMIC_SEQ_CST))
			error = EINTR;
		else if (rumphost_clock() >= until)
			error = EWOULDBLOCK;
		else
			(void)rumphost_cv_timedwait(told, lock, 10000000UL);
	}
	rumphost_mutex_exit(lock);
	return error;
}

int
mock_poll(struct pollfd *fds, unsigned n, int milliseconds, int *count)
{
	unsigned long until = milliseconds < 0 ? ~0UL : rumphost_clock() + (unsigned long)milliseconds * 1000000UL;
	struct lwp *l = curlwp;
	int error = 0;

	for (;;) {
		l->mock_selected = 0;
		*count = ask(fds, n);
		if (*count != 0 || milliseconds == 0)
			break;
		error = sleep(l, until);
		if (error != 0)
			break;
	}
	forget(l);
	return error == EWOULDBLOCK ? 0 : error;
}
