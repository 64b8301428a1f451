/* The stack of every kind of message, and of frames through all kinds of actions and through chains of groups. */
#include "stack.h"

#include <string.h>

#define DEPTH 20
/* For each group more that a packet passes. */
#define GROUP_BOUND 0

void
multipart(uint16_t kind, const void *body, size_t len)
{
	b.len = 0;
	of_begin(&b, OF_MULTIPART_REQUEST, 4);
	of_number(&b, kind, 2);
	of_zeros(&b, 6);
	of_bytes(&b, body, len);
	of_end(&b);
}

void
add_flow(uint8_t table, uint16_t priority, uint32_t address, unsigned bits, void (*actions)(void))
{
	b.len = 0;
	of_flow_mod(&b, 1, OF_ADD, table, priority, 0);
	of_match_begin(&b);
	if (bits > 0) {
		uint32_t mask = ~(uint32_t)0 << (32 - bits);

		of_oxm(&b, OXM_ETH_TYPE, 0x0800);
		of_masked(&b, OXM_IPV4_DST, address & mask, mask);
	}
	of_match_end(&b);
	actions();
	of_end(&b);
}

void
flow_mod(uint8_t command, uint8_t table, uint16_t priority)
{
	b.len = 0;
	of_flow_mod(&b, 1, command, table, priority, 0);
	of_match_begin(&b);
	of_match_end(&b);
	of_end(&b);
}

void
all_actions(void)
{
	of_actions_begin(&b, 4);
	of_output(&b, 2);
	of_set_field(&b, OXM_ETH_SRC, 0x020000000009u);
	of_set_field(&b, OXM_IPV4_DST, 0x0a000003);
	of_tag_action(&b, 17, 0x8100);
	of_set_field(&b, OXM_VLAN_VID, 0x1007);
	of_output(&b, 3);
	of_tag_action(&b, 19, 0x8847);
	of_tag_action(&b, 26, 0x88e7);
	of_output(&b, OF_PORT_ALL);
	of_tag_action(&b, 27, 0);
	of_output(&b, OF_PORT_CONTROLLER);
	of_group_action(&b, 1);
	of_output(&b, OF_PORT_NORMAL);
	of_output(&b, OF_PORT_FLOOD);
	of_actions_end(&b);
	of_actions_begin(&b, 3);
	of_group_action(&b, 2);
	of_actions_end(&b);
	of_goto(&b, 1);
}

void
only_output(void)
{
	of_actions_begin(&b, 4);
	of_output(&b, 2);
	of_actions_end(&b);
}

/* A group of type ALL or SELECT whose buckets go to a port and to the group after it. */
static void
group(uint16_t command, uint32_t id, uint8_t type, uint32_t next)
{
	b.len = 0;
	of_group_mod(&b, command, type, id);
	of_bucket(&b, next != 0 ? 16 + 16 + 8 + 8 : 16 + 16 + 8, type == 1, OF_ANY);
	of_tag_action(&b, 17, 0x8100);
	of_output(&b, 2);
	if (next != 0)
		of_group_action(&b, next);
	of_end(&b);
}

/* Messages that are a number of 32-bit words behind the header. */
static void
words(const char *what, uint8_t type, unsigned count, const uint32_t *given)
{
	unsigned index;

	b.len = 0;
	of_begin(&b, type, 6);
	for (index = 0; index < count; index++)
		of_number(&b, given[index], 4);
	of_end(&b);
	CHECK(stack_exchange(what) == 0);
}

static void
small_messages(void)
{
	static const uint32_t echo[] = {1, 2, 3}, role[] = {1, 0, 0, 0}, config[] = {128},
	    async[] = {7, 7, 7, 7, 15, 15}, all[] = {OF_ANY, 0}, port[] = {1, 0},
	    port_mod[] = {1, 0, 0x02000000, 0x00010000, 0x41, 0x41, 0, 0},
	    port_mod_back[] = {1, 0, 0x02000000, 0x00010000, 0, 0x41, 0, 0}, table_mod[] = {0xff000000, 3};

	words("echo", OF_ECHO_REQUEST, 3, echo);
	words("features", OF_FEATURES_REQUEST, 0, NULL);
	words("get-config", 7, 0, NULL);
	words("set-config", 9, 1, config);
	words("role", 24, 4, role);
	words("set-async", 28, 6, async);
	words("get-async", 26, 0, NULL);
	words("port-mod", 16, 8, port_mod);
	words("port-mod", 16, 8, port_mod_back);
	words("table-mod", 17, 2, table_mod);
	words("queue-get-config of all ports", 22, 2, all);
	words("queue-get-config", 22, 2, port);
	words("barrier", OF_BARRIER_REQUEST, 0, NULL);
	b.len = 0;
	of_begin(&b, 4, 7);
	of_number(&b, 0x12345678, 4);
	of_zeros(&b, 4);
	of_end(&b);
	CHECK(stack_exchange("experimenter, which is refused") == 1);
}

static void
multiparts(void)
{
	uint8_t body[64];
	unsigned index;

	for (index = 0; index <= 13; index++) {
		size_t len = index == 1 || index == 2 ? 40 : index == 4 || index == 5 || index == 6 ||
		    index == 9 || index == 10 ? 8 : 0;
		char what[40];

		memset(body, 0, sizeof(body));
		memset(body, 0xff, index == 5 ? 8 : 4);
		if (index == 6)
			body[3] = 0xfc;
		if (len == 40) {
			memset(body + 1, 0, 3);
			memset(body + 4, 0xff, 8);
			body[33] = 1;
			body[35] = 4;
		}
		multipart((uint16_t)index, body, len);
		sprintf(what, "multipart request %u", index);
		CHECK(stack_exchange(what) == 0);
	}
	multipart(0xffff, body, 8);
	CHECK(stack_exchange("multipart request of an experimenter, refused") == 1);
}

/* Packet-outs: with all actions, through the tables, to what NORMAL and FLOOD say. */
static void
packet_outs(void)
{
	static const uint32_t to[] = {OF_PORT_TABLE, OF_PORT_NORMAL, OF_PORT_FLOOD, OF_PORT_CONTROLLER, 2};
	unsigned index;
	size_t at;

	for (index = 0; index < 5; index++) {
		b.len = 0;
		of_packet_out(&b, 1, 1, to[index], stack_frame(), STACK_FRAME_LEN);
		stack_kind = index == 0 ? STACK_GROUPS : STACK_CALL;
		CHECK(stack_exchange(index == 0 ? "packet-out to the tables, groups four deep" :
		    "packet-out") == 0);
	}
	stack_kind = STACK_GROUPS;
	b.len = 0;
	of_begin(&b, OF_PACKET_OUT, 1);
	of_number(&b, OF_ANY, 4);
	of_number(&b, 1, 4);
	of_zeros(&b, 8);
	at = b.len;
	of_output(&b, 2);
	of_set_field(&b, OXM_IPV4_DST, 0x0a000003);
	of_tag_action(&b, 17, 0x8100);
	of_tag_action(&b, 19, 0x8847);
	of_tag_action(&b, 26, 0x88e7);
	of_group_action(&b, 1);
	of_output(&b, OF_PORT_NORMAL);
	of_output(&b, OF_PORT_ALL);
	of_patch(&b, at - 8, b.len - at);
	of_bytes(&b, stack_frame(), STACK_FRAME_LEN);
	of_end(&b);
	CHECK(stack_exchange("packet-out, actions and groups four deep") == 0);
	stack_kind = STACK_CALL;
}

/* All groups in one chain. */
static void
deep_groups(void)
{
	size_t four, all;

	stack_kind = STACK_GROUPS;
	four = stack_process("process 32, groups four deep");
	stack_kind = STACK_CALL;
	group(1, 4, 0, 5);
	CHECK(stack_exchange("group-mod, modify") == 0);
	/* deeper than is bound: what each group takes is */
	stack_kind = STACK_DEEP;
	all = stack_process("process 32, groups twenty deep");
	stack_kind = STACK_CALL;
	printf("%6zu bytes of stack: each further group\n", (all - four) / (DEPTH - 4));
	CHECK((all - four) / (DEPTH - 4) <= GROUP_BOUND);
	group(1, 4, 0, 0);
	CHECK(stack_exchange("group-mod, modify") == 0);
}

void
stack_messages(void)
{
	static const uint8_t hello[8] = {4, 0, 0, 8, 0, 0, 0, 1};
	unsigned index;

	b.len = 0;
	of_bytes(&b, hello, sizeof(hello));
	stack_exchange("hello");
	small_messages();
	for (index = DEPTH; index > 0; index--) {
		group(0, index, index % 3 == 0, index == DEPTH || index == 4 ? 0 : index + 1);
		CHECK(stack_exchange("group-mod, add") == 0);
	}
	add_flow(0, 9, 0x0a000000, 8, all_actions);
	CHECK(stack_exchange("flow-mod, all actions") == 0);
	add_flow(1, 9, 0, 0, only_output);
	CHECK(stack_exchange("flow-mod, another table") == 0);
	stack_kind = STACK_GROUPS;
	stack_process("process 32, all actions, groups four deep");
	stack_kind = STACK_CALL;
	packet_outs();
	multiparts();
	deep_groups();
}
