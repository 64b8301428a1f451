/*
 * Checks, and the bench that most cases stand on: a kernel with switch0 and some ports.
 */
#include <errno.h>

#include "suite.h"

void
check(int holds, const char *what, const char *file, int line)
{
	if (holds)
		return;
	fprintf(stderr, "        %s:%d: not so: %s (errno %d)\n", file, line, what, errno);
	_Exit(1);
}

void
check_equal(long a, long b, const char *what, const char *file, int line)
{
	if (a == b)
		return;
	fprintf(stderr, "        %s:%d: %s: %ld and %ld (errno %d)\n", file, line, what, a, b, errno);
	_Exit(1);
}

void
check_fails(long result, int number, const char *what, const char *file, int line)
{
	if (result == -1 && errno == number)
		return;
	fprintf(stderr, "        %s:%d: %s gave %ld, errno %d; not errno %d\n", file, line, what, result, errno,
	    number);
	_Exit(1);
}

int
interface_request(struct bench *b, unsigned long request, const char *name, short flags)
{
	struct nb_ifreq r;

	memset(&r, 0, sizeof(r));
	snprintf(r.name, sizeof(r.name), "%s", name);
	r.u.flags = flags;
	return rump_sys_ioctl(b->socket, request, &r);
}

int
port_request(struct bench *b, unsigned long request, const char *port, struct rumpswitch_ifbreq *r)
{
	struct rumpswitch_ifbreq own;

	if (r == NULL) {
		r = &own;
		memset(r, 0, sizeof(*r));
	}
	snprintf(r->ifbr_name, sizeof(r->ifbr_name), "switch0");
	snprintf(r->ifbr_ifsname, sizeof(r->ifbr_ifsname), "%s", port);
	return rump_sys_ioctl(b->socket, request, r);
}

void
bench_start(struct bench *b, int ports)
{
	char name[16];
	int i;

	rumpmock_virtual_clock();
	CHECK_EQ(rump_init(), 0);
	rumpmock_balance(&b->before);
	b->ports = ports;
	b->socket = rump_sys_socket(2, 2, 0);
	CHECK(b->socket >= 0);
	CHECK_EQ(interface_request(b, NB_SIOCIFCREATE, "switch0", 0), 0);
	CHECK_EQ(interface_request(b, NB_SIOCSIFFLAGS, "switch0", 1), 0);
	for (i = 0; i < ports; i++) {
		snprintf(name, sizeof(name), "shm%d", i);
		CHECK_EQ(rumpmock_port_create(name), 0);
		CHECK_EQ(port_request(b, SIOCBRDGADD, name, NULL), 0);
		b->port[i] = (uint32_t)rumpmock_port_index(name);
	}
}

void
bench_end(struct bench *b)
{
	uint8_t byte;
	char name[16];
	int i;

	CHECK_EQ(interface_request(b, NB_SIOCIFDESTROY, "switch0", 0), 0);
	for (i = 0; i < b->ports; i++) {
		snprintf(name, sizeof(name), "shm%d", i);
		if (rumpmock_port_index(name) < 0)
			continue;
		CHECK_EQ(rumpmock_promiscuous(name), 0);
		CHECK(rumpmock_untouched(name));
		CHECK_EQ(rumpmock_port_destroy(name), 0);
	}
	CHECK_EQ(rump_sys_close(b->socket), 0);
	while (rumpmock_stack_received("switch0", &byte, 1) >= 0)
		continue;
	rumpmock_shutdown();
	CHECK(rumpmock_balanced(&b->before));
}

void
make_frame(uint8_t *frame, size_t len, unsigned number)
{
	static const uint8_t head[14] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };
	size_t i;

	for (i = 0; i < len; i++)
		frame[i] = (uint8_t)(i * 7 + number * 13 + (i >> 8) + (number >> 8));
	memcpy(frame, head, sizeof(head) < len ? sizeof(head) : len);
}

void
expect_frame(const char *port, const void *frame, size_t len)
{
	static uint8_t sent[65536];

	CHECK_EQ(rumpmock_port_sent(port, sent, sizeof(sent)), len);
	CHECK(memcmp(sent, frame, len) == 0);
}

void
expect_no_frame(const char *port)
{
	uint8_t byte;

	CHECK_EQ(rumpmock_port_sent(port, &byte, 1), -1);
}
