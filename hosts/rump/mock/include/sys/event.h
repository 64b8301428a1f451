/* Stand-in for <sys/event.h>: kevents as NetBSD lays them out, and the knotes behind them. */
#ifndef MOCK_SYS_EVENT_H
#define MOCK_SYS_EVENT_H

#include <sys/types.h>
#include <sys/queue.h>

#define EVFILT_READ 0U
#define EVFILT_WRITE 1U
#define EVFILT_TIMER 6U
#define EV_ADD 0x0001U
#define EV_DELETE 0x0002U
#define EV_ENABLE 0x0004U
#define EV_DISABLE 0x0008U
#define EV_ONESHOT 0x0010U
#define EV_CLEAR 0x0020U
#define EV_EOF 0x8000U
#define EV_ERROR 0x4000U
#define NOTE_SUBMIT 0x01000000U

struct kevent {
	uintptr_t ident;
	uint32_t filter;
	uint32_t flags;
	uint32_t fflags;
	int64_t data;
	intptr_t udata;
};

struct filterops {
	int f_isfd;
	int (*f_attach)(struct knote *);
	void (*f_detach)(struct knote *);
	int (*f_event)(struct knote *, long);
};

SLIST_HEAD(klist, knote);

struct knote {
	SLIST_ENTRY(knote) kn_selnext;		/* its driver's, of a klist */
	struct kevent kn_kevent;
	void *kn_obj;				/* the struct file */
	const struct filterops *kn_fop;
	void *kn_hook;
	/* This kernel's own. */
	struct mock_kqueue *mock_kq;
	struct knote *mock_next;
	struct knote *mock_next_active;
	int mock_active;
	int mock_disabled;
};
#define kn_id kn_kevent.ident
#define kn_filter kn_kevent.filter
#define kn_flags kn_kevent.flags
#define kn_fflags kn_kevent.fflags
#define kn_data kn_kevent.data

void knote(struct klist *, long);
#define KNOTE(list, hint) knote(list, hint)
int filt_seltrue(struct knote *, long);

#endif
