/* Stand-in for <sys/socket.h>. */
#ifndef MOCK_SYS_SOCKET_H
#define MOCK_SYS_SOCKET_H

#include <sys/types.h>

#define AF_UNSPEC 0
#define AF_INET 2
#define AF_LINK 18
#define AF_MAX 36
#define SOCK_DGRAM 2

struct sockaddr {
	uint8_t sa_len;
	uint8_t sa_family;
	char sa_data[14];
};
struct sockaddr_storage {
	uint8_t ss_len;
	uint8_t ss_family;
	char mock_data[126];
};

#endif
