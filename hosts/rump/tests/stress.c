/*
 * Everything at once, for some seconds: frames from both sides, ports that leave and come back, interfaces that
 * are destroyed while they are ports, opens that write flow entries and vanish, a second switch that is a port of
 * the first and sends back what comes. What is proved is that the kernel (which asserts much) goes on, and that frames still cross.
 *
 *   stress PREFIX SECONDS
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <rump/rump_syscalls.h>

#include "client.h"
#include "kernel.h"

#define TYPE_STRESS 0x88b6

static volatile bool over;
static char buses[2][512];
static struct station stations[2];
static unsigned long counts[6];

static size_t
frame_of(uint8_t *frame, size_t len, uint16_t type)
{

	memset(frame, 0x5a, len);
	memset(frame, 0xff, 6);
	frame[6] = 2;
	frame[12] = (uint8_t)(type >> 8);
	frame[13] = (uint8_t)type;
	return len;
}

/*
 * Mostly short ones: a reader of shmif that the writers overtake by a whole ring (of 1 MB, into which each
 * frame comes four times) may fall over an assertion of its own.
 */
static void *
send_frames(void *side)
{
	struct station *station = side;
	uint8_t frame[1514];
	unsigned long sent;
	size_t len;

	for (sent = 1; !over; sent++) {
		len = sent % 64 == 0 ? 60 + sent / 64 % 1455 : 60 + sent % 64;
		station_send(station, frame, frame_of(frame, len, TYPE_STRESS));
		counts[0]++;
		if (sent % 8 == 0)
			pause_ms(1);
	}
	return NULL;
}

static void *
move_ports(void *unused)
{

	(void)unused;
	while (!over) {
		(void)switch_port(SIOCBRDGDEL, "switch0", "shmif1", 0);
		CHECK_IS(switch_port(SIOCBRDGADD, "switch0", "shmif1", 0), 0);
		(void)switch_port(SIOCSWSPORTNO, "switch0", "shmif1", 100 + (uint32_t)(counts[1] % 7));
		counts[1]++;
		pause_ms(1);
	}
	return NULL;
}

/* Interfaces of another switch serve as members that go away: shmif itself does not always survive it. */
static void *
destroy_members(void *unused)
{

	(void)unused;
	while (!over) {
		netif_create("switch2");
		netif_up("switch2", true);
		CHECK_IS(switch_port(SIOCBRDGADD, "switch0", "switch2", 0), 0);
		pause_ms(3);
		netif_destroy("switch2");
		counts[2]++;
	}
	return NULL;
}

static void *
open_and_vanish(void *unused)
{
	static struct channel channel;
	uint8_t message[128];
	uint32_t i;

	(void)unused;
	while (!over) {
		channel_open(&channel, "/dev/switch0");
		for (i = 0; i < 20; i++)
			channel_send(&channel, message, message_flow(message, i, 1000 + i, PORT_CONTROLLER, 1));
		channel_send(&channel, message, message_flow(message, i, 0, 0xfffffffbu, 0));	/* FLOOD */
		channel_send(&channel, message, 5);
		rump_sys_close(channel.fd);
		counts[3]++;
	}
	return NULL;
}

static void *
another_switch(void *unused)
{
	static struct channel channel;
	uint8_t message[128];

	(void)unused;
	while (!over) {
		channel_open(&channel, "/dev/switch1");
		netif_up("switch1", true);
		CHECK_IS(switch_port(SIOCBRDGADD, "switch0", "switch1", 0), 0);
		channel_send(&channel, message, message_flow(message, 1, 0, 0xfffffff8u, 0));	/* IN_PORT */
		pause_ms(2);
		netif_destroy("switch1");
		(void)rump_sys_read(channel.fd, channel.bytes, sizeof(channel.bytes));
		rump_sys_close(channel.fd);
		counts[4]++;
	}
	return NULL;
}

static void
setup(const char *prefix)
{
	static const char *const names[] = { "shmif0", "shmif1", "shmif2", "shmif3" };
	int i;

	netif_init();
	for (i = 0; i < 4; i++) {
		snprintf(buses[i % 2], sizeof(buses[0]), "%s.%d", prefix, i % 2);
		netif_create(names[i]);
		netif_plug(names[i], buses[i % 2]);
		netif_up(names[i], true);
	}
	station_open(&stations[0], "shmif2");
	station_open(&stations[1], "shmif3");
}

int
main(int argc, char **argv)
{
	static void *(*const work[])(void *) = { send_frames, send_frames, move_ports, destroy_members,
	    open_and_vanish, another_switch };
	static struct channel control;
	uint8_t frame[1514], got[2048], message[128];
	pthread_t threads[6];
	double until;
	size_t len;
	int i, tries;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc != 3)
		return 2;
	kernel_join();
	setup(argv[1]);
	channel_open(&control, "/dev/switch0");
	netif_up("switch0", true);
	CHECK_IS(switch_port(SIOCBRDGADD, "switch0", "shmif0", 0), 0);
	CHECK_IS(switch_port(SIOCBRDGADD, "switch0", "shmif1", 0), 0);
	channel_send(&control, message, message_flow(message, 1, 0, 0xfffffffbu, 0));
	for (i = 0; i < 6; i++)
		CHECK_IS(pthread_create(&threads[i], NULL, work[i], &stations[i % 2]), 0);
	until = seconds() + atoi(argv[2]);
	while (seconds() < until) {
		if (channel_next(&control, -1, 10) != NULL)
			counts[5]++;
	}
	over = true;
	for (i = 0; i < 6; i++)
		CHECK_IS(pthread_join(threads[i], NULL), 0);
	printf("   frames %lu, ports moved %lu, members destroyed %lu, opens %lu, switches %lu, messages %lu\n",
	    counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]);
	for (i = 0; i < 6; i++)
		CHECK(counts[i] > 0);
	for (i = 0; i < 2; i++) {
		for (tries = 0, len = 0; tries < 20 && len == 0; tries++) {	/* bpf is full of frames */
			station_send(&stations[i], frame, frame_of(frame, 999, 0x88b5));
			len = station_receive(&stations[1 - i], 0x88b5, got, sizeof(got), 300);
		}
		CHECK_IS(len, 999);
		CHECK(memcmp(got, frame, 999) == 0);
	}
	return 0;
}
