/*
 * Frames through the component: chains cut anywhere, the host's own stack, what is too long, what is refused.
 */
#include "suite.h"

static int
receive(const char *port, const uint8_t *frame, size_t len, const unsigned *cuts, int flags)
{
	return rumpmock_port_receive(port, frame, len, cuts, flags);
}

static int
forwarding(struct bench *b, uint32_t to)
{
	uint32_t out[2] = { to, 0 };
	int fd = open_device();

	add_flow(fd, b->port[0], AS_IT_IS, out, 0);
	return fd;
}

static void
chains_cut_anywhere_arrive_byte_by_byte_as_they_were(void)
{
	static const size_t lens[] = { 60, 65, 128, 129, 513, 1514 };
	static const int kinds[] = { 0, RUMPMOCK_SHARED, RUMPMOCK_READONLY, RUMPMOCK_SOFTINT };
	struct bench b;
	uint8_t frame[1514];
	unsigned cuts[4], cut, number = 0;
	size_t i, k;

	bench_start(&b, 2);
	(void)forwarding(&b, b.port[1]);
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		for (cut = 1; cut <= 64 && cut < lens[i]; cut++) {
			for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
				make_frame(frame, lens[i], ++number);
				memset(cuts, 0, sizeof(cuts));
				cuts[0] = cut;
				cuts[1] = number % 3 == 0 ? 1 + number % 17 : 0;
				cuts[2] = number % 6 == 0 ? 5 : 0;
				CHECK_EQ(receive("shm0", frame, lens[i], cuts, kinds[k]), 0);
				expect_frame("shm1", frame, lens[i]);
			}
		}
	}
	expect_no_frame("shm0");
	bench_end(&b);
}

static void
every_length_up_to_the_longest_passes(void)
{
	struct bench b;
	uint8_t frame[1514];
	size_t len;

	bench_start(&b, 2);
	(void)forwarding(&b, b.port[1]);
	for (len = 14; len <= sizeof(frame); len++) {
		make_frame(frame, len, (unsigned)len);
		CHECK_EQ(receive("shm0", frame, len, NULL, 0), 0);
		expect_frame("shm1", frame, len);
	}
	make_frame(frame, 13, 1);
	CHECK_EQ(receive("shm0", frame, 13, NULL, 0), 0);
	expect_no_frame("shm1");
	bench_end(&b);
}

/* A flood copies: each port has all bytes, whoever shares the chain sees none of it. */
static void
a_flood_reaches_all_others_and_the_stack(void)
{
	struct bench b;
	uint8_t frame[1000], got[1000];
	unsigned cuts[3] = { 20, 700, 0 };

	bench_start(&b, 4);
	(void)forwarding(&b, OF_FLOOD);
	make_frame(frame, sizeof(frame), 9);
	CHECK_EQ(receive("shm0", frame, sizeof(frame), cuts, RUMPMOCK_SHARED), 0);
	expect_frame("shm1", frame, sizeof(frame));
	expect_frame("shm2", frame, sizeof(frame));
	expect_frame("shm3", frame, sizeof(frame));
	expect_no_frame("shm0");
	CHECK_EQ(rumpmock_stack_received("switch0", got, sizeof(got)), (long)sizeof(frame));
	CHECK(memcmp(got, frame, sizeof(frame)) == 0);
	bench_end(&b);
}

static void
a_pushed_tag_stands_in_the_right_place(void)
{
	struct bench b;
	uint8_t frame[600], tagged[604];
	unsigned cuts[3] = { 0, 0, 0 }, cut;
	uint32_t out[2];
	int fd;

	bench_start(&b, 2);
	fd = open_device();
	out[0] = b.port[1];
	out[1] = 0;
	add_flow(fd, b.port[0], PUSH_VLAN, out, 0);
	for (cut = 1; cut <= 64; cut++) {
		make_frame(frame, sizeof(frame), cut);
		memcpy(tagged, frame, 12);
		memcpy(tagged + 12, "\x81\x00\x00\x00", 4);
		memcpy(tagged + 16, frame + 12, sizeof(frame) - 12);
		cuts[0] = cut;
		CHECK_EQ(receive("shm0", frame, sizeof(frame), cuts, cut % 2 != 0 ? RUMPMOCK_SHARED : 0), 0);
		expect_frame("shm1", tagged, sizeof(tagged));
	}
	bench_end(&b);
}

/* Who shares the frame's bytes with the switch does not see them change: the kernel looks. */
static void
a_rewritten_head_is_the_switchs_own(void)
{
	static const int kinds[] = { 0, RUMPMOCK_SHARED, RUMPMOCK_READONLY };
	static const unsigned cuts[][3] = { { 0 }, { 200, 0 }, { 3, 300, 0 } };
	struct bench b;
	uint8_t frame[600], changed[600];
	uint32_t out[2];
	size_t k, c;
	int fd;

	bench_start(&b, 2);
	fd = open_device();
	out[0] = b.port[1];
	out[1] = 0;
	add_flow(fd, b.port[0], SET_ETH_DST, out, 0);
	for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (c = 0; c < sizeof(cuts) / sizeof(cuts[0]); c++) {
			make_frame(frame, sizeof(frame), (unsigned)(k * 3 + c));
			memcpy(changed, frame, sizeof(frame));
			memcpy(changed, "\x02\xaa\xbb\xcc\xdd\xee", 6);
			CHECK_EQ(receive("shm0", frame, sizeof(frame), cuts[c], kinds[k]), 0);
			expect_frame("shm1", changed, sizeof(changed));
		}
	}
	bench_end(&b);
}

/* The port takes 1,514 bytes and its driver panics at more: what grew beyond is dropped and counted. */
static void
a_frame_grown_beyond_the_port_is_dropped_and_counted(void)
{
	struct bench b;
	uint8_t frame[1514];
	uint32_t out[2];
	size_t len;
	int fd;

	bench_start(&b, 2);
	fd = open_device();
	out[0] = b.port[1];
	out[1] = 0;
	add_flow(fd, b.port[0], PUSH_VLAN, out, 0);
	for (len = 1505; len <= 1514; len++) {
		make_frame(frame, len, 1);
		CHECK_EQ(receive("shm0", frame, len, NULL, 0), 0);
	}
	for (len = 1505; len <= 1510; len++) {
		uint8_t got[1514];

		CHECK_EQ(rumpmock_port_sent("shm1", got, sizeof(got)), (long)len + 4);
	}
	expect_no_frame("shm1");
	CHECK_EQ(port_tx_dropped(fd, b.port[1]), 4);
	bench_end(&b);
}

static void
local_carries_frames_both_ways(void)
{
	struct bench b;
	uint8_t frame[900], got[900];
	unsigned cuts[2] = { 33, 0 };
	uint32_t out[2] = { 0, 0 };
	int fd;

	bench_start(&b, 1);
	fd = forwarding(&b, OF_LOCAL);
	out[0] = b.port[0];
	add_flow(fd, OF_LOCAL, AS_IT_IS, out, 0);
	make_frame(frame, sizeof(frame), 1);
	CHECK_EQ(receive("shm0", frame, sizeof(frame), cuts, 0), 0);
	CHECK_EQ(rumpmock_stack_received("switch0", got, sizeof(got)), (long)sizeof(frame));
	CHECK(memcmp(got, frame, sizeof(frame)) == 0);
	make_frame(frame, sizeof(frame), 2);
	CHECK_EQ(rumpmock_stack_send("switch0", frame, sizeof(frame)), 0);
	expect_frame("shm0", frame, sizeof(frame));
	bench_end(&b);
}

/* What the host sends on a member port enters the tables from LOCAL, it does not pass beside them. */
static void
the_hosts_own_frames_on_a_port_are_captured(void)
{
	struct bench b;
	struct buffer m;
	uint8_t frame[100];
	uint32_t out[2] = { OF_CONTROLLER, 0 };
	const uint8_t *inside;
	size_t len;
	int fd;

	bench_start(&b, 1);
	fd = open_device();
	make_frame(frame, sizeof(frame), 4);
	CHECK_EQ(rumpmock_stack_send("shm0", frame, sizeof(frame)), 0);
	expect_no_frame("shm0");
	add_flow(fd, OF_LOCAL, AS_IT_IS, out, 0);
	CHECK_EQ(rumpmock_stack_send("shm0", frame, sizeof(frame)), 0);
	expect_no_frame("shm0");
	expect_message(fd, OF_PACKET_IN, &m);
	inside = packet_in_frame(&m, &len);
	CHECK_EQ(len, sizeof(frame));
	CHECK(memcmp(inside, frame, len) == 0);
	CHECK_EQ(get32(m.bytes + 32), OF_LOCAL);
	CHECK_EQ(port_request(&b, SIOCBRDGDEL, "shm0", NULL), 0);
	CHECK_EQ(rumpmock_stack_send("shm0", frame, sizeof(frame)), 0);
	expect_frame("shm0", frame, sizeof(frame));
	bench_end(&b);
}

static void
a_packet_in_has_all_bytes_of_a_chain(void)
{
	struct bench b;
	struct buffer m;
	uint8_t frame[1514];
	unsigned cuts[4] = { 0, 0, 0, 0 }, cut;
	const uint8_t *inside;
	size_t len;
	int fd;

	bench_start(&b, 1);
	fd = forwarding(&b, OF_CONTROLLER);
	for (cut = 1; cut <= 64; cut++) {
		make_frame(frame, sizeof(frame), cut);
		cuts[0] = cut;
		cuts[1] = 100 + cut;
		cuts[2] = 800;
		CHECK_EQ(receive("shm0", frame, sizeof(frame), cuts, 0), 0);
		expect_message(fd, OF_PACKET_IN, &m);
		CHECK_EQ(get16(m.bytes + 12), sizeof(frame));
		inside = packet_in_frame(&m, &len);
		CHECK_EQ(len, sizeof(frame));
		CHECK(memcmp(inside, frame, len) == 0);
	}
	bench_end(&b);
}

static void
a_packet_out_reaches_its_port(void)
{
	struct bench b;
	uint8_t frame[1514], got[1514];
	size_t len;
	int fd;

	bench_start(&b, 2);
	fd = open_device();
	for (len = 14; len <= sizeof(frame); len += 25) {
		make_frame(frame, len, (unsigned)len);
		packet_out(fd, OF_CONTROLLER, b.port[1], frame, len);
		expect_frame("shm1", frame, len);
	}
	packet_out(fd, OF_CONTROLLER, OF_LOCAL, frame, 200);
	CHECK_EQ(rumpmock_stack_received("switch0", got, sizeof(got)), 200);
	barrier(fd);
	bench_end(&b);
}

static void
nothing_passes_a_switch_that_is_down(void)
{
	struct bench b;
	uint8_t frame[60];

	bench_start(&b, 2);
	(void)forwarding(&b, b.port[1]);
	CHECK_EQ(interface_request(&b, NB_SIOCSIFFLAGS, "switch0", 0), 0);
	make_frame(frame, sizeof(frame), 1);
	CHECK_EQ(receive("shm0", frame, sizeof(frame), NULL, 0), 0);
	expect_no_frame("shm1");
	CHECK_EQ(interface_request(&b, NB_SIOCSIFFLAGS, "switch0", 1), 0);
	CHECK_EQ(receive("shm0", frame, sizeof(frame), NULL, 0), 0);
	expect_frame("shm1", frame, sizeof(frame));
	bench_end(&b);
}

static void
a_port_that_refuses_or_rests_costs_only_its_frames(void)
{
	struct bench b;
	uint8_t frame[60];

	bench_start(&b, 3);
	(void)forwarding(&b, OF_FLOOD);
	make_frame(frame, sizeof(frame), 1);
	CHECK_EQ(rumpmock_port_refuse("shm1", 55), 0);
	CHECK_EQ(receive("shm0", frame, sizeof(frame), NULL, 0), 0);
	expect_no_frame("shm1");
	expect_frame("shm2", frame, sizeof(frame));
	CHECK_EQ(rumpmock_port_refuse("shm1", 0), 0);
	CHECK_EQ(rumpmock_port_flags("shm1", 1, 0), 0);
	CHECK_EQ(receive("shm0", frame, sizeof(frame), NULL, 0), 0);
	expect_no_frame("shm1");
	expect_frame("shm2", frame, sizeof(frame));
	CHECK_EQ(rumpmock_port_flags("shm1", 1, 1), 0);
	CHECK_EQ(receive("shm0", frame, sizeof(frame), NULL, 0), 0);
	expect_frame("shm1", frame, sizeof(frame));
	expect_frame("shm2", frame, sizeof(frame));
	bench_end(&b);
}

#define TEST(f) { #f, f, NULL }
const struct test frames_tests[] = {
	TEST(chains_cut_anywhere_arrive_byte_by_byte_as_they_were),
	TEST(every_length_up_to_the_longest_passes),
	TEST(a_flood_reaches_all_others_and_the_stack),
	TEST(a_pushed_tag_stands_in_the_right_place),
	TEST(a_rewritten_head_is_the_switchs_own),
	TEST(a_frame_grown_beyond_the_port_is_dropped_and_counted),
	TEST(local_carries_frames_both_ways),
	TEST(the_hosts_own_frames_on_a_port_are_captured),
	TEST(a_packet_in_has_all_bytes_of_a_chain),
	TEST(a_packet_out_reaches_its_port),
	TEST(nothing_passes_a_switch_that_is_down),
	TEST(a_port_that_refuses_or_rests_costs_only_its_frames),
	{ NULL, NULL, NULL }
};
