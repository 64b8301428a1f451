/* The cables of the stand-in kernel, whose clock stands until it is moved. */
#include <stdio.h>

#include "driver.h"
#include "mock.h"
#include "wires.h"

#define SECOND 1000000000ul
/* A callout may be as late as the kernel's tick is long. */
#define SOON 20000000ul

const uint32_t wires_abilities = DRIVER_TIME | DRIVER_BULK | DRIVER_PACE;
const uint32_t wires_channels = 0;

static uint64_t told;			/* the test's time, as far as the kernel has followed */
static struct rumpmock_balance before;
static int has_balance;

static const char *
port_name(uint32_t number)
{
	static char name[16];

	snprintf(name, sizeof(name), "shm%u", (unsigned)number);
	return name;
}

void
wires_prepare(uint64_t now)
{

	told = now;
	rumpmock_virtual_clock();
}

void
wires_time(uint64_t now)
{

	if (!has_balance) {
		rumpmock_balance(&before);
		has_balance = 1;
	}
	if (now > told)
		rumpmock_advance((unsigned long)(now - told));
	told = now > told ? now : told;
}

int
wires_go_on(void)
{
	unsigned long next = rumpmock_next_callout(), now = rumpmock_uptime();

	if (next == ~0ul || next > now + SOON)
		return 0;
	rumpmock_advance(next > now ? next - now : 0);
	return 1;
}

int
wires_create(uint32_t number, char *name)
{

	snprintf(name, 16, "%s", port_name(number));
	return rumpmock_port_create(name) == 0 ? 0 : -1;
}

int
wires_destroy(uint32_t number)
{

	return rumpmock_port_destroy(port_name(number)) == 0 ? 0 : -1;
}

int
wires_link(uint32_t number, int is_up)
{

	/* LINK_STATE_UP and LINK_STATE_DOWN; the switch looks once a second. */
	if (rumpmock_port_link(port_name(number), is_up ? 2 : 1) != 0)
		return -1;
	rumpmock_advance(SECOND + SOON);
	return 0;
}

int
wires_receive(uint32_t number, const uint8_t *frame, size_t len)
{
	/* Chains as drivers make them: a header mbuf, then what is left. */
	static const unsigned cuts[] = { 14, 20, 3, 0 };
	int is_cut = len > 40 && len % 2 != 0;

	return rumpmock_port_receive(port_name(number), frame, len, is_cut ? cuts : NULL, 0) == 0 ? 0 : -1;
}

long
wires_sent(uint32_t number, uint8_t *into, size_t len)
{

	return rumpmock_port_sent(port_name(number), into, len);
}

void
wires_close(void)
{
}

int
wires_end(void)
{
	unsigned char byte;

	while (rumpmock_stack_received("switch0", &byte, 1) >= 0)
		continue;
	rumpmock_shutdown();
	return rumpmock_balanced(&before) ? 0 : -1;
}
