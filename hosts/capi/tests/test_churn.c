/*
 * Long runs: packet-outs and flow entries that come and go, as many as the first argument says (100,000),
 * after which the library holds what it held before, and nothing when the switch is gone.
 */
#include <string.h>

#include "check.h"
#include "host.h"
#include "openflow.h"

static struct host host;
static struct of_buffer b;

static void
add(uint32_t index, uint16_t priority)
{
	of_flow_mod(&b, index, OF_ADD, (uint8_t)(index % 3), priority, 1);
	of_match_begin(&b);
	of_oxm(&b, OXM_ETH_TYPE, 0x0800);
	if (index & 1)
		of_oxm(&b, OXM_IPV4_SRC, index * 2654435761u);
	if (index & 2)
		of_oxm(&b, OXM_IPV4_DST, index);
	of_match_end(&b);
	of_actions_begin(&b, 4);
	of_tag_action(&b, 17, 0x8100);
	of_output(&b, 1 + index % 2);
	of_actions_end(&b);
	of_end(&b);
}

static void
delete_all(void)
{
	of_flow_mod(&b, 0, OF_DELETE, 0xff, 0, 0);
	of_match_begin(&b);
	of_match_end(&b);
	of_end(&b);
}

static void
churn(uint64_t channel, unsigned long count)
{
	static uint8_t frame[200] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45};
	unsigned long index;

	for (index = 0; index < count; index++) {
		b.len = 0;
		of_packet_out(&b, 1, OF_PORT_CONTROLLER, index & 1 ? OF_PORT_TABLE : OF_PORT_FLOOD, frame,
		    60 + index % 140);
		if (index % 8 == 0)
			add((uint32_t)(index / 8 % 4096), (uint16_t)(index % 7));
		if (index % 65536 == 65535)
			delete_all();
		host_write(&host, channel, b.bytes, b.len);
		if (index % 16 == 0)
			host_receive(&host, 1 + index % 2, frame, 60 + index % 140);
		if (index % 1024 == 0) {
			host_now += 1000000;
			host_drain(&host, channel, 0);
		}
	}
	b.len = 0;
	delete_all();
	of_begin(&b, OF_BARRIER_REQUEST, 1);
	of_end(&b);
	host_write(&host, channel, b.bytes, b.len);
	while (host_drain(&host, channel, OF_BARRIER_REPLY) == 0) {
		uint64_t deadline;

		CHECK(rumpswitch_tick(host.sw, host_now, &deadline) == 0);
	}
	host_drain(&host, channel, 0);
}

int
main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	uint64_t channel;
	long blocks;

	host_platform();
	host_init(&host, 2);
	channel = host_open(&host);
	/* the first round makes what stays: pages of entries, the queues' rooms */
	churn(channel, 70000 < count ? 70000 : count);
	blocks = memory_count;
	churn(channel, count);
	printf("%lu packet-outs, %lu frames sent, %lu wake-ups; %ld blocks held before, %ld after; "
	    "%zu bytes at most, %lu allocations\n", count, host.sent_count, host.wake_count, blocks,
	    memory_count, memory_peak, memory_calls);
	CHECK(memory_count <= blocks + 1024);
	CHECK(rumpswitch_close(host.sw, channel) == 0);
	host_destroy(&host);
	CHECK(memory_count == 0 && memory_bytes == 0 && host.frame_count == 0);
	return 0;
}
