/*
 * What the tests share: a client of a rump kernel, local or remote, that sets up interfaces, speaks a little
 * OpenFlow on /dev/switchN and plays the stations outside by bpf on interfaces of the same buses.
 */
#ifndef RUMPSW_TESTS_CLIENT_H
#define RUMPSW_TESTS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "rumpswitch_ioctl.h"

/* checks: one that fails ends the program with 1 */
#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)
#define CHECK_IS(value, expected) check_is((long)(value), (long)(expected), #value, __FILE__, __LINE__)
void check(bool good, const char *what, const char *file, int line);
void check_is(long value, long expected, const char *what, const char *file, int line);
/* errno of NetBSD after a call that must fail, 0 after one that did not */
int failed_with(long result);
double seconds(void);
void pause_ms(int ms);

/* NetBSD's numbers of what the tests meet */
enum { NB_ENOENT = 2, NB_ENXIO = 6, NB_EBADF = 9, NB_EFAULT = 14, NB_EBUSY = 16, NB_EEXIST = 17,
	NB_EINVAL = 22, NB_ESRCH = 3, NB_ENOTTY = 25, NB_EPIPE = 32, NB_EAGAIN = 35, NB_EPROTONOSUPPORT = 43 };

/* interfaces */
void netif_init(void);
void netif_create(const char *name);
void netif_destroy(const char *name);
void netif_plug(const char *name, const char *bus);
void netif_up(const char *name, bool up);
void netif_address(const char *name, uint32_t address);
int switch_port(unsigned long request, const char *name, const char *port, uint32_t number);
int switch_flags(const char *name, const char *port, struct rumpswitch_ifbreq *answer);
int switch_list(const char *name, struct rumpswitch_ifbreq *list, size_t room);
int switch_setting(unsigned long request, const char *name, uint64_t *value);

/* a station: an interface outside of the switch, seen through bpf */
struct station {
	int fd;
	uint8_t *buffer;
	uint32_t buffer_len;
	uint32_t at, len;
};
void station_open(struct station *station, const char *name);
void station_see_sent(struct station *station);	/* frames that go out of the interface, too */
void station_close(struct station *station);
void station_send(struct station *station, const uint8_t *frame, size_t len);
/* The next frame whose Ethernet type is the given one; 0 when none came within `ms`. */
size_t station_receive(struct station *station, uint16_t type, uint8_t *frame, size_t room, int ms);

/* OpenFlow */
#define MESSAGE_MAX 65536
struct channel {
	int fd;
	uint8_t bytes[2 * MESSAGE_MAX];
	size_t at, len;
};
void channel_open(struct channel *channel, const char *path);
void channel_nonblocking(int fd);
/* The next message of the given type (or any: -1), others passed over; NULL when none came within `ms`,
   or the stream is over. */
const uint8_t *channel_next(struct channel *channel, int type, int ms);
void channel_send(struct channel *channel, const void *message, size_t len);
void channel_barrier(struct channel *channel);
size_t message_header(uint8_t *into, uint8_t type, size_t len, uint32_t xid);
size_t message_echo(uint8_t *into, uint32_t xid, const void *data, size_t len);
/* A flow entry: frames of `in_port` go to `out_port`; 0: any, with priority 0. */
size_t message_flow(uint8_t *into, uint32_t xid, uint32_t in_port, uint32_t out_port,
    uint16_t hard_timeout);
size_t message_delete_all(uint8_t *into, uint32_t xid);
uint16_t get16(const uint8_t *bytes);
uint32_t get32(const uint8_t *bytes);
uint64_t get64(const uint8_t *bytes);
/* The frame in a packet-in, its length, and the port it came in by. */
const uint8_t *packet_in_frame(const uint8_t *message, size_t *len, uint32_t *in_port);

enum { T_HELLO = 0, T_ERROR = 1, T_ECHO_REQUEST = 2, T_ECHO_REPLY = 3, T_FEATURES_REQUEST = 5,
	T_FEATURES_REPLY = 6, T_SET_CONFIG = 9, T_PACKET_IN = 10, T_FLOW_REMOVED = 11, T_PORT_STATUS = 12,
	T_FLOW_MOD = 14, T_BARRIER_REQUEST = 20, T_BARRIER_REPLY = 21 };
#define PORT_CONTROLLER 0xfffffffdu
#define PORT_LOCAL      0xfffffffeu

/* events: the ways to wait for a descriptor to be readable; what is pending for kevent, else 1; 0: nothing */
int wait_poll(int fd, int ms);
int wait_select(int fd, int ms);
int wait_kevent(int queue, int ms, struct rumpswitch_nb_kevent *event);
int kevent_add(int fd, uint32_t filter);

#endif
