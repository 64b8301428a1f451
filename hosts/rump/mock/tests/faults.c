/*
 * Memory that is not there: the n-th allocation fails, for each n up to the last. Whatever is answered then,
 * nothing is lost or left, and the next try with memory succeeds.
 */
#include <errno.h>

#include "suite.h"

/* Some of what a controller, the wire and the stack drive; an error is as good as success. */
static void
round_of_life(int fd, unsigned number)
{
	static struct buffer m;
	uint8_t frame[700];
	unsigned cuts[2] = { 30, 0 };

	make_frame(frame, sizeof(frame), number);
	message_begin(&m, OF_ECHO, number);
	put64(&m, number);
	message_end(&m);
	(void)rump_sys_write(fd, m.bytes, m.len);
	CHECK_EQ(rumpmock_port_receive("shm0", frame, sizeof(frame), cuts, RUMPMOCK_SHARED), 0);
	(void)rumpmock_stack_send("switch0", frame, 200);
}

static void
drain(int fd)
{
	static uint8_t got[65536];

	CHECK_EQ(rump_sys_fcntl(fd, NB_F_SETFL, 2L | RUMPSWITCH_NB_O_NONBLOCK), 0);
	while (rump_sys_read(fd, got, sizeof(got)) > 0)
		continue;
	CHECK_EQ(errno, NB_EAGAIN);
	CHECK_EQ(rump_sys_fcntl(fd, NB_F_SETFL, 2L), 0);
	while (rumpmock_port_sent("shm0", got, sizeof(got)) >= 0 || rumpmock_port_sent("shm1", got, sizeof(got)) >= 0)
		continue;
}

static void
frames_survive(enum rumpmock_fault kind)
{
	struct bench b;
	uint32_t out[3];
	uint8_t frame[60];
	unsigned long n, asked = 1;
	int fd;

	bench_start(&b, 2);
	fd = open_device();
	out[0] = b.port[1];
	out[1] = OF_CONTROLLER;
	out[2] = 0;
	add_flow(fd, 0, PUSH_VLAN, out, 0);
	for (n = 1; n <= asked && n <= 100; n++) {
		rumpmock_fail(kind, n, 0);
		round_of_life(fd, (unsigned)n);
		asked = rumpmock_asked(kind);
		rumpmock_fail(kind, 0, 0);
		drain(fd);
	}
	CHECK(n > 1);
	for (n = 1; n <= 3; n++) {
		rumpmock_fail(kind, n, 1);	/* and all that follow */
		round_of_life(fd, (unsigned)n);
		rumpmock_fail(kind, 0, 0);
		drain(fd);
	}
	make_frame(frame, sizeof(frame), 1);
	CHECK_EQ(rumpmock_port_receive("shm0", frame, sizeof(frame), NULL, 0), 0);
	CHECK_EQ(rumpmock_port_sent("shm1", frame, sizeof(frame)), 64);
	barrier(fd);
	bench_end(&b);
}

static void
a_missing_mbuf_costs_a_frame_at_most(void)
{
	frames_survive(RUMPMOCK_FAULT_MBUF);
}

static void
a_missing_cluster_costs_a_frame_at_most(void)
{
	struct bench b;
	uint8_t frame[1400];
	int fd, i;

	bench_start(&b, 2);
	fd = open_device();
	make_frame(frame, sizeof(frame), 1);
	for (i = 1; i <= 4; i++) {
		rumpmock_fail(RUMPMOCK_FAULT_CLUSTER, 1, i % 2);
		packet_out(fd, OF_CONTROLLER, b.port[1], frame, sizeof(frame));
		CHECK(rumpmock_asked(RUMPMOCK_FAULT_CLUSTER) >= 1);
		rumpmock_fail(RUMPMOCK_FAULT_CLUSTER, 0, 0);
		drain(fd);
	}
	packet_out(fd, OF_CONTROLLER, b.port[1], frame, sizeof(frame));
	expect_frame("shm1", frame, sizeof(frame));
	barrier(fd);
	bench_end(&b);
}

/* A port added, an open, messages, a close, the port removed: whatever fails is told and leaves nothing. */
static int
try_life(struct bench *b)
{
	static struct buffer m;
	uint8_t frame[100];
	struct rumpswitch_ifbreq r;
	int fd, bytes, added;

	memset(&r, 0, sizeof(r));
	strcpy(r.ifbr_name, "switch1");
	strcpy(r.ifbr_ifsname, "free0");
	added = rump_sys_ioctl(b->socket, SIOCBRDGADD, &r) == 0;
	CHECK(added || errno == NB_ENOMEM);
	CHECK(added || rumpmock_untouched("free0"));
	fd = rump_sys_open("/dev/switch1", RUMPSWITCH_NB_O_RDWR | RUMPSWITCH_NB_O_NONBLOCK);
	if (fd < 0) {
		CHECK_EQ(errno, NB_ENOMEM);
		if (added)
			CHECK_EQ(rump_sys_ioctl(b->socket, SIOCBRDGDEL, &r), 0);
		return 0;
	}
	make_frame(frame, sizeof(frame), 1);
	message_begin(&m, OF_HELLO, 1);
	message_end(&m);
	(void)rump_sys_write(fd, m.bytes, m.len);
	message_begin(&m, OF_PACKET_OUT, 2);
	put32(&m, 0xffffffff);
	put32(&m, OF_CONTROLLER);
	put16(&m, 16);
	put32(&m, 0);
	put16(&m, 0);
	put32(&m, 16);
	put32(&m, OF_CONTROLLER);
	put32(&m, 0xffff0000);
	put32(&m, 0);
	memcpy(m.bytes + m.len, frame, sizeof(frame));
	m.len += sizeof(frame);
	message_end(&m);
	(void)rump_sys_write(fd, m.bytes, m.len);
	message_begin(&m, OF_MULTIPART, 3);
	put64(&m, (uint64_t)13 << 48);		/* descriptions of the ports */
	message_end(&m);
	(void)rump_sys_write(fd, m.bytes, m.len);
	do
		bytes = (int)rump_sys_read(fd, m.bytes, sizeof(m.bytes));
	while (bytes > 0);
	CHECK(bytes == 0 || errno == NB_EAGAIN || errno == NB_ENOMEM || errno == NB_EPIPE);
	CHECK_EQ(rump_sys_close(fd), 0);
	if (added)
		CHECK_EQ(rump_sys_ioctl(b->socket, SIOCBRDGDEL, &r), 0);
	return added;
}

static void
every_allocation_of_a_living_switch_may_fail(void)
{
	struct bench b;
	struct rumpmock_balance before;
	unsigned long n, asked = 1;

	bench_start(&b, 0);
	CHECK_EQ(rumpmock_port_create("free0"), 0);
	rumpmock_balance(&before);
	for (n = 1; n <= asked && n < 2000; n++) {
		CHECK_EQ(interface_request(&b, NB_SIOCIFCREATE, "switch1", 0), 0);
		rumpmock_fail(RUMPMOCK_FAULT_KMEM, n, (int)(n % 2));
		(void)try_life(&b);
		if (rumpmock_asked(RUMPMOCK_FAULT_KMEM) > asked)
			asked = rumpmock_asked(RUMPMOCK_FAULT_KMEM);
		rumpmock_fail(RUMPMOCK_FAULT_KMEM, 0, 0);
		CHECK_EQ(try_life(&b), 1);
		CHECK_EQ(interface_request(&b, NB_SIOCIFDESTROY, "switch1", 0), 0);
		CHECK(rumpmock_balanced(&before));
	}
	CHECK(asked > 10);
	CHECK_EQ(rumpmock_port_destroy("free0"), 0);
	bench_end(&b);
}

static void
a_missing_block_costs_a_message_or_a_frame(void)
{
	frames_survive(RUMPMOCK_FAULT_KMEM);
}

#define TEST(f) { #f, f, NULL }
const struct test faults_tests[] = {
	TEST(a_missing_mbuf_costs_a_frame_at_most),
	TEST(a_missing_cluster_costs_a_frame_at_most),
	TEST(every_allocation_of_a_living_switch_may_fail),
	TEST(a_missing_block_costs_a_message_or_a_frame),
	{ NULL, NULL, NULL }
};
