/*
 * A switch in a C program: two ports, two frames. It stands alone, so it learns where addresses are and
 * forwards as a bridge does; hub.c has a controller.
 *
 *     cc embed.c $(pkg-config --cflags --libs rumpswitch)
 */
#include <rumpswitch.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"	/* the platform: malloc, free, abort; and frames in one block each */

static int
transmit(void *host, uint32_t port, const struct rumpswitch_meta *meta, struct rumpswitch_frame *frame)
{
	(void)host, (void)meta;
	printf("%zu bytes to port %u\n", frame->len, port);
	heap_discard(host, frame);
	return 0;
}

int
main(void)
{
	static const uint8_t there[60] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	static const uint8_t back[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	struct rumpswitch_hypercalls calls = heap_calls(transmit);
	struct rumpswitch_ingress batch[2] = {{.port = 1}, {.port = 2}};
	struct rumpswitch_config config;
	struct rumpswitch_port port = {.name = "port"};
	struct rumpswitch *sw;

	heap_platform();
	rumpswitch_config_default(&config);
	config.standalone = 1;
	if (rumpswitch_create(&config, &calls, NULL, &sw) != RUMPSWITCH_OK)
		return EXIT_FAILURE;
	for (port.number = 1; port.number <= 2; port.number++)
		rumpswitch_port_add(sw, 0, &port);
	heap_frame(&batch[0].frame, there, sizeof(there));
	heap_frame(&batch[1].frame, back, sizeof(back));
	rumpswitch_process(sw, 0, batch, 2);
	return rumpswitch_destroy(sw) == RUMPSWITCH_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
