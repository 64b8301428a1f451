/*
 * Captures what a switch forwards, with the packet filter of the kernel that it lives in.
 *
 *   bpf shmif PREFIX    both ports are buses in files, PREFIX.a and PREFIX.b
 *   bpf virt PREFIX     the second port is virt0: the tap interface tun0 of this machine (in a network
 *                       namespace: unshare -rn bpf virt PREFIX)
 *
 * A rump kernel in this process has switch0 with two ports; a flow entry forwards as NORMAL does. A station on
 * the first port's bus sends three frames. /dev/bpf is opened, BIOCSETIF names the second port, and each
 * frame that the switch sends there is captured, compared and printed. On a tap the frames are read back
 * from the machine's side, too, and one is sent from there to the station.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <linux/if_packet.h>
#include <unistd.h>

#include "client.h"
#include "kernel.h"

#define TYPE_EXAMPLE 0x88b5
#define PORT_NORMAL 0xfffffffau

/* The machine's side of virt0: tun0, up, and a socket that sees and sends whole frames. */
static int
tap_open(void)
{
	struct timeval limit = { 3, 0 };
	struct sockaddr_ll where;
	struct ifreq request;
	int fd = socket(AF_PACKET, SOCK_RAW, htons(TYPE_EXAMPLE));

	CHECK(fd >= 0);
	memset(&request, 0, sizeof(request));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "tun0");
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	CHECK(ioctl(fd, SIOCSIFFLAGS, &request) == 0);
	CHECK(ioctl(fd, SIOCGIFINDEX, &request) == 0);
	memset(&where, 0, sizeof(where));
	where.sll_family = AF_PACKET;
	where.sll_protocol = htons(TYPE_EXAMPLE);
	where.sll_ifindex = request.ifr_ifindex;
	CHECK(bind(fd, (struct sockaddr *)&where, sizeof(where)) == 0);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
	return fd;
}

static size_t
frame_of(uint8_t *frame, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		frame[i] = (uint8_t)(i * 31 + len);
	memcpy(frame, (uint8_t[14]){ 2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa, 0x88, 0xb5 }, 14);
	return len;
}

static void
print(const uint8_t *frame, size_t len)
{
	size_t i;

	printf("%4zu bytes  ", len);
	for (i = 0; i < 24; i++)
		printf("%02x%s", frame[i], i == 5 || i == 11 || i == 13 ? " " : "");
	printf("...\n");
}

int
main(int argc, char **argv)
{
	static const size_t lens[] = { 60, 600, 1514 };
	static struct channel control;
	const char *second = "shmif2";
	struct station station, capture;
	uint8_t message[128], sent[1514], got[2048];
	char bus_a[512], bus_b[512];
	bool tapped;
	int tap = -1;
	size_t i;

	if (argc != 3)
		return 2;
	setvbuf(stdout, NULL, _IONBF, 0);
	tapped = strcmp(argv[1], "virt") == 0;
	snprintf(bus_a, sizeof(bus_a), "%s.a", argv[2]);
	snprintf(bus_b, sizeof(bus_b), "%s.b", argv[2]);

	kernel_join();
	netif_init();
	for (i = 0; i < 2; i++) {		/* shmif0: the port, shmif1: the station */
		snprintf((char *)got, sizeof(got), "shmif%zu", i);
		netif_create((char *)got);
		netif_plug((char *)got, bus_a);
		netif_up((char *)got, true);
	}
	if (tapped)
		second = "virt0";
	netif_create(second);
	if (tapped)
		tap = tap_open();
	else
		netif_plug(second, bus_b);
	netif_up(second, true);

	channel_open(&control, "/dev/switch0");
	netif_up("switch0", true);
	CHECK_IS(switch_port(SIOCBRDGADD, "switch0", "shmif0", 0), 0);
	CHECK_IS(switch_port(SIOCBRDGADD, "switch0", second, 0), 0);
	channel_send(&control, message, message_flow(message, 2, 0, PORT_NORMAL, 0));
	channel_barrier(&control);

	station_open(&station, "shmif1");
	station_open(&capture, second);
	station_see_sent(&capture);
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		station_send(&station, sent, frame_of(sent, lens[i]));
		CHECK_IS(station_receive(&capture, TYPE_EXAMPLE, got, sizeof(got), 3000), lens[i]);
		CHECK(memcmp(sent, got, lens[i]) == 0);
		print(got, lens[i]);
		if (tapped) {
			CHECK_IS(recv(tap, got, sizeof(got), 0), lens[i]);
			CHECK(memcmp(sent, got, lens[i]) == 0);
		}
	}
	if (tapped) {
		frame_of(sent, 1000);
		memcpy(got, sent, 6);
		memcpy(sent, sent + 6, 6);
		memcpy(sent + 6, got, 6);
		CHECK_IS(send(tap, sent, 1000, 0), 1000);
		CHECK_IS(station_receive(&station, TYPE_EXAMPLE, got, sizeof(got), 3000), 1000);
		CHECK(memcmp(sent, got, 1000) == 0);
		print(got, 1000);
	}
	return 0;
}
