/* Stand-in for <sys/endian.h>. */
#ifndef MOCK_SYS_ENDIAN_H
#define MOCK_SYS_ENDIAN_H

#include <sys/types.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define htons(x) __builtin_bswap16(x)
#define htonl(x) __builtin_bswap32(x)
#define htobe64(x) __builtin_bswap64(x)
#else
#define htons(x) (x)
#define htonl(x) (x)
#define htobe64(x) (x)
#endif
#define ntohs(x) htons(x)
#define ntohl(x) htonl(x)
#define be64toh(x) htobe64(x)

#endif
