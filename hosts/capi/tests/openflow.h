/*
 * OpenFlow 1.3 messages for the tests and the controller of hub.c, written piece by piece into a buffer.
 * Numbers are those of the standard (openflow.h in it).
 */
#ifndef OPENFLOW_H
#define OPENFLOW_H

#include <stdint.h>
#include <string.h>

enum {
	OF_HELLO = 0, OF_ERROR = 1, OF_ECHO_REQUEST = 2, OF_ECHO_REPLY = 3, OF_FEATURES_REQUEST = 5,
	OF_FEATURES_REPLY = 6, OF_PACKET_IN = 10, OF_FLOW_REMOVED = 11, OF_PORT_STATUS = 12,
	OF_PACKET_OUT = 13, OF_FLOW_MOD = 14, OF_GROUP_MOD = 15, OF_MULTIPART_REQUEST = 18,
	OF_MULTIPART_REPLY = 19, OF_BARRIER_REQUEST = 20, OF_BARRIER_REPLY = 21, OF_METER_MOD = 29
};

enum { OF_ADD = 0, OF_MODIFY = 1, OF_DELETE = 3, OF_DELETE_STRICT = 4 };

#define OF_PORT_IN_PORT    0xfffffff8u
#define OF_PORT_TABLE      0xfffffff9u
#define OF_PORT_NORMAL     0xfffffffau
#define OF_PORT_FLOOD      0xfffffffbu
#define OF_PORT_ALL        0xfffffffcu
#define OF_PORT_CONTROLLER 0xfffffffdu
#define OF_ANY             0xffffffffu

/* Match fields: number, and length of the value. */
#define OXM_IN_PORT  0, 4
#define OXM_ETH_DST  3, 6
#define OXM_ETH_SRC  4, 6
#define OXM_ETH_TYPE 5, 2
#define OXM_VLAN_VID 6, 2
#define OXM_IP_PROTO 10, 1
#define OXM_IPV4_SRC 11, 4
#define OXM_IPV4_DST 12, 4
#define OXM_UDP_SRC  15, 2
#define OXM_UDP_DST  16, 2

struct of_buffer {
	size_t len;
	size_t message, match, instruction, action;	/* where the open ones begin */
	uint8_t bytes[1 << 16];
};

static inline void
of_bytes(struct of_buffer *b, const void *bytes, size_t len)
{
	memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
}

/* `len` bytes of a number, the highest first. */
static inline void
of_number(struct of_buffer *b, uint64_t value, unsigned len)
{
	while (len-- > 0)
		b->bytes[b->len++] = (uint8_t)(value >> (8 * len));
}

static inline void
of_zeros(struct of_buffer *b, size_t len)
{
	memset(b->bytes + b->len, 0, len);
	b->len += len;
}

static inline void
of_patch(struct of_buffer *b, size_t at, size_t value)
{
	b->bytes[at] = (uint8_t)(value >> 8);
	b->bytes[at + 1] = (uint8_t)value;
}

static inline uint64_t
of_get(const uint8_t *at, unsigned len)
{
	uint64_t value = 0;

	while (len-- > 0)
		value = value << 8 | *at++;
	return value;
}

static inline void
of_begin(struct of_buffer *b, uint8_t type, uint32_t xid)
{
	b->message = b->len;
	of_number(b, 4, 1);
	of_number(b, type, 1);
	of_number(b, 0, 2);
	of_number(b, xid, 4);
}

static inline void
of_end(struct of_buffer *b)
{
	of_patch(b, b->message + 2, b->len - b->message);
}

static inline void
of_match_begin(struct of_buffer *b)
{
	b->match = b->len;
	of_number(b, 1, 2);
	of_number(b, 0, 2);
}

static inline void
of_oxm(struct of_buffer *b, unsigned field, unsigned len, uint64_t value)
{
	of_number(b, 0x8000, 2);
	of_number(b, field << 1, 1);
	of_number(b, len, 1);
	of_number(b, value, len);
}

/* A field under a mask. */
static inline void
of_masked(struct of_buffer *b, unsigned field, unsigned len, uint64_t value, uint64_t mask)
{
	of_number(b, 0x8000, 2);
	of_number(b, field << 1 | 1, 1);
	of_number(b, 2 * len, 1);
	of_number(b, value & mask, len);
	of_number(b, mask, len);
}

static inline void
of_match_end(struct of_buffer *b)
{
	of_patch(b, b->match + 2, b->len - b->match);
	of_zeros(b, (8 - (b->len - b->match) % 8) % 8);
}

/* Up to the buckets. */
static inline void
of_group_mod(struct of_buffer *b, uint16_t command, uint8_t type, uint32_t id)
{
	of_begin(b, OF_GROUP_MOD, 3);
	of_number(b, command, 2);
	of_number(b, type, 1);
	of_zeros(b, 1);
	of_number(b, id, 4);
}

/* The head of a bucket of `len` bytes. */
static inline void
of_bucket(struct of_buffer *b, uint16_t len, uint16_t weight, uint32_t watch_port)
{
	of_number(b, len, 2);
	of_number(b, weight, 2);
	of_number(b, watch_port, 4);
	of_number(b, OF_ANY, 4);
	of_zeros(b, 4);
}

/* Up to the match. */
static inline void
of_flow_mod(struct of_buffer *b, uint32_t xid, uint8_t command, uint8_t table, uint16_t priority,
    uint16_t flags)
{
	of_begin(b, OF_FLOW_MOD, xid);
	of_zeros(b, 16);
	of_number(b, table, 1);
	of_number(b, command, 1);
	of_zeros(b, 4);
	of_number(b, priority, 2);
	of_number(b, OF_ANY, 4);
	of_number(b, OF_ANY, 4);
	of_number(b, OF_ANY, 4);
	of_number(b, flags, 2);
	of_zeros(b, 2);
}

/* Apply-actions (4) or write-actions (3). */
static inline void
of_actions_begin(struct of_buffer *b, uint16_t instruction)
{
	b->instruction = b->len;
	of_number(b, instruction, 2);
	of_zeros(b, 6);
}

static inline void
of_actions_end(struct of_buffer *b)
{
	of_patch(b, b->instruction + 2, b->len - b->instruction);
}

static inline void
of_goto(struct of_buffer *b, uint8_t table)
{
	of_number(b, 1, 2);
	of_number(b, 8, 2);
	of_number(b, table, 1);
	of_zeros(b, 3);
}

static inline void
of_output(struct of_buffer *b, uint32_t port)
{
	of_number(b, 0, 2);
	of_number(b, 16, 2);
	of_number(b, port, 4);
	of_number(b, 0xffff, 2);
	of_zeros(b, 6);
}

/* An action that has a number of 16 bits and nothing else: push-vlan 17, pop-vlan 18, push-mpls 19,
 * pop-mpls 20, push-pbb 26, pop-pbb 27. */
static inline void
of_tag_action(struct of_buffer *b, uint16_t kind, uint16_t ethertype)
{
	of_number(b, kind, 2);
	of_number(b, 8, 2);
	of_number(b, ethertype, 2);
	of_zeros(b, 2);
}

static inline void
of_group_action(struct of_buffer *b, uint32_t group)
{
	of_number(b, 22, 2);
	of_number(b, 8, 2);
	of_number(b, group, 4);
}

static inline void
of_set_field(struct of_buffer *b, unsigned field, unsigned len, uint64_t value)
{
	size_t start = b->len;

	of_number(b, 25, 2);
	of_number(b, 0, 2);
	of_oxm(b, field, len, value);
	of_zeros(b, (8 - (b->len - start) % 8) % 8);
	of_patch(b, start + 2, b->len - start);
}

/* A packet-out with one output. */
static inline void
of_packet_out(struct of_buffer *b, uint32_t xid, uint32_t in_port, uint32_t out, const void *data,
    size_t len)
{
	of_begin(b, OF_PACKET_OUT, xid);
	of_number(b, OF_ANY, 4);
	of_number(b, in_port, 4);
	of_number(b, 16, 2);
	of_zeros(b, 6);
	of_output(b, out);
	of_bytes(b, data, len);
	of_end(b);
}

/* From port to port. */
static inline void
of_flow_port(struct of_buffer *b, uint32_t xid, uint32_t from, uint32_t to)
{
	of_flow_mod(b, xid, OF_ADD, 0, 100, 0);
	of_match_begin(b);
	of_oxm(b, OXM_IN_PORT, from);
	of_match_end(b);
	of_actions_begin(b, 4);
	of_output(b, to);
	of_actions_end(b);
	of_end(b);
}

#endif
