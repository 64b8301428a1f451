/*
 * A program that knows nothing of rump kernels: it opens a file, waits for it and for a pipe with poll, reads
 * and writes. With librumphijack loaded before it, the file is /dev/switch0 of a served kernel.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	static const char messages[] = "\4\0\0\10\0\0\0\1\4\2\0\10\0\0\0\2";	/* a hello, an echo request */
	struct pollfd both[2];
	unsigned char bytes[64];
	int ends[2];

	if (argc != 2 || pipe(ends) != 0)
		return 2;
	memset(both, 0, sizeof(both));
	both[0].fd = open(argv[1], O_RDWR);
	both[0].events = both[1].events = POLLIN;
	both[1].fd = ends[0];
	if (both[0].fd < 0 || poll(both, 2, 5000) != 1 || both[0].revents != POLLIN)
		return 3;
	if (read(both[0].fd, bytes, sizeof(bytes)) < 8 || bytes[1] != 0)
		return 4;
	if (write(both[0].fd, messages, sizeof(messages) - 1) != sizeof(messages) - 1)
		return 5;
	if (poll(both, 2, 5000) != 1 || read(both[0].fd, bytes, sizeof(bytes)) != 8 || bytes[1] != 3)
		return 6;
	if (write(ends[1], "x", 1) != 1 || poll(both, 2, 5000) != 1 || both[1].revents != POLLIN)
		return 7;
	puts("opened, polled beside a pipe, read, written");
	return 0;
}
