/*
 * A learning switch between two interfaces, with a controller in the same program: the switch has no
 * entry but the one that sends everything to the controller, and the controller learns from the
 * packet-ins where addresses are, floods what it does not know and writes flow entries for what it does.
 *
 *     hub tap0 tap1    between two taps, which it makes (root, or CAP_NET_ADMIN in a namespace)
 *     hub --test       between two socket pairs, whose other ends it plays itself; needs nothing
 *
 * The controller is a program of its own kind: it only reads and writes the channel.
 */
#include <rumpswitch.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <net/if.h>
#include <linux/if_tun.h>
#endif

#include "heap.h"
#include "openflow.h"

#define PORTS 2
#define STATIONS 1024
#define FRAME_MAX 2048

struct hub {
	struct rumpswitch *sw;
	uint64_t channel;
	int fds[PORTS];
	int is_readable;	/* the channel, as wake says */
	unsigned long sent, packet_ins;
	/* the controller's memory: addresses, and the port behind each */
	uint64_t addresses[STATIONS];
	uint32_t ports[STATIONS];
	size_t in_len;
	uint8_t in[1 << 17];
};

static struct of_buffer out;

static uint64_t
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* ---- the host ------------------------------------------------------------------------------- */

static int
transmit(void *context, uint32_t port, const struct rumpswitch_meta *meta, struct rumpswitch_frame *frame)
{
	struct hub *hub = context;
	ssize_t written = -1;

	(void)meta;
	if (port >= 1 && port <= PORTS)
		written = write(hub->fds[port - 1], frame->head, frame->len);
	heap_discard(context, frame);
	hub->sent += written >= 0;
	return written < 0;
}

static void
wake(void *context, uint64_t channel, uint32_t ready)
{
	(void)channel;
	if (ready & RUMPSWITCH_READABLE)
		((struct hub *)context)->is_readable = 1;
}

/* Reads what has come on a port, a batch at most. */
static int
receive(struct hub *hub, uint32_t port)
{
	static struct rumpswitch_ingress batch[32];
	uint8_t bytes[FRAME_MAX];
	size_t count = 0;
	ssize_t len;

	while (count < 32 && (len = read(hub->fds[port - 1], bytes, sizeof(bytes))) > 0) {
		memset(&batch[count], 0, sizeof(batch[count]));
		batch[count].port = port;
		batch[count].meta.queue_id = RUMPSWITCH_NO_QUEUE;
		if (heap_frame(&batch[count].frame, bytes, (size_t)len) != 0)
			break;
		count++;
	}
	return count > 0 ? rumpswitch_process(hub->sw, now(), batch, count) : RUMPSWITCH_OK;
}

/* ---- the controller ------------------------------------------------------------------------- */

static void
say(struct hub *hub)
{
	size_t taken;

	/* The channel takes all of it: it is read whenever it has something to say. */
	if (rumpswitch_write(hub->sw, hub->channel, now(), out.bytes, out.len, &taken) != RUMPSWITCH_OK ||
	    taken != out.len)
		fprintf(stderr, "hub: the switch does not listen\n");
	out.len = 0;
}

static size_t
place_of(const struct hub *hub, uint64_t address)
{
	size_t place = (size_t)(address * 11400714819323198485u >> 54) % STATIONS, step;

	for (step = 0; step < 8; step++) {
		size_t at = (place + step) % STATIONS;

		if (hub->addresses[at] == address || hub->addresses[at] == 0)
			return at;
	}
	return place;
}

static void
begin(struct hub *hub)
{
	of_begin(&out, OF_HELLO, 1);
	of_end(&out);
	/* the table-miss flow entry: priority 0, everything to the controller */
	of_flow_mod(&out, 2, OF_ADD, 0, 0, 0);
	of_match_begin(&out);
	of_match_end(&out);
	of_actions_begin(&out, 4);
	of_output(&out, OF_PORT_CONTROLLER);
	of_actions_end(&out);
	of_end(&out);
	say(hub);
}

/* What came in by `port` and was sent here. */
static void
learn(struct hub *hub, uint32_t port, const uint8_t *frame, size_t len)
{
	uint64_t to = of_get(frame, 6), from = of_get(frame + 6, 6);
	size_t place = place_of(hub, from);

	hub->packet_ins++;
	hub->addresses[place] = from;
	hub->ports[place] = port;
	place = place_of(hub, to);
	if (hub->addresses[place] == to && hub->ports[place] != port) {
		of_flow_mod(&out, 3, OF_ADD, 0, 1, 0);
		of_patch(&out, out.message + 8 + 18, 60);	/* idle_timeout */
		of_match_begin(&out);
		of_oxm(&out, OXM_IN_PORT, port);
		of_oxm(&out, OXM_ETH_DST, to);
		of_oxm(&out, OXM_ETH_SRC, from);
		of_match_end(&out);
		of_actions_begin(&out, 4);
		of_output(&out, hub->ports[place]);
		of_actions_end(&out);
		of_end(&out);
		of_packet_out(&out, 4, port, hub->ports[place], frame, len);
	} else {
		of_packet_out(&out, 4, port, OF_PORT_FLOOD, frame, len);
	}
	say(hub);
}

static void
heard(struct hub *hub, const uint8_t *message, size_t len)
{
	size_t match_len, data;

	if (message[1] == OF_ERROR && len >= 12)
		fprintf(stderr, "hub: error %u/%u\n", (unsigned)of_get(message + 8, 2),
		    (unsigned)of_get(message + 10, 2));
	if (message[1] != OF_PACKET_IN || len < 28)
		return;
	/* behind the match, which begins with in_port, come two bytes of padding and the frame */
	match_len = (of_get(message + 26, 2) + 7) / 8 * 8;
	data = 24 + match_len + 2;
	if (data + 14 <= len)
		learn(hub, (uint32_t)of_get(message + 32, 4), message + data, len - data);
}

/* Reads the channel until it has nothing more to say. */
static void
listen_to_switch(struct hub *hub)
{
	size_t got, at, len;

	hub->is_readable = 0;
	while (rumpswitch_read(hub->sw, hub->channel, now(), hub->in + hub->in_len,
	    sizeof(hub->in) - hub->in_len, &got) == RUMPSWITCH_OK && got > 0) {
		hub->in_len += got;
		for (at = 0; hub->in_len - at >= 8; at += len) {
			len = (size_t)of_get(hub->in + at + 2, 2);
			if (len < 8 || len > hub->in_len - at)
				break;
			heard(hub, hub->in + at, len);
		}
		memmove(hub->in, hub->in + at, hub->in_len - at);
		hub->in_len -= at;
	}
}

/* ---- the program ---------------------------------------------------------------------------- */

static int
open_tap(const char *name)
{
#ifdef __linux__
	struct ifreq request;
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	memset(&request, 0, sizeof(request));
	request.ifr_flags = IFF_TAP | IFF_NO_PI;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
		fprintf(stderr, "hub: %s: %s\n", name, strerror(errno));
		exit(EXIT_FAILURE);
	}
	return fd;
#else
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", name);
	if ((fd = open(path, O_RDWR | O_NONBLOCK)) < 0) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	return fd;
#endif
}

static void
start(struct hub *hub, const char *first, const char *second)
{
	struct rumpswitch_hypercalls calls = heap_calls(transmit);
	struct rumpswitch_config config;
	struct rumpswitch_port port;

	calls.wake = wake;
	heap_platform();
	rumpswitch_config_default(&config);
	config.datapath_id = 0x02000000cafeu;
	config.seed = now();
	config.max_channels = 1;
	if (rumpswitch_create(&config, &calls, hub, &hub->sw) != RUMPSWITCH_OK)
		exit(EXIT_FAILURE);
	memset(&port, 0, sizeof(port));
	for (port.number = 1; port.number <= PORTS; port.number++) {
		snprintf(port.name, sizeof(port.name), "%s", port.number == 1 ? first : second);
		if (rumpswitch_port_add(hub->sw, now(), &port) != RUMPSWITCH_OK)
			exit(EXIT_FAILURE);
	}
	if (rumpswitch_open(hub->sw, now(), RUMPSWITCH_ACTIVE, &hub->channel) != RUMPSWITCH_OK)
		exit(EXIT_FAILURE);
	begin(hub);
	listen_to_switch(hub);
}

/* Waits for frames or time, and does what there is to do; at most `patience` milliseconds. */
static void
turn(struct hub *hub, int patience)
{
	struct pollfd fds[PORTS] = {{hub->fds[0], POLLIN, 0}, {hub->fds[1], POLLIN, 0}};
	uint64_t deadline, time = now();
	uint32_t port;

	rumpswitch_next_deadline(hub->sw, &deadline);
	if (deadline <= time)
		patience = 0;
	else if (deadline != RUMPSWITCH_NEVER && (deadline - time) / 1000000 < 1000)
		patience = (int)((deadline - time) / 1000000) + 1;
	poll(fds, PORTS, patience);
	for (port = 1; port <= PORTS; port++)
		if (fds[port - 1].revents & POLLIN)
			receive(hub, port);
	rumpswitch_tick(hub->sw, now(), &deadline);
	while (hub->is_readable)
		listen_to_switch(hub);
}

/* Plays a station on each side: the first frame is flooded, the answer and all later ones are known. */
static int
test(struct hub *hub)
{
	uint8_t there[60] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
	uint8_t back[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
	int left[2], right[2], round;
	uint8_t got[FRAME_MAX];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, left) != 0 ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, right) != 0)
		return EXIT_FAILURE;
	hub->fds[0] = left[0];
	hub->fds[1] = right[0];
	start(hub, "left", "right");
	for (round = 0; round < 100; round++) {
		there[59] = back[59] = (uint8_t)round;
		if (write(left[1], there, sizeof(there)) != 60)
			return EXIT_FAILURE;
		turn(hub, 1000);
		if (read(right[1], got, sizeof(got)) != 60 || memcmp(got, there, 60) != 0)
			return EXIT_FAILURE;
		if (write(right[1], back, sizeof(back)) != 60)
			return EXIT_FAILURE;
		turn(hub, 1000);
		if (read(left[1], got, sizeof(got)) != 60 || memcmp(got, back, 60) != 0)
			return EXIT_FAILURE;
	}
	printf("%lu frames sent, %lu of them by the controller\n", hub->sent, hub->packet_ins);
	close(left[1]);
	close(right[1]);
	/* one frame of each direction before its entry was there, and the second one there */
	return hub->sent == 200 && hub->packet_ins == 3 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	static struct hub hub;
	int status = EXIT_SUCCESS;

	if (argc == 2 && strcmp(argv[1], "--test") == 0) {
		status = test(&hub);
	} else if (argc == 3) {
		hub.fds[0] = open_tap(argv[1]);
		hub.fds[1] = open_tap(argv[2]);
		start(&hub, argv[1], argv[2]);
		for (;;)
			turn(&hub, 1000);
	} else {
		fprintf(stderr, "usage: hub TAP TAP | hub --test\n");
		return 2;
	}
	rumpswitch_close(hub.sw, hub.channel);
	rumpswitch_destroy(hub.sw);
	close(hub.fds[0]);
	close(hub.fds[1]);
	return status;
}
