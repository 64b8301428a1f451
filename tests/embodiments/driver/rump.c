/*
 * The switch in a rump kernel of this process, by system calls alone: interfaces made and added by
 * requests on a socket, channels opened as /dev/switch0. Which kernel it is, and what its ports are plugged
 * into, is the business of wires.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "driver.h"
#include "rumpswitch_ioctl.h"
#include "wires.h"

/* Opens at once: what rumpswitch_config_default says, which the component takes. */
#define MAX_CHANNELS 32
#define MAX_PORTS 64u
#define FRAME_ROOM 65536u

/* NetBSD's numbers. */
enum { NB_EBADF = 9, NB_ENOMEM = 12, NB_EBUSY = 16, NB_EPIPE = 32, NB_EAGAIN = 35 };
enum { NB_POLLIN = 1, NB_POLLOUT = 4, NB_POLLHUP = 0x10 };
enum { READABLE = 1, WRITABLE = 2, HANGUP = 4 };

struct nb_ifreq {
	char name[16];
	union {
		short flags;
		char space[128];
	} u;
};
#define NB_SIOCIFCREATE RUMPSWITCH_IOC_WRITE('i', 122, struct nb_ifreq)
#define NB_SIOCIFDESTROY RUMPSWITCH_IOC_WRITE('i', 121, struct nb_ifreq)
#define NB_SIOCSIFFLAGS RUMPSWITCH_IOC_WRITE('i', 16, struct nb_ifreq)
struct nb_pollfd {
	int fd;
	short events;
	short revents;
};

static int request_socket = -1;
/* Descriptors by channel; descriptors are used again, channels are not. -1: closed. */
static int *channels;
static size_t channel_count;
/* By number: its interface; empty: no such port. */
static char ports[MAX_PORTS][16];

static int
status_of(long result)
{

	if (result >= 0)
		return DRIVER_OK;
	switch (errno) {
	case NB_EAGAIN:
		return DRIVER_WOULD_BLOCK;
	case NB_EPIPE:
		return DRIVER_HUNG_UP;
	case NB_EBUSY:
		return DRIVER_BUSY;
	case NB_EBADF:
		return DRIVER_BAD_CHANNEL;
	case NB_ENOMEM:
		return DRIVER_NO_MEMORY;
	default:
		return DRIVER_GONE;
	}
}

/* The descriptor of a channel, -1: closed or never opened. */
static int
descriptor(uint64_t channel)
{

	return channel < channel_count ? channels[channel] : -1;
}

/* ---- interfaces ---- */

static int
interface_request(unsigned long request, const char *name, short flags)
{
	struct nb_ifreq argument;

	memset(&argument, 0, sizeof(argument));
	snprintf(argument.name, sizeof(argument.name), "%s", name);
	argument.u.flags = flags;
	return rump_sys_ioctl(request_socket, request, &argument);
}

static int
port_request(unsigned long request, const char *name, uint32_t number)
{
	struct rumpswitch_ifbreq argument;

	memset(&argument, 0, sizeof(argument));
	snprintf(argument.ifbr_name, sizeof(argument.ifbr_name), "switch0");
	snprintf(argument.ifbr_ifsname, sizeof(argument.ifbr_ifsname), "%s", name);
	argument.ifbr_portno = number;
	return rump_sys_ioctl(request_socket, request, &argument);
}

/* Makes an interface a port of this number; whether it is one already does not matter. */
static int
add(uint32_t number)
{

	if (number >= MAX_PORTS || ports[number][0] != '\0')
		return -1;
	if (wires_create(number, ports[number]) != 0 ||
	    port_request(SIOCBRDGADD, ports[number], 0) != 0)
		return -1;
	/* Not the number that the kernel's own count of interfaces gives it. */
	return port_request(SIOCSWSPORTNO, ports[number], 1000 + number);
}

static int
number_it(uint32_t number)
{

	return port_request(SIOCSWSPORTNO, ports[number], number);
}

/* ---- the driver's functions ---- */

static int
rump_make(uint64_t now, const struct driver_setup *setup, uint32_t *max_channels)
{
	uint32_t number;

	if (setup->n_tables != 0 || setup->max_entries_per_table != 0 || setup->max_groups != 0 ||
	    setup->max_meters != 0 || setup->max_channels != 0 || setup->standalone != 0)
		return DRIVER_CANNOT;
	/* A kernel in the process sends its signals to the process: the errno is enough. */
	(void)signal(SIGPIPE, SIG_IGN);
	wires_prepare(now);
	if (rump_init() != 0)
		return DRIVER_CANNOT;
	wires_time(now);
	request_socket = rump_sys_socket(2, 2, 0);
	if (request_socket < 0 || interface_request(NB_SIOCIFCREATE, "switch0", 0) != 0 ||
	    interface_request(NB_SIOCSIFFLAGS, "switch0", 1) != 0)
		return DRIVER_CANNOT;
	for (number = 1; number <= setup->ports; number++) {
		if (add(number) != 0)
			return DRIVER_CANNOT;
	}
	for (number = 1; number <= setup->ports; number++) {
		if (number_it(number) != 0)
			return DRIVER_CANNOT;
	}
	*max_channels = MAX_CHANNELS - wires_channels;
	return DRIVER_OK;
}

static int
rump_open(uint64_t now, int kind, uint64_t *channel)
{
	int fd, *grown;

	(void)kind;			/* the node has one kind of open */
	wires_time(now);
	fd = rump_sys_open("/dev/switch0", RUMPSWITCH_NB_O_RDWR | RUMPSWITCH_NB_O_NONBLOCK);
	if (fd < 0)
		return status_of(fd);
	grown = realloc(channels, (channel_count + 1) * sizeof(*channels));
	if (grown == NULL)
		abort();
	channels = grown;
	channels[channel_count] = fd;
	*channel = channel_count++;
	return DRIVER_OK;
}

static int
rump_close(uint64_t channel)
{
	int fd = descriptor(channel);

	if (fd < 0)
		return DRIVER_BAD_CHANNEL;
	channels[channel] = -1;
	return status_of(rump_sys_close(fd));
}

static int
rump_read(uint64_t now, uint64_t channel, void *into, size_t len, size_t *got)
{
	int fd = descriptor(channel);
	ssize_t result;

	wires_time(now);
	if (fd < 0)
		return DRIVER_BAD_CHANNEL;
	result = rump_sys_read(fd, into, len);
	*got = result > 0 ? (size_t)result : 0;
	return status_of(result);
}

static int
rump_write(uint64_t now, uint64_t channel, const void *bytes, size_t len, size_t *taken)
{
	int fd = descriptor(channel);
	ssize_t result;

	wires_time(now);
	if (fd < 0)
		return DRIVER_BAD_CHANNEL;
	result = rump_sys_write(fd, bytes, len);
	*taken = result > 0 ? (size_t)result : 0;
	return status_of(result);
}

static int
rump_poll(uint64_t channel, uint32_t *ready, uint32_t *pending)
{
	struct nb_pollfd poll;
	int fd = descriptor(channel);

	*ready = HANGUP;
	*pending = 0;
	if (fd < 0)
		return DRIVER_OK;
	poll.fd = fd;
	poll.events = NB_POLLIN | NB_POLLOUT;
	poll.revents = 0;
	if (rump_sys_poll((struct pollfd *)&poll, 1, 0) < 0)
		return status_of(-1);
	*ready = (poll.revents & NB_POLLIN ? READABLE : 0) | (poll.revents & NB_POLLOUT ? WRITABLE : 0) |
	    (poll.revents & NB_POLLHUP ? HANGUP : 0);
	return status_of(rump_sys_ioctl(fd, RUMPSWITCH_NB_FIONREAD, pending));
}

static int
rump_port_add(uint64_t now, const struct driver_port *port)
{

	wires_time(now);
	return add(port->number) == 0 && number_it(port->number) == 0 ? DRIVER_OK : DRIVER_BAD_PORT;
}

static int
rump_port_change(uint64_t now, const struct driver_port *port)
{

	wires_time(now);
	if (port->number >= MAX_PORTS || ports[port->number][0] == '\0')
		return DRIVER_BAD_PORT;
	/* OFPPS_LINK_DOWN */
	return wires_link(port->number, (port->state & 1) == 0) == 0 ? DRIVER_OK : DRIVER_BAD_PORT;
}

static int
rump_port_remove(uint64_t now, uint32_t number)
{

	wires_time(now);
	if (number >= MAX_PORTS || ports[number][0] == '\0' ||
	    port_request(SIOCBRDGDEL, ports[number], 0) != 0)
		return DRIVER_BAD_PORT;
	ports[number][0] = '\0';
	return wires_destroy(number) == 0 ? DRIVER_OK : DRIVER_BAD_PORT;
}

static int
rump_frame(uint64_t now, uint32_t port, const uint8_t *bytes, size_t len)
{

	wires_time(now);
	if (port >= MAX_PORTS || ports[port][0] == '\0')
		return DRIVER_OK;	/* nothing comes in by a port that is not there */
	return wires_receive(port, bytes, len) == 0 ? DRIVER_OK : DRIVER_BAD_PORT;
}

static int
rump_sent(void)
{
	static uint8_t frame[FRAME_ROOM];
	uint32_t number;
	long len;

	for (number = 1; number < MAX_PORTS; number++) {
		if (ports[number][0] == '\0')
			continue;
		while ((len = wires_sent(number, frame, sizeof(frame))) >= 0)
			driver_sent(number, DRIVER_NO_QUEUE, frame, (size_t)len);
	}
	return DRIVER_OK;
}

/* Nothing is due, or something within moments. */
static int
rump_tick(uint64_t now, uint64_t *deadline)
{

	wires_time(now);
	*deadline = wires_go_on() ? 0 : UINT64_MAX;
	return DRIVER_OK;
}

static int
rump_quit(void)
{
	uint32_t number;
	size_t channel;

	for (channel = 0; channel < channel_count; channel++) {
		if (channels[channel] >= 0)
			(void)rump_sys_close(channels[channel]);
	}
	free(channels);
	wires_close();
	if (request_socket < 0)
		return DRIVER_OK;
	if (interface_request(NB_SIOCIFDESTROY, "switch0", 0) != 0)
		return DRIVER_BUSY;
	for (number = 1; number < MAX_PORTS; number++) {
		if (ports[number][0] != '\0' && wires_destroy(number) != 0)
			return DRIVER_BUSY;
	}
	(void)rump_sys_close(request_socket);
	return wires_end() == 0 ? DRIVER_OK : DRIVER_NO_MEMORY;
}

const struct driver_backend driver_backend = {
	.abilities = DRIVER_SHARED | DRIVER_EXACT | DRIVER_LINKS | DRIVER_MEMBERS,
	.more_abilities = &wires_abilities,
	.make = rump_make,
	.open = rump_open,
	.close = rump_close,
	.read = rump_read,
	.write = rump_write,
	.poll = rump_poll,
	.port_add = rump_port_add,
	.port_change = rump_port_change,
	.port_remove = rump_port_remove,
	.frame = rump_frame,
	.sent = rump_sent,
	.tick = rump_tick,
	.deadline = NULL,
	.quit = rump_quit,
};
