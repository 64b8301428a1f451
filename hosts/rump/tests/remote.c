/* The kernel of another process, whose address RUMP_SERVER names. */
#include <stdint.h>
#include <sys/types.h>
#include <rump/rumpclient.h>

#include "client.h"
#include "kernel.h"

void
kernel_join(void)
{

	CHECK_IS(rumpclient_init(), 0);
}

bool
kernel_is_remote(void)
{

	return true;
}
