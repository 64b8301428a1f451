/* Stand-in for <sys/callout.h>. A callout runs in a softint: it must not sleep. */
#ifndef MOCK_SYS_CALLOUT_H
#define MOCK_SYS_CALLOUT_H

#include <sys/types.h>

#define CALLOUT_MPSAFE 0x100

typedef struct callout {
	struct callout *mock_next;	/* all that were made */
	void (*mock_func)(void *);
	void *mock_arg;
	uint64_t mock_due;		/* nanoseconds of uptime */
	int mock_pending;
	int mock_running;
} callout_t;

void callout_init(callout_t *, u_int);
void callout_destroy(callout_t *);
void callout_setfunc(callout_t *, void (*)(void *), void *);
void callout_reset(callout_t *, int, void (*)(void *), void *);
void callout_schedule(callout_t *, int);	/* ticks */
bool callout_stop(callout_t *);
bool callout_halt(callout_t *, void *);		/* waits; gives up the mutex meanwhile */
bool callout_pending(callout_t *);

#endif
