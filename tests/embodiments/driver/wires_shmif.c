/*
 * The cables of a real rump kernel: shmif interfaces on buses in files, stations on their other ends that
 * send and receive through bpf (hosts/rump/tests/netif.c). Time is the machine's own.
 *
 * A frame is handed to the switch by a thread of the kernel's. An open of the device of our own reads port
 * statistics: by them we know that a frame is through, and how many are on their way out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <rump/rump_syscalls.h>

#include "client.h"
#include "driver.h"
#include "wires.h"

#define MAX_PORTS 64u
#define PATIENCE 10.0			/* seconds that a frame may take */
#define LOOK_MS 1500			/* the switch looks at its ports once a second */
#define STATISTICS_LEN 128

const uint32_t wires_abilities = DRIVER_BULK;
const uint32_t wires_channels = 1;

/* A cable, and what passed it since the switch knows its port. */
static struct wire {
	int is_there;
	struct station station;
	uint64_t went_in;
	uint64_t came_out;
} wires[MAX_PORTS];
static int overseer = -1, has_netif;
static char folder[] = "/tmp/rumpswitch-bus-XXXXXX";

static const char *
member(uint32_t number)
{
	static char name[16];

	snprintf(name, sizeof(name), "shmif%u", (unsigned)number);
	return name;
}

static const char *
outside(uint32_t number)
{
	static char name[16];

	snprintf(name, sizeof(name), "shmif%u", (unsigned)(100 + number));
	return name;
}

static const char *
bus(uint32_t number)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%u", folder, (unsigned)number);
	return path;
}

/* Reads `len` bytes of the overseer's channel. */
static void
oversee_read(uint8_t *into, size_t len)
{
	double until = seconds() + PATIENCE;
	ssize_t got;

	while (len > 0) {
		got = rump_sys_read(overseer, into, len);
		if (got > 0) {
			into += got;
			len -= (size_t)got;
		} else {
			CHECK(seconds() < until);
			pause_ms(1);
		}
	}
}

/* Frames that came in by a port and went out of it, by OFPMP_PORT_STATS. */
static void
statistics(uint32_t number, uint64_t *in, uint64_t *out)
{
	uint8_t request[24] = { 4, 18, 0, 24, 0, 0, 0, 1, 0, 4 };
	uint8_t reply[STATISTICS_LEN];
	int i;

	for (i = 0; i < 4; i++)
		request[16 + i] = (uint8_t)(number >> (24 - 8 * i));
	CHECK_IS(rump_sys_write(overseer, request, sizeof(request)), sizeof(request));
	oversee_read(reply, sizeof(reply));
	CHECK_IS(reply[1], 19);
	CHECK_IS(get32(reply + 16), number);
	*in = get64(reply + 24);
	*out = get64(reply + 32);
}

/* As soon as there is the switch. */
static void
oversee(void)
{
	static const uint8_t hello[8] = { 4, 0, 0, 8, 0, 0, 0, 1 };
	/* OFPT_SET_ASYNC: nothing, as master and as slave. */
	static const uint8_t quiet[32] = { 4, 28, 0, 32, 0, 0, 0, 1 };
	uint8_t greeting[16];

	if (overseer >= 0)
		return;
	overseer = rump_sys_open("/dev/switch0", RUMPSWITCH_NB_O_RDWR | RUMPSWITCH_NB_O_NONBLOCK);
	CHECK(overseer >= 0);
	CHECK_IS(rump_sys_write(overseer, hello, sizeof(hello)), sizeof(hello));
	CHECK_IS(rump_sys_write(overseer, quiet, sizeof(quiet)), sizeof(quiet));
	oversee_read(greeting, sizeof(greeting));
	CHECK_IS(greeting[1], 0);
	CHECK_IS(get16(greeting + 2), sizeof(greeting));
}

void
wires_prepare(uint64_t now)
{

	(void)now;
	CHECK(mkdtemp(folder) != NULL);
}

void
wires_time(uint64_t now)
{

	(void)now;
}

int
wires_go_on(void)
{

	return 0;
}

int
wires_create(uint32_t number, char *name)
{
	struct wire *wire = &wires[number];

	if (number >= MAX_PORTS || wire->is_there)
		return -1;
	if (!has_netif) {
		netif_init();
		has_netif = 1;
	}
	oversee();
	memset(wire, 0, sizeof(*wire));
	netif_create(member(number));
	netif_plug(member(number), bus(number));
	netif_up(member(number), true);
	netif_create(outside(number));
	netif_plug(outside(number), bus(number));
	netif_up(outside(number), true);
	station_open(&wire->station, outside(number));
	wire->is_there = 1;
	snprintf(name, 16, "%s", member(number));
	return 0;
}

int
wires_destroy(uint32_t number)
{

	if (number >= MAX_PORTS || !wires[number].is_there)
		return -1;
	station_close(&wires[number].station);
	netif_destroy(outside(number));
	netif_destroy(member(number));
	(void)unlink(bus(number));
	wires[number].is_there = 0;
	return 0;
}

/* An interface that is down has no link. */
int
wires_link(uint32_t number, int is_up)
{

	netif_up(member(number), is_up != 0);
	pause_ms(LOOK_MS);
	return 0;
}

int
wires_receive(uint32_t number, const uint8_t *frame, size_t len)
{
	double until = seconds() + PATIENCE;
	uint64_t in, out;

	station_send(&wires[number].station, frame, len);
	wires[number].went_in++;
	do {
		statistics(number, &in, &out);
		CHECK(seconds() < until);
	} while (in < wires[number].went_in);
	return 0;
}

/* The next frame of any type. */
static size_t
next_frame(struct station *station, uint8_t *into, size_t room)
{
	double until = seconds() + PATIENCE;
	uint32_t captured;
	uint16_t head;
	ssize_t got;

	while (station->at >= station->len) {
		station->at = station->len = 0;
		got = rump_sys_read(station->fd, station->buffer, station->buffer_len);
		if (got > 0)
			station->len = (uint32_t)got;
		else {
			CHECK(seconds() < until);
			pause_ms(1);
		}
	}
	memcpy(&captured, station->buffer + station->at + 16, sizeof(captured));
	memcpy(&head, station->buffer + station->at + 24, sizeof(head));
	CHECK(captured <= room);
	memcpy(into, station->buffer + station->at + head, captured);
	station->at += (head + captured + 7u) & ~7u;
	return captured;
}

long
wires_sent(uint32_t number, uint8_t *into, size_t len)
{
	struct wire *wire = &wires[number];
	uint64_t in, out;

	statistics(number, &in, &out);
	if (wire->came_out >= out)
		return -1;
	wire->came_out++;
	return (long)next_frame(&wire->station, into, len);
}

void
wires_close(void)
{

	if (overseer >= 0)
		(void)rump_sys_close(overseer);
}

int
wires_end(void)
{

	(void)rmdir(folder);
	return 0;
}
