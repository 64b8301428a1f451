/*
 * /dev/switchN as a stream: opens, reads, writes, requests, ends.
 */
#include <poll.h>
#include <sys/uio.h>

#include "suite.h"

static void
each_open_is_a_channel_of_its_own(void)
{
	struct bench b;
	struct buffer m;
	int one, two;

	bench_start(&b, 0);
	one = open_device();
	two = open_device();
	CHECK(one != two);
	send_echo(one, 7, 40);
	CHECK_EQ(read_message(one, &m), OF_ECHO_REPLY);
	CHECK_EQ(get32(m.bytes + 4), 7);
	CHECK_EQ(rump_sys_fcntl(two, NB_F_SETFL, 2L | RUMPSWITCH_NB_O_NONBLOCK), 0);
	CHECK_FAILS(rump_sys_read(two, m.bytes, 100), NB_EAGAIN);
	CHECK_EQ(rump_sys_close(one), 0);
	CHECK_FAILS(rump_sys_read(one, m.bytes, 100), NB_EBADF);
	send_echo(two, 8, 8);
	CHECK_EQ(read_message(two, &m), OF_ECHO_REPLY);
	CHECK_EQ(rump_sys_close(two), 0);
	bench_end(&b);
}

static void
a_read_gives_all_whole_messages_that_fit(void)
{
	struct bench b;
	uint8_t got[200];
	int fd;

	bench_start(&b, 0);
	fd = open_device();
	send_echo(fd, 1, 40);
	send_echo(fd, 2, 48);
	send_echo(fd, 3, 56);
	CHECK_EQ(rump_sys_read(fd, got, 100), 88);
	CHECK_EQ(get32(got + 4), 1);
	CHECK_EQ(get32(got + 44), 2);
	CHECK_EQ(rump_sys_read(fd, got, sizeof(got)), 56);
	CHECK_EQ(rump_sys_read(fd, got, 0), 0);
	bench_end(&b);
}

static void
a_short_read_loses_nothing(void)
{
	struct bench b;
	uint8_t got[1000];
	size_t at, i;
	int fd;

	bench_start(&b, 0);
	fd = open_device();
	send_echo(fd, 5, 300);
	for (at = 0; at < 300; at += i) {
		i = (size_t)rump_sys_read(fd, got + at, 7);
		CHECK(i > 0 && i <= 7);
	}
	CHECK_EQ(got[1], OF_ECHO_REPLY);
	for (i = 8; i < 300; i++)
		CHECK_EQ(got[i], (uint8_t)(5 + i));
	bench_end(&b);
}

static void
writes_may_be_cut_anywhere(void)
{
	struct bench b;
	struct buffer m, all;
	size_t cut, i;
	int fd;

	bench_start(&b, 0);
	fd = open_device();
	all.len = 0;
	for (i = 0; i < 3; i++) {
		message_begin(&m, OF_ECHO, (uint32_t)i);
		put64(&m, 0x1122334455667788);
		message_end(&m);
		memcpy(all.bytes + all.len, m.bytes, m.len);
		all.len += m.len;
	}
	for (cut = 1; cut < all.len; cut++) {
		CHECK_EQ(rump_sys_write(fd, all.bytes, cut), cut);
		CHECK_EQ(rump_sys_write(fd, all.bytes + cut, all.len - cut), all.len - cut);
		for (i = 0; i < 3; i++) {
			CHECK_EQ(read_message(fd, &m), OF_ECHO_REPLY);
			CHECK_EQ(get32(m.bytes + 4), i);
		}
	}
	for (i = 0; i < all.len; i++)
		CHECK_EQ(rump_sys_write(fd, all.bytes + i, 1), 1);
	for (i = 0; i < 3; i++)
		CHECK_EQ(read_message(fd, &m), OF_ECHO_REPLY);
	bench_end(&b);
}

static void
vectors_are_one_stream(void)
{
	struct bench b;
	struct buffer m;
	struct iovec out[3], in[3];
	uint8_t parts[3][8];
	int fd;

	bench_start(&b, 0);
	fd = open_device();
	message_begin(&m, OF_ECHO, 9);
	put64(&m, 0x0102030405060708);
	message_end(&m);
	out[0] = (struct iovec){ m.bytes, 3 };
	out[1] = (struct iovec){ m.bytes + 3, 0 };
	out[2] = (struct iovec){ m.bytes + 3, 13 };
	CHECK_EQ(rump_sys_writev(fd, out, 3), 16);
	in[0] = (struct iovec){ parts[0], 8 };
	in[1] = (struct iovec){ parts[1], 5 };
	in[2] = (struct iovec){ parts[2], 8 };
	CHECK_EQ(rump_sys_readv(fd, in, 3), 16);
	CHECK_EQ(parts[0][1], OF_ECHO_REPLY);
	CHECK_EQ(parts[1][0], 1);
	CHECK_EQ(parts[2][2], 8);
	bench_end(&b);
}

static void
fionread_counts_the_bytes_that_are_pending(void)
{
	struct bench b;
	uint8_t got[10];
	uint32_t pending = 99;
	int fd;

	bench_start(&b, 0);
	fd = open_device();
	CHECK_EQ(rump_sys_ioctl(fd, RUMPSWITCH_NB_FIONREAD, &pending), 0);
	CHECK_EQ(pending, 0);
	send_echo(fd, 1, 40);
	send_echo(fd, 2, 60);
	CHECK_EQ(rump_sys_ioctl(fd, RUMPSWITCH_NB_FIONREAD, &pending), 0);
	CHECK_EQ(pending, 100);
	CHECK_EQ(rump_sys_read(fd, got, 10), 10);
	CHECK_EQ(rump_sys_ioctl(fd, RUMPSWITCH_NB_FIONREAD, &pending), 0);
	CHECK_EQ(pending, 90);
	bench_end(&b);
}

static void
requests_that_are_none_are_refused(void)
{
	struct bench b;
	struct {
		uint64_t words[64];
	} st;
	uint32_t on = 1;
	int fd;

	memset(&st, 0, sizeof(st));
	bench_start(&b, 0);
	fd = open_device();
	CHECK_EQ(rump_sys_ioctl(fd, RUMPSWITCH_NB_FIONBIO, &on), 0);
	CHECK_EQ(rump_sys_fcntl(fd, NB_F_GETFL, 0L) & RUMPSWITCH_NB_O_NONBLOCK, RUMPSWITCH_NB_O_NONBLOCK);
	CHECK_FAILS(rump_sys_read(fd, &st, 8), NB_EAGAIN);
	on = 0;
	CHECK_EQ(rump_sys_ioctl(fd, RUMPSWITCH_NB_FIONBIO, &on), 0);
	CHECK_EQ(rump_sys_ioctl(fd, RUMPSWITCH_NB_FIOASYNC, &on), 0);
	CHECK_FAILS(rump_sys_ioctl(fd, RUMPSWITCH_IOC_NONE('z', 1), NULL), NB_ENOTTY);
	CHECK_FAILS(rump_sys_ioctl(b.socket, RUMPSWITCH_IOC_WRITE('i', 250, struct nb_ifreq), &st), NB_ENXIO);
	CHECK_FAILS(interface_request(&b, RUMPSWITCH_IOC_WRITE('i', 250, struct nb_ifreq), "switch0", 0),
	    NB_EOPNOTSUPP);
	CHECK_FAILS(rump_sys_open("/dev/switch99", RUMPSWITCH_NB_O_RDWR), NB_ENOENT);
	CHECK_EQ(rump_sys_fstat(fd, &st), 0);
	bench_end(&b);
}

static void
an_open_for_reading_cannot_write(void)
{
	struct bench b;
	struct buffer m;
	int fd;

	bench_start(&b, 0);
	fd = rump_sys_open("/dev/switch0", 0);
	CHECK(fd >= 0);
	CHECK_EQ(read_message(fd, &m), OF_HELLO);
	CHECK_FAILS(rump_sys_write(fd, m.bytes, m.len), NB_EBADF);
	bench_end(&b);
}

static void
an_open_makes_the_switch_that_is_not_there(void)
{
	struct bench b;
	int fd;

	bench_start(&b, 0);
	CHECK_FAILS(interface_request(&b, NB_SIOCIFDESTROY, "switch3", 0), NB_ENXIO);
	rumpmock_super(0);
	CHECK_FAILS(rump_sys_open("/dev/switch3", RUMPSWITCH_NB_O_RDWR), NB_EPERM);
	rumpmock_super(1);
	fd = rump_sys_open("/dev/switch3", RUMPSWITCH_NB_O_RDWR);
	CHECK(fd >= 0);
	CHECK_EQ(rump_sys_close(fd), 0);
	CHECK_FAILS(interface_request(&b, NB_SIOCIFCREATE, "switch3", 0), NB_EEXIST);
	CHECK_EQ(interface_request(&b, NB_SIOCIFDESTROY, "switch3", 0), 0);
	bench_end(&b);
}

/* The message whose copy failed is still there, whole, for the next read. */
static void
a_bad_address_loses_no_message(void)
{
	struct bench b;
	struct buffer m;
	struct pollfd p;
	uint32_t pending;
	int fd;

	bench_start(&b, 0);
	fd = open_device();
	send_echo(fd, 11, 80);
	CHECK_FAILS(rump_sys_read(fd, (void *)16, 1000), NB_EFAULT);
	send_echo(fd, 13, 20);
	CHECK_EQ(rump_sys_ioctl(fd, RUMPSWITCH_NB_FIONREAD, &pending), 0);
	CHECK_EQ(pending, 100);
	p = (struct pollfd){ fd, NB_POLLIN, 0 };
	CHECK_EQ(rump_sys_poll(&p, 1, 0), 1);
	CHECK_FAILS(rump_sys_write(fd, (void *)16, 1000), NB_EFAULT);
	CHECK_EQ(read_message(fd, &m), OF_ECHO_REPLY);
	CHECK_EQ(m.len, 80);
	CHECK_EQ(read_message(fd, &m), OF_ECHO_REPLY);
	CHECK_EQ(m.len, 20);
	send_echo(fd, 12, 8);
	CHECK_EQ(read_message(fd, &m), OF_ECHO_REPLY);
	bench_end(&b);
}

static void
what_a_channel_configured_survives_its_close(void)
{
	uint32_t out[] = { 0, 0 };
	struct bench b;
	uint8_t frame[60];
	int fd;

	bench_start(&b, 2);
	out[0] = b.port[1];
	fd = open_device();
	add_flow(fd, b.port[0], AS_IT_IS, out, 0);
	CHECK_EQ(rump_sys_close(fd), 0);
	make_frame(frame, sizeof(frame), 1);
	CHECK_EQ(rumpmock_port_receive("shm0", frame, sizeof(frame), NULL, 0), 0);
	expect_frame("shm1", frame, sizeof(frame));
	bench_end(&b);
}

static void
a_hundred_thousand_messages_pass(void)
{
	struct bench b;
	struct buffer m;
	uint32_t i;
	int fd;

	bench_start(&b, 0);
	fd = open_device();
	for (i = 0; i < (getenv("MOCK_SHORT") != NULL ? 2000 : 100000); i++) {
		send_echo(fd, i, 8 + i % 57);
		CHECK_EQ(read_message(fd, &m), OF_ECHO_REPLY);
		CHECK_EQ(get32(m.bytes + 4), i);
		CHECK_EQ(m.len, 8 + i % 57);
	}
	bench_end(&b);
}

#define TEST(f) { #f, f, NULL }
const struct test device_tests[] = {
	TEST(each_open_is_a_channel_of_its_own),
	TEST(a_read_gives_all_whole_messages_that_fit),
	TEST(a_short_read_loses_nothing),
	TEST(writes_may_be_cut_anywhere),
	TEST(vectors_are_one_stream),
	TEST(fionread_counts_the_bytes_that_are_pending),
	TEST(requests_that_are_none_are_refused),
	TEST(an_open_for_reading_cannot_write),
	TEST(an_open_makes_the_switch_that_is_not_there),
	TEST(a_bad_address_loses_no_message),
	TEST(what_a_channel_configured_survives_its_close),
	TEST(a_hundred_thousand_messages_pass),
	{ NULL, NULL, NULL }
};
