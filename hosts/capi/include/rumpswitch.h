/*
 * rumpswitch: an OpenFlow 1.3.5 switch as a library for C programs and kernels.
 *
 * A host includes this header, links librumpswitch, says once for the process where memory comes
 * from (rumpswitch_platform), makes switches, adds ports, hands in frames and the time, and gets
 * frames back through the hypercalls. The switch is also a device: what is opened, read, written
 * and polled here is the character device /dev/switchN, one OpenFlow channel for each open.
 *
 * Rules that hold for every function:
 *
 *   Results    An enum rumpswitch_error: 0 or what was wrong. After an error nothing has changed
 *              hands: frames that were to be taken are still the caller's, results are not written.
 *              The numbers are neutral; a kernel maps them to its own errno.
 *   Time       `now` is monotonic nanoseconds from any origin. The switch reads no clock.
 *   Threads    One switch is used by one thread at a time: the host locks. Different switches are
 *              independent. No call sleeps, so an interrupt may make it if the host's lock,
 *              memory and hypercalls allow that.
 *   Reentrance A hypercall must not call the same switch again: that answers RUMPSWITCH_BUSY. What a
 *              transmit brings back is queued by the host and handed in after the call has returned.
 *   Pointers   NULL and a handle that is none are told as RUMPSWITCH_BAD_ARGUMENT.
 *   Floats     There are none in any signature: either side may be built without floating point.
 */
#ifndef RUMPSWITCH_H
#define RUMPSWITCH_H

#if defined(_KERNEL) && defined(__NetBSD__)
#include <sys/stdint.h>
#include <sys/types.h>
#else
#include <stddef.h>
#include <stdint.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The revision of every structure below; the first word of those that carry it. */
#define RUMPSWITCH_REVISION 1u

/* Why a call did nothing. */
enum rumpswitch_error {
	RUMPSWITCH_OK = 0,
	RUMPSWITCH_BAD_ARGUMENT = 1,	/* NULL, no such handle, a length that cannot be: EINVAL */
	RUMPSWITCH_BAD_REVISION = 2,	/* a structure of another revision or size: EPROGMISMATCH */
	RUMPSWITCH_BUSY = 3,		/* called from a hypercall; all channels open: EBUSY */
	RUMPSWITCH_WOULD_BLOCK = 4,	/* nothing to read, or the channel takes nothing now: EAGAIN */
	RUMPSWITCH_HUNG_UP = 5,		/* the channel is over: EPIPE */
	RUMPSWITCH_BAD_CHANNEL = 6,	/* no such channel is open: EBADF */
	RUMPSWITCH_NO_MEMORY = 7,	/* ENOMEM */
	RUMPSWITCH_GONE = 8,		/* the switch is going away: ENXIO */
	RUMPSWITCH_NO_PORT = 9,		/* no port of that number: ENOENT */
	RUMPSWITCH_PORT_EXISTS = 10,	/* a port has that number: EEXIST */
	RUMPSWITCH_BAD_PORT = 11,	/* a number that no port may have: EINVAL */
	RUMPSWITCH_BAD_REQUEST = 12	/* no such ioctl: ENOTTY */
};

/* One line of English for an error, never NULL. */
const char *rumpswitch_error_text(int error);

/* "rumpswitch x.y.z" */
const char *rumpswitch_version(void);

/* RUMPSWITCH_REVISION of the library. */
uint32_t rumpswitch_revision(void);

/* ---- the platform: memory and the end ------------------------------------------------------- */

/*
 * What the library asks of whatever it is linked into, once for all switches.
 *
 * allocate  A block of `len` bytes (never 0) at a multiple of `align` (a power of two, 128 at most);
 *           NULL when there is none. Called wherever a switch is called.
 * release   Takes one back, with the same `len` and `align`.
 * panic     A defect of the library itself: `message` is `len` bytes of text without a NUL. Must
 *           not return.
 */
struct rumpswitch_platform {
	uint32_t revision;
	uint32_t size;			/* sizeof(struct rumpswitch_platform) */
	void *context;
	void *(*allocate)(void *context, size_t len, size_t align);
	void (*release)(void *context, void *block, size_t len, size_t align);
	void (*panic)(void *context, const char *message, size_t len);
};

/*
 * Names the platform, before any switch is made; it is copied. The same one may be named again.
 * RUMPSWITCH_BAD_REVISION, RUMPSWITCH_BAD_ARGUMENT; RUMPSWITCH_BUSY when another one was named.
 */
int rumpswitch_platform(const struct rumpswitch_platform *platform);

/* ---- frames --------------------------------------------------------------------------------- */

/* Bytes somewhere in memory. */
struct rumpswitch_slice {
	const uint8_t *base;
	size_t len;
};

/*
 * An Ethernet frame in the host's memory, without FCS. Whoever owns the structure owns the frame.
 *
 * The first `head_len` bytes are contiguous at `head` and privately writable; the other
 * `len - head_len` lie wherever the host likes. Where it says so by `rest` (and `rest_count`), they
 * are read from there, in order, as long as the frame is the switch's; where `rest` is NULL they are
 * asked for by the hypercall `copy_out`. The switch writes headers in place, takes up to `headroom` bytes in front of `head`
 * and up to `tailroom` bytes behind the last one (only while all bytes are contiguous), and moves
 * `head`, `head_len`, `len` and the rooms accordingly: a host that keeps a header of its own (an
 * mbuf) looks at `head` and `len` again when it gets the frame back. What needs more than that is
 * asked for by `pull` and `grow`.
 */
struct rumpswitch_frame {
	void *handle;			/* the host's own name for it; the switch only hands it back */
	uint8_t *head;
	size_t head_len;
	size_t len;
	const struct rumpswitch_slice *rest;
	size_t rest_count;
	uint32_t headroom;
	uint32_t tailroom;
};

/* Segmentation that a frame still needs (virtio-net's words). */
enum rumpswitch_gso {
	RUMPSWITCH_GSO_NONE = 0,
	RUMPSWITCH_GSO_TCPV4 = 1,
	RUMPSWITCH_GSO_TCPV6 = 2,
	RUMPSWITCH_GSO_UDP = 3
};

#define RUMPSWITCH_NO_QUEUE UINT32_MAX

/* What rides with a frame. All zero but queue_id (RUMPSWITCH_NO_QUEUE) is an ordinary one. */
struct rumpswitch_meta {
	uint64_t tunnel_id;
	uint32_t in_phy_port;		/* 0: the ingress port itself */
	uint32_t queue_id;		/* set by set-queue; RUMPSWITCH_NO_QUEUE without */
	uint16_t csum_start;		/* 0: the transport checksum is complete */
	uint16_t csum_offset;
	uint16_t gso_segment_len;
	uint16_t gso_header_len;
	uint8_t gso;			/* enum rumpswitch_gso */
	uint8_t pad[7];			/* 0 */
};

/* A frame that came in. */
struct rumpswitch_ingress {
	uint32_t port;
	uint32_t pad;
	struct rumpswitch_meta meta;
	struct rumpswitch_frame frame;
};

/* ---- hypercalls ----------------------------------------------------------------------------- */

/*
 * What a switch asks of its host. None may sleep where the caller of the switch may not.
 *
 * transmit   Sends `frame` out of `port` (RUMPSWITCH_PORT_LOCAL: the host's own stack). The host owns
 *            the frame from here on, whatever it answers. 0: sent; else: counted as dropped.
 * discard    Takes back a frame that goes nowhere.
 * flush      Ends a batch: what was transmitted should be on its way. May be NULL.
 * duplicate  Makes `copy` a second frame of the same bytes: `head` private, the rest may be shared.
 *            0, else no memory.
 * allocate   Makes `frame` one of `len` zero bytes, all contiguous, with some headroom if possible.
 *            0, else no memory.
 * pull       Makes the first `len` bytes contiguous (len <= frame->len). 0, else no memory; the frame
 *            is unchanged then.
 * grow       Adds `front` bytes (content unspecified) before the first, contiguous with `head`, and
 *            `back` zero bytes behind the last. 0, else no memory; unchanged then.
 * copy_out   Copies `len` bytes from `offset` on; both lie within the frame. 0, else failed. May be
 *            NULL when every frame is contiguous or has `rest`.
 * wake       The channel has become ready for what `ready` says (RUMPSWITCH_READABLE..., only what it was
 *            not ready for before); told at the end of a call, once for each rise. May be NULL.
 */
struct rumpswitch_hypercalls {
	uint32_t revision;
	uint32_t size;			/* sizeof(struct rumpswitch_hypercalls) */
	int (*transmit)(void *host, uint32_t port, const struct rumpswitch_meta *meta,
	    struct rumpswitch_frame *frame);
	void (*discard)(void *host, struct rumpswitch_frame *frame);
	void (*flush)(void *host);
	int (*duplicate)(void *host, const struct rumpswitch_frame *frame,
	    struct rumpswitch_frame *copy);
	int (*allocate)(void *host, size_t len, struct rumpswitch_frame *frame);
	int (*pull)(void *host, struct rumpswitch_frame *frame, size_t len);
	int (*grow)(void *host, struct rumpswitch_frame *frame, size_t front, size_t back);
	int (*copy_out)(void *host, const struct rumpswitch_frame *frame, size_t offset, void *into,
	    size_t len);
	void (*wake)(void *host, uint64_t channel, uint32_t ready);
};

/* ---- the switch ----------------------------------------------------------------------------- */

/* A switch; opaque. */
struct rumpswitch;

struct rumpswitch_config {
	uint32_t revision;
	uint32_t size;			/* sizeof(struct rumpswitch_config) */
	uint64_t datapath_id;		/* the low 48 bits are usually an Ethernet address */
	uint64_t seed;			/* of every hash: take it from a random source */
	uint32_t n_tables;		/* 1 to 255 */
	uint32_t max_entries_per_table;
	uint32_t max_groups;
	uint32_t max_meters;
	uint32_t max_channels;		/* opens at once; 1: the exclusive open of switch(4) */
	uint32_t mac_table_count;	/* stations that NORMAL remembers */
	uint32_t standalone;		/* not 0: forwards as NORMAL says while no controller is there */
	uint32_t pad;
	const char *description;	/* dp_desc; NULL: none */
};

/* Fills in revision, size and the defaults. RUMPSWITCH_BAD_ARGUMENT. */
int rumpswitch_config_default(struct rumpswitch_config *config);

/*
 * Makes a switch without ports. The hypercalls and the config are copied; `host` is handed to each
 * hypercall. RUMPSWITCH_BAD_REVISION, RUMPSWITCH_BAD_ARGUMENT (a hypercall that must be there is NULL,
 * no platform was named, a setting out of range), RUMPSWITCH_NO_MEMORY.
 */
int rumpswitch_create(const struct rumpswitch_config *config,
    const struct rumpswitch_hypercalls *hypercalls, void *host, struct rumpswitch **result);

/* Ends all channels (they read the rest, then the end): to be called before destroy. */
int rumpswitch_hang_up(struct rumpswitch *sw);

/* Frees the switch. RUMPSWITCH_BUSY from inside a hypercall. */
int rumpswitch_destroy(struct rumpswitch *sw);

/*
 * Sends `count` frames through the tables, in their order; the switch owns the frames from the
 * moment it answers 0 on. RUMPSWITCH_BAD_ARGUMENT when one of the frames is impossible
 * (head_len > len, the rest shorter than it must be): none is taken then.
 */
int rumpswitch_process(struct rumpswitch *sw, uint64_t now, struct rumpswitch_ingress *batch,
    size_t count);

#define RUMPSWITCH_NEVER UINT64_MAX

/*
 * Does what time brings: time-outs, long changes, long replies, by a bounded slice; then tells the
 * moment at which it wants to be called again (RUMPSWITCH_NEVER: not before something else happens).
 */
int rumpswitch_tick(struct rumpswitch *sw, uint64_t now, uint64_t *next_deadline);

/* The same moment, without doing anything. A past one means: now. */
int rumpswitch_next_deadline(struct rumpswitch *sw, uint64_t *next_deadline);

/* ---- ports ---------------------------------------------------------------------------------- */

#define RUMPSWITCH_MAX_FRAME  1514u
#define RUMPSWITCH_PORT_MAX   0xffffff00u
#define RUMPSWITCH_PORT_LOCAL 0xfffffffeu

/* ofp_port_state */
#define RUMPSWITCH_LINK_DOWN 1u
#define RUMPSWITCH_BLOCKED   2u

/* A port, in the words of ofp_port (7.2.1). */
struct rumpswitch_port {
	uint32_t number;		/* 1 to RUMPSWITCH_PORT_MAX, or RUMPSWITCH_PORT_LOCAL */
	char name[16];			/* NUL-terminated */
	uint8_t hw_addr[6];
	uint8_t pad[2];
	uint32_t config;		/* ofp_port_config, at first; controllers change it */
	uint32_t state;			/* RUMPSWITCH_LINK_DOWN, RUMPSWITCH_BLOCKED */
	uint32_t curr;			/* ofp_port_features */
	uint32_t advertised;
	uint32_t supported;
	uint32_t peer;
	uint32_t curr_speed;		/* kbit/s */
	uint32_t max_speed;
	uint32_t max_frame;		/* longest untagged frame, headers included; one tag more is let
					   through, longer ones are dropped and counted. 0 stands for
					   RUMPSWITCH_MAX_FRAME */
};

struct rumpswitch_port_counters {
	uint64_t rx_frames;
	uint64_t tx_frames;
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	uint64_t rx_dropped;
	uint64_t tx_dropped;
};

/*
 * Channels are told of what these three change before they return.
 * RUMPSWITCH_BAD_PORT, RUMPSWITCH_PORT_EXISTS, RUMPSWITCH_BAD_ARGUMENT (a name without NUL, or no UTF-8),
 * RUMPSWITCH_NO_MEMORY.
 */
int rumpswitch_port_add(struct rumpswitch *sw, uint64_t now, const struct rumpswitch_port *port);
/* What the host sees of a port has changed; `config` is left as it is. RUMPSWITCH_NO_PORT, and as above. */
int rumpswitch_port_change(struct rumpswitch *sw, uint64_t now, const struct rumpswitch_port *port);
/* RUMPSWITCH_NO_PORT. */
int rumpswitch_port_remove(struct rumpswitch *sw, uint64_t now, uint32_t number);
/* RUMPSWITCH_NO_PORT. */
int rumpswitch_port_get(struct rumpswitch *sw, uint32_t number, struct rumpswitch_port *port);
int rumpswitch_port_counters(struct rumpswitch *sw, uint32_t number,
    struct rumpswitch_port_counters *counters);

#define RUMPSWITCH_NO_RATE 0xffffu

/* A queue of a port (7.2.2). Frames that are to go by it have its id in their meta. */
struct rumpswitch_queue {
	uint32_t id;			/* not RUMPSWITCH_NO_QUEUE; 0 is the port's default queue */
	uint16_t min_rate;		/* 1/1000 of the port's, or RUMPSWITCH_NO_RATE: told to controllers, */
	uint16_t max_rate;		/* kept by the host */
};

/*
 * Gives a port these queues for those that it had; counters of an id that it keeps go on.
 * RUMPSWITCH_NO_PORT, RUMPSWITCH_BAD_ARGUMENT (an id twice, or RUMPSWITCH_NO_QUEUE), RUMPSWITCH_NO_MEMORY (also:
 * too many); nothing has changed then.
 */
int rumpswitch_port_queues(struct rumpswitch *sw, uint64_t now, uint32_t number,
    const struct rumpswitch_queue *queues, size_t count);

/* ---- why frames were not sent --------------------------------------------------------------- */

/*
 * How many reasons there are for which a frame ends unsent; they are numbered from 0. A reason's name stays from
 * version to version, its number need not. Needs no switch; may be called from anywhere.
 */
uint32_t rumpswitch_drop_reason_count(void);

/* The name of a reason ("table_miss"): ASCII, never freed. NULL when there is none of that number. */
const char *rumpswitch_drop_reason_name(uint32_t reason);

/*
 * Frames that ended for a reason since the switch was made, and packets kept from controllers; copies that a
 * frame's actions made count for themselves. RUMPSWITCH_BAD_ARGUMENT when there is no such reason.
 */
int rumpswitch_drop_count(struct rumpswitch *sw, uint32_t reason, uint64_t *count);

/* ---- the device ----------------------------------------------------------------------------- */

/* What a channel is ready for. */
#define RUMPSWITCH_READABLE 1u		/* a read gives bytes, or the end after a hang-up */
#define RUMPSWITCH_WRITABLE 2u		/* a write takes at least one byte */
#define RUMPSWITCH_HANGUP   4u		/* over, and all that it had to say has been read */

enum rumpswitch_kind {
	RUMPSWITCH_ACTIVE = 0,		/* a controller: gets asynchronous messages */
	RUMPSWITCH_PASSIVE = 1		/* a tool for one question: gets none until it asks for them */
};

/*
 * Opens a channel; its hello can be read and it can be written to at once, for which there is no `wake`.
 * RUMPSWITCH_BUSY (all are open), RUMPSWITCH_GONE (after rumpswitch_hang_up), RUMPSWITCH_NO_MEMORY.
 */
int rumpswitch_open(struct rumpswitch *sw, uint64_t now, int kind, uint64_t *channel);

/* Closes it. What it configured stays. RUMPSWITCH_BAD_CHANNEL. */
int rumpswitch_close(struct rumpswitch *sw, uint64_t channel);

/*
 * Copies out as many whole messages as fit, or a part of the first when not even that fits. 0 bytes
 * (for `len` > 0) is the end of the stream. RUMPSWITCH_WOULD_BLOCK, RUMPSWITCH_BAD_CHANNEL.
 */
int rumpswitch_read(struct rumpswitch *sw, uint64_t channel, uint64_t now, void *into, size_t len,
    size_t *got);

/*
 * Takes bytes of the stream, cut anywhere; may take fewer. RUMPSWITCH_WOULD_BLOCK (read first, or tick
 * first: see rumpswitch_next_deadline), RUMPSWITCH_HUNG_UP, RUMPSWITCH_BAD_CHANNEL, RUMPSWITCH_NO_MEMORY.
 */
int rumpswitch_write(struct rumpswitch *sw, uint64_t channel, uint64_t now, const void *bytes,
    size_t len, size_t *taken);

/* What poll says of a channel (RUMPSWITCH_READABLE...); RUMPSWITCH_HANGUP for one that is not open. */
int rumpswitch_poll(struct rumpswitch *sw, uint64_t channel, uint32_t *ready);

/* Requests of rumpswitch_ioctl and what `argument` points to. */
#define RUMPSWITCH_GET_PENDING     1u	/* uint32_t: bytes that can be read (FIONREAD) */
#define RUMPSWITCH_GET_DATAPATH_ID 2u	/* uint64_t */
#define RUMPSWITCH_SET_DATAPATH_ID 3u	/* uint64_t; the channels that are open keep what they were told */
#define RUMPSWITCH_GET_MAX_FLOW    4u	/* uint32_t: flow entries in a table */
#define RUMPSWITCH_GET_MAX_GROUP   5u	/* uint32_t: groups */
#define RUMPSWITCH_SET_PORT_NUMBER 6u	/* struct rumpswitch_renumber: NO_PORT, PORT_EXISTS, BAD_PORT;
					   counters and configuration stay with the port */
#define RUMPSWITCH_PANIC           7u	/* nothing; only in a library built for debugging: panics */

struct rumpswitch_renumber {
	uint32_t from;
	uint32_t to;
};

/*
 * A request on the device; `channel` matters for RUMPSWITCH_GET_PENDING only. `len` is what `argument`
 * has room for. RUMPSWITCH_BAD_REQUEST, RUMPSWITCH_BAD_ARGUMENT.
 */
int rumpswitch_ioctl(struct rumpswitch *sw, uint64_t channel, uint64_t now, uint32_t request,
    void *argument, size_t len);

#ifdef __cplusplus
}
#endif

#endif /* RUMPSWITCH_H */
