/*
 * The library's neutral errors in the kernel's numbers.
 */
#include <sys/param.h>
#include <sys/errno.h>

#include "rumpsw.h"

int
rumpsw_errno(int error)
{

	switch (error) {
	case RUMPSWITCH_OK:
		return 0;
	case RUMPSWITCH_BAD_REVISION:
		return EPROGMISMATCH;
	case RUMPSWITCH_BUSY:
		return EBUSY;
	case RUMPSWITCH_WOULD_BLOCK:
		return EWOULDBLOCK;
	case RUMPSWITCH_HUNG_UP:
		return EPIPE;
	case RUMPSWITCH_BAD_CHANNEL:
		return EBADF;
	case RUMPSWITCH_NO_MEMORY:
		return ENOMEM;
	case RUMPSWITCH_GONE:
		return ENXIO;
	case RUMPSWITCH_NO_PORT:
		return ENOENT;
	case RUMPSWITCH_PORT_EXISTS:
		return EEXIST;
	case RUMPSWITCH_BAD_REQUEST:
		return ENOTTY;
	case RUMPSWITCH_BAD_ARGUMENT:
	case RUMPSWITCH_BAD_PORT:
	default:
		return EINVAL;
	}
}
