/* Stand-in for <sys/lwp.h>: a thread as the kernel sees it. */
#ifndef MOCK_SYS_LWP_H
#define MOCK_SYS_LWP_H

#include <sys/types.h>

struct lwp {
	struct proc *l_proc;
	int l_dupfd;			/* what a cloning open has moved to */
	kauth_cred_t l_cred;
	/* The rest is this kernel's own. */
	int mock_bound;			/* stays on its processor */
	int mock_softint;
	int mock_mutexes;		/* held */
	int mock_softs;			/* of which a softint may want */
	int mock_spins;			/* of which spin */
	int mock_biglocks;		/* depth of the kernel lock */
	int mock_psrefs;
	int mock_entered;		/* depth of rump_schedule of a thread without its own lwp */
	int mock_selected;		/* a device that it polls has woken it */
	struct lwp *mock_next;
	void *mock_thread;
	void (*mock_func)(void *);
	void *mock_arg;
};

struct lwp *mock_curlwp(void);
#define curlwp mock_curlwp()

int curlwp_bind(void);
void curlwp_bindx(int);

#endif
