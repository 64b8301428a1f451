/* The stack of what changes a switch: meters, bundles that come to be and that are undone, flow monitors, time-outs. */
#include "stack.h"

#include <string.h>

enum { OPEN = 0, CLOSE = 2, COMMIT = 4, DISCARD = 6 };

#define ONF 0x4f4e4600u

/* ---- meters --------------------------------------------------------------------------------- */

static void
meter(uint16_t command, uint32_t id, unsigned bands)
{
	unsigned index;

	b.len = 0;
	of_begin(&b, OF_METER_MOD, 7);
	of_number(&b, command, 2);
	of_number(&b, 1 | 4 | 8, 2);
	of_number(&b, id, 4);
	for (index = 0; index < bands; index++) {
		of_number(&b, 1 + index % 2, 2);
		of_number(&b, 16, 2);
		of_number(&b, 1000 * (index + 1), 4);
		of_number(&b, 10, 4);
		of_number(&b, (uint64_t)(index % 2) << 24, 4);
	}
	of_end(&b);
}

static void
metered(void)
{
	of_number(&b, 6, 2);
	of_number(&b, 8, 2);
	of_number(&b, 1, 4);
	only_output();
}

static void
meters(void)
{
	meter(0, 1, 1);
	CHECK(stack_exchange("meter-mod, add") == 0);
	meter(1, 1, 8);
	CHECK(stack_exchange("meter-mod, modify, eight bands") == 0);
	add_flow(0, 9, 0x0a000000, 8, metered);
	CHECK(stack_exchange("flow-mod, a meter") == 0);
	stack_process("process 32, a meter");
	meter(2, 1, 0);
	CHECK(stack_exchange("meter-mod, delete with its entries") == 0);
	meter(0, 0xffffffff, 1);
	CHECK(stack_exchange("meter-mod, refused") == 1);
}

/* ---- groups --------------------------------------------------------------------------------- */

/* A group of `count` buckets that push a tag and put out, with weights for SELECT and ports for fast failover. */
static void
group(uint16_t command, uint8_t type, uint32_t id, unsigned count)
{
	unsigned index;

	b.len = 0;
	of_group_mod(&b, command, type, id);
	for (index = 0; index < count; index++) {
		of_bucket(&b, 16 + 8 + 16, type == 1, type == 3 ? 1 + index % 3 : OF_ANY);
		of_tag_action(&b, 17, 0x8100);
		of_output(&b, 1 + index % 3);
	}
	of_end(&b);
}

static void
to_group(void)
{
	of_actions_begin(&b, 4);
	of_group_action(&b, 100);
	of_actions_end(&b);
}

static void
groups(void)
{
	static const char *const names[] = {"ALL", "SELECT", "INDIRECT", "fast failover"};
	uint8_t type;
	char what[60];

	for (type = 0; type < 4; type++) {
		unsigned count = type == 2 ? 1 : 300;

		group(0, type, 100, count);
		snprintf(what, sizeof(what), "group-mod, add %s", names[type]);
		CHECK(stack_exchange(what) == 0);
		add_flow(0, 8, 0x0a000000, 8, to_group);
		CHECK(stack_exchange("flow-mod, a group") == 0);
		snprintf(what, sizeof(what), "process 32, a group %s", names[type]);
		stack_process(what);
		group(1, type, 100, 1);
		CHECK(stack_exchange("group-mod, modify") == 0);
		group(2, type, 100, 0);
		CHECK(stack_exchange("group-mod, delete with its entries") == 0);
	}
}

/* ---- bundles -------------------------------------------------------------------------------- */

static void
bundle_control(uint32_t id, uint16_t kind, unsigned error_count, const char *what)
{
	b.len = 0;
	of_begin(&b, 4, 8);
	of_number(&b, ONF, 4);
	of_number(&b, 2300, 4);
	of_number(&b, id, 4);
	of_number(&b, kind, 2);
	of_number(&b, 3, 2);
	of_end(&b);
	CHECK(stack_exchange(what) == error_count);
}

/* Adds the message that is in the buffer. */
static void
bundle_add(uint32_t id, const char *what)
{
	static uint8_t message[1 << 15];
	size_t len = b.len;

	CHECK(len <= sizeof(message));
	memcpy(message, b.bytes, len);
	/* transaction ids are the same */
	message[4] = message[5] = message[6] = 0, message[7] = 8;
	b.len = 0;
	of_begin(&b, 4, 8);
	of_number(&b, ONF, 4);
	of_number(&b, 2301, 4);
	of_number(&b, id, 4);
	of_zeros(&b, 2);
	of_number(&b, 3, 2);
	of_bytes(&b, message, len);
	of_end(&b);
	CHECK(stack_exchange(what) == 0);
}

static void
port_mod(uint32_t config)
{
	b.len = 0;
	of_begin(&b, 16, 8);
	of_number(&b, 1, 4);
	of_zeros(&b, 4);
	of_number(&b, 0x020000000001u, 6);
	of_zeros(&b, 2);
	of_number(&b, config, 4);
	of_number(&b, 0x41, 4);
	of_zeros(&b, 8);
	of_end(&b);
}

/* A bundle of everything that one may hold. */
static void
bundle_fill(uint32_t id)
{
	unsigned index;

	bundle_control(id, OPEN, 0, "bundle, open");
	meter(0, 1, 2);
	bundle_add(id, "bundle, add a meter-mod");
	group(0, 0, 100, 3);
	bundle_add(id, "bundle, add a group-mod");
	for (index = 0; index < 40; index++) {
		add_flow((uint8_t)(index % 3), (uint16_t)index, 0x0a000000 + (index << 8), 8 + index % 24,
		    index % 3 == 1 ? all_actions : index % 3 == 2 ? to_group : metered);
		if (index % 3 == 1)
			add_flow(0, (uint16_t)index, 0x0a000000 + (index << 8), 8 + index % 24, all_actions);
		bundle_add(id, "bundle, add a flow-mod");
	}
	flow_mod(OF_MODIFY, 2, 1);
	bundle_add(id, "bundle, add a modify");
	flow_mod(OF_DELETE, 2, 1);
	bundle_add(id, "bundle, add a delete");
	port_mod(1);
	bundle_add(id, "bundle, add a port-mod");
	port_mod(0);
	bundle_add(id, "bundle, add a port-mod");
	group(1, 1, 100, 2);
	bundle_add(id, "bundle, add a group-mod, modify");
	group(2, 0, 100, 0);
	bundle_add(id, "bundle, add a group-mod, delete");
	meter(1, 1, 3);
	bundle_add(id, "bundle, add a meter-mod, modify");
	meter(2, 1, 0);
	bundle_add(id, "bundle, add a meter-mod, delete");
	b.len = 0;
	of_packet_out(&b, 8, 1, OF_PORT_FLOOD, stack_frame(), STACK_FRAME_LEN);
	bundle_add(id, "bundle, add a packet-out");
}

static void
bundles(void)
{
	bundle_fill(1);
	bundle_control(1, CLOSE, 0, "bundle, close");
	stack_kind = STACK_COMMIT;
	bundle_control(1, COMMIT, 0, "bundle, commit");
	stack_kind = STACK_CALL;
	bundle_fill(2);
	bundle_control(2, DISCARD, 0, "bundle, discard");
	bundle_fill(3);
	/* a group that is not there: all that came before is undone */
	group(1, 0, 4000, 1);
	bundle_add(3, "bundle, add a group-mod that fails");
	stack_kind = STACK_COMMIT;
	bundle_control(3, COMMIT, 2, "bundle, commit that fails and is undone");
	stack_kind = STACK_CALL;
}

/* ---- flow monitors and time-outs ------------------------------------------------------------ */

static void
monitor(uint32_t id, uint16_t flags)
{
	uint8_t body[32] = {0x4f, 0x4e, 0x46, 0, 0, 0, 0x07, 0x4e};

	body[11] = (uint8_t)id;
	body[13] = (uint8_t)flags;
	body[15] = 4;
	memset(body + 16, 0xff, 5);
	body[25] = 1, body[27] = 4;
	multipart(0xffff, body, sizeof(body));
}

static void
monitors(void)
{
	monitor(1, 0x1f);
	CHECK(stack_exchange("flow monitor, first") == 0);
	add_flow(2, 7, 0x0b000000, 8, all_actions);
	b.bytes[b.len - 8 + 4] = 3;
	CHECK(stack_exchange("flow-mod that is monitored") == 0);
	flow_mod(OF_MODIFY, 2, 1);
	CHECK(stack_exchange("modify that is monitored") == 0);
	flow_mod(OF_DELETE, 2, 1);
	CHECK(stack_exchange("delete that is monitored") == 0);
}

/* Entries that time out, and tell it. */
static void
timeouts(void)
{
	unsigned index;

	for (index = 0; index < 200; index++) {
		add_flow(2, (uint16_t)index, 0x0a000000 + index * 77, 32, only_output);
		of_patch(&b, 26, 5);
		of_patch(&b, 28, 1 + index % 3);
		of_patch(&b, 44, 1);
		CHECK(stack_exchange(index == 0 ? "flow-mod with time-outs" : "flow-mod, another one") == 0);
	}
	host_now += 4000000000u;
	stack_settle("tick, 200 flow entries time out");
	b.len = 0;
	of_begin(&b, OF_BARRIER_REQUEST, 9);
	of_end(&b);
	CHECK(stack_exchange("200 flow-removed are read") == 0);
}

void
stack_changes(void)
{
	flow_mod(OF_DELETE, 0xff, 1);
	CHECK(stack_exchange("delete of a few") == 0);
	meters();
	groups();
	bundles();
	monitors();
	timeouts();
}
