/*
 * A program without a C library: its own start, its own memory, five memory functions. What the library
 * needs is all here, so that the linker proves there is nothing else. Exits with 0 when a frame has
 * crossed the switch.
 */
#include <rumpswitch.h>

void *
memcpy(void *to, const void *from, size_t len)
{
	void *start = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(len) : : "memory");
	return start;
}

void *
memmove(void *to, const void *from, size_t len)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	if (t <= f || t >= f + len)
		return memcpy(to, from, len);
	while (len-- > 0)
		((volatile uint8_t *)t)[len] = f[len];
	return to;
}

void *
memset(void *to, int byte, size_t len)
{
	void *start = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(len) : "a"(byte) : "memory");
	return start;
}

int
memcmp(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	size_t at;

	for (at = 0; at < len; at++)
		if (x[at] != y[at])
			return x[at] - y[at];
	return 0;
}

int
bcmp(const void *a, const void *b, size_t len)
{
	return memcmp(a, b, len);
}

static __attribute__((noreturn)) void
leave(int status)
{
	for (;;)
		__asm__ volatile("syscall" : : "a"(60), "D"(status) : "rcx", "r11", "memory");
}

static uint8_t pool[4 << 20];
static size_t pool_used;
static unsigned sent;

static void *
allocate(void *context, size_t len, size_t align)
{
	size_t at = ((size_t)pool + pool_used + align - 1) / align * align - (size_t)pool;

	(void)context;
	if (len > sizeof(pool) || at > sizeof(pool) - len)
		return NULL;
	pool_used = at + len;
	return pool + at;
}

static void
release(void *context, void *block, size_t len, size_t align)
{
	(void)context, (void)block, (void)len, (void)align;
}

static void
panic(void *context, const char *message, size_t len)
{
	(void)context, (void)message, (void)len;
	leave(70);
}

static int
transmit(void *host, uint32_t port, const struct rumpswitch_meta *meta, struct rumpswitch_frame *frame)
{
	(void)host, (void)meta;
	sent += port == 2 && frame->len == 60;
	return 0;
}

static void
discard(void *host, struct rumpswitch_frame *frame)
{
	(void)host, (void)frame;
}

static int
no_duplicate(void *host, const struct rumpswitch_frame *frame, struct rumpswitch_frame *copy)
{
	(void)host, (void)frame, (void)copy;
	return 1;
}

static int
no_allocate(void *host, size_t len, struct rumpswitch_frame *frame)
{
	(void)host, (void)len, (void)frame;
	return 1;
}

static int
no_pull(void *host, struct rumpswitch_frame *frame, size_t len)
{
	(void)host, (void)frame, (void)len;
	return 1;
}

static int
no_grow(void *host, struct rumpswitch_frame *frame, size_t front, size_t back)
{
	(void)host, (void)frame, (void)front, (void)back;
	return 1;
}

static int
run(void)
{
	static uint8_t bytes[60] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
	struct rumpswitch_platform platform = {RUMPSWITCH_REVISION, sizeof(platform), NULL, allocate,
	    release, panic};
	struct rumpswitch_hypercalls calls = {RUMPSWITCH_REVISION, sizeof(calls), transmit, discard, NULL,
	    no_duplicate, no_allocate, no_pull, no_grow, NULL, NULL};
	struct rumpswitch_config config;
	struct rumpswitch_ingress ingress;
	struct rumpswitch_port port;
	struct rumpswitch *sw;

	if (rumpswitch_platform(&platform) != 0 || rumpswitch_config_default(&config) != 0)
		return 1;
	config.standalone = 1;
	if (rumpswitch_create(&config, &calls, NULL, &sw) != 0)
		return 2;
	memset(&port, 0, sizeof(port));
	for (port.number = 1; port.number <= 2; port.number++)
		if (rumpswitch_port_add(sw, 0, &port) != 0)
			return 3;
	memset(&ingress, 0, sizeof(ingress));
	ingress.port = 1;
	ingress.meta.queue_id = RUMPSWITCH_NO_QUEUE;
	ingress.frame.head = bytes;
	ingress.frame.head_len = ingress.frame.len = sizeof(bytes);
	if (rumpswitch_process(sw, 0, &ingress, 1) != 0 || rumpswitch_destroy(sw) != 0)
		return 4;
	return sent == 1 ? 0 : 5;
}

__attribute__((noreturn, force_align_arg_pointer)) void
_start(void)
{
	leave(run());
}
