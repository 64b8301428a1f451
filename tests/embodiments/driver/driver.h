/*
 * A driver puts an embodiment of the switch into the hands of a test in another process: one loop of
 * requests and answers (driver.c) over one table of functions, which each embodiment fills in. The
 * protocol is that of tests/src/embodiment/protocol.rs, on file descriptor 0.
 */
#ifndef DRIVER_H
#define DRIVER_H

#include <stddef.h>
#include <stdint.h>

#define DRIVER_VERSION 3u

/* What an embodiment lets a test do: `Abilities` of tests/src/embodiment.rs. */
#define DRIVER_SHARED (1u << 0)
#define DRIVER_EXACT  (1u << 1)
#define DRIVER_TIME   (1u << 2)
#define DRIVER_SETUP  (1u << 3)
#define DRIVER_PORTS  (1u << 4)
#define DRIVER_ORDER  (1u << 5)
#define DRIVER_BULK   (1u << 6)
#define DRIVER_LINKS  (1u << 7)
#define DRIVER_DEADLINE (1u << 8)
#define DRIVER_BLANK  (1u << 9)
#define DRIVER_MEMBERS (1u << 10)
#define DRIVER_QUEUES (1u << 11)
#define DRIVER_PACE (1u << 12)

/* The queue of a frame that has none. */
#define DRIVER_NO_QUEUE UINT32_MAX

/* Answers: 0, the numbers of enum rumpswitch_error, and one more. */
#define DRIVER_OK          0
#define DRIVER_BUSY        3
#define DRIVER_WOULD_BLOCK 4
#define DRIVER_HUNG_UP     5
#define DRIVER_BAD_CHANNEL 6
#define DRIVER_NO_MEMORY   7
#define DRIVER_GONE        8
#define DRIVER_BAD_PORT    11
#define DRIVER_CANNOT      100

/* How a switch is to be made; 0 leaves the embodiment's default. */
struct driver_setup {
	uint32_t ports;			/* 1 to this number, named pN, 02:00:00:00:00:NN */
	uint32_t n_tables;
	uint32_t max_entries_per_table;
	uint32_t max_groups;
	uint32_t max_meters;
	uint32_t max_channels;
	uint32_t standalone;
	uint64_t seed;
	uint64_t datapath_id;
};

/* A port in the words of ofp_port. */
struct driver_port {
	uint32_t number;
	uint32_t config;
	uint32_t state;
	uint32_t curr;
	uint32_t advertised;
	uint32_t supported;
	uint32_t peer;
	uint32_t curr_speed;
	uint32_t max_speed;
	uint32_t max_frame;
	uint8_t hw_addr[6];
	char name[16];
};

/*
 * An embodiment. Each function answers as above; one that is NULL is DRIVER_CANNOT. `now` is the test's
 * time, which means something where the embodiment has DRIVER_TIME. `sent` calls driver_sent for each
 * frame that went out since it was last called, `drops` driver_drop for each reason.
 */
struct driver_backend {
	uint32_t abilities;
	const uint32_t *more_abilities;	/* NULL, or what another file adds to them */
	int (*make)(uint64_t now, const struct driver_setup *setup, uint32_t *max_channels);
	int (*open)(uint64_t now, int kind, uint64_t *channel);
	int (*close)(uint64_t channel);
	int (*read)(uint64_t now, uint64_t channel, void *into, size_t len, size_t *got);
	int (*write)(uint64_t now, uint64_t channel, const void *bytes, size_t len, size_t *taken);
	int (*poll)(uint64_t channel, uint32_t *ready, uint32_t *pending);
	int (*port_add)(uint64_t now, const struct driver_port *port);
	int (*port_change)(uint64_t now, const struct driver_port *port);
	int (*port_remove)(uint64_t now, uint32_t number);
	int (*frame)(uint64_t now, uint32_t port, const uint8_t *bytes, size_t len);
	int (*sent)(void);
	int (*tick)(uint64_t now, uint64_t *deadline);
	int (*deadline)(uint64_t *deadline);
	int (*quit)(void);		/* not 0: something was lost, which stderr names */
	int (*queues)(uint64_t now, uint32_t number, const uint32_t *ids, size_t count);
	int (*drops)(void);		/* NULL: why a frame was not sent cannot be seen */
};

/* The one that this driver is linked with. */
extern const struct driver_backend driver_backend;

/* Adds a frame to the answer. */
void driver_sent(uint32_t port, uint32_t queue, const void *bytes, size_t len);

/* Adds how many frames ended for a reason, by its name. */
void driver_drop(const char *name, uint64_t count);

#endif /* DRIVER_H */
