/*
 * A little OpenFlow 1.3, by hand: messages made, read and waited for on an open /dev/switchN.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <rump/rump_syscalls.h>

#include "client.h"

static void
put16(uint8_t *into, uint16_t value)
{

	into[0] = (uint8_t)(value >> 8);
	into[1] = (uint8_t)value;
}

static void
put32(uint8_t *into, uint32_t value)
{

	put16(into, (uint16_t)(value >> 16));
	put16(into + 2, (uint16_t)value);
}

uint16_t
get16(const uint8_t *bytes)
{

	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

uint32_t
get32(const uint8_t *bytes)
{

	return (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
}

uint64_t
get64(const uint8_t *bytes)
{

	return (uint64_t)get32(bytes) << 32 | get32(bytes + 4);
}

size_t
message_header(uint8_t *into, uint8_t type, size_t len, uint32_t xid)
{

	into[0] = 4;
	into[1] = type;
	put16(into + 2, (uint16_t)len);
	put32(into + 4, xid);
	return len;
}

size_t
message_echo(uint8_t *into, uint32_t xid, const void *data, size_t len)
{

	if (len != 0)
		memcpy(into + 8, data, len);
	return message_header(into, T_ECHO_REQUEST, 8 + len, xid);
}

/* ofp_flow_mod, ADD, with one apply-actions instruction of one output action, whole frames to controllers. */
size_t
message_flow(uint8_t *into, uint32_t xid, uint32_t in_port, uint32_t out_port, uint16_t hard_timeout)
{
	uint8_t *match = into + 48, *instruction;
	size_t match_len = in_port != 0 ? 12 : 4;

	memset(into, 0, 128);
	put16(into + 28, hard_timeout);
	put16(into + 30, in_port != 0 ? 100 : 0);
	put32(into + 32, 0xffffffff);		/* buffer_id */
	put32(into + 36, 0xffffffff);		/* out_port */
	put32(into + 40, 0xffffffff);		/* out_group */
	put16(into + 44, hard_timeout != 0 ? 1 : 0);	/* SEND_FLOW_REM */
	put16(match, 1);
	put16(match + 2, (uint16_t)match_len);
	if (in_port != 0) {
		put32(match + 4, 0x80000004);
		put32(match + 8, in_port);
	}
	instruction = match + ((match_len + 7) & ~(size_t)7);
	put16(instruction, 4);			/* APPLY_ACTIONS */
	put16(instruction + 2, 24);
	put16(instruction + 8, 0);		/* OUTPUT */
	put16(instruction + 10, 16);
	put32(instruction + 12, out_port);
	put16(instruction + 16, 0xffff);	/* NO_BUFFER: all of it */
	return message_header(into, T_FLOW_MOD, (size_t)(instruction + 24 - into), xid);
}

size_t
message_delete_all(uint8_t *into, uint32_t xid)
{

	memset(into, 0, 64);
	into[24] = 0xff;			/* all tables */
	into[25] = 3;				/* DELETE */
	put32(into + 32, 0xffffffff);
	put32(into + 36, 0xffffffff);
	put32(into + 40, 0xffffffff);
	put16(into + 48, 1);
	put16(into + 50, 4);
	return message_header(into, T_FLOW_MOD, 56, xid);
}

void
channel_nonblocking(int fd)
{

	CHECK_IS(failed_with(rump_sys_fcntl(fd, 4, RUMPSWITCH_NB_O_NONBLOCK)), 0);
}

/* Opens the device without waiting, and is greeted and greets. */
void
channel_open(struct channel *channel, const char *path)
{
	uint8_t hello[8];

	channel->at = channel->len = 0;
	channel->fd = rump_sys_open(path, RUMPSWITCH_NB_O_RDWR | RUMPSWITCH_NB_O_NONBLOCK);
	CHECK(channel->fd >= 0);
	CHECK(channel_next(channel, T_HELLO, 1000) != NULL);
	channel_send(channel, hello, message_header(hello, T_HELLO, 8, 1));
}

const uint8_t *
channel_next(struct channel *channel, int type, int ms)
{
	double until = seconds() + ms / 1000.0;
	const uint8_t *message;
	size_t left, len;
	ssize_t got;

	for (;;) {
		left = channel->len - channel->at;
		if (left >= 8 && left >= (len = get16(channel->bytes + channel->at + 2))) {
			message = channel->bytes + channel->at;
			CHECK(len >= 8);
			channel->at += len;
			if (type < 0 || message[1] == type)
				return message;
			if (message[1] == T_ERROR)
				printf("   error type %u code %u\n", get16(message + 8), get16(message + 10));
			continue;
		}
		memmove(channel->bytes, channel->bytes + channel->at, left);
		channel->at = 0;
		channel->len = left;
		got = rump_sys_read(channel->fd, channel->bytes + left, sizeof(channel->bytes) - left);
		if (got > 0) {
			channel->len += (size_t)got;
			continue;
		}
		if (got == 0)
			return NULL;
		CHECK_IS(failed_with(got), NB_EAGAIN);
		if (seconds() > until)
			return NULL;
		pause_ms(1);
	}
}

void
channel_send(struct channel *channel, const void *message, size_t len)
{

	CHECK_IS(rump_sys_write(channel->fd, message, len), len);
}

void
channel_barrier(struct channel *channel)
{
	uint8_t request[8];

	channel_send(channel, request, message_header(request, T_BARRIER_REQUEST, 8, 99));
	CHECK(channel_next(channel, T_BARRIER_REPLY, 2000) != NULL);
}

/* ofp_packet_in: header 8, buffer 4, total_len 2, reason, table, cookie 8, match, 2 bytes, the frame. */
const uint8_t *
packet_in_frame(const uint8_t *message, size_t *len, uint32_t *in_port)
{
	size_t match_len = get16(message + 26), at = 24 + ((match_len + 7) & ~(size_t)7) + 2, i;

	*in_port = 0;
	for (i = 28; i + 4 <= 24 + match_len; i += 4u + message[i + 3]) {
		if (get32(message + i) == 0x80000004)
			*in_port = get32(message + i + 4);
	}
	*len = get16(message + 2) - at;
	CHECK_IS(get16(message + 12), *len);
	return message + at;
}
