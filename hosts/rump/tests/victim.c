/*
 * A remote client to be killed: holds some opens of the device and sleeps in a read of the last.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <rump/rump_syscalls.h>

#include "client.h"
#include "kernel.h"

int
main(void)
{
	uint8_t bytes[64];
	int fd = -1, i;

	setvbuf(stdout, NULL, _IONBF, 0);
	kernel_join();
	for (i = 0; i < 5; i++) {
		fd = rump_sys_open("/dev/switch0", RUMPSWITCH_NB_O_RDWR);
		CHECK(fd >= 0);
	}
	CHECK(rump_sys_read(fd, bytes, sizeof(bytes)) >= 8);
	printf("reading\n");
	(void)rump_sys_read(fd, bytes, sizeof(bytes));
	printf("read came back: error %d\n", errno);
	return 1;
}
