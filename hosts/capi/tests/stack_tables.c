/*
 * The stack of large tables, in each form that they are compiled to: made, changed, looked up, dumped, thrown away.
 * stack_tables.rs shows that these entries are compiled to what is said here.
 */
#include "stack.h"

#include <string.h>

static uint64_t next_deadline;

static void do_write(void) { error = rumpswitch_write(host.sw, channel, host_now, b.bytes, b.len, &got); }
static void do_tick(void) { error = rumpswitch_tick(host.sw, host_now, &next_deadline); }
static void do_read(void) { error = rumpswitch_read(host.sw, channel, host_now, into, sizeof(into), &got); }

/* Entries of a table by number. */

static const unsigned bits[] = {8, 12, 16, 20, 24, 28, 32};

static uint32_t
place(uint32_t index)
{
	return 0x0a000000u + index * 2654435761u % (1u << 24);
}

static uint32_t
leading(unsigned ones, unsigned width)
{
	uint32_t all = width == 32 ? ~(uint32_t)0 : (1u << width) - 1;

	return ones == 0 ? 0 : all << (width - ones) & all;
}

/* Prefixes of one field: lpm. */
static void
prefix(uint8_t table, uint32_t index)
{
	add_flow(table, 5, place(index), bits[index % 7], only_output);
}

/* Prefixes of two fields, and a port: tree. */
static void
access_entry(uint8_t table, uint32_t index)
{
	uint32_t from = place(index), to = place(index + 7777);

	b.len = 0;
	of_flow_mod(&b, 1, OF_ADD, table, (uint16_t)index, 0);
	of_match_begin(&b);
	of_oxm(&b, OXM_ETH_TYPE, 0x0800);
	of_oxm(&b, OXM_IP_PROTO, 17);
	of_masked(&b, OXM_IPV4_SRC, from, leading(bits[index % 7], 32));
	of_masked(&b, OXM_IPV4_DST, to, leading(bits[index / 7 % 7], 32));
	of_oxm(&b, OXM_UDP_DST, index % 50);
	of_match_end(&b);
	only_output();
	of_end(&b);
}

/* One mask: exact, with no form beside it. */
static void
address(uint8_t table, uint32_t index)
{
	add_flow(table, (uint16_t)(index % 100), place(index), 32, only_output);
}

/* Entries that all match one frame, so that no cut tells them apart: bitvec. */
static void
nested(uint8_t table, uint32_t index)
{
	uint32_t from = leading(index % 33, 32), to = leading(index / 33 % 33, 32),
	    udp_port = leading(index / 33 / 33 % 17, 16);

	b.len = 0;
	of_flow_mod(&b, 1, OF_ADD, table, (uint16_t)index, 0);
	of_match_begin(&b);
	of_oxm(&b, OXM_ETH_TYPE, 0x0800);
	of_oxm(&b, OXM_IP_PROTO, 17);
	if (from != 0)
		of_masked(&b, OXM_IPV4_SRC, 0x0a000001, from);
	if (to != 0)
		of_masked(&b, OXM_IPV4_DST, 0x0a000002, to);
	if (udp_port != 0)
		of_masked(&b, OXM_UDP_DST, 2, udp_port);
	of_match_end(&b);
	only_output();
	of_end(&b);
}

struct kind {
	const char *name;
	uint8_t table;
	uint32_t count;
	void (*entry)(uint8_t table, uint32_t index);
	/* what frames by it count as */
	enum stack_kind frames;
};

static const struct kind kinds[] = {
	{"lpm", 2, 3000, prefix, STACK_CALL},
	{"tree", 3, 3000, access_entry, STACK_LOOKUP},
	{"exact", 4, 3000, address, STACK_CALL},
	{"bitvec", 5, 2200, nested, STACK_LOOKUP},
};

static void
keep(size_t *most, size_t used)
{
	*most = used > *most ? used : *most;
}

/* All entries of a table, with a tick now and then; then all that is left to be done. */
static void
fill(const struct kind *kind)
{
	size_t write_used = 0, tick_used = 0;
	char what[80];
	uint32_t index;

	for (index = 0; index < kind->count; index++) {
		kind->entry(kind->table, index);
		keep(&write_used, stack_of(do_write));
		CHECK(error == 0 && got == b.len);
		if (index % 64 == 0) {
			keep(&tick_used, stack_of(do_tick));
			while (rumpswitch_read(host.sw, channel, host_now, into, sizeof(into), &got) == 0)
				;
		}
	}
	snprintf(what, sizeof(what), "%s: %u flow-mods", kind->name, kind->count);
	stack_count(what, write_used);
	snprintf(what, sizeof(what), "%s: ticks between them", kind->name);
	stack_count(what, tick_used);
	snprintf(what, sizeof(what), "%s: ticks until it is made", kind->name);
	stack_settle(what);
	/* it has been at rest, so that it is made anew */
	host_now += 5000000000u;
	snprintf(what, sizeof(what), "%s: ticks after a rest", kind->name);
	stack_settle(what);
}

/* Frames by the table, then changes of it. */
static void
change(const struct kind *kind)
{
	char what[80];
	uint32_t index;
	size_t used = 0;

	b.len = 0;
	of_flow_mod(&b, 1, OF_ADD, 0, 10, 0);
	of_match_begin(&b);
	of_match_end(&b);
	of_goto(&b, kind->table);
	of_end(&b);
	CHECK(stack_exchange("flow-mod, goto") == 0);
	snprintf(what, sizeof(what), "%s: process 32", kind->name);
	stack_kind = kind->frames;
	stack_process(what);
	stack_process(what);
	stack_kind = STACK_CALL;
	flow_mod(OF_MODIFY, kind->table, 1);
	snprintf(what, sizeof(what), "%s: modify of all", kind->name);
	CHECK(stack_exchange(what) == 0);
	kind->entry(kind->table, 3);
	snprintf(what, sizeof(what), "%s: the same entry again", kind->name);
	CHECK(stack_exchange(what) == 0);
	for (index = 7; index < kind->count; index += 7) {
		kind->entry(kind->table, index);
		b.bytes[25] = OF_DELETE_STRICT;
		keep(&used, stack_of(do_write));
		CHECK(error == 0 && got == b.len);
	}
	snprintf(what, sizeof(what), "%s: strict deletes", kind->name);
	stack_count(what, used);
	snprintf(what, sizeof(what), "%s: ticks after them", kind->name);
	stack_settle(what);
	snprintf(what, sizeof(what), "%s: process 32 after them", kind->name);
	stack_kind = kind->frames;
	stack_process(what);
	stack_kind = STACK_CALL;
}

/* Replies that are longer than a read takes. */
static void
dump(void)
{
	uint8_t body[40];
	size_t write_used, tick_used = 0, read_used = 0, len = 0, entries = 0;

	memset(body, 0, sizeof(body));
	body[0] = 0xff;
	memset(body + 4, 0xff, 8);
	body[33] = 1, body[35] = 4;
	multipart(2, body, sizeof(body));
	CHECK(stack_exchange("aggregate of 11,000") == 0);
	multipart(1, body, sizeof(body));
	write_used = stack_of(do_write);
	CHECK(error == 0 && got == b.len);
	do {
		keep(&tick_used, stack_of(do_tick));
		keep(&read_used, stack_of(do_read));
		if (error == 0) {
			len += got;
			entries++;
		}
	} while (error == 0 || next_deadline <= host_now);
	CHECK(len > 8000 * 80 && entries > 4);
	stack_count("flow statistics of 10,000, write", write_used);
	stack_count("flow statistics of 10,000, ticks", tick_used);
	stack_count("flow statistics of 10,000, reads", read_used);
	/* monitored from the first one on: what is there is told */
	body[0] = 0x4f, body[1] = 0x4e, body[2] = 0x46, body[3] = 0;
	memcpy(body + 4, "\0\0\x07\x4e\0\0\0\5\0\x1f\0\4\xff\xff\xff\xff\xff\0\0\0\0\1\0\4\0\0\0\0", 28);
	multipart(0xffff, body, 32);
	CHECK(stack_exchange("flow monitor of 10,000") == 0);
}

/* Deletes of a table, then of all tables. */
static void
empty(void)
{
	const struct kind *kind;
	char what[80];

	for (kind = kinds; kind < kinds + 2; kind++) {
		flow_mod(OF_DELETE, kind->table, 1);
		snprintf(what, sizeof(what), "%s: delete of all", kind->name);
		CHECK(stack_exchange(what) == 0);
	}
	flow_mod(OF_DELETE, 0xff, 1);
	CHECK(stack_exchange("delete of all in all tables") == 0);
	stack_settle("ticks after it");
}

void
stack_tables(void)
{
	const struct kind *kind;

	flow_mod(OF_DELETE, 0xff, 1);
	CHECK(stack_exchange("delete of a few") == 0);
	for (kind = kinds; kind < kinds + sizeof(kinds) / sizeof(kinds[0]); kind++) {
		fill(kind);
		change(kind);
	}
	dump();
	empty();
}
