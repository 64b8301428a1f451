/* What the examples share: the platform over the C library's heap, and frames in one block each. */
#ifndef HEAP_H
#define HEAP_H

#include <rumpswitch.h>

/* Names the platform. */
void heap_platform(void);

/* Hypercalls over frames of the heap, with this transmit. It gives the frame back by heap_discard. */
struct rumpswitch_hypercalls heap_calls(int (*transmit)(void *, uint32_t,
    const struct rumpswitch_meta *, struct rumpswitch_frame *));

/* Makes a frame that holds a copy of `bytes`, or zeros for NULL. 0, else no memory. */
int heap_frame(struct rumpswitch_frame *frame, const void *bytes, size_t len);
void heap_discard(void *host, struct rumpswitch_frame *frame);

#endif
