/*
 * What the cases share: checks, a kernel with one switch and ports, requests on it, a little OpenFlow.
 *
 * Each case runs in a process of its own, forked before the kernel starts (main.c): a panic ends one case
 * and leaks are counted case by case.
 */
#ifndef SUITE_H
#define SUITE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "mock.h"
#include "rumpswitch_ioctl.h"

struct test {
	const char *name;		/* the sentence that it proves */
	void (*run)(void);
	const char *panics;		/* what the kernel must say when it ends by a panic; NULL: it must not */
};

extern const struct test device_tests[], wait_tests[], ports_tests[], frames_tests[], faults_tests[],
    life_tests[];

#define CHECK(e) check((e) != 0, #e, __FILE__, __LINE__)
#define CHECK_EQ(a, b) check_equal((long)(a), (long)(b), #a " == " #b, __FILE__, __LINE__)
/* A call that must fail, with NetBSD's number. */
#define CHECK_FAILS(call, number) check_fails((long)(call), number, #call, __FILE__, __LINE__)
void check(int holds, const char *what, const char *file, int line);
void check_equal(long a, long b, const char *what, const char *file, int line);
void check_fails(long result, int number, const char *what, const char *file, int line);

/* NetBSD's numbers. */
enum {
	NB_EPERM = 1, NB_ENOENT = 2, NB_ESRCH = 3, NB_EINTR = 4, NB_ENXIO = 6, NB_EBADF = 9, NB_ENOMEM = 12,
	NB_EFAULT = 14, NB_EBUSY = 16, NB_EEXIST = 17, NB_EINVAL = 22, NB_ENOTTY = 25, NB_EPIPE = 32,
	NB_EAGAIN = 35, NB_EPROTONOSUPPORT = 43, NB_EOPNOTSUPP = 45
};
enum { NB_POLLIN = 1, NB_POLLOUT = 4, NB_POLLHUP = 0x10, NB_POLLNVAL = 0x20 };
struct nb_ifreq {
	char name[16];
	union {
		short flags;
		int mtu;
		char space[128];
	} u;
};
#define NB_SIOCIFCREATE RUMPSWITCH_IOC_WRITE('i', 122, struct nb_ifreq)
#define NB_SIOCIFDESTROY RUMPSWITCH_IOC_WRITE('i', 121, struct nb_ifreq)
#define NB_SIOCSIFFLAGS RUMPSWITCH_IOC_WRITE('i', 16, struct nb_ifreq)
#define NB_F_SETFL 4
#define NB_F_GETFL 3

/* ---- the bench: switch0 up, ports shm0 to shmN-1, a socket for requests ---- */

struct bench {
	int socket;
	int ports;
	uint32_t port[8];		/* OpenFlow numbers */
	struct rumpmock_balance before;
};
void bench_start(struct bench *b, int ports);	/* on a virtual clock */
void bench_end(struct bench *b);		/* destroys all and checks that nothing is left */
int port_request(struct bench *b, unsigned long request, const char *port, struct rumpswitch_ifbreq *r);
int interface_request(struct bench *b, unsigned long request, const char *name, short flags);

/* ---- OpenFlow on a descriptor ---- */

enum { OF_HELLO = 0, OF_ERROR = 1, OF_ECHO = 2, OF_ECHO_REPLY = 3, OF_PACKET_IN = 10, OF_FLOW_REMOVED = 11,
	OF_PORT_STATUS = 12, OF_PACKET_OUT = 13, OF_FLOW_MOD = 14, OF_MULTIPART = 18, OF_MULTIPART_REPLY = 19,
	OF_BARRIER = 20, OF_BARRIER_REPLY = 21 };
#define OF_CONTROLLER 0xfffffffdu
#define OF_LOCAL 0xfffffffeu
#define OF_ANY 0xffffffffu
#define OF_FLOOD 0xfffffffbu

struct buffer {
	size_t len;
	uint8_t bytes[65536];
};
void put16(struct buffer *b, unsigned value);
void put32(struct buffer *b, uint32_t value);
void put64(struct buffer *b, uint64_t value);
void message_begin(struct buffer *b, int type, uint32_t xid);	/* empties it */
void message_end(struct buffer *b);
int open_device(void);				/* /dev/switch0, hello read and answered */
void send_message(int fd, const struct buffer *b);
/* Reads exactly one message. Its type. */
int read_message(int fd, struct buffer *b);
/* Reads until a message of this type comes. */
void expect_message(int fd, int type, struct buffer *b);
void send_echo(int fd, uint32_t xid, size_t len);
void barrier(int fd);				/* and checks that no error came before its reply */

/* Frames of in_port (0: any) are changed, then go to each port of `out` (ended by 0). */
enum change { AS_IT_IS, PUSH_VLAN, SET_ETH_DST };	/* to 02:aa:bb:cc:dd:ee */
void add_flow(int fd, uint32_t in_port, enum change change, const uint32_t *out, unsigned hard_timeout);
void packet_out(int fd, uint32_t in_port, uint32_t out, const void *frame, size_t len);
/* The frame in a packet-in: its first byte; `len` bytes. */
const uint8_t *packet_in_frame(const struct buffer *b, size_t *len);
uint32_t get32(const uint8_t *at);
unsigned get16(const uint8_t *at);
/* The tx_dropped counter of a port. */
uint64_t port_tx_dropped(int fd, uint32_t port);

/* An Ethernet frame that differs from any of another number. */
void make_frame(uint8_t *frame, size_t len, unsigned number);
/* Takes a frame sent on the port and compares it, byte by byte. */
void expect_frame(const char *port, const void *frame, size_t len);
void expect_no_frame(const char *port);

#endif
