/*
 * Who waits for what: poll, select, kqueue and sleeping readers of an open. This file depends on the
 * NetBSD release (written for 7.99.34): filterops and the list of knotes have changed since.
 *
 * The core tells a rise of readiness by a hypercall, in which it must not be asked anything; the rise is
 * noted there and told when the caller leaves the core (lock.c), under the lock. The event routine of a
 * knote is called with the lock held then (NOTE_SUBMIT) and without it by kevent.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/event.h>
#include <sys/file.h>
#include <sys/poll.h>
#include <sys/proc.h>
#include <sys/select.h>

#include "rumpsw.h"

void
rumpsw_events_wake(void *host, uint64_t channel, uint32_t ready)
{
	struct rumpsw *sc = host;
	struct rumpsw_open *o;

	LIST_FOREACH(o, &sc->sc_opens, o_list) {
		if (o->o_channel != channel)
			continue;
		o->o_rose |= ready;
		sc->sc_rose = true;
		return;
	}
}

void
rumpsw_events_tell(struct rumpsw *sc)
{
	struct rumpsw_open *o;
	uint32_t rose;
	int events;

	sc->sc_rose = false;
	LIST_FOREACH(o, &sc->sc_opens, o_list) {
		rose = o->o_rose;
		if (rose == 0)
			continue;
		o->o_rose = 0;
		events = 0;
		if ((rose & RUMPSWITCH_READABLE) != 0)
			events |= POLLIN | POLLRDNORM;
		if ((rose & RUMPSWITCH_WRITABLE) != 0)
			events |= POLLOUT | POLLWRNORM;
		if ((rose & RUMPSWITCH_HANGUP) != 0)
			events |= POLLHUP;
		cv_broadcast(&o->o_cv);
		selnotify(&o->o_select, events, NOTE_SUBMIT);
	}
}

/* RUMPSWITCH_READABLE..., and how many bytes can be read, those of an interrupted read included. */
uint32_t
rumpsw_events_ready(struct rumpsw_open *o, uint32_t *pending)
{
	struct rumpswitch *core = o->o_switch->sc_core;
	uint32_t ready = 0, bytes = 0, kept = 0;

	(void)rumpswitch_poll(core, o->o_channel, &ready);
	if (!o->o_reading)
		kept = (uint32_t)(o->o_in_len - o->o_in_at);
	if (kept != 0)
		ready = (ready | RUMPSWITCH_READABLE) & ~RUMPSWITCH_HANGUP;
	if (pending != NULL) {
		(void)rumpswitch_ioctl(core, o->o_channel, rumpsw_now(), RUMPSWITCH_GET_PENDING,
		    &bytes, sizeof(bytes));
		*pending = bytes + kept;
	}
	return ready;
}

int
rumpsw_events_poll(struct file *fp, int events)
{
	struct rumpsw_open *o = fp->f_data;
	uint32_t ready;
	int revents = 0;

	rumpsw_enter(o->o_switch);
	ready = rumpsw_events_ready(o, NULL);
	if ((ready & (RUMPSWITCH_READABLE | RUMPSWITCH_HANGUP)) != 0)
		revents |= events & (POLLIN | POLLRDNORM);
	if ((ready & RUMPSWITCH_WRITABLE) != 0)
		revents |= events & (POLLOUT | POLLWRNORM);
	if ((ready & RUMPSWITCH_HANGUP) != 0)
		revents |= POLLHUP;
	if (revents == 0)
		selrecord(curlwp, &o->o_select);
	rumpsw_leave(o->o_switch);
	return revents;
}

static void
rumpsw_knote_detach(struct knote *kn)
{
	struct rumpsw_open *o = kn->kn_hook;

	rumpsw_enter(o->o_switch);
	SLIST_REMOVE(&o->o_select.sel_klist, kn, knote, kn_selnext);
	rumpsw_leave(o->o_switch);
}

static int
rumpsw_knote_read(struct knote *kn, long hint)
{
	struct rumpsw_open *o = kn->kn_hook;
	uint32_t ready, pending;

	if (hint != NOTE_SUBMIT)
		rumpsw_enter(o->o_switch);
	ready = rumpsw_events_ready(o, &pending);
	if (hint != NOTE_SUBMIT)
		rumpsw_leave(o->o_switch);
	kn->kn_data = pending;
	if ((ready & RUMPSWITCH_HANGUP) != 0)
		kn->kn_flags |= EV_EOF;
	return (ready & (RUMPSWITCH_READABLE | RUMPSWITCH_HANGUP)) != 0;
}

static int
rumpsw_knote_write(struct knote *kn, long hint)
{
	struct rumpsw_open *o = kn->kn_hook;
	uint32_t ready;

	if (hint != NOTE_SUBMIT)
		rumpsw_enter(o->o_switch);
	ready = rumpsw_events_ready(o, NULL);
	if (hint != NOTE_SUBMIT)
		rumpsw_leave(o->o_switch);
	kn->kn_data = 0;
	if ((ready & RUMPSWITCH_HANGUP) != 0)
		kn->kn_flags |= EV_EOF;
	return (ready & (RUMPSWITCH_WRITABLE | RUMPSWITCH_HANGUP)) != 0;
}

static const struct filterops rumpsw_read_filter = {
	.f_isfd = 1,
	.f_detach = rumpsw_knote_detach,
	.f_event = rumpsw_knote_read,
};

static const struct filterops rumpsw_write_filter = {
	.f_isfd = 1,
	.f_detach = rumpsw_knote_detach,
	.f_event = rumpsw_knote_write,
};

int
rumpsw_events_kqfilter(struct file *fp, struct knote *kn)
{
	struct rumpsw_open *o = fp->f_data;

	switch (kn->kn_filter) {
	case EVFILT_READ:
		kn->kn_fop = &rumpsw_read_filter;
		break;
	case EVFILT_WRITE:
		kn->kn_fop = &rumpsw_write_filter;
		break;
	default:
		return EINVAL;
	}
	kn->kn_hook = o;
	rumpsw_enter(o->o_switch);
	SLIST_INSERT_HEAD(&o->o_select.sel_klist, kn, kn_selnext);
	rumpsw_leave(o->o_switch);
	return 0;
}
