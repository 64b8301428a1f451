/*
 * The platform over the C library's heap, and frames in one block each. A frame's block begins ROOM bytes
 * before its first byte at first, and is what its handle points to.
 */
#include "heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 64u

static void *
allocate(void *context, size_t len, size_t align)
{
	void *block;

	(void)context;
	if (posix_memalign(&block, align < sizeof(void *) ? sizeof(void *) : align, len) != 0)
		return NULL;
	return block;
}

static void
release(void *context, void *block, size_t len, size_t align)
{
	(void)context, (void)len, (void)align;
	free(block);
}

static void
panicked(void *context, const char *message, size_t len)
{
	(void)context;
	fprintf(stderr, "%.*s\n", (int)len, message);
	abort();
}

void
heap_platform(void)
{
	const struct rumpswitch_platform platform = {
		.revision = RUMPSWITCH_REVISION,
		.size = sizeof(platform),
		.allocate = allocate,
		.release = release,
		.panic = panicked,
	};

	if (rumpswitch_platform(&platform) != RUMPSWITCH_OK)
		abort();
}

int
heap_frame(struct rumpswitch_frame *frame, const void *bytes, size_t len)
{
	uint8_t *block;

	if (len > SIZE_MAX - 2 * ROOM || (block = calloc(1, len + 2 * ROOM)) == NULL)
		return 1;
	memset(frame, 0, sizeof(*frame));
	frame->handle = block;
	frame->head = block + ROOM;
	frame->head_len = frame->len = len;
	frame->headroom = frame->tailroom = ROOM;
	if (bytes != NULL)
		memcpy(frame->head, bytes, len);
	return 0;
}

void
heap_discard(void *host, struct rumpswitch_frame *frame)
{
	(void)host;
	free(frame->handle);
}

static int
duplicate(void *host, const struct rumpswitch_frame *frame, struct rumpswitch_frame *copy)
{
	(void)host;
	return heap_frame(copy, frame->head, frame->len);
}

static int
make(void *host, size_t len, struct rumpswitch_frame *frame)
{
	(void)host;
	return heap_frame(frame, NULL, len);
}

/* Never called: all bytes are contiguous. */
static int
pull(void *host, struct rumpswitch_frame *frame, size_t len)
{
	(void)host;
	return len > frame->head_len;
}

/* Called when the rooms do not do: the frame moves to a larger block. */
static int
grow(void *host, struct rumpswitch_frame *frame, size_t front, size_t back)
{
	struct rumpswitch_frame larger;

	if (front > SIZE_MAX / 4 || back > SIZE_MAX / 4 ||
	    heap_frame(&larger, NULL, front + frame->len + back) != 0)
		return 1;
	memcpy(larger.head + front, frame->head, frame->len);
	heap_discard(host, frame);
	*frame = larger;
	return 0;
}

struct rumpswitch_hypercalls
heap_calls(int (*transmit)(void *, uint32_t, const struct rumpswitch_meta *, struct rumpswitch_frame *))
{
	const struct rumpswitch_hypercalls calls = {
		.revision = RUMPSWITCH_REVISION,
		.size = sizeof(calls),
		.transmit = transmit,
		.discard = heap_discard,
		.duplicate = duplicate,
		.allocate = make,
		.pull = pull,
		.grow = grow,
	};

	return calls;
}
