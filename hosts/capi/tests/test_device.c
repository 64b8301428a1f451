/* The device through C: messages in and out, cut anywhere, and what is told of readiness. */
#include <string.h>

#include "check.h"
#include "host.h"
#include "openflow.h"

static struct host host;
static struct of_buffer b;
static uint8_t message[65536];

static const uint8_t hello[8] = {4, 0, 0, 8, 0, 0, 0, 1};

static void
a_channel_says_hello_and_answers_whatever_way_its_stream_is_cut(void)
{
	uint64_t channel;
	size_t got, at, len = 0;

	host_init(&host, 2);
	CHECK(rumpswitch_open(host.sw, host_now, RUMPSWITCH_ACTIVE, &channel) == RUMPSWITCH_OK);
	b.len = 0;
	of_bytes(&b, hello, sizeof(hello));
	of_begin(&b, OF_ECHO_REQUEST, 42);
	of_bytes(&b, "ping", 4);
	of_end(&b);
	for (at = 0; at < b.len; at++) {
		CHECK(rumpswitch_write(host.sw, channel, host_now, b.bytes + at, 1, &got) == 0);
		CHECK(got == 1);
	}
	while (rumpswitch_read(host.sw, channel, host_now, message + len, 1, &got) == 0) {
		CHECK(got == 1);
		len++;
	}
	CHECK(len == 16 + 12);
	CHECK(message[1] == OF_HELLO && message[3] == 16);
	CHECK(message[16 + 1] == OF_ECHO_REPLY && message[16 + 7] == 42);
	CHECK(memcmp(message + 16 + 8, "ping", 4) == 0);
	host_destroy(&host);
}

static void
readiness_is_told_once_for_each_rise(void)
{
	uint64_t channel;
	uint32_t ready, pending;
	uint8_t frame[60] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};

	host_init(&host, 2);
	channel = host_open(&host);
	CHECK(channel < 8);
	b.len = 0;
	of_flow_mod(&b, 1, OF_ADD, 0, 0, 0);
	of_match_begin(&b);
	of_match_end(&b);
	of_actions_begin(&b, 4);
	of_output(&b, OF_PORT_CONTROLLER);
	of_actions_end(&b);
	of_end(&b);
	host_write(&host, channel, b.bytes, b.len);
	host_drain(&host, channel, 0);
	CHECK(rumpswitch_poll(host.sw, channel, &ready) == 0 && ready == RUMPSWITCH_WRITABLE);

	host.wake_count = 0;
	host_receive(&host, 1, frame, sizeof(frame));
	CHECK(host.wake_count == 1 && host.woken[channel] == RUMPSWITCH_READABLE);
	host_receive(&host, 1, frame, sizeof(frame));
	CHECK(host.wake_count == 1);	/* it is readable still */
	CHECK(rumpswitch_ioctl(host.sw, channel, host_now, RUMPSWITCH_GET_PENDING, &pending,
	    sizeof(pending)) == 0);
	CHECK(pending == 2 * (42 + 60));
	CHECK(host_drain(&host, channel, OF_PACKET_IN) == 2);
	host_receive(&host, 1, frame, sizeof(frame));
	CHECK(host.wake_count == 2);

	/* the end is told, the rest is read, then comes the end of the stream, then nothing is ready but it */
	CHECK(rumpswitch_hang_up(host.sw) == 0);
	CHECK(rumpswitch_poll(host.sw, channel, &ready) == 0 && (ready & RUMPSWITCH_READABLE));
	CHECK(host_drain(&host, channel, OF_PACKET_IN) == 1);
	CHECK(rumpswitch_poll(host.sw, channel, &ready) == 0);
	CHECK((ready & RUMPSWITCH_HANGUP) && !(ready & RUMPSWITCH_WRITABLE));
	CHECK(host.woken[channel] & RUMPSWITCH_HANGUP);
	CHECK(rumpswitch_close(host.sw, channel) == 0);
	host_destroy(&host);
}

static void
one_channel_at_a_time_is_the_exclusive_open(void)
{
	struct rumpswitch_config config;
	uint64_t first, second = 77;

	CHECK(rumpswitch_config_default(&config) == 0);
	config.max_channels = 1;
	CHECK(host_create(&host, &config) == 0);
	CHECK(rumpswitch_open(host.sw, 1, RUMPSWITCH_ACTIVE, &first) == 0);
	CHECK(rumpswitch_open(host.sw, 1, RUMPSWITCH_PASSIVE, &second) == RUMPSWITCH_BUSY);
	CHECK(second == 77);
	CHECK(rumpswitch_close(host.sw, first) == 0);
	CHECK(rumpswitch_open(host.sw, 1, RUMPSWITCH_ACTIVE, &second) == 0);
	CHECK(second != first);
	host_destroy(&host);
}

static void
ports_come_change_and_go_and_channels_are_told(void)
{
	struct rumpswitch_port port, seen;
	struct rumpswitch_renumber asked = {3, 9};
	uint64_t channel;

	host_init(&host, 2);
	channel = host_open(&host);
	host.wake_count = 0;
	host_add_port(&host, 3, "three");
	CHECK(host.wake_count == 1);
	CHECK(host_drain(&host, channel, OF_PORT_STATUS) == 1);
	CHECK(rumpswitch_port_get(host.sw, 3, &port) == 0);
	CHECK(strcmp(port.name, "three") == 0 && port.max_frame == RUMPSWITCH_MAX_FRAME);
	CHECK(rumpswitch_port_add(host.sw, 1, &port) == RUMPSWITCH_PORT_EXISTS);
	port.state = RUMPSWITCH_LINK_DOWN;
	port.curr_speed = 1000000;
	CHECK(rumpswitch_port_change(host.sw, 1, &port) == 0);
	CHECK(host_drain(&host, channel, OF_PORT_STATUS) == 1);
	CHECK(rumpswitch_port_get(host.sw, 3, &seen) == 0);
	CHECK(memcmp(&port, &seen, sizeof(port)) == 0);

	CHECK(rumpswitch_ioctl(host.sw, 0, 1, RUMPSWITCH_SET_PORT_NUMBER, &asked, sizeof(asked)) == 0);
	CHECK(host_drain(&host, channel, OF_PORT_STATUS) == 2);
	CHECK(rumpswitch_port_get(host.sw, 3, &seen) == RUMPSWITCH_NO_PORT);
	CHECK(rumpswitch_port_get(host.sw, 9, &seen) == 0 && strcmp(seen.name, "three") == 0);
	CHECK(rumpswitch_ioctl(host.sw, 0, 1, RUMPSWITCH_SET_PORT_NUMBER, &asked, sizeof(asked)) ==
	    RUMPSWITCH_NO_PORT);
	asked.from = 9;
	asked.to = 1;
	CHECK(rumpswitch_ioctl(host.sw, 0, 1, RUMPSWITCH_SET_PORT_NUMBER, &asked, sizeof(asked)) ==
	    RUMPSWITCH_PORT_EXISTS);
	asked.to = 0xffffff01u;
	CHECK(rumpswitch_ioctl(host.sw, 0, 1, RUMPSWITCH_SET_PORT_NUMBER, &asked, sizeof(asked)) ==
	    RUMPSWITCH_BAD_PORT);

	CHECK(rumpswitch_port_remove(host.sw, 1, 9) == 0);
	CHECK(rumpswitch_port_remove(host.sw, 1, 9) == RUMPSWITCH_NO_PORT);
	CHECK(rumpswitch_port_change(host.sw, 1, &port) == RUMPSWITCH_NO_PORT);
	CHECK(host_drain(&host, channel, OF_PORT_STATUS) == 1);
	host_destroy(&host);
}

static void
the_datapath_id_can_be_set_and_limits_be_asked(void)
{
	uint64_t channel, id = 0, other = 0xaabbccddeeff0011u;
	uint32_t limit;
	size_t len;

	host_init(&host, 0);
	channel = host_open(&host);
	CHECK(rumpswitch_ioctl(host.sw, 0, 1, RUMPSWITCH_GET_DATAPATH_ID, &id, sizeof(id)) == 0);
	CHECK(id == 0x20000000001u);
	CHECK(rumpswitch_ioctl(host.sw, 0, 1, RUMPSWITCH_SET_DATAPATH_ID, &other, sizeof(other)) == 0);
	b.len = 0;
	of_begin(&b, OF_FEATURES_REQUEST, 5);
	of_end(&b);
	host_write(&host, channel, b.bytes, b.len);
	len = host_read(&host, channel, message, sizeof(message));
	CHECK(len == 32 && message[1] == OF_FEATURES_REPLY);
	CHECK(of_get(message + 8, 8) == other);
	CHECK(rumpswitch_ioctl(host.sw, 0, 1, RUMPSWITCH_GET_MAX_FLOW, &limit, sizeof(limit)) == 0);
	CHECK(limit == 1u << 20);
	CHECK(rumpswitch_ioctl(host.sw, 0, 1, RUMPSWITCH_GET_MAX_GROUP, &limit, sizeof(limit)) == 0);
	CHECK(limit == 1u << 16);
	host_destroy(&host);
}

static void
time_runs_entries_out_and_says_when_it_will(void)
{
	uint64_t channel, deadline;

	host_init(&host, 1);
	channel = host_open(&host);
	CHECK(rumpswitch_next_deadline(host.sw, &deadline) == 0);
	CHECK(deadline == RUMPSWITCH_NEVER);
	b.len = 0;
	of_flow_port(&b, 1, 1, 1);
	of_patch(&b, 8 + 16 + 4, 3);	/* hard_timeout */
	of_patch(&b, 8 + 16 + 20 + 0, 1);
	host_write(&host, channel, b.bytes, b.len);
	host_drain(&host, channel, 0);
	CHECK(rumpswitch_next_deadline(host.sw, &deadline) == 0);
	CHECK(deadline > host_now && deadline <= host_now + 4000000000u);
	host.wake_count = 0;
	CHECK(rumpswitch_tick(host.sw, deadline, &deadline) == 0);
	while (deadline != RUMPSWITCH_NEVER)
		CHECK(rumpswitch_tick(host.sw, deadline + 4000000000u, &deadline) == 0);
	CHECK(host.wake_count == 1);
	CHECK(host_drain(&host, channel, OF_FLOW_REMOVED) == 1);
	host_destroy(&host);
}

int
main(void)
{
	host_platform();
	RUN(a_channel_says_hello_and_answers_whatever_way_its_stream_is_cut);
	RUN(readiness_is_told_once_for_each_rise);
	RUN(one_channel_at_a_time_is_the_exclusive_open);
	RUN(ports_come_change_and_go_and_channels_are_told);
	RUN(the_datapath_id_can_be_set_and_limits_be_asked);
	RUN(time_runs_entries_out_and_says_when_it_will);
	CHECK(memory_count == 0 && memory_bytes == 0);
	return 0;
}
