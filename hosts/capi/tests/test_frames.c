/* Frames through C: cut anywhere, whoever gives the bytes behind the head, they leave as they should. */
#include <string.h>

#include "check.h"
#include "host.h"
#include "openflow.h"

static struct host host;
static struct of_buffer b;
static uint8_t frame[1514], expected[2048];

/* An IPv4 TCP segment with the right sums, of `len` bytes. */
static void
make_frame(size_t len)
{
	uint32_t sum = 0;
	size_t at;

	for (at = 0; at < sizeof(frame); at++)
		frame[at] = (uint8_t)(at * 7 + 3);
	memcpy(frame, "\2\0\0\0\0\2\2\0\0\0\0\1\x08\0\x45\0", 16);
	frame[16] = (uint8_t)((len - 14) >> 8);
	frame[17] = (uint8_t)(len - 14);
	memcpy(frame + 18, "\0\1\0\0\x40\6\0\0\x0a\0\0\1\x0a\0\0\2", 16);
	for (at = 14; at < 34; at += 2)
		sum += (uint32_t)of_get(frame + at, 2);
	sum = (sum & 0xffff) + (sum >> 16);
	frame[24] = (uint8_t)(~sum >> 8);
	frame[25] = (uint8_t)~sum;
	frame[46] = 0x50;
}

static void
send_flow(uint64_t channel)
{
	of_end(&b);
	host_write(&host, channel, b.bytes, b.len);
	CHECK(host_drain(&host, channel, OF_ERROR) == 0);
}

static uint64_t
flow_to_port_2(void (*actions)(void))
{
	uint64_t channel = host_open(&host);

	b.len = 0;
	of_flow_mod(&b, 1, OF_ADD, 0, 9, 0);
	of_match_begin(&b);
	of_oxm(&b, OXM_ETH_TYPE, 0x0800);
	of_oxm(&b, OXM_IPV4_DST, 0x0a000002);
	of_match_end(&b);
	of_actions_begin(&b, 4);
	if (actions != NULL)
		actions();
	of_output(&b, 2);
	of_actions_end(&b);
	send_flow(channel);
	return channel;
}

static void
push_two_tags(void)
{
	of_tag_action(&b, 17, 0x8100);
	of_set_field(&b, OXM_VLAN_VID, 0x1007);
	of_tag_action(&b, 17, 0x88a8);
	of_set_field(&b, OXM_VLAN_VID, 0x1009);
}

/* All ways in which a host may hold a frame. */
static void
each_way(void (*body)(size_t piece_len))
{
	static const size_t pieces[] = {0, 1500, 600, 64, 54, 38, 33, 20, 14};
	size_t index;
	int way;

	for (index = 0; index < sizeof(pieces) / sizeof(pieces[0]); index++) {
		for (way = 0; way < 4; way++) {
			host_init(&host, 3);
			host.piece_len = pieces[index];
			host.has_rest = way & 1;
			host.headroom = host.tailroom = way & 2 ? 64 : 0;
			body(pieces[index]);
			host_destroy(&host);
		}
	}
}

static void
forward_unchanged(size_t piece_len)
{
	static const size_t lens[] = {60, 61, 590, 800};
	size_t index;

	flow_to_port_2(NULL);
	for (index = 0; index < 4; index++) {
		if (piece_len != 0 && piece_len * 58 < lens[index])
			continue;
		make_frame(lens[index]);
		host.sent_count = 0;
		host_receive(&host, 1, frame, lens[index]);
		CHECK(host.sent_count == 1 && host.sent[0].port == 2);
		CHECK(host.sent[0].len == lens[index]);
		CHECK(memcmp(host.sent[0].bytes, frame, lens[index]) == 0);
		CHECK(host.sent[0].meta.queue_id == RUMPSWITCH_NO_QUEUE);
	}
	CHECK(host.duplicate_count == 0 && host.grow_count == 0 && host.flush_count >= 1);
	if (piece_len == 0 || piece_len >= 64)
		CHECK(host.pull_count == 0);
}

static void
frames_cross_byte_identical_however_they_are_cut(void)
{
	each_way(forward_unchanged);
}

static void
push(size_t piece_len)
{
	(void)piece_len;
	flow_to_port_2(push_two_tags);
	make_frame(600);
	host_receive(&host, 1, frame, 600);
	CHECK(host.sent_count == 1 && host.sent[0].len == 608);
	memcpy(expected, frame, 12);
	memcpy(expected + 12, "\x88\xa8\0\x09\x81\0\0\7", 8);
	memcpy(expected + 20, frame + 12, 588);
	CHECK(memcmp(host.sent[0].bytes, expected, 608) == 0);
	CHECK(host.grow_count == (host.headroom == 0 ? 2u : 0u));
}

static void
tags_are_pushed_into_the_headroom_or_by_grow(void)
{
	each_way(push);
}

/* Many outputs and a packet-in: each copy is the frame. */
static void
flood(size_t piece_len)
{
	static uint8_t message[65536];
	uint64_t channel = host_open(&host);
	size_t len;

	(void)piece_len;
	b.len = 0;
	of_flow_mod(&b, 1, OF_ADD, 0, 9, 0);
	of_match_begin(&b);
	of_match_end(&b);
	of_actions_begin(&b, 4);
	of_output(&b, OF_PORT_ALL);
	of_output(&b, OF_PORT_CONTROLLER);
	of_tag_action(&b, 17, 0x8100);
	of_output(&b, 3);
	of_actions_end(&b);
	send_flow(channel);
	make_frame(700);
	host_receive(&host, 1, frame, 700);
	CHECK(host.sent_count == 3);
	CHECK(host.sent[0].port == 2 && host.sent[1].port == 3 && host.sent[2].port == 3);
	CHECK(host.sent[0].len == 700 && memcmp(host.sent[0].bytes, frame, 700) == 0);
	CHECK(host.sent[1].len == 700 && memcmp(host.sent[1].bytes, frame, 700) == 0);
	CHECK(host.sent[2].len == 704 && memcmp(host.sent[2].bytes + 16, frame + 12, 688) == 0);
	len = host_read(&host, channel, message, sizeof(message));
	CHECK(len == 42 + 700 && message[1] == OF_PACKET_IN);
	CHECK(memcmp(message + 42, frame, 700) == 0);
}

static void
copies_and_packet_ins_are_the_whole_frame(void)
{
	each_way(flood);
}

static void
pop_to_a_short_frame(size_t piece_len)
{
	uint64_t channel = host_open(&host);

	(void)piece_len;
	b.len = 0;
	of_flow_mod(&b, 1, OF_ADD, 0, 9, 0);
	of_match_begin(&b);
	of_oxm(&b, OXM_VLAN_VID, 0x1005);
	of_match_end(&b);
	of_actions_begin(&b, 4);
	of_tag_action(&b, 18, 0);
	of_output(&b, 2);
	of_actions_end(&b);
	send_flow(channel);
	make_frame(60);
	memcpy(expected, frame, 12);
	memcpy(expected + 12, "\x81\0\0\5", 4);
	memcpy(expected + 16, frame + 12, 44);
	host_receive(&host, 1, expected, 60);
	CHECK(host.sent_count == 1 && host.sent[0].len == 60);
	CHECK(memcmp(host.sent[0].bytes, frame, 56) == 0);
	CHECK(memcmp(host.sent[0].bytes + 56, "\0\0\0\0", 4) == 0);
}

static void
what_a_pop_makes_short_is_padded(void)
{
	each_way(pop_to_a_short_frame);
}

static void
frames_longer_than_a_port_takes_are_dropped_and_counted(void)
{
	struct rumpswitch_port_counters in, out;
	static const size_t lens[] = {1510, 1511, 1514, 100};
	size_t index;

	host_init(&host, 2);
	flow_to_port_2(push_two_tags);
	for (index = 0; index < 4; index++) {
		/* with two tags the first is 1,518 long, of which one tag is let through */
		make_frame(lens[index]);
		host.refuses = index == 3;
		host_receive(&host, 1, frame, lens[index]);
		CHECK(host.sent_count == 1 && host.sent[0].len == 1518);
	}
	CHECK(rumpswitch_port_counters(host.sw, 1, &in) == 0);
	CHECK(rumpswitch_port_counters(host.sw, 2, &out) == 0);
	CHECK(in.rx_frames == 4 && in.rx_bytes == 1510 + 1511 + 1514 + 100);
	CHECK(in.tx_frames == 0 && in.tx_bytes == 0 && in.rx_dropped == 0 && in.tx_dropped == 0);
	CHECK(out.tx_frames == 1 && out.tx_bytes == 1518 && out.tx_dropped == 3);
	CHECK(out.rx_frames == 0 && out.rx_bytes == 0 && out.rx_dropped == 0);
	CHECK(rumpswitch_port_counters(host.sw, 3, &out) == RUMPSWITCH_NO_PORT);
	host_destroy(&host);
}

static void
a_batch_of_any_size_keeps_its_order(void)
{
	static struct rumpswitch_ingress batch[100];
	size_t index;

	host_init(&host, 2);
	flow_to_port_2(NULL);
	for (index = 0; index < 100; index++) {
		make_frame(60 + index);
		memset(&batch[index], 0, sizeof(batch[index]));
		batch[index].port = 1;
		batch[index].meta.queue_id = RUMPSWITCH_NO_QUEUE;
		batch[index].meta.csum_start = 34;
		batch[index].meta.csum_offset = 16;
		host_frame(&host, frame, 60 + index, &batch[index].frame);
	}
	host.flush_count = 0;
	CHECK(rumpswitch_process(host.sw, host_now, batch, 100) == 0);
	CHECK(host.sent_count == 100 && host.flush_count == 4);
	for (index = 0; index < 100; index++) {
		CHECK(host.sent[index].len == 60 + index);
		CHECK(host.sent[index].meta.csum_start == 34 && host.sent[index].meta.csum_offset == 16);
	}
	CHECK(rumpswitch_process(host.sw, host_now, batch, 0) == 0);
	host_destroy(&host);
}

/* What is sent and what is told as dropped come to the same whatever fails. */
static void
a_host_without_memory_for_frames_loses_copies_and_nothing_else(void)
{
	struct rumpswitch_port_counters two, three;
	uint64_t channel;
	long luck;

	for (luck = 0; luck < 8; luck++) {
		host_init(&host, 3);
		host.piece_len = 33;
		host.headroom = 0;
		channel = host_open(&host);
		b.len = 0;
		of_flow_mod(&b, 1, OF_ADD, 0, 9, 0);
		of_match_begin(&b);
		of_match_end(&b);
		of_actions_begin(&b, 4);
		of_output(&b, OF_PORT_ALL);
		of_tag_action(&b, 17, 0x8100);
		of_output(&b, 3);
		of_actions_end(&b);
		send_flow(channel);
		make_frame(700);
		host.luck = luck;
		host_receive(&host, 1, frame, 700);
		CHECK(rumpswitch_port_counters(host.sw, 2, &two) == 0);
		CHECK(rumpswitch_port_counters(host.sw, 3, &three) == 0);
		CHECK(two.tx_frames + three.tx_frames == host.sent_count);
		CHECK(luck > 0 || host.sent_count == 0);
		CHECK(luck < 7 || host.sent_count == 3);
		host_destroy(&host);
	}
}

/* The count of the reason of this name. */
static uint64_t
dropped(const char *name)
{
	uint64_t count = 77;
	uint32_t reason;

	for (reason = 0; strcmp(rumpswitch_drop_reason_name(reason), name) != 0; reason++)
		CHECK(reason + 1 < rumpswitch_drop_reason_count());
	CHECK(rumpswitch_drop_count(host.sw, reason, &count) == 0);
	return count;
}

static void
drop_reasons_have_names_of_their_own(void)
{
	const uint32_t count = rumpswitch_drop_reason_count();
	uint32_t one, other;
	uint64_t word = 77;

	CHECK(count > 20);
	host_init(&host, 1);
	for (one = 0; one < count; one++) {
		const char *name = rumpswitch_drop_reason_name(one);

		CHECK(name != NULL && name[0] != 0 && name[strspn(name, "abcdefghijklmnopqrstuvwxyz_")] == 0);
		for (other = 0; other < one; other++)
			CHECK(strcmp(name, rumpswitch_drop_reason_name(other)) != 0);
		CHECK(rumpswitch_drop_count(host.sw, one, &word) == 0 && word == 0);
		word = 77;
	}
	CHECK(rumpswitch_drop_reason_name(count) == NULL && rumpswitch_drop_reason_name(UINT32_MAX) == NULL);
	CHECK(rumpswitch_drop_count(host.sw, count, &word) == RUMPSWITCH_BAD_ARGUMENT);
	CHECK(rumpswitch_drop_count(host.sw, UINT32_MAX, &word) == RUMPSWITCH_BAD_ARGUMENT && word == 77);
	host_destroy(&host);
}

static void
frames_that_are_not_sent_are_counted_by_their_reason(void)
{
	uint64_t count, sum = 0;
	uint32_t reason;

	host_init(&host, 2);
	make_frame(100);
	host_receive(&host, 1, frame, 100);
	CHECK(dropped("table_miss") == 1);
	flow_to_port_2(push_two_tags);
	host_receive(&host, 7, frame, 100);
	host_receive(&host, 7, frame, 100);
	CHECK(dropped("ingress_unknown") == 2);
	host_receive(&host, 1, frame, 13);
	CHECK(dropped("runt") == 1);
	make_frame(1514);
	host_receive(&host, 1, frame, 1514);
	CHECK(dropped("too_long") == 1);
	make_frame(100);
	host_receive(&host, 2, frame, 100);
	CHECK(dropped("egress_is_ingress") == 1);
	host.refuses = 1;
	host_receive(&host, 1, frame, 100);
	CHECK(dropped("host_refused") == 1);
	host.refuses = 0;
	host_receive(&host, 1, frame, 100);
	for (reason = 0; reason < rumpswitch_drop_reason_count(); reason++) {
		CHECK(rumpswitch_drop_count(host.sw, reason, &count) == 0);
		sum += count;
	}
	CHECK(sum == 7 && host.sent_count == 1);
	host_destroy(&host);
}

int
main(void)
{
	host_platform();
	RUN(frames_cross_byte_identical_however_they_are_cut);
	RUN(tags_are_pushed_into_the_headroom_or_by_grow);
	RUN(copies_and_packet_ins_are_the_whole_frame);
	RUN(what_a_pop_makes_short_is_padded);
	RUN(frames_longer_than_a_port_takes_are_dropped_and_counted);
	RUN(a_batch_of_any_size_keeps_its_order);
	RUN(a_host_without_memory_for_frames_loses_copies_and_nothing_else);
	RUN(drop_reasons_have_names_of_their_own);
	RUN(frames_that_are_not_sent_are_counted_by_their_reason);
	CHECK(memory_count == 0 && memory_bytes == 0);
	return 0;
}
