/*
 * kqueue(2): a knote stands in its driver's list (by its kqfilter) and in its queue's; the driver's knote()
 * asks its event routine and marks it active; kevent asks it once more before it is told.
 *
 * Two locks: list_lock over registering, telling and closing, outside of any driver's; active_lock over
 * what is active, inside of all.
 */
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "kern.h"

struct mock_kqueue {
	struct knote *knotes;
};

static void *list_lock;
static void *active_lock;
static void *activated;
static struct knote *all;		/* of every queue, by mock_next */
static long count;

void
mock_kqueue_init(void)
{
	list_lock = rumphost_mutex_new(0);
	active_lock = rumphost_mutex_new(0);
	activated = rumphost_cv_new();
}

void
mock_kqueue_balance(long *n)
{
	*n = count;
}

int
filt_seltrue(struct knote *kn, long hint __unused)
{
	kn->kn_data = 0;
	return 1;
}

static void
mark(struct knote *kn, int active)
{
	rumphost_mutex_enter(active_lock);
	kn->mock_active = active;
	if (active)
		rumphost_cv_broadcast(activated);
	rumphost_mutex_exit(active_lock);
}

void
knote(struct klist *list, long hint)
{
	struct knote *kn;

	SLIST_FOREACH(kn, list, kn_selnext) {
		if (kn->kn_fop->f_event(kn, hint) != 0)
			mark(kn, 1);
	}
}

/* ---- registering; list_lock held ---- */

static void
drop(struct knote *kn)
{
	struct knote **at;

	kn->kn_fop->f_detach(kn);
	for (at = &all; *at != kn; at = &(*at)->mock_next)
		continue;
	*at = kn->mock_next;
	rumphost_free(kn);
	count--;
}

static struct knote *
find(struct mock_kqueue *kq, const struct kevent *change)
{
	struct knote *kn;

	for (kn = all; kn != NULL; kn = kn->mock_next) {
		if (kn->mock_kq == kq && kn->kn_id == change->ident && kn->kn_filter == change->filter)
			break;
	}
	return kn;
}

static int
add(struct mock_kqueue *kq, const struct kevent *change, struct knote **result)
{
	struct file *fp = fd_getfile((unsigned)change->ident);
	struct knote *kn;
	int error;

	if (fp == NULL)
		return EBADF;
	kn = rumphost_alloc(sizeof(*kn));
	memset(kn, 0, sizeof(*kn));
	kn->kn_kevent = *change;
	kn->kn_obj = fp;
	kn->mock_kq = kq;
	error = fp->f_ops->fo_kqfilter(fp, kn);
	fd_putfile((unsigned)change->ident);
	if (error != 0) {
		rumphost_free(kn);
		return error;
	}
	kn->mock_next = all;
	all = kn;
	count++;
	*result = kn;
	return 0;
}

static int
change_one(struct mock_kqueue *kq, const struct kevent *change)
{
	struct knote *kn = find(kq, change);
	int error = 0;

	if (kn == NULL) {
		if ((change->flags & EV_ADD) == 0)
			return ENOENT;
		error = add(kq, change, &kn);
		if (error != 0)
			return error;
	} else if (change->flags & EV_DELETE) {
		drop(kn);
		return 0;
	}
	kn->kn_kevent.udata = change->udata;
	kn->kn_flags = (kn->kn_flags & EV_EOF) | (change->flags & (EV_ONESHOT | EV_CLEAR));
	if (change->flags & EV_DISABLE)
		kn->mock_disabled = 1;
	if (change->flags & (EV_ENABLE | EV_ADD) && !(change->flags & EV_DISABLE))
		kn->mock_disabled = 0;
	if (kn->kn_fop->f_event(kn, 0) != 0)
		mark(kn, 1);
	return 0;
}

/* ---- telling ---- */

static size_t
collect(struct mock_kqueue *kq, struct kevent *events, size_t room)
{
	struct knote *kn, *next;
	size_t n = 0;

	for (kn = all; kn != NULL && n < room; kn = next) {
		next = kn->mock_next;
		if (kn->mock_kq != kq || kn->mock_disabled || !kn->mock_active)
			continue;
		mark(kn, 0);
		if (kn->kn_fop->f_event(kn, 0) == 0)
			continue;
		events[n++] = kn->kn_kevent;
		if (kn->kn_flags & EV_ONESHOT)
			drop(kn);
		else if ((kn->kn_flags & EV_CLEAR) == 0)
			mark(kn, 1);
	}
	return n;
}

static bool
any_active(struct mock_kqueue *kq)
{
	struct knote *kn;

	for (kn = all; kn != NULL; kn = kn->mock_next) {
		if (kn->mock_kq == kq && kn->mock_active && !kn->mock_disabled)
			return true;
	}
	return false;
}

static int
sleep_for(struct mock_kqueue *kq, unsigned long until)
{
	bool active;

	for (;;) {
		rumphost_mutex_enter(list_lock);
		rumphost_mutex_enter(active_lock);
		active = any_active(kq);
		rumphost_mutex_exit(list_lock);
		if (!active)
			(void)rumphost_cv_timedwait(activated, active_lock, 10000000UL);
		rumphost_mutex_exit(active_lock);
		if (active)
			return 0;
		if (__atomic_load_n(&curproc->mock_killed, __ATOMIC_SEQ_CST))
			return EINTR;
		if (rumphost_clock() >= until)
			return EWOULDBLOCK;
	}
}

static int
collect_or_sleep(struct mock_kqueue *kq, struct kevent *events, size_t room, unsigned long until, int *n)
{
	int error;

	for (;;) {
		rumphost_mutex_enter(list_lock);
		*n = (int)collect(kq, events, room);
		rumphost_mutex_exit(list_lock);
		if (*n != 0 || room == 0)
			return 0;
		error = sleep_for(kq, until);
		if (error != 0)
			return error == EWOULDBLOCK ? 0 : error;
	}
}

int
mock_kevent(unsigned fd, const struct kevent *changes, size_t n_changes, struct kevent *events, size_t room,
    const struct timespec *timeout, int *n)
{
	struct file *fp = fd_getfile(fd);
	unsigned long until = ~0UL;
	size_t i;
	int error = 0;

	*n = 0;
	if (fp == NULL)
		return EBADF;
	if (fp->f_type != DTYPE_KQUEUE) {
		fd_putfile(fd);
		return EBADF;
	}
	if (timeout != NULL)
		until = rumphost_clock() + (unsigned long)timeout->tv_sec * 1000000000UL +
		    (unsigned long)timeout->tv_nsec;
	rumphost_mutex_enter(list_lock);
	for (i = 0; i < n_changes && error == 0; i++)
		error = change_one(fp->f_data, &changes[i]);
	rumphost_mutex_exit(list_lock);
	if (error == 0)
		error = collect_or_sleep(fp->f_data, events, room, until, n);
	fd_putfile(fd);
	return error;
}

/* ---- the queue as a file ---- */

void
mock_knote_fdclose(struct file *fp, unsigned fd)
{
	struct knote *kn, *next;

	rumphost_mutex_enter(list_lock);
	for (kn = all; kn != NULL; kn = next) {
		next = kn->mock_next;
		if (kn->kn_obj == fp && kn->kn_id == fd)
			drop(kn);
	}
	rumphost_mutex_exit(list_lock);
}

static int
kqueue_close(struct file *fp)
{
	struct knote *kn, *next;

	rumphost_mutex_enter(list_lock);
	for (kn = all; kn != NULL; kn = next) {
		next = kn->mock_next;
		if (kn->mock_kq == fp->f_data)
			drop(kn);
	}
	rumphost_mutex_exit(list_lock);
	rumphost_free(fp->f_data);
	return 0;
}

static const struct fileops kqueue_ops = {
	.fo_read = fbadop_read,
	.fo_write = fbadop_write,
	.fo_ioctl = fbadop_ioctl,
	.fo_fcntl = fnullop_fcntl,
	.fo_poll = fnullop_poll,
	.fo_stat = fbadop_stat,
	.fo_close = kqueue_close,
	.fo_kqfilter = fnullop_kqfilter,
	.fo_restart = fnullop_restart,
};

int
mock_kqueue(int *fd)
{
	struct mock_kqueue *kq = rumphost_alloc(sizeof(*kq));
	int error;

	error = mock_file_open(&kqueue_ops, FREAD | FWRITE, DTYPE_KQUEUE, kq, fd);
	if (error != 0)
		rumphost_free(kq);
	return error;
}
