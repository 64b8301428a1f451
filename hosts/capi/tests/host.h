/*
 * A host for tests: memory that is counted and can run out, frames in one piece or in several, and a
 * record of what the switch asked for.
 */
#ifndef HOST_H
#define HOST_H

#include <rumpswitch.h>

#define HOST_SENT_MAX 256

/* A frame that was transmitted, as bytes in a row. */
struct sent {
	uint32_t port;
	struct rumpswitch_meta meta;
	size_t len;
	uint8_t bytes[2048];
};

struct host {
	struct rumpswitch *sw;
	/* what was transmitted, in order; the count goes on when there is no room to keep it */
	struct sent sent[HOST_SENT_MAX];
	unsigned long sent_count;
	unsigned long flush_count;
	unsigned long pull_count, grow_count, copy_out_count, duplicate_count;
	/* frames that are somewhere */
	long frame_count;
	/* 0: frames in one piece; else the longest piece, the first one included */
	size_t piece_len;
	/* whether pieces are told by `rest`, else `copy_out` is asked */
	int has_rest;
	/* rooms of new frames */
	uint32_t headroom, tailroom;
	/* whether transmit refuses */
	int refuses;
	/* calls of hypercalls that still succeed; -1: all */
	long luck;
	/* what wake said last of each of the first channels, and how often */
	uint32_t woken[8];
	unsigned long wake_count;
	/* what a hypercall that calls back was answered */
	int calls_back;
	int answer;
};

/* Blocks that the library holds, their bytes, and the most there were. */
extern long memory_count;
extern size_t memory_bytes, memory_peak;
/* Allocations so far, and which of them fail: those from `memory_fail_from` on, `memory_fail_count` of
 * them (0: none). */
extern unsigned long memory_calls, memory_fail_from, memory_fail_count;

/* Names the platform; to be called first. */
void host_platform(void);

/* A switch with `ports` ports, 1 and up. */
void host_init(struct host *host, uint32_t ports);
/* The same by a config of the test's own. */
int host_create(struct host *host, const struct rumpswitch_config *config);
void host_add_port(struct host *host, uint32_t number, const char *name);
/* Destroys it; all frames must have come back. */
void host_destroy(struct host *host);

extern const struct rumpswitch_hypercalls host_calls;

/* A frame of these bytes, cut as the host is told to. */
void host_frame(struct host *host, const void *bytes, size_t len, struct rumpswitch_frame *frame);
/* Sends the bytes into the switch. */
void host_receive(struct host *host, uint32_t port, const void *bytes, size_t len);
/* Gives a frame's bytes in a row; how many there are. */
size_t host_bytes(const struct rumpswitch_frame *frame, uint8_t *into, size_t room);
/* Frees a frame of this host. */
void host_free(struct host *host, struct rumpswitch_frame *frame);

/* Opens a channel and says hello on it. */
uint64_t host_open(struct host *host);
/* Writes all of it, reading (and forgetting) what is said meanwhile when that must be. */
void host_write(struct host *host, uint64_t channel, const void *bytes, size_t len);
/* Reads one message; its length, 0 when there is none. */
size_t host_read(struct host *host, uint64_t channel, uint8_t *into, size_t room);
/* Reads and forgets everything; how many messages of type `kind` there were. */
unsigned long host_drain(struct host *host, uint64_t channel, uint8_t kind);

/* The host's time, which tests move. */
extern uint64_t host_now;

#endif
