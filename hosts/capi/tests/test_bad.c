/*
 * Bad input: every function answers an error of the header's to what it cannot have, and nothing has
 * changed hands then.
 */
#include <string.h>

#include "check.h"
#include "host.h"
#include "openflow.h"

static struct host host;
static struct rumpswitch_config config;
static struct rumpswitch_port port;

static void
nothing_is_made_before_a_platform_is_named(void)
{
	struct rumpswitch_platform platform = {.revision = RUMPSWITCH_REVISION, .size = sizeof(platform)};
	struct rumpswitch *sw = NULL;

	CHECK(rumpswitch_config_default(&config) == RUMPSWITCH_OK);
	CHECK(rumpswitch_create(&config, &host_calls, &host, &sw) == RUMPSWITCH_BAD_ARGUMENT);
	CHECK(sw == NULL);
	CHECK(rumpswitch_platform(NULL) == RUMPSWITCH_BAD_ARGUMENT);
	CHECK(rumpswitch_platform(&platform) == RUMPSWITCH_BAD_ARGUMENT);	/* no functions */
	platform.revision = RUMPSWITCH_REVISION + 1;
	CHECK(rumpswitch_platform(&platform) == RUMPSWITCH_BAD_REVISION);
	platform.revision = RUMPSWITCH_REVISION;
	platform.size -= 8;
	CHECK(rumpswitch_platform(&platform) == RUMPSWITCH_BAD_REVISION);
	host_platform();
	host_platform();	/* the same one again */
}

static void *
other_allocate(void *context, size_t len, size_t align)
{
	(void)context, (void)len, (void)align;
	return NULL;
}

static void
other_release(void *context, void *block, size_t len, size_t align)
{
	(void)context, (void)block, (void)len, (void)align;
}

static void
other_panic(void *context, const char *message, size_t len)
{
	(void)context, (void)message, (void)len;
}

static void
a_second_platform_is_refused(void)
{
	struct rumpswitch_platform platform = {
		.revision = RUMPSWITCH_REVISION,
		.size = sizeof(platform),
		.allocate = other_allocate,
		.release = other_release,
		.panic = other_panic,
	};

	CHECK(rumpswitch_platform(&platform) == RUMPSWITCH_BUSY);
}

static void
tables_of_another_revision_are_refused(void)
{
	struct rumpswitch_hypercalls calls = host_calls;
	struct rumpswitch *sw = NULL;

	calls.revision++;
	CHECK(rumpswitch_create(&config, &calls, &host, &sw) == RUMPSWITCH_BAD_REVISION);
	calls.revision--;
	calls.size += 8;
	CHECK(rumpswitch_create(&config, &calls, &host, &sw) == RUMPSWITCH_BAD_REVISION);
	config.revision++;
	CHECK(rumpswitch_create(&config, &host_calls, &host, &sw) == RUMPSWITCH_BAD_REVISION);
	config.revision--;
	config.size--;
	CHECK(rumpswitch_create(&config, &host_calls, &host, &sw) == RUMPSWITCH_BAD_REVISION);
	config.size++;
	CHECK(sw == NULL);
}

static void
hypercalls_that_must_be_there_must_be_there(void)
{
	struct rumpswitch_hypercalls calls;
	struct rumpswitch *sw = NULL;

#define WITHOUT(member, answer) \
	do { \
		calls = host_calls; \
		calls.member = NULL; \
		CHECK(rumpswitch_create(&config, &calls, &host, &sw) == (answer)); \
	} while (0)
	WITHOUT(transmit, RUMPSWITCH_BAD_ARGUMENT);
	WITHOUT(discard, RUMPSWITCH_BAD_ARGUMENT);
	WITHOUT(duplicate, RUMPSWITCH_BAD_ARGUMENT);
	WITHOUT(allocate, RUMPSWITCH_BAD_ARGUMENT);
	WITHOUT(pull, RUMPSWITCH_BAD_ARGUMENT);
	WITHOUT(grow, RUMPSWITCH_BAD_ARGUMENT);
	CHECK(sw == NULL);
	WITHOUT(flush, RUMPSWITCH_OK);
	CHECK(rumpswitch_destroy(sw) == RUMPSWITCH_OK);
	WITHOUT(copy_out, RUMPSWITCH_OK);
	CHECK(rumpswitch_destroy(sw) == RUMPSWITCH_OK);
	WITHOUT(wake, RUMPSWITCH_OK);
	CHECK(rumpswitch_destroy(sw) == RUMPSWITCH_OK);
}

static void
settings_out_of_range_are_refused(void)
{
	struct rumpswitch_config odd;
	struct rumpswitch *sw = NULL;

	odd = config;
	odd.n_tables = 0;
	CHECK(rumpswitch_create(&odd, &host_calls, &host, &sw) == RUMPSWITCH_BAD_ARGUMENT);
	odd.n_tables = 256;
	CHECK(rumpswitch_create(&odd, &host_calls, &host, &sw) == RUMPSWITCH_BAD_ARGUMENT);
	odd = config;
	odd.max_channels = 0;
	CHECK(rumpswitch_create(&odd, &host_calls, &host, &sw) == RUMPSWITCH_BAD_ARGUMENT);
	CHECK(rumpswitch_create(NULL, &host_calls, &host, &sw) == RUMPSWITCH_BAD_ARGUMENT);
	CHECK(rumpswitch_create(&config, NULL, &host, &sw) == RUMPSWITCH_BAD_ARGUMENT);
	CHECK(rumpswitch_create(&config, &host_calls, &host, NULL) == RUMPSWITCH_BAD_ARGUMENT);
	CHECK(rumpswitch_config_default(NULL) == RUMPSWITCH_BAD_ARGUMENT);
	CHECK(sw == NULL);
}

/* Every function that takes a switch, with a handle that is none. */
static void
try_handle(struct rumpswitch *sw)
{
	const int bad = RUMPSWITCH_BAD_ARGUMENT;
	struct rumpswitch_port_counters counters;
	struct rumpswitch_ingress ingress;
	uint64_t word = 77;
	uint32_t ready = 77;
	uint8_t bytes[8];
	size_t len = 77;

	memset(&ingress, 0, sizeof(ingress));
	CHECK(rumpswitch_hang_up(sw) == bad);
	CHECK(rumpswitch_destroy(sw) == bad);
	CHECK(rumpswitch_process(sw, 1, &ingress, 1) == bad);
	CHECK(rumpswitch_tick(sw, 1, &word) == bad);
	CHECK(rumpswitch_next_deadline(sw, &word) == bad);
	CHECK(rumpswitch_port_add(sw, 1, &port) == bad);
	CHECK(rumpswitch_port_change(sw, 1, &port) == bad);
	CHECK(rumpswitch_port_remove(sw, 1, 1) == bad);
	CHECK(rumpswitch_port_get(sw, 1, &port) == bad);
	CHECK(rumpswitch_port_counters(sw, 1, &counters) == bad);
	CHECK(rumpswitch_drop_count(sw, 0, &word) == bad);
	CHECK(rumpswitch_port_queues(sw, 1, 1, NULL, 0) == bad);
	CHECK(rumpswitch_open(sw, 1, RUMPSWITCH_ACTIVE, &word) == bad);
	CHECK(rumpswitch_close(sw, 1) == bad);
	CHECK(rumpswitch_read(sw, 1, 1, bytes, sizeof(bytes), &len) == bad);
	CHECK(rumpswitch_write(sw, 1, 1, bytes, sizeof(bytes), &len) == bad);
	CHECK(rumpswitch_poll(sw, 1, &ready) == bad);
	CHECK(rumpswitch_ioctl(sw, 1, 1, RUMPSWITCH_GET_DATAPATH_ID, &word, sizeof(word)) == bad);
	CHECK(word == 77 && ready == 77 && len == 77);
}

static void
a_handle_that_is_none_is_told(void)
{
	static uint64_t zeros[64], others[64];

	memset(others, 0xff, sizeof(others));
	try_handle(NULL);
	try_handle((struct rumpswitch *)zeros);
	try_handle((struct rumpswitch *)others);
	try_handle((struct rumpswitch *)((char *)zeros + 1));
}

static void
frames_that_cannot_be_are_not_taken(void)
{
	struct rumpswitch_slice rest[2];
	struct rumpswitch_ingress batch[3], odd;
	uint8_t bytes[60] = {0};
	size_t index;

	host_init(&host, 2);
	for (index = 0; index < 3; index++) {
		memset(&batch[index], 0, sizeof(batch[index]));
		batch[index].port = 1;
		batch[index].meta.queue_id = RUMPSWITCH_NO_QUEUE;
		host_frame(&host, bytes, sizeof(bytes), &batch[index].frame);
	}
#define ODD(change) \
	do { \
		odd = batch[2]; \
		change; \
		struct rumpswitch_ingress all[3] = {batch[0], batch[1], odd}; \
		CHECK(rumpswitch_process(host.sw, 1, all, 3) == RUMPSWITCH_BAD_ARGUMENT); \
		CHECK(host.frame_count == 3); \
	} while (0)
	ODD(odd.frame.head_len = 61);
	ODD(odd.frame.head = NULL);
	ODD(odd.frame.len = SIZE_MAX);
	ODD(odd.frame.head_len = odd.frame.len = SIZE_MAX);
	ODD(odd.meta.gso = 4);
	rest[0].base = bytes;
	rest[0].len = 30;
	rest[1].base = bytes;
	rest[1].len = 9;
	ODD((odd.frame.len = 100, odd.frame.rest = rest, odd.frame.rest_count = 2));
	rest[1].base = NULL;
	rest[1].len = 10;
	ODD((odd.frame.len = 100, odd.frame.rest = rest, odd.frame.rest_count = 2));
	ODD((odd.frame.len = 100, odd.frame.rest = rest, odd.frame.rest_count = 0));
	CHECK(rumpswitch_process(host.sw, 1, NULL, 1) == RUMPSWITCH_BAD_ARGUMENT);
	CHECK(rumpswitch_process(host.sw, 1, batch, SIZE_MAX) == RUMPSWITCH_BAD_ARGUMENT);
	CHECK(rumpswitch_process(host.sw, 1, batch, 3) == RUMPSWITCH_OK);
	host_destroy(&host);
}

static void
a_frame_that_only_copy_out_could_read_needs_it(void)
{
	struct rumpswitch_hypercalls calls = host_calls;
	struct rumpswitch_ingress ingress;
	uint8_t bytes[60] = {0};

	host_init(&host, 0);
	CHECK(rumpswitch_destroy(host.sw) == RUMPSWITCH_OK);
	calls.copy_out = NULL;
	CHECK(rumpswitch_create(&config, &calls, &host, &host.sw) == RUMPSWITCH_OK);
	host.piece_len = 20;
	memset(&ingress, 0, sizeof(ingress));
	host_frame(&host, bytes, sizeof(bytes), &ingress.frame);
	CHECK(rumpswitch_process(host.sw, 1, &ingress, 1) == RUMPSWITCH_BAD_ARGUMENT);
	host_free(&host, &ingress.frame);
	host_destroy(&host);
}

static void
a_device_call_without_a_place_or_a_channel_is_told(void)
{
	const int bad = RUMPSWITCH_BAD_ARGUMENT;
	const struct rumpswitch_queue queues[2] = {{5, 0, 1000}, {5, 0, 1000}};
	uint64_t channel, word = 77;
	uint32_t ready = 77;
	uint8_t bytes[8] = {4, 0, 0, 8};
	size_t len = 77;

	host_init(&host, 1);
	CHECK(rumpswitch_open(host.sw, 1, 2, &word) == bad);
	CHECK(rumpswitch_open(host.sw, 1, RUMPSWITCH_ACTIVE, NULL) == bad);
	CHECK(rumpswitch_open(host.sw, 1, RUMPSWITCH_ACTIVE, &channel) == RUMPSWITCH_OK);
	CHECK(rumpswitch_read(host.sw, channel, 1, NULL, 8, &len) == bad);
	CHECK(rumpswitch_read(host.sw, channel, 1, NULL, 0, &len) == bad);
	CHECK(rumpswitch_read(host.sw, channel, 1, bytes, 8, NULL) == bad);
	CHECK(rumpswitch_read(host.sw, channel, 1, bytes, SIZE_MAX, &len) == bad);
	CHECK(rumpswitch_read(host.sw, channel + 1, 1, bytes, 8, &len) == RUMPSWITCH_BAD_CHANNEL);
	CHECK(rumpswitch_write(host.sw, channel, 1, NULL, 8, &len) == bad);
	CHECK(rumpswitch_write(host.sw, channel, 1, bytes, 8, NULL) == bad);
	CHECK(rumpswitch_write(host.sw, channel + 1, 1, bytes, 8, &len) == RUMPSWITCH_BAD_CHANNEL);
	CHECK(rumpswitch_close(host.sw, channel + 1) == RUMPSWITCH_BAD_CHANNEL);
	CHECK(rumpswitch_poll(host.sw, channel, NULL) == bad);
	CHECK(rumpswitch_tick(host.sw, 1, NULL) == bad);
	CHECK(rumpswitch_next_deadline(host.sw, NULL) == bad);
	CHECK(rumpswitch_port_add(host.sw, 1, NULL) == bad);
	CHECK(rumpswitch_port_change(host.sw, 1, NULL) == bad);
	CHECK(rumpswitch_port_get(host.sw, 1, NULL) == bad);
	CHECK(rumpswitch_port_counters(host.sw, 1, NULL) == bad);
	CHECK(rumpswitch_drop_count(host.sw, 0, NULL) == bad);
	CHECK(rumpswitch_port_queues(host.sw, 1, 1, NULL, 1) == bad);
	CHECK(rumpswitch_port_queues(host.sw, 1, 77, NULL, 0) == RUMPSWITCH_NO_PORT);
	CHECK(rumpswitch_port_queues(host.sw, 1, 1, queues, 2) == bad);
	CHECK(rumpswitch_port_queues(host.sw, 1, 1, queues, (size_t)-1) == RUMPSWITCH_NO_MEMORY);
	CHECK(rumpswitch_port_queues(host.sw, 1, 1, queues, 1) == 0);
	CHECK(rumpswitch_port_queues(host.sw, 1, 1, NULL, 0) == 0);
	CHECK(len == 77 && ready == 77 && word == 77);
	CHECK(rumpswitch_poll(host.sw, channel + 1, &ready) == RUMPSWITCH_OK);
	CHECK(ready == RUMPSWITCH_HANGUP);
	/* nothing was lost: the hello is there in whole */
	CHECK(rumpswitch_read(host.sw, channel, 1, bytes, 8, &len) == RUMPSWITCH_OK && len == 8);
	host_destroy(&host);
}

static void
ioctls_check_request_and_length(void)
{
	const int bad = RUMPSWITCH_BAD_ARGUMENT;
	uint64_t word = 77;

	host_init(&host, 1);
	CHECK(rumpswitch_ioctl(host.sw, 1, 1, 0, &word, 8) == RUMPSWITCH_BAD_REQUEST);
	CHECK(rumpswitch_ioctl(host.sw, 1, 1, 99, &word, 8) == RUMPSWITCH_BAD_REQUEST);
	CHECK(rumpswitch_ioctl(host.sw, 1, 1, RUMPSWITCH_PANIC, &word, 8) == RUMPSWITCH_BAD_REQUEST);
	CHECK(rumpswitch_ioctl(host.sw, 1, 1, RUMPSWITCH_GET_DATAPATH_ID, &word, 7) == bad);
	CHECK(rumpswitch_ioctl(host.sw, 1, 1, RUMPSWITCH_GET_DATAPATH_ID, NULL, 8) == bad);
	CHECK(rumpswitch_ioctl(host.sw, 1, 1, RUMPSWITCH_SET_DATAPATH_ID, &word, 0) == bad);
	CHECK(rumpswitch_ioctl(host.sw, 1, 1, RUMPSWITCH_GET_MAX_FLOW, &word, 3) == bad);
	CHECK(rumpswitch_ioctl(host.sw, 1, 1, RUMPSWITCH_GET_MAX_GROUP, &word, 3) == bad);
	CHECK(rumpswitch_ioctl(host.sw, 1, 1, RUMPSWITCH_SET_PORT_NUMBER, &word, 7) == bad);
	CHECK(rumpswitch_ioctl(host.sw, 1, 1, RUMPSWITCH_GET_PENDING, &word, 4) == RUMPSWITCH_BAD_CHANNEL);
	CHECK(word == 77);
	host_destroy(&host);
}

static void
ports_that_cannot_be_are_refused(void)
{
	static const uint32_t numbers[] = {0, 0xffffff01u, 0xfffffffdu, 0xffffffffu};
	size_t index;

	host_init(&host, 0);
	memset(&port, 0, sizeof(port));
	for (index = 0; index < 4; index++) {
		port.number = numbers[index];
		CHECK(rumpswitch_port_add(host.sw, 1, &port) == RUMPSWITCH_BAD_PORT);
	}
	port.number = 1;
	memset(port.name, 'x', sizeof(port.name));
	CHECK(rumpswitch_port_add(host.sw, 1, &port) == RUMPSWITCH_BAD_ARGUMENT);
	memcpy(port.name, "\xff\xfe", 3);
	CHECK(rumpswitch_port_add(host.sw, 1, &port) == RUMPSWITCH_BAD_ARGUMENT);
	port.name[0] = 0;
	port.number = RUMPSWITCH_PORT_LOCAL;
	CHECK(rumpswitch_port_add(host.sw, 1, &port) == RUMPSWITCH_OK);
	host_destroy(&host);
}

static void
a_hypercall_that_calls_back_is_told_busy(void)
{
	static struct of_buffer b;
	uint64_t channel;
	uint8_t frame[60] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};

	host_init(&host, 2);
	channel = host_open(&host);
	host.calls_back = 1;
	host.answer = -1;
	b.len = 0;
	of_packet_out(&b, 1, OF_PORT_CONTROLLER, 2, frame, sizeof(frame));
	host_write(&host, channel, b.bytes, b.len);
	CHECK(host.sent_count == 1 && host.answer == RUMPSWITCH_BUSY);
	host.answer = -1;
	b.len = 0;
	of_begin(&b, OF_ECHO_REQUEST, 1);
	of_end(&b);
	host_write(&host, channel, b.bytes, b.len);
	CHECK(host.answer == RUMPSWITCH_BUSY);	/* wake */
	host.calls_back = 0;
	CHECK(host_drain(&host, channel, OF_ECHO_REPLY) == 1);
	host_destroy(&host);
}

static void
after_a_hang_up_nothing_opens_and_nothing_is_written(void)
{
	uint64_t channel, other = 77;
	uint8_t bytes[8] = {4, 2, 0, 8, 0, 0, 0, 1};
	size_t len = 77;

	host_init(&host, 1);
	channel = host_open(&host);
	CHECK(rumpswitch_hang_up(host.sw) == RUMPSWITCH_OK);
	CHECK(rumpswitch_open(host.sw, 1, RUMPSWITCH_ACTIVE, &other) == RUMPSWITCH_GONE);
	CHECK(rumpswitch_write(host.sw, channel, 1, bytes, 8, &len) == RUMPSWITCH_HUNG_UP);
	CHECK(other == 77 && len == 77);
	CHECK(rumpswitch_read(host.sw, channel, 1, bytes, 8, &len) == RUMPSWITCH_OK && len == 0);
	host_destroy(&host);
}

static void
each_error_has_its_own_text(void)
{
	int error, other;

	for (error = 0; error <= RUMPSWITCH_BAD_REQUEST; error++) {
		CHECK(rumpswitch_error_text(error)[0] != 0);
		for (other = 0; other < error; other++)
			CHECK(strcmp(rumpswitch_error_text(error), rumpswitch_error_text(other)) != 0);
	}
	CHECK(strcmp(rumpswitch_error_text(99), "unknown error") == 0);
	CHECK(strcmp(rumpswitch_error_text(-1), "unknown error") == 0);
	CHECK(strncmp(rumpswitch_version(), "rumpswitch ", 11) == 0);
	CHECK(rumpswitch_revision() == RUMPSWITCH_REVISION);
}

int
main(void)
{
	RUN(nothing_is_made_before_a_platform_is_named);
	RUN(a_second_platform_is_refused);
	RUN(tables_of_another_revision_are_refused);
	RUN(hypercalls_that_must_be_there_must_be_there);
	RUN(settings_out_of_range_are_refused);
	RUN(a_handle_that_is_none_is_told);
	RUN(frames_that_cannot_be_are_not_taken);
	RUN(a_frame_that_only_copy_out_could_read_needs_it);
	RUN(a_device_call_without_a_place_or_a_channel_is_told);
	RUN(ioctls_check_request_and_length);
	RUN(ports_that_cannot_be_are_refused);
	RUN(a_hypercall_that_calls_back_is_told_busy);
	RUN(after_a_hang_up_nothing_opens_and_nothing_is_written);
	RUN(each_error_has_its_own_text);
	CHECK(memory_count == 0 && memory_bytes == 0);
	return 0;
}
