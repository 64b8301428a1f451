/* Stand-in for <sys/selinfo.h>. */
#ifndef MOCK_SYS_SELINFO_H
#define MOCK_SYS_SELINFO_H

#include <sys/event.h>

struct selinfo {
	struct klist sel_klist;
	struct lwp *mock_waiters[16];	/* who is polling */
	int mock_waiter_count;
	int mock_alive;
	LIST_ENTRY(selinfo) mock_list;
};

#endif
