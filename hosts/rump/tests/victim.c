/*
 * A remote client to be killed (holds some opens of the device and sleeps in a read of the last) or, with an
 * argument, to be stopped while the kernel asks it for what it writes.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <rump/rump_syscalls.h>

#include "client.h"
#include "kernel.h"

int
main(int argc, char **argv)
{
	static uint8_t bytes[16384];
	int fd = -1, i;

	(void)argv;
	setvbuf(stdout, NULL, _IONBF, 0);
	kernel_join();
	for (i = 0; i < 5; i++) {
		fd = rump_sys_open("/dev/switch0", RUMPSWITCH_NB_O_RDWR);
		CHECK(fd >= 0);
	}
	CHECK(rump_sys_read(fd, bytes, sizeof(bytes)) >= 8);
	printf("reading\n");
	while (argc > 1) {
		(void)message_echo(bytes, 1, NULL, 0);
		(void)message_header(bytes, T_ECHO_REQUEST, sizeof(bytes), 1);
		CHECK(rump_sys_write(fd, bytes, sizeof(bytes)) > 0);
		CHECK(rump_sys_read(fd, bytes, sizeof(bytes)) > 0);
	}
	(void)rump_sys_read(fd, bytes, sizeof(bytes));
	printf("read came back: error %d\n", errno);
	return 1;
}
