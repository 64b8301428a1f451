/*
 * How much stack the library takes (stack.h says how it is measured): every function of the header, every kind
 * of message and of action, bundles, large tables in each form, groups in groups.
 *
 * The bound is 8,192 bytes, a small kernel's stack. Further groups of a chain take nothing (stack_messages.c).
 */
#include <string.h>

#include "stack.h"

static const size_t bounds[STACK_KINDS] = {8192, 8192, 8192, 8192, SIZE_MAX};

static struct rumpswitch_config config;
static struct rumpswitch_port port;
static struct rumpswitch_port_counters counters;
static uint32_t ready, number;
static uint64_t drops;
static struct rumpswitch_queue queues[2] = {{0, 1, 2}, {7, 3, 4}};
static struct rumpswitch_renumber renumber = {3, 7};

static void do_create(void) { error = rumpswitch_create(&config, &stack_calls, &host, &host.sw); }
static void do_destroy(void) { error = rumpswitch_destroy(host.sw); }
static void do_add(void) { error = rumpswitch_port_add(host.sw, host_now, &port); }
static void do_change(void) { error = rumpswitch_port_change(host.sw, host_now, &port); }
static void do_remove(void) { error = rumpswitch_port_remove(host.sw, host_now, port.number); }
static void do_get(void) { error = rumpswitch_port_get(host.sw, 1, &port); }
static void do_counters(void) { error = rumpswitch_port_counters(host.sw, 1, &counters); }
static void do_drops(void) { error = rumpswitch_drop_count(host.sw, 0, &drops); }
static void do_queues(void) { error = rumpswitch_port_queues(host.sw, host_now, 1, queues, 2); }
static void do_open(void) { error = rumpswitch_open(host.sw, host_now, 0, &channel); }
static void do_close(void) { error = rumpswitch_close(host.sw, channel); }
static void do_hang_up(void) { error = rumpswitch_hang_up(host.sw); }
static void do_poll(void) { error = rumpswitch_poll(host.sw, channel, &ready); }
static void do_deadline(void) { error = rumpswitch_next_deadline(host.sw, &deadline); }

static void
do_pending(void)
{
	error = rumpswitch_ioctl(host.sw, channel, host_now, RUMPSWITCH_GET_PENDING, &number, sizeof(number));
}

static void
do_renumber(void)
{
	error = rumpswitch_ioctl(host.sw, channel, host_now, RUMPSWITCH_SET_PORT_NUMBER, &renumber,
	    sizeof(renumber));
}

static void
call(const char *what, void (*work)(void))
{
	stack_report(what, work);
	CHECK(error == 0);
}

static void
add_ports(uint32_t count)
{
	for (port.number = 1; port.number <= count; port.number++) {
		port.name[0] = 'p';
		port.hw_addr[0] = 2;
		port.hw_addr[5] = (uint8_t)port.number;
		call("port_add", do_add);
	}
}

static void
create_and_destroy(void)
{
	config.standalone = 1;
	config.description = "standalone";
	call("create, standalone", do_create);
	add_ports(2);
	stack_process("process 32, standalone");
	call("destroy", do_destroy);
	CHECK(memory_count == 0 && memory_bytes == 0);
	config.standalone = 0;
}

int
main(void)
{
	enum stack_kind kind;
	int holds = 1;

	host_platform();
	stack_begin();
	CHECK(rumpswitch_config_default(&config) == 0);
	create_and_destroy();
	call("create", do_create);
	add_ports(3);
	call("open", do_open);
	call("poll", do_poll);
	call("next_deadline", do_deadline);
	call("ioctl, bytes that can be read", do_pending);
	stack_messages();
	stack_changes();
	stack_tables();
	stack_shapes();
	call("port_get", do_get);
	call("port_counters", do_counters);
	call("drop_count", do_drops);
	call("port_queues", do_queues);
	port.number = 3;
	port.state = RUMPSWITCH_LINK_DOWN;
	call("port_change", do_change);
	call("ioctl, another number for a port", do_renumber);
	port.number = 7;
	call("port_remove", do_remove);
	call("hang_up", do_hang_up);
	call("close", do_close);
	call("destroy", do_destroy);
	CHECK(memory_count == 0 && memory_bytes == 0);
	for (kind = STACK_CALL; kind < STACK_KINDS; kind++)
		holds &= stack_most[kind] <= bounds[kind];
	printf("most: %zu bytes of %zu; in groups %zu of %zu; by trees and bit vectors %zu of %zu; commits %zu of %zu\n",
	    stack_most[STACK_CALL], bounds[STACK_CALL], stack_most[STACK_GROUPS], bounds[STACK_GROUPS],
	    stack_most[STACK_LOOKUP], bounds[STACK_LOOKUP], stack_most[STACK_COMMIT], bounds[STACK_COMMIT]);
	CHECK(holds);
	return 0;
}
