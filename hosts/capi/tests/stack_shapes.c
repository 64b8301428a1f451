/* The stack of a switch that is told what it looks like: TABLE_FEATURES read, and written with a table of it. */
#include "stack.h"

#include <string.h>

static void do_write(void) { error = rumpswitch_write(host.sw, channel, host_now, b.bytes, b.len, &got); }
static void do_read(void) { error = rumpswitch_read(host.sw, channel, host_now, into, sizeof(into), &got); }

void
stack_shapes(void)
{
	static uint8_t table[1 << 15];
	size_t len;

	multipart(12, NULL, 0);
	stack_report("table-features, asked", do_write);
	CHECK(error == 0 && got == b.len);
	stack_report("table-features, first read", do_read);
	CHECK(error == 0 && got > 24 && into[1] == OF_MULTIPART_REPLY && into[9] == 12);
	len = of_get(into + 16, 2);
	CHECK(len <= sizeof(table));
	memcpy(table, into + 16, len);
	stack_settle("table-features, ticks");
	while (rumpswitch_read(host.sw, channel, host_now, into, sizeof(into), &got) == 0)
		;
	multipart(12, table, len);
	CHECK(stack_exchange("table-features, one table is asked for") == 0);
}
