/* The kernel in this process. */
#include <stdint.h>
#include <sys/types.h>
#include <rump/rump.h>

#include "client.h"
#include "kernel.h"

void
kernel_join(void)
{

	CHECK_IS(rump_init(), 0);
}

bool
kernel_is_remote(void)
{

	return false;
}
