/*
 * The switch behind the C interface: one thread, a clock that the test moves, frames that are recorded.
 *
 * DRIVER_HEAD=N hands frames in as a kernel does, scattered: N bytes contiguous, what follows in slices of
 * 1, 2, 3 bytes and so on. What was allocated and not released, frames and memory, is counted at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "rumpswitch.h"

#define HEADROOM 64u
#define TAILROOM 64u
#define MAX_SLICES 400u

/* A frame's memory: the bytes that are contiguous, and those that are not. */
struct buffer {
	uint8_t *bytes;			/* of the prefix, room in front */
	uint8_t *rest;			/* NULL when all is contiguous */
	struct rumpswitch_slice *slices;
};

/* A frame that went out. */
struct sent {
	struct sent *next;
	uint32_t port;
	uint32_t queue;
	size_t len;
	uint8_t bytes[];
};

static struct rumpswitch *sw;
static struct sent *first, **last = &first;
static size_t memory_count, frame_count;
static size_t head_len = SIZE_MAX;

/* ---- the platform ---- */

static void *
allocate_memory(void *context, size_t len, size_t align)
{
	void *block = NULL;

	(void)context;
	if (align < sizeof(void *))
		align = sizeof(void *);
	if (posix_memalign(&block, align, len) != 0)
		return NULL;
	memory_count++;
	return block;
}

static void
release_memory(void *context, void *block, size_t len, size_t align)
{

	(void)context;
	(void)len;
	(void)align;
	memory_count--;
	free(block);
}

static void
panic(void *context, const char *message, size_t len)
{

	(void)context;
	fprintf(stderr, "driver: the switch panics: %.*s\n", (int)len, message);
	abort();
}

/* ---- frames ---- */

static void *
must(void *block)
{

	if (block == NULL)
		abort();
	return block;
}

/* Makes `frame` one of `len` bytes of which `head` are contiguous and the rest scattered. */
static void
frame_make(struct rumpswitch_frame *frame, const uint8_t *bytes, size_t len, size_t head)
{
	struct buffer *buffer = must(calloc(1, sizeof(*buffer)));
	size_t at, piece, count = 0;

	if (head > len)
		head = len;
	buffer->bytes = must(calloc(1, HEADROOM + head + TAILROOM));
	memset(frame, 0, sizeof(*frame));
	frame->handle = buffer;
	frame->head = buffer->bytes + HEADROOM;
	frame->head_len = head;
	frame->len = len;
	frame->headroom = HEADROOM;
	if (bytes != NULL)
		memcpy(frame->head, bytes, head);
	if (head == len)
		frame->tailroom = TAILROOM;
	else {
		buffer->rest = must(malloc(len - head));
		memcpy(buffer->rest, bytes + head, len - head);
		buffer->slices = must(calloc(MAX_SLICES, sizeof(*buffer->slices)));
		for (at = 0; at < len - head; at += piece) {
			piece = count + 1;
			if (count + 1 == MAX_SLICES || piece > len - head - at)
				piece = len - head - at;
			buffer->slices[count].base = buffer->rest + at;
			buffer->slices[count].len = piece;
			count++;
		}
		frame->rest = buffer->slices;
		frame->rest_count = count;
	}
	frame_count++;
}

static void
frame_free(struct rumpswitch_frame *frame)
{
	struct buffer *buffer = frame->handle;

	free(buffer->bytes);
	free(buffer->rest);
	free(buffer->slices);
	free(buffer);
	frame_count--;
}

/* All bytes of a frame, one behind the other. */
static void
frame_copy(const struct rumpswitch_frame *frame, uint8_t *into)
{
	size_t at = frame->head_len, i, len;

	memcpy(into, frame->head, frame->head_len);
	for (i = 0; i < frame->rest_count && at < frame->len; i++) {
		len = frame->rest[i].len;
		if (len > frame->len - at)
			len = frame->len - at;
		memcpy(into + at, frame->rest[i].base, len);
		at += len;
	}
}

/* Makes the frame anew: `front` bytes more before it, `back` zero bytes behind it, `head` contiguous. */
static void
frame_remake(struct rumpswitch_frame *frame, size_t front, size_t back, size_t head)
{
	size_t len = front + frame->len + back;
	uint8_t *bytes = must(calloc(1, len > 0 ? len : 1));
	struct rumpswitch_frame made;

	frame_copy(frame, bytes + front);
	frame_make(&made, bytes, len, head);
	frame_free(frame);
	*frame = made;
	free(bytes);
}

/* ---- hypercalls ---- */

static int
transmit(void *host, uint32_t port, const struct rumpswitch_meta *meta,
    struct rumpswitch_frame *frame)
{
	struct sent *sent = must(malloc(sizeof(*sent) + frame->len));

	(void)host;
	sent->next = NULL;
	sent->port = port;
	sent->queue = meta->queue_id;
	sent->len = frame->len;
	frame_copy(frame, sent->bytes);
	*last = sent;
	last = &sent->next;
	frame_free(frame);
	return 0;
}

static void
discard(void *host, struct rumpswitch_frame *frame)
{

	(void)host;
	frame_free(frame);
}

static int
duplicate(void *host, const struct rumpswitch_frame *frame, struct rumpswitch_frame *copy)
{
	uint8_t *bytes = must(malloc(frame->len > 0 ? frame->len : 1));

	(void)host;
	frame_copy(frame, bytes);
	frame_make(copy, bytes, frame->len, frame->head_len);
	free(bytes);
	return 0;
}

static int
allocate_frame(void *host, size_t len, struct rumpswitch_frame *frame)
{

	(void)host;
	frame_make(frame, NULL, len, len);
	return 0;
}

static int
pull(void *host, struct rumpswitch_frame *frame, size_t len)
{

	(void)host;
	frame_remake(frame, 0, 0, len);
	return 0;
}

static int
grow(void *host, struct rumpswitch_frame *frame, size_t front, size_t back)
{
	size_t head = frame->head_len == frame->len ? SIZE_MAX : front + frame->head_len;

	(void)host;
	frame_remake(frame, front, back, head);
	return 0;
}

static const struct rumpswitch_hypercalls hypercalls = {
	.revision = RUMPSWITCH_REVISION,
	.size = sizeof(hypercalls),
	.transmit = transmit,
	.discard = discard,
	.duplicate = duplicate,
	.allocate = allocate_frame,
	.pull = pull,
	.grow = grow,
};

static const struct rumpswitch_platform platform = {
	.revision = RUMPSWITCH_REVISION,
	.size = sizeof(platform),
	.allocate = allocate_memory,
	.release = release_memory,
	.panic = panic,
};

/* ---- the driver's functions ---- */

static int
port_status(int error)
{

	return error == RUMPSWITCH_OK ? DRIVER_OK : DRIVER_BAD_PORT;
}

static void
translate(const struct driver_port *from, struct rumpswitch_port *port)
{

	memset(port, 0, sizeof(*port));
	port->number = from->number;
	memcpy(port->name, from->name, sizeof(port->name));
	memcpy(port->hw_addr, from->hw_addr, sizeof(port->hw_addr));
	port->config = from->config;
	port->state = from->state;
	port->curr = from->curr;
	port->advertised = from->advertised;
	port->supported = from->supported;
	port->peer = from->peer;
	port->curr_speed = from->curr_speed;
	port->max_speed = from->max_speed;
	port->max_frame = from->max_frame;
}

static int
capi_port_add(uint64_t now, const struct driver_port *given)
{
	struct rumpswitch_port port;

	translate(given, &port);
	return port_status(rumpswitch_port_add(sw, now, &port));
}

static int
capi_port_change(uint64_t now, const struct driver_port *given)
{
	struct rumpswitch_port port;

	translate(given, &port);
	return port_status(rumpswitch_port_change(sw, now, &port));
}

static int
capi_port_remove(uint64_t now, uint32_t number)
{

	return port_status(rumpswitch_port_remove(sw, now, number));
}

static int
capi_make(uint64_t now, const struct driver_setup *setup, uint32_t *max_channels)
{
	const char *head = getenv("DRIVER_HEAD");
	struct rumpswitch_config config;
	struct driver_port port;
	uint64_t deadline;
	uint32_t number;

	if (head != NULL)
		head_len = (size_t)atoi(head);
	if (rumpswitch_platform(&platform) != 0 || rumpswitch_config_default(&config) != 0)
		return DRIVER_CANNOT;
	config.seed = setup->seed;
	config.datapath_id = setup->datapath_id;
	config.standalone = setup->standalone;
	if (setup->n_tables != 0)
		config.n_tables = setup->n_tables;
	if (setup->max_entries_per_table != 0)
		config.max_entries_per_table = setup->max_entries_per_table;
	if (setup->max_groups != 0)
		config.max_groups = setup->max_groups;
	if (setup->max_meters != 0)
		config.max_meters = setup->max_meters;
	if (setup->max_channels != 0)
		config.max_channels = setup->max_channels;
	*max_channels = config.max_channels;
	if (rumpswitch_create(&config, &hypercalls, NULL, &sw) != 0)
		return DRIVER_CANNOT;
	for (number = 1; number <= setup->ports; number++) {
		memset(&port, 0, sizeof(port));
		port.number = number;
		snprintf(port.name, sizeof(port.name), "p%u", (unsigned)number);
		port.hw_addr[0] = 2;
		port.hw_addr[5] = (uint8_t)number;
		port.max_frame = UINT32_MAX;
		if (capi_port_add(now, &port) != 0)
			return DRIVER_CANNOT;
	}
	return rumpswitch_tick(sw, now, &deadline);
}

static int
capi_open(uint64_t now, int kind, uint64_t *channel)
{

	return rumpswitch_open(sw, now, kind, channel);
}

static int
capi_close(uint64_t channel)
{

	return rumpswitch_close(sw, channel);
}

static int
capi_read(uint64_t now, uint64_t channel, void *into, size_t len, size_t *got)
{

	return rumpswitch_read(sw, channel, now, into, len, got);
}

static int
capi_write(uint64_t now, uint64_t channel, const void *bytes, size_t len, size_t *taken)
{

	return rumpswitch_write(sw, channel, now, bytes, len, taken);
}

static int
capi_poll(uint64_t channel, uint32_t *ready, uint32_t *pending)
{
	int error = rumpswitch_poll(sw, channel, ready);

	if (error == 0 && rumpswitch_ioctl(sw, channel, 0, RUMPSWITCH_GET_PENDING, pending,
	    sizeof(*pending)) != 0)
		*pending = 0;
	return error;
}

static int
capi_frame(uint64_t now, uint32_t port, const uint8_t *bytes, size_t len)
{
	struct rumpswitch_ingress ingress;
	int error;

	memset(&ingress, 0, sizeof(ingress));
	ingress.port = port;
	ingress.meta.queue_id = RUMPSWITCH_NO_QUEUE;
	frame_make(&ingress.frame, bytes, len, head_len);
	error = rumpswitch_process(sw, now, &ingress, 1);
	if (error != 0)
		frame_free(&ingress.frame);
	return error;
}

static int
capi_sent(void)
{
	struct sent *sent;

	while ((sent = first) != NULL) {
		driver_sent(sent->port, sent->queue, sent->bytes, sent->len);
		first = sent->next;
		free(sent);
	}
	last = &first;
	return DRIVER_OK;
}

static int
capi_tick(uint64_t now, uint64_t *deadline)
{

	return rumpswitch_tick(sw, now, deadline);
}

static int
capi_deadline(uint64_t *deadline)
{

	return rumpswitch_next_deadline(sw, deadline);
}

static int
capi_queues(uint64_t now, uint32_t number, const uint32_t *ids, size_t count)
{
	struct rumpswitch_queue *queues = must(calloc(count + 1, sizeof(*queues)));
	size_t i;
	int error;

	for (i = 0; i < count; i++) {
		queues[i].id = ids[i];
		queues[i].min_rate = queues[i].max_rate = RUMPSWITCH_NO_RATE;
	}
	error = rumpswitch_port_queues(sw, now, number, queues, count);
	free(queues);
	return port_status(error);
}

static int
capi_drops(void)
{
	uint32_t reason, reason_count = rumpswitch_drop_reason_count();
	uint64_t count;
	int error;

	for (reason = 0; reason < reason_count; reason++) {
		error = rumpswitch_drop_count(sw, reason, &count);
		if (error != 0)
			return error;
		driver_drop(rumpswitch_drop_reason_name(reason), count);
	}
	return DRIVER_OK;
}

static int
capi_quit(void)
{
	struct sent *sent;

	if (sw != NULL && rumpswitch_destroy(sw) != 0)
		return DRIVER_BUSY;
	while ((sent = first) != NULL) {
		first = sent->next;
		free(sent);
	}
	if (memory_count == 0 && frame_count == 0)
		return DRIVER_OK;
	fprintf(stderr, "driver: lost %zu blocks of memory, %zu frames\n", memory_count, frame_count);
	return DRIVER_NO_MEMORY;
}

const struct driver_backend driver_backend = {
	.abilities = DRIVER_SHARED | DRIVER_EXACT | DRIVER_TIME | DRIVER_SETUP | DRIVER_PORTS |
	    DRIVER_ORDER | DRIVER_BULK | DRIVER_LINKS | DRIVER_DEADLINE | DRIVER_BLANK |
	    DRIVER_MEMBERS | DRIVER_QUEUES | DRIVER_PACE,
	.make = capi_make,
	.open = capi_open,
	.close = capi_close,
	.read = capi_read,
	.write = capi_write,
	.poll = capi_poll,
	.port_add = capi_port_add,
	.port_change = capi_port_change,
	.port_remove = capi_port_remove,
	.frame = capi_frame,
	.sent = capi_sent,
	.tick = capi_tick,
	.deadline = capi_deadline,
	.quit = capi_quit,
	.queues = capi_queues,
	.drops = capi_drops,
};
