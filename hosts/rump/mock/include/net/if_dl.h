/* Stand-in for <net/if_dl.h>: the address of an interface. */
#ifndef MOCK_NET_IF_DL_H
#define MOCK_NET_IF_DL_H

#include <sys/types.h>

struct sockaddr_dl {
	uint8_t sdl_len;
	uint8_t sdl_family;
	uint8_t mock_address[6];
};
#define LLADDR(s) ((char *)(s)->mock_address)
#define CLLADDR(s) ((const char *)(s)->mock_address)

#endif
