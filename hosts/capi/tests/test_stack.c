/*
 * How much stack the library takes: every call is made on a stack of its own that has been painted
 * before, and what is left of the paint is measured. The work is all kinds of messages and of actions,
 * batches of 32, large tables, groups in groups.
 *
 * Three bounds: of every call; of frames that pass through a chain of groups (and how much more each
 * further group takes); and of the calls that change tables while a compiled form of a large table is made
 * or thrown away, which still take more than a kernel's stack should give.
 *
 * The host's functions run on the test's own stack, so that only the library's frames are counted.
 */
#include <string.h>
#include <ucontext.h>

#include "check.h"
#include "host.h"
#include "openflow.h"

#define BOUND 9216
#define GROUPS_BOUND 12288
#define FORMS_BOUND 32768
#define DEPTH 20
/* For each group more that a packet passes. */
#define GROUP_BOUND 2048
#define STACK (256 * 1024)

static struct host host;
static struct of_buffer b;
static uint8_t painted[STACK] __attribute__((aligned(64)));
static ucontext_t here, there;
static void (*job)(void);
static size_t calls, groups, forms;
/* Where what is measured counts. */
static size_t *most = &calls;

static void
on_painted(void)
{
	job();
}

/* Runs `work` on the painted stack and returns what it used of it. */
static size_t
measure(void (*work)(void))
{
	size_t used;

	memset(painted, 0x5a, sizeof(painted));
	job = work;
	CHECK(getcontext(&there) == 0);
	there.uc_stack.ss_sp = painted;
	there.uc_stack.ss_size = sizeof(painted);
	there.uc_link = &here;
	makecontext(&there, on_painted, 0);
	CHECK(swapcontext(&here, &there) == 0);
	for (used = sizeof(painted); used > 0 && painted[sizeof(painted) - used] == 0x5a; used--)
		;
	return used;
}

static size_t last;

static void
nothing(void)
{
}

static size_t base;

/* Reports what a call took beyond an empty function. */
static void
report(const char *what, void (*work)(void))
{
	size_t used = measure(work) - base;

	printf("%6zu bytes of stack: %s\n", used, what);
	last = used;
	if (used > *most)
		*most = used;
}

/* ---- the calls ------------------------------------------------------------------------------ */

static struct rumpswitch_config config;
static struct rumpswitch_port port;
static uint64_t channel, deadline;
static uint8_t into[1 << 17];
static struct rumpswitch_ingress batch[32];
static size_t got;
static int error;

/* Hypercalls that use next to no stack of their own: frames of a store. */
static uint8_t store[256][2048];
static unsigned next_store;

static void
small_frame(struct rumpswitch_frame *frame, size_t len)
{
	memset(frame, 0, sizeof(*frame));
	frame->head = store[next_store++ % 256] + 128;
	frame->head_len = frame->len = len;
	frame->headroom = 128;
	frame->tailroom = 256;
}

static int
small_transmit(void *context, uint32_t number, const struct rumpswitch_meta *meta,
    struct rumpswitch_frame *frame)
{
	(void)context, (void)number, (void)meta, (void)frame;
	host.sent_count++;
	return 0;
}

static void
small_discard(void *context, struct rumpswitch_frame *frame)
{
	(void)context, (void)frame;
}

static int
small_duplicate(void *context, const struct rumpswitch_frame *frame, struct rumpswitch_frame *copy)
{
	(void)context;
	small_frame(copy, frame->len);
	memcpy(copy->head, frame->head, frame->len);
	return 0;
}

static int
small_allocate(void *context, size_t len, struct rumpswitch_frame *frame)
{
	(void)context;
	if (len > 1500)
		return 1;
	small_frame(frame, len);
	memset(frame->head, 0, len);
	return 0;
}

static int
small_pull(void *context, struct rumpswitch_frame *frame, size_t len)
{
	(void)context, (void)frame, (void)len;
	return 1;
}

static int
small_grow(void *context, struct rumpswitch_frame *frame, size_t front, size_t back)
{
	(void)context, (void)frame, (void)front, (void)back;
	return 1;
}

static const struct rumpswitch_hypercalls small_calls = {
	.revision = RUMPSWITCH_REVISION,
	.size = sizeof(small_calls),
	.transmit = small_transmit,
	.discard = small_discard,
	.duplicate = small_duplicate,
	.allocate = small_allocate,
	.pull = small_pull,
	.grow = small_grow,
};

static void do_create(void) { error = rumpswitch_create(&config, &small_calls, &host, &host.sw); }
static void do_destroy(void) { error = rumpswitch_destroy(host.sw); }
static void do_add(void) { error = rumpswitch_port_add(host.sw, host_now, &port); }
static void do_change(void) { error = rumpswitch_port_change(host.sw, host_now, &port); }
static void do_remove(void) { error = rumpswitch_port_remove(host.sw, host_now, port.number); }
static void do_open(void) { error = rumpswitch_open(host.sw, host_now, 0, &channel); }
static void do_close(void) { error = rumpswitch_close(host.sw, channel); }
static void do_hang_up(void) { error = rumpswitch_hang_up(host.sw); }
static void do_tick(void) { error = rumpswitch_tick(host.sw, host_now, &deadline); }
static void do_process(void) { error = rumpswitch_process(host.sw, host_now, batch, 32); }

static size_t write_len;

static void
do_write(void)
{
	error = rumpswitch_write(host.sw, channel, host_now, b.bytes, write_len, &got);
}

static void
do_read(void)
{
	error = rumpswitch_read(host.sw, channel, host_now, into, sizeof(into), &got);
}

/* Writes the message that is in the buffer, reads the answers, goes on until all is done. */
static void
exchange(const char *what)
{
	size_t used, largest = 0, write_used = 0;
	int turns;

	write_len = b.len;
	for (turns = 0; turns < 100000; turns++) {
		used = measure(do_write) - base;
		write_used = used > write_used ? used : write_used;
		if (error == 0)
			break;
		CHECK(error == RUMPSWITCH_WOULD_BLOCK);
		used = measure(do_tick) - base;
		largest = used > largest ? used : largest;
		used = measure(do_read) - base;
		largest = used > largest ? used : largest;
	}
	CHECK(error == 0 && got == b.len);
	do {
		used = measure(do_tick) - base;
		largest = used > largest ? used : largest;
		CHECK(error == 0);
		used = measure(do_read) - base;
		largest = used > largest ? used : largest;
		if (error == 0 && got >= 12 && into[1] == OF_ERROR)
			printf("       (error %u/%u)\n", into[9], into[11]);
	} while (error == 0 || deadline <= host_now);
	printf("%6zu bytes of stack: write, %6zu read and tick: %s\n", write_used, largest, what);
	largest = largest > write_used ? largest : write_used;
	*most = largest > *most ? largest : *most;
}

static void
add_flow(uint8_t table, uint16_t priority, uint32_t address, unsigned bits, void (*actions)(void))
{
	b.len = 0;
	of_flow_mod(&b, 1, OF_ADD, table, priority, 0);
	of_match_begin(&b);
	if (bits > 0) {
		of_oxm(&b, OXM_ETH_TYPE, 0x0800);
		of_number(&b, 0x8000, 2);
		of_number(&b, 12 << 1 | 1, 1);
		of_number(&b, 8, 1);
		of_number(&b, address & ~(uint32_t)0 << (32 - bits), 4);
		of_number(&b, ~(uint32_t)0 << (32 - bits), 4);
	}
	of_match_end(&b);
	actions();
	of_end(&b);
}

static void
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

static void
only_output(void)
{
	of_actions_begin(&b, 4);
	of_output(&b, 2);
	of_actions_end(&b);
}

/* A group of type ALL whose buckets go to a port and to the group after it. */
static void
group(uint16_t command, uint32_t id, uint8_t type, uint32_t next)
{
	b.len = 0;
	of_begin(&b, OF_GROUP_MOD, 3);
	of_number(&b, command, 2);
	of_number(&b, type, 1);
	of_zeros(&b, 1);
	of_number(&b, id, 4);
	of_number(&b, next != 0 ? 16 + 16 + 8 + 8 : 16 + 16 + 8, 2);
	of_number(&b, type == 1, 2);
	of_number(&b, OF_ANY, 4);
	of_number(&b, OF_ANY, 4);
	of_zeros(&b, 4);
	of_tag_action(&b, 17, 0x8100);
	of_output(&b, 2);
	if (next != 0)
		of_group_action(&b, next);
	of_end(&b);
}

static void
multipart(uint16_t kind, const void *body, size_t len)
{
	b.len = 0;
	of_begin(&b, OF_MULTIPART_REQUEST, 4);
	of_number(&b, kind, 2);
	of_zeros(&b, 6);
	of_bytes(&b, body, len);
	of_end(&b);
}

static void
process(const char *what)
{
	unsigned index, at;

	for (index = 0; index < 32; index++) {
		memset(&batch[index], 0, sizeof(batch[index]));
		batch[index].port = 1 + index % 2;
		batch[index].meta.queue_id = RUMPSWITCH_NO_QUEUE;
		small_frame(&batch[index].frame, 100);
		memcpy(batch[index].frame.head, "\2\0\0\0\0\2\2\0\0\0\0\1\x08\0\x45\0\0\x56\0\1\0\0\x40\x11"
		    "\0\0\x0a\0\0\1\x0a\0\0\2\0\1\0\2\0\x42\0\0", 42);
		for (at = 42; at < 100; at++)
			batch[index].frame.head[at] = (uint8_t)at;
		batch[index].frame.head[33] = (uint8_t)index;
	}
	report(what, do_process);
	CHECK(error == 0);
}

static void
messages(void)
{
	static const uint8_t hello[8] = {4, 0, 0, 8, 0, 0, 0, 1};
	uint8_t body[64];
	unsigned index;

	b.len = 0;
	of_bytes(&b, hello, sizeof(hello));
	exchange("hello");
	for (index = DEPTH; index > 0; index--) {
		group(0, index, index % 3 == 0, index == DEPTH || index == 4 ? 0 : index + 1);
		exchange("group-mod");
	}
	add_flow(0, 9, 0x0a000000, 8, all_actions);
	exchange("flow-mod, all actions");
	add_flow(1, 9, 0, 0, only_output);
	exchange("flow-mod, another table");
	most = &groups;
	process("process 32, all actions, groups four deep");
	b.len = 0;
	of_begin(&b, OF_PACKET_OUT, 1);
	of_number(&b, OF_ANY, 4);
	of_number(&b, OF_PORT_CONTROLLER, 4);
	of_number(&b, 16, 2);
	of_zeros(&b, 6);
	of_output(&b, OF_PORT_TABLE);
	of_bytes(&b, store[(next_store - 1) % 256] + 128, 100);
	of_end(&b);
	exchange("packet-out to the tables, groups four deep");
	most = &calls;
	b.len = 0;
	of_begin(&b, OF_METER_MOD, 7);
	of_number(&b, 0, 2);
	of_number(&b, 1, 2);
	of_number(&b, 1, 4);
	of_number(&b, 1, 2);
	of_number(&b, 16, 2);
	of_number(&b, 1000, 4);
	of_zeros(&b, 8);
	of_end(&b);
	exchange("meter-mod");
	memset(body, 0xff, sizeof(body));
	memset(body + 4 + 8 + 8 - 8, 0, 24);
	for (index = 0; index <= 13; index++) {
		size_t len = index == 1 || index == 2 ? 40 : index == 4 || index == 5 || index == 6 ||
		    index == 9 || index == 10 ? 8 : 0;

		memset(body, 0, sizeof(body));
		memset(body, 0xff, 4);
		memset(body + 4, 0xff, index == 5 ? 4 : 0);
		if (len == 40) {
			memset(body + 4, 0xff, 8);
			memset(body, 0, 4);
			body[0] = 0xff;
			memset(body + 12, 0, 20);
			body[33] = 1;
			body[35] = 4;
			memset(body + 4, 0xff, 8);
		}
		multipart((uint16_t)index, body, len);
		exchange("multipart request");
	}
}

/* The same with all groups in a chain. */
static void
deep_groups(void)
{
	size_t four, all, deep = 0;

	most = &groups;
	process("process 32, groups four deep");
	four = last;
	most = &deep;
	group(1, 4, 0, 5);
	exchange("group-mod");
	process("process 32, groups twenty deep");
	all = last;
	printf("%6zu bytes of stack: each further group\n", (all - four) / (DEPTH - 4));
	CHECK((all - four) / (DEPTH - 4) <= GROUP_BOUND);
	most = &calls;
	group(1, 4, 0, 0);
	exchange("group-mod");
}

static void
large_tables(void)
{
	static const unsigned bits[] = {8, 12, 16, 20, 24, 28, 32};
	unsigned index, table;

	for (table = 2; table < 5; table++) {
		size_t used, largest = 0;

		/* the last one has one mask, for which no form is made */
		most = table < 4 ? &forms : &calls;
		for (index = 0; index < 3000; index++) {
			uint32_t address = 0x0a000000u + index * 2654435761u % (1u << 24);

			add_flow((uint8_t)table, (uint16_t)(table == 2 ? 5 : index % 100), address,
			    table == 4 ? 32 : bits[index % 7], only_output);
			write_len = b.len;
			used = measure(do_write) - base;
			largest = used > largest ? used : largest;
			if (index % 64 == 0) {
				used = measure(do_tick) - base;
				largest = used > largest ? used : largest;
				do_read();
			}
		}
		printf("%6zu bytes of stack: 3,000 flow-mods and ticks\n", largest);
		*most = largest > *most ? largest : *most;
	}
	b.len = 0;
	of_flow_mod(&b, 1, OF_MODIFY, 0, 1, 0);
	b.bytes[8 + 16] = 2;
	of_match_begin(&b);
	of_match_end(&b);
	all_actions();
	of_patch(&b, b.len - 8 + 4, 3 << 8);
	of_end(&b);
	exchange("modify of 3,000");
	b.len = 0;
	of_flow_mod(&b, 1, OF_ADD, 0, 10, 0);
	of_match_begin(&b);
	of_match_end(&b);
	of_goto(&b, 2);
	of_end(&b);
	exchange("flow-mod, goto");
	process("process 32 by a large table");
	b.len = 0;
	of_flow_mod(&b, 1, OF_DELETE, 0xff, 1, 0);
	of_match_begin(&b);
	of_match_end(&b);
	of_end(&b);
	most = &forms;
	exchange("delete of all");
	most = &calls;
}

int
main(void)
{
	host_platform();
	base = measure(nothing);
	CHECK(rumpswitch_config_default(&config) == 0);
	report("create", do_create);
	CHECK(error == 0);
	for (port.number = 1; port.number <= 3; port.number++) {
		port.name[0] = 'p';
		report("port_add", do_add);
		CHECK(error == 0);
	}
	report("open", do_open);
	messages();
	deep_groups();
	large_tables();
	port.number = 3;
	port.state = RUMPSWITCH_LINK_DOWN;
	report("port_change", do_change);
	report("port_remove", do_remove);
	report("hang_up", do_hang_up);
	report("close", do_close);
	report("destroy", do_destroy);
	CHECK(error == 0 && memory_count == 0 && memory_bytes == 0);
	printf("most: %zu bytes of %u; in groups %zu of %u; while forms are made %zu of %u\n", calls, BOUND,
	    groups, GROUPS_BOUND, forms, FORMS_BOUND);
	CHECK(calls <= BOUND && groups <= GROUPS_BOUND && forms <= FORMS_BOUND);
	return 0;
}
