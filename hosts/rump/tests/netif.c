/*
 * Interfaces of a rump kernel by system calls: made, plugged into a bus, brought up; the switch's ports; and
 * stations that send and receive whole frames through bpf.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <rump/rump_syscalls.h>

#include "client.h"

/* NetBSD's structures and requests */
struct nb_ifreq {
	char name[16];
	union {
		uint8_t address[16];
		short flags;
		uint8_t all[128];
	} u;
};
struct nb_ifdrv {
	char name[16];
	unsigned long command;
	size_t len;
	void *data;
};
#define NB_SIOCSIFADDR  RUMPSWITCH_IOC_WRITE('i', 12, struct nb_ifreq)
#define NB_SIOCSIFFLAGS RUMPSWITCH_IOC_WRITE('i', 16, struct nb_ifreq)
#define NB_SIOCGIFFLAGS RUMPSWITCH_IOC_BOTH('i', 17, struct nb_ifreq)
#define NB_SIOCIFDESTROY RUMPSWITCH_IOC_WRITE('i', 121, struct nb_ifreq)
#define NB_SIOCIFCREATE RUMPSWITCH_IOC_WRITE('i', 122, struct nb_ifreq)
#define NB_SIOCSLINKSTR RUMPSWITCH_IOC_WRITE('i', 136, struct nb_ifdrv)
#define NB_BIOCGBLEN      RUMPSWITCH_IOC_READ('B', 102, uint32_t)
#define NB_BIOCPROMISC    RUMPSWITCH_IOC_NONE('B', 105)
#define NB_BIOCSETIF      RUMPSWITCH_IOC_WRITE('B', 108, struct nb_ifreq)
#define NB_BIOCIMMEDIATE  RUMPSWITCH_IOC_WRITE('B', 112, uint32_t)
#define NB_BIOCSHDRCMPLT  RUMPSWITCH_IOC_WRITE('B', 117, uint32_t)
#define NB_BIOCSSEESENT   RUMPSWITCH_IOC_WRITE('B', 121, uint32_t)
#define NB_PF_INET 2
#define NB_SOCK_DGRAM 2
#define NB_IFF_UP 1

static int requests = -1;		/* the socket that interface requests go to */

void
netif_init(void)
{

	requests = rump_sys_socket(NB_PF_INET, NB_SOCK_DGRAM, 0);
	CHECK(requests >= 0);
}

static void
named(struct nb_ifreq *request, const char *name)
{

	memset(request, 0, sizeof(*request));
	snprintf(request->name, sizeof(request->name), "%s", name);
}

void
netif_create(const char *name)
{
	struct nb_ifreq request;

	named(&request, name);
	CHECK_IS(failed_with(rump_sys_ioctl(requests, NB_SIOCIFCREATE, &request)), 0);
}

void
netif_destroy(const char *name)
{
	struct nb_ifreq request;

	named(&request, name);
	CHECK_IS(failed_with(rump_sys_ioctl(requests, NB_SIOCIFDESTROY, &request)), 0);
}

void
netif_plug(const char *name, const char *bus)
{
	struct nb_ifdrv request;

	memset(&request, 0, sizeof(request));
	snprintf(request.name, sizeof(request.name), "%s", name);
	request.data = (void *)(uintptr_t)bus;
	request.len = strlen(bus) + 1;
	CHECK_IS(failed_with(rump_sys_ioctl(requests, NB_SIOCSLINKSTR, &request)), 0);
}

void
netif_up(const char *name, bool up)
{
	struct nb_ifreq request;

	named(&request, name);
	CHECK_IS(failed_with(rump_sys_ioctl(requests, NB_SIOCGIFFLAGS, &request)), 0);
	request.u.flags = (short)(up ? request.u.flags | NB_IFF_UP : request.u.flags & ~NB_IFF_UP);
	CHECK_IS(failed_with(rump_sys_ioctl(requests, NB_SIOCSIFFLAGS, &request)), 0);
}

void
netif_address(const char *name, uint32_t address)
{
	struct nb_ifreq request;
	int i;

	named(&request, name);
	request.u.address[0] = 16;
	request.u.address[1] = NB_PF_INET;
	for (i = 0; i < 4; i++)
		request.u.address[4 + i] = (uint8_t)(address >> (24 - 8 * i));
	CHECK_IS(failed_with(rump_sys_ioctl(requests, NB_SIOCSIFADDR, &request)), 0);
}

int
switch_port(unsigned long request, const char *name, const char *port, uint32_t number)
{
	struct rumpswitch_ifbreq argument;

	memset(&argument, 0, sizeof(argument));
	snprintf(argument.ifbr_name, sizeof(argument.ifbr_name), "%s", name);
	snprintf(argument.ifbr_ifsname, sizeof(argument.ifbr_ifsname), "%s", port);
	argument.ifbr_portno = argument.ifbr_protected = number;
	return failed_with(rump_sys_ioctl(requests, request, &argument));
}

int
switch_flags(const char *name, const char *port, struct rumpswitch_ifbreq *answer)
{

	memset(answer, 0, sizeof(*answer));
	snprintf(answer->ifbr_name, sizeof(answer->ifbr_name), "%s", name);
	snprintf(answer->ifbr_ifsname, sizeof(answer->ifbr_ifsname), "%s", port);
	return failed_with(rump_sys_ioctl(requests, SIOCBRDGGIFFLGS, answer));
}

int
switch_list(const char *name, struct rumpswitch_ifbreq *list, size_t room)
{
	struct rumpswitch_ifbifconf argument;

	memset(&argument, 0, sizeof(argument));
	snprintf(argument.ifbic_name, sizeof(argument.ifbic_name), "%s", name);
	argument.ifbic_len = room * sizeof(*list);
	argument.ifbic_req = (uintptr_t)list;
	CHECK_IS(failed_with(rump_sys_ioctl(requests, SIOCBRDGIFS, &argument)), 0);
	return (int)(argument.ifbic_len / sizeof(*list));
}

int
switch_setting(unsigned long request, const char *name, uint64_t *value)
{
	struct rumpswitch_ifbrparam argument;
	int error;

	memset(&argument, 0, sizeof(argument));
	snprintf(argument.ifbrp_name, sizeof(argument.ifbrp_name), "%s", name);
	argument.ifbrp_value = *value;
	error = failed_with(rump_sys_ioctl(requests, request, &argument));
	*value = argument.ifbrp_value;
	return error;
}

void
station_open(struct station *station, const char *name)
{
	struct nb_ifreq request;
	uint32_t yes = 1, no = 0;

	memset(station, 0, sizeof(*station));
	station->fd = rump_sys_open("/dev/bpf", RUMPSWITCH_NB_O_RDWR);
	CHECK(station->fd >= 0);
	CHECK_IS(failed_with(rump_sys_ioctl(station->fd, NB_BIOCGBLEN, &station->buffer_len)), 0);
	station->buffer = malloc(station->buffer_len);
	CHECK(station->buffer != NULL);
	CHECK_IS(failed_with(rump_sys_ioctl(station->fd, NB_BIOCIMMEDIATE, &yes)), 0);
	CHECK_IS(failed_with(rump_sys_ioctl(station->fd, NB_BIOCSHDRCMPLT, &yes)), 0);
	CHECK_IS(failed_with(rump_sys_ioctl(station->fd, NB_BIOCSSEESENT, &no)), 0);
	named(&request, name);
	CHECK_IS(failed_with(rump_sys_ioctl(station->fd, NB_BIOCSETIF, &request)), 0);
	CHECK_IS(failed_with(rump_sys_ioctl(station->fd, NB_BIOCPROMISC, NULL)), 0);
	CHECK_IS(failed_with(rump_sys_ioctl(station->fd, RUMPSWITCH_NB_FIONBIO, &yes)), 0);
}

void
station_see_sent(struct station *station)
{
	uint32_t yes = 1;

	CHECK_IS(failed_with(rump_sys_ioctl(station->fd, NB_BIOCSSEESENT, &yes)), 0);
}

void
station_close(struct station *station)
{

	rump_sys_close(station->fd);
	free(station->buffer);
}

void
station_send(struct station *station, const uint8_t *frame, size_t len)
{

	CHECK_IS(rump_sys_write(station->fd, frame, len), len);
}

/* Each record: a header of NetBSD's bpf, padded, then the frame, padded to 8. */
size_t
station_receive(struct station *station, uint16_t type, uint8_t *frame, size_t room, int ms)
{
	double until = seconds() + ms / 1000.0;
	uint32_t captured;
	uint16_t header;
	const uint8_t *record;
	ssize_t got;

	for (;;) {
		while (station->at < station->len) {
			record = station->buffer + station->at;
			memcpy(&captured, record + 16, 4);
			memcpy(&header, record + 24, 2);
			station->at += (header + captured + 7) & ~7u;
			record += header;
			if (captured < 14 || get16(record + 12) != type)
				continue;
			CHECK(captured <= room);
			memcpy(frame, record, captured);
			return captured;
		}
		station->at = station->len = 0;
		got = rump_sys_read(station->fd, station->buffer, station->buffer_len);
		if (got > 0) {
			station->len = (uint32_t)got;
			continue;
		}
		if (seconds() > until)
			return 0;
		pause_ms(2);
	}
}
