/*
 * A little OpenFlow 1.3: what a case needs to say to the device and to hear from it.
 */
#include "suite.h"

static uint32_t next_xid = 100;

void
put16(struct buffer *b, unsigned value)
{
	b->bytes[b->len++] = (uint8_t)(value >> 8);
	b->bytes[b->len++] = (uint8_t)value;
}

void
put32(struct buffer *b, uint32_t value)
{
	put16(b, value >> 16);
	put16(b, value & 0xffff);
}

void
put64(struct buffer *b, uint64_t value)
{
	put32(b, (uint32_t)(value >> 32));
	put32(b, (uint32_t)value);
}

unsigned
get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

uint32_t
get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void
set16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void
message_begin(struct buffer *b, int type, uint32_t xid)
{
	b->len = 0;
	put16(b, 4 << 8 | (unsigned)type);
	put16(b, 0);
	put32(b, xid);
}

void
message_end(struct buffer *b)
{
	set16(b->bytes + 2, b->len);
}

void
send_message(int fd, const struct buffer *b)
{
	CHECK_EQ(rump_sys_write(fd, b->bytes, b->len), b->len);
}

static void
read_exactly(int fd, uint8_t *into, size_t len)
{
	ssize_t n;

	for (; len > 0; into += n, len -= (size_t)n) {
		n = rump_sys_read(fd, into, len);
		CHECK(n > 0);
	}
}

int
read_message(int fd, struct buffer *b)
{
	read_exactly(fd, b->bytes, 8);
	b->len = get16(b->bytes + 2);
	CHECK(b->len >= 8);
	read_exactly(fd, b->bytes + 8, b->len - 8);
	return b->bytes[1];
}

void
expect_message(int fd, int type, struct buffer *b)
{
	int got;

	do {
		got = read_message(fd, b);
		CHECK(got != OF_ERROR || type == OF_ERROR);
	} while (got != type);
}

int
open_device(void)
{
	struct buffer b;
	int fd = rump_sys_open("/dev/switch0", RUMPSWITCH_NB_O_RDWR);

	CHECK(fd >= 0);
	CHECK_EQ(read_message(fd, &b), OF_HELLO);
	message_begin(&b, OF_HELLO, 1);
	message_end(&b);
	send_message(fd, &b);
	return fd;
}

void
send_echo(int fd, uint32_t xid, size_t len)
{
	static struct buffer b;

	message_begin(&b, OF_ECHO, xid);
	for (; b.len < len; b.len++)
		b.bytes[b.len] = (uint8_t)(xid + b.len);
	message_end(&b);
	send_message(fd, &b);
}

void
barrier(int fd)
{
	static struct buffer b;

	message_begin(&b, OF_BARRIER, next_xid++);
	message_end(&b);
	send_message(fd, &b);
	expect_message(fd, OF_BARRIER_REPLY, &b);
}

static void
put_output(struct buffer *b, uint32_t port)
{
	put16(b, 0);
	put16(b, 16);
	put32(b, port);
	put16(b, 0xffff);		/* the whole frame to a controller */
	put32(b, 0);
	put16(b, 0);
}

/* flow_mod: add, table 0, priority 100, SEND_FLOW_REM when it has a time-out */
void
add_flow(int fd, uint32_t in_port, enum change change, const uint32_t *out, unsigned hard_timeout)
{
	static struct buffer b;
	size_t instruction;

	message_begin(&b, OF_FLOW_MOD, next_xid++);
	put64(&b, 0);
	put64(&b, 0);
	put32(&b, 0);			/* table 0, add, idle 0 */
	put16(&b, hard_timeout);
	put16(&b, 100);
	put32(&b, 0xffffffff);
	put32(&b, OF_ANY);
	put32(&b, OF_ANY);
	put16(&b, hard_timeout != 0);
	put16(&b, 0);
	put16(&b, 1);			/* match: OXM */
	put16(&b, in_port != 0 ? 12 : 4);
	if (in_port != 0) {
		put32(&b, 0x80000004);
		put32(&b, in_port);
	}
	put32(&b, 0);
	instruction = b.len;
	put16(&b, 4);			/* apply-actions */
	put16(&b, 0);
	put32(&b, 0);
	if (change == PUSH_VLAN) {
		put32(&b, 17 << 16 | 8);
		put32(&b, 0x81000000);
	} else if (change == SET_ETH_DST) {
		put32(&b, 25 << 16 | 16);
		put32(&b, 0x80000606);
		put64(&b, 0x02aabbccddee0000);
	}
	for (; *out != 0; out++)
		put_output(&b, *out);
	set16(b.bytes + instruction + 2, b.len - instruction);
	message_end(&b);
	send_message(fd, &b);
	barrier(fd);
}

void
packet_out(int fd, uint32_t in_port, uint32_t out, const void *frame, size_t len)
{
	static struct buffer b;

	message_begin(&b, OF_PACKET_OUT, next_xid++);
	put32(&b, 0xffffffff);
	put32(&b, in_port);
	put16(&b, 16);
	put32(&b, 0);
	put16(&b, 0);
	put_output(&b, out);
	memcpy(b.bytes + b.len, frame, len);
	b.len += len;
	message_end(&b);
	send_message(fd, &b);
}

const uint8_t *
packet_in_frame(const struct buffer *b, size_t *len)
{
	size_t match_len = get16(b->bytes + 26);
	size_t at = 24 + (match_len + 7) / 8 * 8 + 2;

	CHECK_EQ(b->bytes[1], OF_PACKET_IN);
	CHECK(at <= b->len);
	*len = b->len - at;
	return b->bytes + at;
}

uint64_t
port_tx_dropped(int fd, uint32_t port)
{
	static struct buffer b;

	message_begin(&b, OF_MULTIPART, next_xid++);
	put16(&b, 4);			/* port statistics */
	put16(&b, 0);
	put32(&b, 0);
	put32(&b, port);
	put32(&b, 0);
	message_end(&b);
	send_message(fd, &b);
	expect_message(fd, OF_MULTIPART_REPLY, &b);
	CHECK_EQ(b.len, 16 + 112);
	/* port 4, pad 4, rx_packets, tx_packets, rx_bytes, tx_bytes, rx_dropped, tx_dropped */
	return (uint64_t)get32(b.bytes + 16 + 48) << 32 | get32(b.bytes + 16 + 52);
}
