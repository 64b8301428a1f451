/*
 * Processes and threads as the kernel sees them, its start and its end. A thread of the program that calls
 * in without an lwp of its own gets one of the first process for the time of the call, as in a rump kernel.
 */
#include <sys/kauth.h>
#include <sys/mbuf.h>
#include <rump-sys/kern.h>
#include <rump/rump.h>

#include "kern.h"

static void *lock;
static struct proc *all;
static struct proc *first;
static int last_pid;
static int super = 1;
static int version;
static LIST_HEAD(, rump_component) components;

int
kauth_authorize_network(kauth_cred_t cred __unused, enum kauth_network_action action,
    enum kauth_network_req request, void *a __unused, void *b __unused, void *c __unused)
{
	KASSERT(action == KAUTH_NETWORK_INTERFACE && request == KAUTH_REQ_NETWORK_INTERFACE_SETPRIV);
	return super ? 0 : EPERM;
}

void
rumpmock_super(int allowed)
{
	super = allowed;
}

/* ---- threads ---- */

static struct lwp *
lwp_new(struct proc *p)
{
	struct lwp *l = rumphost_alloc(sizeof(*l));

	memset(l, 0, sizeof(*l));
	l->l_proc = p;
	__atomic_add_fetch(&p->mock_lwps, 1, __ATOMIC_SEQ_CST);
	return l;
}

void
rump_schedule(void)
{
	struct lwp *l = rumphost_thread_get();

	if (l == NULL) {
		l = lwp_new(first);
		l->mock_entered = 1;
		rumphost_thread_set(l);
	} else if (l->mock_entered != 0) {
		l->mock_entered++;
	}
}

void
rump_unschedule(void)
{
	struct lwp *l = curlwp;

	if (l->mock_entered == 0 || --l->mock_entered != 0)
		return;
	KASSERTMSG(l->mock_mutexes == 0, "a thread leaves the kernel with a mutex held");
	KASSERTMSG(l->mock_biglocks == 0, "a thread leaves the kernel with the kernel lock");
	KASSERTMSG(l->mock_psrefs == 0, "a thread leaves the kernel with a psref");
	__atomic_sub_fetch(&l->l_proc->mock_lwps, 1, __ATOMIC_SEQ_CST);
	rumphost_thread_set(NULL);
	rumphost_free(l);
}

static struct proc *
proc_new(void)
{
	struct proc *p = rumphost_alloc(sizeof(*p));

	memset(p, 0, sizeof(*p));
	rumphost_mutex_enter(lock);
	p->p_pid = ++last_pid;
	p->mock_next = all;
	all = p;
	rumphost_mutex_exit(lock);
	return p;
}

/* The thread becomes the only one of a new process, and stays it until it is released. */
int
rump_pub_lwproc_rfork(int flags __unused)
{
	rump_pub_lwproc_releaselwp();
	rumphost_thread_set(lwp_new(proc_new()));
	return 0;
}

/* The thread becomes one more of a process. */
int
rump_pub_lwproc_newlwp(int pid)
{
	struct proc *p;

	rumphost_mutex_enter(lock);
	for (p = all; p != NULL && p->p_pid != pid; p = p->mock_next)
		continue;
	rumphost_mutex_exit(lock);
	if (p == NULL)
		return ESRCH;
	rump_pub_lwproc_releaselwp();
	rumphost_thread_set(lwp_new(p));
	return 0;
}

/* The last thread of a process that is not the first takes its descriptors with it. */
void
rump_pub_lwproc_releaselwp(void)
{
	struct lwp *l = rumphost_thread_get();

	if (l == NULL)
		return;
	if (__atomic_sub_fetch(&l->l_proc->mock_lwps, 1, __ATOMIC_SEQ_CST) == 0 && l->l_proc != first)
		mock_files_close(l->l_proc);
	rumphost_thread_set(NULL);
	rumphost_free(l);
}

int
rumpmock_getpid(void)
{
	struct lwp *l = rumphost_thread_get();

	return l != NULL ? l->l_proc->p_pid : first->p_pid;
}

/* Who sleeps interruptibly wakes within 10 ms; the descriptors go with the last thread. */
void
rumpmock_kill(int pid)
{
	struct proc *p;

	rumphost_mutex_enter(lock);
	for (p = all; p != NULL; p = p->mock_next) {
		if (p->p_pid == pid)
			__atomic_store_n(&p->mock_killed, 1, __ATOMIC_SEQ_CST);
	}
	rumphost_mutex_exit(lock);
}

/* ---- components, the start and the end ---- */

void
rump_component_load(const struct rump_component *c)
{
	struct rump_component *own = __UNCONST(c);

	LIST_INSERT_HEAD(&components, own, rc_entries);
}

int
rump_getversion(void)
{
	return version != 0 ? version : __NetBSD_Version__;
}

int
rump_pub_getversion(void)
{
	return rump_getversion();
}

void
rumpmock_version(int v)
{
	version = v;
}

int
rump_init(void)
{
	struct rump_component *c;
	int type;

	lock = rumphost_mutex_new(0);
	mock_lock_init();
	mock_callout_init();
	mock_pfil_init();
	mock_ifnet_init();
	mock_frames_init();
	mock_pair_init();
	mock_file_init();
	mock_select_init();
	mock_kqueue_init();
	first = proc_new();
	for (type = 0; type <= RUMP_COMPONENT_POSTINIT; type++) {
		LIST_FOREACH(c, &components, rc_entries) {
			if ((int)c->rc_type == type)
				c->rc_init();
		}
	}
	rumphost_thread_set(NULL);
	return 0;
}

void
rumpmock_shutdown(void)
{
	struct proc *p, *next;

	rump_schedule();
	for (p = all; p != NULL; p = p->mock_next)
		mock_files_close(p);
	mock_callout_shutdown();
	rump_unschedule();
	for (p = all; p != NULL; p = next) {
		next = p->mock_next;
		if (p != first)
			rumphost_free(p);
	}
	all = first;
	first->mock_next = NULL;
}

void
rumpmock_balance(struct rumpmock_balance *b)
{
	mock_kmem_balance(&b->kmem_blocks, &b->kmem_bytes);
	mock_mbuf_balance(&b->mbufs, &b->clusters);
	mock_file_balance(&b->files);
	mock_kqueue_balance(&b->knotes);
	mock_lock_balance(&b->mutexes, &b->condvars);
	mock_callout_balance(&b->callouts);
}

static int
same(const char *what, long before, long now)
{
	if (now == before)
		return 1;
	printf("mock: %s: %ld were there, %ld are\n", what, before, now);
	return 0;
}

int
rumpmock_balanced(const struct rumpmock_balance *before)
{
	struct rumpmock_balance b;

	rumpmock_balance(&b);
	return same("kmem blocks", before->kmem_blocks, b.kmem_blocks) &
	    same("kmem bytes", before->kmem_bytes, b.kmem_bytes) & same("mbufs", before->mbufs, b.mbufs) &
	    same("clusters", before->clusters, b.clusters) & same("files", before->files, b.files) &
	    same("knotes", before->knotes, b.knotes) & same("mutexes", before->mutexes, b.mutexes) &
	    same("condvars", before->condvars, b.condvars) & same("callouts", before->callouts, b.callouts);
}
