/*
 * Checks, time, and the ways to wait for a descriptor of the rump kernel.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/select.h>
#include <sys/types.h>
#include <rump/rump_syscalls.h>

#include "client.h"

void
check(bool good, const char *what, const char *file, int line)
{

	if (good)
		return;
	printf("FAILED %s:%d: %s (errno %d)\n", file, line, what, errno);
	fflush(stdout);
	_Exit(1);
}

void
check_is(long value, long expected, const char *what, const char *file, int line)
{

	if (value == expected)
		return;
	printf("FAILED %s:%d: %s is %ld, not %ld\n", file, line, what, value, expected);
	fflush(stdout);
	_Exit(1);
}

int
failed_with(long result)
{

	return result >= 0 ? 0 : errno;
}

double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void
pause_ms(int ms)
{
	struct timespec wait = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&wait, NULL);
}

int
wait_poll(int fd, int ms)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	return rump_sys_poll(&one, 1, ms) == 1 ? one.revents : 0;
}

int
wait_select(int fd, int ms)
{
	struct timeval limit = { ms / 1000, ms % 1000 * 1000 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return rump_sys_select(fd + 1, &set, NULL, NULL, &limit) == 1 && FD_ISSET(fd, &set);
}

int
kevent_add(int fd, uint32_t filter)
{
	struct rumpswitch_nb_kevent change = { .ident = (uintptr_t)fd, .filter = filter,
	    .flags = RUMPSWITCH_NB_EV_ADD };
	int queue = rump_sys_kqueue();

	CHECK(queue >= 0);
	CHECK_IS(failed_with(rump_sys_kevent(queue, (void *)&change, 1, NULL, 0, NULL)), 0);
	return queue;
}

int
wait_kevent(int queue, int ms, struct rumpswitch_nb_kevent *event)
{
	struct timespec limit = { ms / 1000, ms % 1000 * 1000000L };
	int count = rump_sys_kevent(queue, NULL, 0, (void *)event, 1, &limit);

	CHECK(count >= 0);
	return count;
}
