/*
 * The loop of a driver: takes requests from file descriptor 0, calls the embodiment's functions, answers.
 * Whatever is wrong with the stream ends the process with 2; a test that goes away ends it with 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver.h"

/* A message that grows. */
struct message {
	uint8_t *bytes;
	size_t len;
	size_t room;
};

/* What is left of a request. */
struct rest {
	const uint8_t *at;
	size_t len;
};

static struct message answer;

static void
fail(const char *what)
{

	fprintf(stderr, "driver: %s\n", what);
	exit(2);
}

static void
put(const void *bytes, size_t len)
{

	if (answer.room - answer.len < len) {
		answer.room = (answer.len + len) * 2;
		answer.bytes = realloc(answer.bytes, answer.room);
		if (answer.bytes == NULL)
			fail("no memory");
	}
	memcpy(answer.bytes + answer.len, bytes, len);
	answer.len += len;
}

static void
put_word(uint32_t word)
{
	uint8_t bytes[4];
	int i;

	for (i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(word >> (8 * i));
	put(bytes, sizeof(bytes));
}

static void
put_long(uint64_t value)
{

	put_word((uint32_t)value);
	put_word((uint32_t)(value >> 32));
}

static uint64_t
take(struct rest *rest, size_t len)
{
	uint64_t value = 0;
	size_t i;

	if (rest->len < len)
		fail("a short request");
	for (i = 0; i < len; i++)
		value |= (uint64_t)rest->at[i] << (8 * i);
	rest->at += len;
	rest->len -= len;
	return value;
}

static uint32_t
take_word(struct rest *rest)
{

	return (uint32_t)take(rest, 4);
}

void
driver_sent(uint32_t port, uint32_t queue, const void *bytes, size_t len)
{

	put_word(port);
	put_word(queue);
	put_word((uint32_t)len);
	put(bytes, len);
}

void
driver_drop(const char *name, uint64_t count)
{

	put_long(count);
	put_word((uint32_t)strlen(name));
	put(name, strlen(name));
}

/* Reads all of `len` bytes; 0 at an end before the first of them. */
static int
read_all(void *into, size_t len)
{
	uint8_t *at = into;
	size_t left = len;
	ssize_t got;

	while (left > 0) {
		got = read(0, at, left);
		if (got == 0 && left == len)
			return 0;
		if (got <= 0)
			fail("the stream broke");
		at += got;
		left -= (size_t)got;
	}
	return 1;
}

static void
write_all(const uint8_t *at, size_t len)
{
	ssize_t put_count;

	while (len > 0) {
		put_count = write(0, at, len);
		if (put_count <= 0)
			fail("the stream broke");
		at += put_count;
		len -= (size_t)put_count;
	}
}

static int
make(uint64_t now, struct rest *rest)
{
	struct driver_setup setup;
	uint32_t max_channels = 0;
	int status;

	setup.ports = take_word(rest);
	setup.n_tables = take_word(rest);
	setup.max_entries_per_table = take_word(rest);
	setup.max_groups = take_word(rest);
	setup.max_meters = take_word(rest);
	setup.max_channels = take_word(rest);
	setup.standalone = take_word(rest);
	setup.seed = take(rest, 8);
	setup.datapath_id = take(rest, 8);
	status = driver_backend.make(now, &setup, &max_channels);
	put_word(max_channels);
	return status;
}

static int
open_channel(uint64_t now, struct rest *rest)
{
	uint64_t channel = 0;
	int status = driver_backend.open(now, (int)take_word(rest), &channel);

	put_long(channel);
	return status;
}

static int
read_channel(uint64_t now, struct rest *rest)
{
	uint64_t channel = take(rest, 8);
	size_t len = take_word(rest), got = 0;
	void *buffer = malloc(len > 0 ? len : 1);
	int status;

	if (buffer == NULL)
		fail("no memory");
	status = driver_backend.read(now, channel, buffer, len, &got);
	if (status == DRIVER_OK)
		put(buffer, got);
	free(buffer);
	return status;
}

static int
write_channel(uint64_t now, struct rest *rest)
{
	uint64_t channel = take(rest, 8);
	size_t taken = 0;
	int status = driver_backend.write(now, channel, rest->at, rest->len, &taken);

	put_word((uint32_t)taken);
	return status;
}

static int
poll_channel(struct rest *rest)
{
	uint32_t ready = 0, pending = 0;
	int status = driver_backend.poll(take(rest, 8), &ready, &pending);

	put_word(ready);
	put_word(pending);
	return status;
}

static int
change_port(uint64_t now, struct rest *rest,
    int (*function)(uint64_t now, const struct driver_port *port))
{
	struct driver_port port;
	size_t name_len;

	if (function == NULL)
		return DRIVER_CANNOT;
	memset(&port, 0, sizeof(port));
	port.number = take_word(rest);
	port.config = take_word(rest);
	port.state = take_word(rest);
	port.curr = take_word(rest);
	port.advertised = take_word(rest);
	port.supported = take_word(rest);
	port.peer = take_word(rest);
	port.curr_speed = take_word(rest);
	port.max_speed = take_word(rest);
	port.max_frame = take_word(rest);
	if (rest->len < sizeof(port.hw_addr))
		fail("a short request");
	memcpy(port.hw_addr, rest->at, sizeof(port.hw_addr));
	name_len = rest->len - sizeof(port.hw_addr);
	if (name_len > sizeof(port.name) - 1)
		name_len = sizeof(port.name) - 1;
	memcpy(port.name, rest->at + sizeof(port.hw_addr), name_len);
	return function(now, &port);
}

static int
remove_port(uint64_t now, struct rest *rest)
{

	if (driver_backend.port_remove == NULL)
		return DRIVER_CANNOT;
	return driver_backend.port_remove(now, take_word(rest));
}

static int
frame_in(uint64_t now, struct rest *rest)
{
	uint32_t port = take_word(rest);

	return driver_backend.frame(now, port, rest->at, rest->len);
}

#define MAX_QUEUES 64u

static int
set_queues(uint64_t now, struct rest *rest)
{
	uint32_t ids[MAX_QUEUES], number = take_word(rest);
	size_t count;

	if (driver_backend.queues == NULL)
		return DRIVER_CANNOT;
	if (rest->len > sizeof(ids))
		fail("too many queues");
	for (count = 0; rest->len > 0; count++)
		ids[count] = take_word(rest);
	return driver_backend.queues(now, number, ids, count);
}

static int
tick(uint64_t now)
{
	uint64_t deadline = UINT64_MAX;
	int status;

	if (driver_backend.tick == NULL)
		return DRIVER_CANNOT;
	status = driver_backend.tick(now, &deadline);
	put_long(deadline);
	return status;
}

static int
tell_deadline(void)
{
	uint64_t deadline = UINT64_MAX;
	int status;

	if (driver_backend.deadline == NULL) {
		/* Time passes by itself: there is nothing that the test has to do. */
		put_long(deadline);
		return DRIVER_OK;
	}
	status = driver_backend.deadline(&deadline);
	put_long(deadline);
	return status;
}

/* One request; its answer's status. */
static int
carry_out(unsigned operation, uint64_t now, struct rest *rest)
{

	switch (operation) {
	case 0:
		if (take_word(rest) != DRIVER_VERSION)
			return DRIVER_CANNOT;
		put_word(DRIVER_VERSION);
		put_word(driver_backend.abilities | (driver_backend.more_abilities != NULL ?
		    *driver_backend.more_abilities : 0));
		return DRIVER_OK;
	case 1:
		return make(now, rest);
	case 2:
		return open_channel(now, rest);
	case 3:
		return driver_backend.close(take(rest, 8));
	case 4:
		return read_channel(now, rest);
	case 5:
		return write_channel(now, rest);
	case 6:
		return poll_channel(rest);
	case 7:
		return change_port(now, rest, driver_backend.port_add);
	case 8:
		return change_port(now, rest, driver_backend.port_change);
	case 9:
		return remove_port(now, rest);
	case 10:
		return frame_in(now, rest);
	case 11:
		return driver_backend.sent();
	case 12:
		return tick(now);
	case 13:
		return tell_deadline();
	case 14:
		return driver_backend.quit();
	case 15:
		return set_queues(now, rest);
	case 16:
		return driver_backend.drops != NULL ? driver_backend.drops() : DRIVER_CANNOT;
	default:
		return DRIVER_CANNOT;
	}
}

/* Puts a number into the four bytes of the answer that were kept for it. */
static void
patch(size_t at, uint32_t word)
{
	int i;

	for (i = 0; i < 4; i++)
		answer.bytes[at + (size_t)i] = (uint8_t)(word >> (8 * i));
}

int
main(void)
{
	uint8_t head[4], *request;
	struct rest rest;
	unsigned operation;
	uint64_t now;
	int status;

	while (read_all(head, sizeof(head))) {
		rest.at = head;
		rest.len = sizeof(head);
		rest.len = take_word(&rest);
		if (rest.len < 9 || rest.len > (64u << 20))
			fail("a request of no length");
		request = malloc(rest.len);
		if (request == NULL || !read_all(request, rest.len))
			fail("the stream broke");
		rest.at = request;
		operation = (unsigned)take(&rest, 1);
		now = take(&rest, 8);
		answer.len = 0;
		put_long(0);
		status = carry_out(operation, now, &rest);
		if (status != DRIVER_OK)
			answer.len = 8;
		patch(0, (uint32_t)answer.len - 4);
		patch(4, (uint32_t)status);
		write_all(answer.bytes, answer.len);
		free(request);
		if (operation == 14) {
			free(answer.bytes);
			return status == DRIVER_OK ? 0 : 1;
		}
	}
	return 0;
}
