/*
 * A kernel with little memory (RUMP_MEMLIMIT): flow entries until the switch says that there is no room for
 * more, which is an error message to whoever asked. A switch that has not even memory for more answers takes no
 * more messages until those that it has are read, so the channel is written as one writes to a slow peer: what
 * it takes, then its answers are read. Another channel takes the entries out again, and all is as before.
 */
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <rump/rump_syscalls.h>

#include "client.h"
#include "kernel.h"

#define BURST 100u
#define MOST 1000000u

static struct channel asking, other;

/* Notes an answer; whether it ends the burst. */
static bool
answered(const uint8_t *answer, bool *refused)
{
	if (answer == NULL) {
		printf("   the channel ended\n");
		*refused = true;
		return true;
	}
	if (answer[1] == T_ERROR) {
		CHECK_IS(get16(answer + 8), 5);		/* FLOW_MOD_FAILED */
		CHECK_IS(get16(answer + 10), 1);	/* TABLE_FULL */
		*refused = true;
	}
	return answer[1] == T_BARRIER_REPLY;
}

/* Adds a burst of entries; whether one of them was refused, or the channel ended. */
static bool
burst(struct channel *channel, uint32_t from)
{
	static uint8_t messages[BURST * 128 + 8];
	bool refused = false;
	size_t at = 0, len = 0;
	ssize_t taken;
	uint32_t i;

	for (i = 0; i < BURST; i++)
		len += message_flow(messages + len, i, from + i, PORT_CONTROLLER, 0);
	len += message_header(messages + len, T_BARRIER_REQUEST, 8, 7);
	while (at < len) {
		taken = rump_sys_write(channel->fd, messages + at, len - at);
		if (taken > 0)
			at += (size_t)taken;
		else if (taken == 0 || failed_with(taken) != NB_EAGAIN || answered(channel_next(channel, -1, 20000), &refused))
			return true;
	}
	while (!answered(channel_next(channel, -1, 20000), &refused))
		;
	return refused;
}

int
main(void)
{
	uint8_t message[128];
	uint32_t count, again;

	setvbuf(stdout, NULL, _IONBF, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	kernel_join();
	netif_init();
	channel_open(&other, "/dev/switch0");
	channel_open(&asking, "/dev/switch0");
	for (count = 0; count < MOST && !burst(&asking, 1 + count); count += BURST)
		;
	printf("   refused after %u entries\n", count);
	CHECK(count < MOST);
	CHECK_IS(rump_sys_close(asking.fd), 0);
	channel_send(&other, message, message_delete_all(message, 4));
	channel_barrier(&other);
	channel_send(&other, message, message_echo(message, 3, "still here", 10));
	CHECK(channel_next(&other, T_ECHO_REPLY, 5000) != NULL);
	channel_open(&asking, "/dev/switch0");
	for (again = 0; again < count / 2; again += BURST)
		CHECK(!burst(&asking, 1 + again));
	return 0;
}
