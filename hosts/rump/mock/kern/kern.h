/*
 * What the stand-in kernel's own files know of each other. The component under test includes none of this.
 */
#ifndef MOCK_KERN_H
#define MOCK_KERN_H

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/file.h>
#include <sys/event.h>
#include <sys/poll.h>
#include <sys/time.h>
#include <net/if.h>
#include <net/pfil.h>

#include "host.h"
#include "mock.h"

/* Frames on their way to a test. */
struct mock_frames {
	struct mbuf *first;
	struct mbuf **last;
};

/* lock.c: threads and what they may do */
void mock_lock_init(void);
void mock_assert_no_mutex(const char *what);
void mock_assert_no_soft(const char *what);	/* none that a softint may want */
int mock_biglock_drop(void);			/* all of it; the depth, to be taken again */
void mock_biglock_take(int depth);
void mock_softint(void (*func)(void *), void *arg);	/* calls it as a softint of its own */

/* callout.c */
void mock_callout_init(void);
void mock_callout_shutdown(void);
uint64_t mock_uptime(void);			/* nanoseconds */

/* fault.c: what fails on purpose */
bool mock_fails(enum rumpmock_fault kind);

/* what is there and was not given back */
void mock_kmem_balance(long *blocks, long *bytes);
void mock_lock_balance(long *mutexes, long *condvars);
void mock_mbuf_balance(long *mbufs, long *clusters);
void mock_callout_balance(long *callouts);
void mock_file_balance(long *files);
void mock_kqueue_balance(long *knotes);

/* ifnet.c */
int mock_ifioctl(u_long request, void *data);
void mock_ifnet_init(void);
void mock_pfil_init(void);
void mock_if_flag_up(struct ifnet *, bool);
void mock_if_link(struct ifnet *, int);
pfil_head_t *mock_pfil_new(void);
void mock_pfil_free(pfil_head_t *head);
bool mock_pfil_empty(const pfil_head_t *head);

/* frames.c, pair.c */
void mock_frames_init(void);
void mock_frames_add(struct mock_frames *frames, struct mbuf *m);
long mock_frames_take(struct mock_frames *frames, void *into, unsigned long len);
void mock_pair_init(void);

/* devsw.c */
int mock_dev_open(const char *path, int flags, int *fd);

/* file.c */
void mock_file_init(void);
int mock_file_open(const struct fileops *ops, int flag, u_int type, void *data, int *fd);
int mock_file_close(unsigned fd);
void mock_files_close(struct proc *p);

/* select.c, kqueue.c */
void mock_select_init(void);
int mock_poll(struct pollfd *fds, unsigned n, int milliseconds, int *count);
void mock_kqueue_init(void);
void mock_knote_fdclose(struct file *fp, unsigned fd);
int mock_kqueue(int *fd);
int mock_kevent(unsigned kq, const struct kevent *changes, size_t n_changes, struct kevent *events,
    size_t n_events, const struct timespec *timeout, int *count);

#endif
