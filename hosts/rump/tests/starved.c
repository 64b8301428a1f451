/*
 * A kernel with little memory (RUMP_MEMLIMIT): flow entries until the switch says that there is no room for
 * more, which is an error message to whoever asked and nothing else.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <rump/rump_syscalls.h>

#include "client.h"
#include "kernel.h"

#define BURST 100u
#define MOST 1000000u

static struct channel control;

/* Adds a burst of entries; whether one of them was refused. */
static bool
burst(uint32_t from)
{
	static uint8_t messages[BURST * 128 + 8];
	const uint8_t *answer;
	size_t len = 0;
	uint32_t i;

	for (i = 0; i < BURST; i++)
		len += message_flow(messages + len, i, from + i, PORT_CONTROLLER, 0);
	len += message_header(messages + len, T_BARRIER_REQUEST, 8, 7);
	channel_send(&control, messages, len);
	for (;;) {
		answer = channel_next(&control, -1, 20000);
		CHECK(answer != NULL);
		if (answer[1] == T_BARRIER_REPLY)
			return false;
		if (answer[1] != T_ERROR)
			continue;
		CHECK_IS(get16(answer + 8), 5);		/* FLOW_MOD_FAILED */
		CHECK_IS(get16(answer + 10), 1);	/* TABLE_FULL */
		channel_barrier(&control);
		return true;
	}
}

int
main(void)
{
	uint8_t message[128];
	uint32_t count, again;

	setvbuf(stdout, NULL, _IONBF, 0);
	kernel_join();
	netif_init();
	channel_open(&control, "/dev/switch0");
	/* a blocking channel, so that a long write is one */
	CHECK_IS(failed_with(rump_sys_fcntl(control.fd, 4, 0)), 0);
	for (count = 0; count < MOST && !burst(1 + count); count += BURST)
		;
	printf("   refused after %u entries\n", count);
	CHECK(count < MOST);
	channel_send(&control, message, message_echo(message, 3, "still here", 10));
	CHECK(channel_next(&control, T_ECHO_REPLY, 5000) != NULL);
	channel_send(&control, message, message_delete_all(message, 4));
	channel_barrier(&control);
	for (again = 0; again < count / 2; again += BURST)
		CHECK(!burst(1 + again));
	return 0;
}
