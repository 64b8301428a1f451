/*
 * Memory that runs out: everything that a host or a controller can ask for is done again and again, with the
 * first, second, third ... allocation failing, and whatever fails is an answer. A panic would end
 * the program by status 70; a block that is lost is seen at the end of each turn.
 */
#include <string.h>

#include "check.h"
#include "host.h"
#include "openflow.h"

static struct host host;
static struct of_buffer b;

static const uint8_t hello[8] = {4, 0, 0, 8, 0, 0, 0, 1};

static void
flow(uint8_t command, uint32_t index)
{
	of_flow_mod(&b, index, command, (uint8_t)(index % 2), (uint16_t)(index % 5), 1);
	of_match_begin(&b);
	of_oxm(&b, OXM_ETH_TYPE, 0x0800);
	of_oxm(&b, OXM_IPV4_DST, index * 2654435761u);
	of_match_end(&b);
	of_actions_begin(&b, 4);
	of_tag_action(&b, 17, 0x8100);
	of_output(&b, 2);
	of_output(&b, OF_PORT_CONTROLLER);
	of_group_action(&b, 1);
	of_actions_end(&b);
	of_end(&b);
}

static void
group_add(uint32_t id)
{
	of_group_mod(&b, 0, 0, id);
	of_bucket(&b, 32, 0, OF_ANY);
	of_output(&b, 1);
	of_end(&b);
}

static void
ask(uint16_t kind)
{
	of_begin(&b, OF_MULTIPART_REQUEST, 4);
	of_number(&b, kind, 2);
	of_zeros(&b, 6);
	if (kind == 1) {
		of_number(&b, 0xff, 1);
		of_zeros(&b, 3);
		of_number(&b, OF_ANY, 4);
		of_number(&b, OF_ANY, 4);
		of_zeros(&b, 20);
		of_match_begin(&b);
		of_match_end(&b);
	} else if (kind == 4 || kind == 6 || kind == 9) {
		of_number(&b, kind == 6 ? 0xfffffffcu : OF_ANY, 4);
		of_zeros(&b, 4);
	}
	of_end(&b);
}

/* Bytes go in; whatever is answered, it is an error of the header's. */
static void
attempt(uint64_t channel)
{
	static uint8_t into[1 << 16];
	size_t at = 0, moved;
	uint64_t deadline;
	int error, turns;

	for (turns = 0; at < b.len && turns < 1000; turns++) {
		error = rumpswitch_write(host.sw, channel, host_now, b.bytes + at, b.len - at, &moved);
		if (error == RUMPSWITCH_OK)
			at += moved;
		else if (error == RUMPSWITCH_HUNG_UP || error == RUMPSWITCH_BAD_CHANNEL)
			break;
		else
			CHECK(error == RUMPSWITCH_WOULD_BLOCK || error == RUMPSWITCH_NO_MEMORY);
		rumpswitch_tick(host.sw, host_now, &deadline);
		while (rumpswitch_read(host.sw, channel, host_now, into, sizeof(into), &moved) == 0 &&
		    moved > 0)
			;
	}
	b.len = 0;
}

/* All kinds of work on a switch that is there; answers whether all of it could be asked for. */
static void
work(void)
{
	static uint8_t frame[200] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45};
	struct rumpswitch_port port;
	uint64_t channel;
	uint32_t index;
	int error;

	memset(&port, 0, sizeof(port));
	for (port.number = 1; port.number <= 3; port.number++) {
		memcpy(port.name, "port", 4);
		error = rumpswitch_port_add(host.sw, host_now, &port);
		CHECK(error == RUMPSWITCH_OK || error == RUMPSWITCH_NO_MEMORY);
	}
	error = rumpswitch_open(host.sw, host_now, RUMPSWITCH_ACTIVE, &channel);
	CHECK(error == RUMPSWITCH_OK || error == RUMPSWITCH_NO_MEMORY);
	if (error != RUMPSWITCH_OK)
		return;
	of_bytes(&b, hello, sizeof(hello));
	attempt(channel);
	group_add(1);
	group_add(2);
	attempt(channel);
	for (index = 0; index < 40; index++) {
		flow(OF_ADD, index);
		if (index % 10 == 0)
			attempt(channel);
	}
	attempt(channel);
	of_packet_out(&b, 1, 1, OF_PORT_TABLE, frame, sizeof(frame));
	of_packet_out(&b, 1, OF_PORT_CONTROLLER, OF_PORT_NORMAL, frame, sizeof(frame));
	attempt(channel);
	host_receive(&host, 1, frame, sizeof(frame));
	for (index = 0; index <= 13; index++) {
		ask((uint16_t)index);
		attempt(channel);
	}
	flow(OF_MODIFY, 3);
	flow(OF_DELETE, 4);
	attempt(channel);
	port.number = 2;
	rumpswitch_port_change(host.sw, host_now, &port);
	rumpswitch_port_remove(host.sw, host_now, 3);
	rumpswitch_close(host.sw, channel);
}

static unsigned long failures;

/* Makes a switch while the `from`th allocation and all behind it, or that one alone, fail. */
static int
create(unsigned long from, unsigned long count, uint32_t standalone)
{
	struct rumpswitch_config config;
	int error;

	memory_calls = 0;
	memory_fail_from = from;
	memory_fail_count = count;
	CHECK(rumpswitch_config_default(&config) == RUMPSWITCH_OK);
	CHECK(memory_calls == 0);
	config.standalone = standalone;
	config.description = "short of memory";
	error = host_create(&host, &config);
	memory_fail_count = 0;
	return error;
}

/* Each allocation of a creation fails: the answer says so, nothing is left, and the next one is whole. */
static void
creating_fails_at_each_allocation(void)
{
	static const unsigned long counts[2] = {1, ~0ul};
	unsigned long from, needed;
	unsigned index;

	for (index = 0; index < 4; index++) {
		CHECK(create(1, 0, index / 2) == RUMPSWITCH_OK);
		needed = memory_calls;
		CHECK(needed > 0);
		host_destroy(&host);
		for (from = 1; from <= needed; from++) {
			CHECK(create(from, counts[index % 2], index / 2) == RUMPSWITCH_NO_MEMORY);
			CHECK(memory_calls == from && host.sw == NULL);
			CHECK(memory_count == 0 && memory_bytes == 0);
			failures++;
		}
		CHECK(create(from, counts[index % 2], index / 2) == RUMPSWITCH_OK);
		CHECK(memory_calls == needed);
		host_destroy(&host);
		CHECK(memory_count == 0 && memory_bytes == 0);
	}
	printf("   %lu places\n", needed);
}

/* One turn in which `count` allocations from the `from`th on fail; whether it came so far. */
static int
turn(unsigned long from, unsigned long count)
{
	struct rumpswitch_config config;

	CHECK(rumpswitch_config_default(&config) == RUMPSWITCH_OK);
	memory_fail_from = from;
	memory_fail_count = 0;
	CHECK(host_create(&host, &config) == RUMPSWITCH_OK);
	memory_calls = 0;
	memory_fail_count = count;
	work();
	memory_fail_count = 0;
	host_destroy(&host);
	b.len = 0;
	failures += memory_calls >= from;
	if (memory_count != 0)
		fprintf(stderr, "%ld blocks lost when allocations from %lu on failed\n", memory_count, from);
	CHECK(memory_count == 0 && memory_bytes == 0 && host.frame_count == 0);
	return memory_calls >= from;
}

static void
each_single_allocation_may_fail(void)
{
	unsigned long from;

	for (from = 1; turn(from, 1); from++)
		;
	printf("   %lu places\n", from);
}

static void
all_allocations_may_fail_from_any_on(void)
{
	unsigned long from;

	for (from = 1; turn(from, ~0ul); from += from / 16 + 1)
		;
}

int
main(void)
{
	host_platform();
	RUN(creating_fails_at_each_allocation);
	RUN(each_single_allocation_may_fail);
	RUN(all_allocations_may_fail_from_any_on);
	printf("%lu failed allocations\n", failures);
	return 0;
}
