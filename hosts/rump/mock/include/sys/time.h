/* Stand-in for <sys/time.h>: the monotonic clock, real or moved by a test. */
#ifndef MOCK_SYS_TIME_H
#define MOCK_SYS_TIME_H

#include <sys/types.h>

struct timespec {
	time_t tv_sec;
	long tv_nsec;
};
struct timeval {
	time_t tv_sec;
	int tv_usec;
};

void nanouptime(struct timespec *);
void getnanouptime(struct timespec *);

#endif
