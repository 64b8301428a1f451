/* Stand-in for <sys/proc.h>. */
#ifndef MOCK_SYS_PROC_H
#define MOCK_SYS_PROC_H

#include <sys/lwp.h>

#define MOCK_FDS 64

struct proc {
	pid_t p_pid;
	int mock_killed;
	int mock_lwps;			/* how many */
	void *mock_fds[MOCK_FDS];	/* file.c */
	struct proc *mock_next;
};
struct kmutex;
int kpause(const char *, bool, int, struct kmutex *);
#define curproc (curlwp->l_proc)

#endif
