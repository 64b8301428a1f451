/* The host of the tests: see host.h. */
#include "host.h"

#include <stdint.h>
#include <string.h>

#include "check.h"

uint64_t host_now = 1;

/* ---- memory --------------------------------------------------------------------------------- */

long memory_count;
size_t memory_bytes, memory_peak;
unsigned long memory_calls, memory_fail_from, memory_fail_count;

static void *
platform_allocate(void *context, size_t len, size_t align)
{
	void *block = NULL;

	CHECK(context == &memory_count && len > 0 && align > 0 && align <= 128);
	CHECK((align & (align - 1)) == 0);
	memory_calls++;
	if (memory_fail_count > 0 && memory_calls >= memory_fail_from &&
	    memory_calls - memory_fail_from < memory_fail_count)
		return NULL;
	if (posix_memalign(&block, align < sizeof(void *) ? sizeof(void *) : align, len) != 0)
		return NULL;
	memory_count++;
	memory_bytes += len;
	if (memory_bytes > memory_peak)
		memory_peak = memory_bytes;
	return block;
}

static void
platform_release(void *context, void *block, size_t len, size_t align)
{
	CHECK(context == &memory_count && block != NULL && align > 0);
	memory_count--;
	memory_bytes -= len;
	free(block);
}

static void
platform_panic(void *context, const char *message, size_t len)
{
	(void)context;
	fprintf(stderr, "panic: %.*s\n", (int)len, message);
	_Exit(70);
}

void
host_platform(void)
{
	const struct rumpswitch_platform platform = {
		.revision = RUMPSWITCH_REVISION,
		.size = sizeof(platform),
		.context = &memory_count,
		.allocate = platform_allocate,
		.release = platform_release,
		.panic = platform_panic,
	};

	CHECK(rumpswitch_platform(&platform) == RUMPSWITCH_OK);
}

/* ---- frames --------------------------------------------------------------------------------- */

/* What a frame's handle points to: its pieces. */
struct buffer {
	size_t count;
	uint8_t *blocks[64];
	struct rumpswitch_slice rest[64];
};

static int
is_unlucky(struct host *host)
{
	if (host->luck < 0)
		return 0;
	if (host->luck == 0)
		return 1;
	host->luck--;
	return 0;
}

/* Every piece is a block of its own, so that memcheck sees whoever looks beyond it. */
static void
fill(struct host *host, struct rumpswitch_frame *frame, const uint8_t *bytes, size_t len,
    size_t head_len)
{
	struct buffer *buffer = calloc(1, sizeof(*buffer));
	size_t piece, at;

	CHECK(buffer != NULL && head_len <= len);
	memset(frame, 0, sizeof(*frame));
	frame->handle = buffer;
	frame->headroom = host->headroom;
	frame->tailroom = head_len == len ? host->tailroom : 0;
	buffer->blocks[0] = malloc(frame->headroom + head_len + frame->tailroom + 1);
	CHECK(buffer->blocks[0] != NULL);
	frame->head = buffer->blocks[0] + frame->headroom;
	if (bytes != NULL)
		memcpy(frame->head, bytes, head_len);
	else
		memset(frame->head, 0, head_len);
	frame->head_len = head_len;
	frame->len = len;
	for (at = head_len; at < len; at += piece) {
		piece = host->piece_len < len - at ? host->piece_len : len - at;
		CHECK(buffer->count < 60);
		buffer->blocks[buffer->count + 1] = malloc(piece);
		CHECK(buffer->blocks[buffer->count + 1] != NULL);
		memcpy(buffer->blocks[buffer->count + 1], bytes + at, piece);
		buffer->rest[buffer->count].base = buffer->blocks[buffer->count + 1];
		buffer->rest[buffer->count].len = piece;
		buffer->count++;
	}
	if (host->has_rest && buffer->count > 0) {
		frame->rest = buffer->rest;
		frame->rest_count = buffer->count;
	}
	host->frame_count++;
}

void
host_frame(struct host *host, const void *bytes, size_t len, struct rumpswitch_frame *frame)
{
	size_t head_len = host->piece_len == 0 || host->piece_len > len ? len : host->piece_len;

	fill(host, frame, bytes, len, head_len);
}

size_t
host_bytes(const struct rumpswitch_frame *frame, uint8_t *into, size_t room)
{
	const struct buffer *buffer = frame->handle;
	size_t index, len = frame->head_len;

	CHECK(frame->len <= room);
	memcpy(into, frame->head, frame->head_len);
	for (index = 0; index < buffer->count && len < frame->len; index++) {
		memcpy(into + len, buffer->rest[index].base, buffer->rest[index].len);
		len += buffer->rest[index].len;
	}
	CHECK(len == frame->len);
	return len;
}

void
host_free(struct host *host, struct rumpswitch_frame *frame)
{
	struct buffer *buffer = frame->handle;
	size_t index;

	for (index = 0; index <= buffer->count; index++)
		free(buffer->blocks[index]);
	free(buffer);
	host->frame_count--;
}

/* ---- hypercalls ----------------------------------------------------------------------------- */

static int
host_transmit(void *context, uint32_t port, const struct rumpswitch_meta *meta,
    struct rumpswitch_frame *frame)
{
	struct host *host = context;
	struct sent *sent;
	uint32_t ready;

	if (host->calls_back)
		host->answer = rumpswitch_poll(host->sw, 1, &ready);
	if (!host->refuses && host->sent_count < HOST_SENT_MAX) {
		sent = &host->sent[host->sent_count];
		sent->port = port;
		sent->meta = *meta;
		sent->len = host_bytes(frame, sent->bytes, sizeof(sent->bytes));
	}
	host_free(host, frame);
	if (host->refuses)
		return 1;
	host->sent_count++;
	return 0;
}

static void
host_discard(void *context, struct rumpswitch_frame *frame)
{
	host_free(context, frame);
}

static void
host_flush(void *context)
{
	((struct host *)context)->flush_count++;
}

static int
host_duplicate(void *context, const struct rumpswitch_frame *frame, struct rumpswitch_frame *copy)
{
	struct host *host = context;
	static uint8_t bytes[1 << 17];

	host->duplicate_count++;
	if (is_unlucky(host))
		return 1;
	host_bytes(frame, bytes, sizeof(bytes));
	host_frame(host, bytes, frame->len, copy);
	return 0;
}

static int
host_allocate(void *context, size_t len, struct rumpswitch_frame *frame)
{
	struct host *host = context;

	if (is_unlucky(host))
		return 1;
	fill(host, frame, NULL, len, len);
	return 0;
}

/* Puts other bytes in a frame's place. */
static void
replace(struct host *host, struct rumpswitch_frame *frame, const uint8_t *bytes, size_t len,
    size_t head_len)
{
	struct rumpswitch_frame old = *frame;

	fill(host, frame, bytes, len, head_len);
	host_free(host, &old);
}

static int
host_pull(void *context, struct rumpswitch_frame *frame, size_t len)
{
	struct host *host = context;
	static uint8_t bytes[1 << 17];

	host->pull_count++;
	CHECK(len > frame->head_len && len <= frame->len);
	if (is_unlucky(host))
		return 1;
	host_bytes(frame, bytes, sizeof(bytes));
	replace(host, frame, bytes, frame->len, len);
	return 0;
}

static int
host_grow(void *context, struct rumpswitch_frame *frame, size_t front, size_t back)
{
	struct host *host = context;
	static uint8_t bytes[1 << 17];

	host->grow_count++;
	CHECK(front > 0 || back > 0);
	if (is_unlucky(host))
		return 1;
	memset(bytes, 0xa5, front);
	host_bytes(frame, bytes + front, sizeof(bytes) - front);
	memset(bytes + front + frame->len, 0, back);
	replace(host, frame, bytes, front + frame->len + back,
	    frame->head_len == frame->len ? front + frame->len + back : front + frame->head_len);
	return 0;
}

static int
host_copy_out(void *context, const struct rumpswitch_frame *frame, size_t offset, void *into,
    size_t len)
{
	struct host *host = context;
	static uint8_t bytes[1 << 17];

	host->copy_out_count++;
	CHECK(!host->has_rest && offset + len <= frame->len);
	if (is_unlucky(host))
		return 1;
	host_bytes(frame, bytes, sizeof(bytes));
	memcpy(into, bytes + offset, len);
	return 0;
}

static void
host_wake(void *context, uint64_t channel, uint32_t ready)
{
	struct host *host = context;
	uint32_t now;

	CHECK(channel > 0 && ready != 0);
	if (channel < 8)
		host->woken[channel] = ready;
	host->wake_count++;
	if (host->calls_back)
		host->answer = rumpswitch_poll(host->sw, channel, &now);
}

const struct rumpswitch_hypercalls host_calls = {
	.revision = RUMPSWITCH_REVISION,
	.size = sizeof(host_calls),
	.transmit = host_transmit,
	.discard = host_discard,
	.flush = host_flush,
	.duplicate = host_duplicate,
	.allocate = host_allocate,
	.pull = host_pull,
	.grow = host_grow,
	.copy_out = host_copy_out,
	.wake = host_wake,
};

/* ---- switches ------------------------------------------------------------------------------- */

int
host_create(struct host *host, const struct rumpswitch_config *config)
{
	memset(host, 0, sizeof(*host));
	host->headroom = 64;
	host->tailroom = 64;
	host->luck = -1;
	return rumpswitch_create(config, &host_calls, host, &host->sw);
}

void
host_add_port(struct host *host, uint32_t number, const char *name)
{
	struct rumpswitch_port port;

	memset(&port, 0, sizeof(port));
	port.number = number;
	strncpy(port.name, name, sizeof(port.name) - 1);
	port.hw_addr[0] = 2;
	port.hw_addr[5] = (uint8_t)number;
	CHECK(rumpswitch_port_add(host->sw, host_now, &port) == RUMPSWITCH_OK);
}

void
host_init(struct host *host, uint32_t ports)
{
	struct rumpswitch_config config;
	uint32_t number;
	char name[16];

	CHECK(rumpswitch_config_default(&config) == RUMPSWITCH_OK);
	config.datapath_id = 0x20000000001u;
	config.seed = 7;
	CHECK(host_create(host, &config) == RUMPSWITCH_OK);
	for (number = 1; number <= ports; number++) {
		snprintf(name, sizeof(name), "port%u", number);
		host_add_port(host, number, name);
	}
}

void
host_destroy(struct host *host)
{
	CHECK(host->frame_count == 0);
	CHECK(rumpswitch_destroy(host->sw) == RUMPSWITCH_OK);
	host->sw = NULL;
}

void
host_receive(struct host *host, uint32_t port, const void *bytes, size_t len)
{
	struct rumpswitch_ingress ingress;

	memset(&ingress, 0, sizeof(ingress));
	ingress.port = port;
	ingress.meta.queue_id = RUMPSWITCH_NO_QUEUE;
	host_frame(host, bytes, len, &ingress.frame);
	CHECK(rumpswitch_process(host->sw, host_now, &ingress, 1) == RUMPSWITCH_OK);
}

/* ---- channels ------------------------------------------------------------------------------- */

uint64_t
host_open(struct host *host)
{
	static const uint8_t hello[8] = {4, 0, 0, 8, 0, 0, 0, 1};
	uint64_t channel;

	CHECK(rumpswitch_open(host->sw, host_now, RUMPSWITCH_ACTIVE, &channel) == RUMPSWITCH_OK);
	host_write(host, channel, hello, sizeof(hello));
	CHECK(host_drain(host, channel, 0) == 1);
	return channel;
}

void
host_write(struct host *host, uint64_t channel, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t deadline;
	size_t taken;
	int error;

	while (len > 0) {
		taken = 0;
		error = rumpswitch_write(host->sw, channel, host_now, at, len, &taken);
		if (error == RUMPSWITCH_WOULD_BLOCK) {
			host_drain(host, channel, 0);
			CHECK(rumpswitch_tick(host->sw, host_now, &deadline) == RUMPSWITCH_OK);
			continue;
		}
		CHECK(error == RUMPSWITCH_OK && taken > 0 && taken <= len);
		at += taken;
		len -= taken;
	}
}

size_t
host_read(struct host *host, uint64_t channel, uint8_t *into, size_t room)
{
	size_t got = 0, len = 0, want = 8;
	int error;

	while (len < want) {
		CHECK(want <= room);
		error = rumpswitch_read(host->sw, channel, host_now, into + len, want - len, &got);
		if (error == RUMPSWITCH_WOULD_BLOCK && len == 0)
			return 0;
		CHECK(error == RUMPSWITCH_OK);
		if (got == 0)
			return 0;
		len += got;
		if (len == 8)
			want = (size_t)into[2] << 8 | into[3];
	}
	return len;
}

unsigned long
host_drain(struct host *host, uint64_t channel, uint8_t kind)
{
	static uint8_t message[65536];
	unsigned long count = 0;

	while (host_read(host, channel, message, sizeof(message)) > 0)
		count += message[1] == kind;
	return count;
}
