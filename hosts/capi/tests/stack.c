/* The painted stack, a host whose functions use next to none, and calls that are measured on it: see stack.h. */
#include "stack.h"

#include <string.h>
#include <ucontext.h>

#define STACK (256 * 1024)

size_t stack_most[STACK_KINDS];
enum stack_kind stack_kind;
struct host host;
struct of_buffer b;
uint64_t channel, deadline;
int error;
size_t got;
uint8_t into[1 << 17];

static uint8_t painted[STACK] __attribute__((aligned(64)));
static ucontext_t here, there;
static void (*job)(void);
static size_t base;

/* ---- the paint ------------------------------------------------------------------------------ */

static void
on_painted(void)
{
	job();
}

static size_t
measure(void (*work)(void))
{
	size_t used;

	memset(painted, 0x5a, sizeof(painted));
	job = work;
	CHECK(getcontext(&there) == 0);
	there.uc_stack.ss_sp = painted;
	there.uc_stack.ss_size = sizeof(painted);
	there.uc_link = &here;
	makecontext(&there, on_painted, 0);
	CHECK(swapcontext(&here, &there) == 0);
	for (used = sizeof(painted); used > 0 && painted[sizeof(painted) - used] == 0x5a; used--)
		;
	return used;
}

static void
nothing(void)
{
}

void
stack_begin(void)
{
	base = measure(nothing);
}

size_t
stack_of(void (*work)(void))
{
	size_t used = measure(work);

	return used > base ? used - base : 0;
}

static void
keep(size_t *most, size_t used)
{
	*most = used > *most ? used : *most;
}

void
stack_count(const char *what, size_t used)
{
	static const char *const kinds[STACK_KINDS] = {"call", "groups", "lookup", "commit", "deep"};

	printf("%6zu bytes of stack (%s): %s\n", used, kinds[stack_kind], what);
	keep(&stack_most[stack_kind], used);
}

size_t
stack_report(const char *what, void (*work)(void))
{
	size_t used = stack_of(work);

	stack_count(what, used);
	return used;
}

/* ---- the host: frames of a store ------------------------------------------------------------ */

static uint8_t store[256][2048];
static unsigned next_store;

static void
small_frame(struct rumpswitch_frame *frame, size_t len)
{
	memset(frame, 0, sizeof(*frame));
	frame->head = store[next_store++ % 256] + 128;
	frame->head_len = frame->len = len;
	frame->headroom = 128;
	frame->tailroom = 256;
}

static int
small_transmit(void *context, uint32_t number, const struct rumpswitch_meta *meta,
    struct rumpswitch_frame *frame)
{
	(void)context, (void)number, (void)meta, (void)frame;
	host.sent_count++;
	return 0;
}

static void
small_discard(void *context, struct rumpswitch_frame *frame)
{
	(void)context, (void)frame;
}

static int
small_duplicate(void *context, const struct rumpswitch_frame *frame, struct rumpswitch_frame *copy)
{
	(void)context;
	small_frame(copy, frame->len);
	memcpy(copy->head, frame->head, frame->len);
	return 0;
}

static int
small_allocate(void *context, size_t len, struct rumpswitch_frame *frame)
{
	(void)context;
	if (len > 1500)
		return 1;
	small_frame(frame, len);
	memset(frame->head, 0, len);
	return 0;
}

static int
small_pull(void *context, struct rumpswitch_frame *frame, size_t len)
{
	(void)context, (void)frame, (void)len;
	return 1;
}

static int
small_grow(void *context, struct rumpswitch_frame *frame, size_t front, size_t back)
{
	(void)context, (void)frame, (void)front, (void)back;
	return 1;
}

const struct rumpswitch_hypercalls stack_calls = {
	.revision = RUMPSWITCH_REVISION,
	.size = sizeof(stack_calls),
	.transmit = small_transmit,
	.discard = small_discard,
	.duplicate = small_duplicate,
	.allocate = small_allocate,
	.pull = small_pull,
	.grow = small_grow,
};

/* ---- a message and all that follows from it ------------------------------------------------- */

static void do_tick(void) { error = rumpswitch_tick(host.sw, host_now, &deadline); }
static void do_write(void) { error = rumpswitch_write(host.sw, channel, host_now, b.bytes, b.len, &got); }
static void do_read(void) { error = rumpswitch_read(host.sw, channel, host_now, into, sizeof(into), &got); }

/* The errors among the messages that were read. */
static unsigned
errors(void)
{
	unsigned count = 0;
	size_t at, len;

	for (at = 0; at + 12 <= got; at += len) {
		len = of_get(into + at + 2, 2);
		CHECK(len >= 8);
		if (into[at + 1] == OF_ERROR) {
			printf("       (error %u/%u)\n", into[at + 9], into[at + 11]);
			count++;
		}
	}
	return count;
}

unsigned
stack_exchange(const char *what)
{
	size_t write_used = 0, tick_used = 0, read_used = 0;
	unsigned turns, error_count = 0;

	for (turns = 0; turns < 100000; turns++) {
		keep(&write_used, stack_of(do_write));
		if (error == 0)
			break;
		CHECK(error == RUMPSWITCH_WOULD_BLOCK);
		keep(&tick_used, stack_of(do_tick));
		keep(&read_used, stack_of(do_read));
	}
	CHECK(error == 0 && got == b.len);
	do {
		keep(&tick_used, stack_of(do_tick));
		CHECK(error == 0);
		keep(&read_used, stack_of(do_read));
		error_count += error == 0 ? errors() : 0;
	} while (error == 0 || deadline <= host_now);
	printf("%6zu write, %6zu tick, %6zu read:\n", write_used, tick_used, read_used);
	keep(&write_used, tick_used);
	keep(&write_used, read_used);
	stack_count(what, write_used);
	return error_count;
}

void
stack_settle(const char *what)
{
	size_t used = 0;

	do {
		keep(&used, stack_of(do_tick));
		CHECK(error == 0);
	} while (deadline <= host_now);
	stack_count(what, used);
}

/* ---- frames --------------------------------------------------------------------------------- */

static struct rumpswitch_ingress batch[32];

static void do_process(void) { error = rumpswitch_process(host.sw, host_now, batch, 32); }

size_t
stack_process(const char *what)
{
	unsigned index, at;
	size_t used;

	for (index = 0; index < 32; index++) {
		memset(&batch[index], 0, sizeof(batch[index]));
		batch[index].port = 1 + index % 2;
		batch[index].meta.queue_id = RUMPSWITCH_NO_QUEUE;
		small_frame(&batch[index].frame, STACK_FRAME_LEN);
		memcpy(batch[index].frame.head, "\2\0\0\0\0\2\2\0\0\0\0\1\x08\0\x45\0\0\x56\0\1\0\0\x40\x11"
		    "\0\0\x0a\0\0\1\x0a\0\0\2\0\1\0\2\0\x42\0\0", 42);
		for (at = 42; at < STACK_FRAME_LEN; at++)
			batch[index].frame.head[at] = (uint8_t)at;
		batch[index].frame.head[33] = (uint8_t)index;
	}
	used = stack_report(what, do_process);
	CHECK(error == 0);
	return used;
}

const uint8_t *
stack_frame(void)
{
	return store[(next_store - 1) % 256] + 128;
}
