/*
 * The two doors of the component, and the check at both of them.
 *
 * A rump kernel that finds the library before it boots runs the RUMP_COMPONENT body; one that is
 * given it later is told by a call of rumpnet_switch_attach between rump_schedule and
 * rump_unschedule (a library loaded after boot is else silently ignored). A kernel's structures have no
 * version but the kernel's own, so glue that was compiled for another one refuses with one line.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>

#include <rump-sys/kern.h>
#include <rump/rump.h>

#include "rumpsw.h"

#ifndef RUMPSW_BUILT_FOR
#define RUMPSW_BUILT_FOR __NetBSD_Version__
#endif

static int rumpsw_attach_once(void);

int
rumpnet_switch_attach(void)
{
	static int attached = -1;

	if (attached == -1)
		attached = rumpsw_attach_once();
	return attached;
}

static int
rumpsw_attach_once(void)
{
	int error;

	if (rump_getversion() != RUMPSW_BUILT_FOR) {
		printf("switch: built for NetBSD %d, this kernel is %d: not attached\n",
		    (int)RUMPSW_BUILT_FOR, rump_getversion());
		return EPROGMISMATCH;
	}
	if (rumpswitch_revision() != RUMPSWITCH_REVISION) {
		printf("switch: built for revision %u of librumpswitch, this is %u: not attached\n",
		    RUMPSWITCH_REVISION, rumpswitch_revision());
		return EPROGMISMATCH;
	}
	error = rumpsw_memory_init();
	if (error != 0)
		return error;
	rumpsw_instance_init();
	rumpsw_hooks_init();
	rumpsw_ifnet_init();
	error = rumpsw_device_init();
	if (error != 0)
		printf("switch: no device nodes: error %d\n", error);
	return error;
}

RUMP_COMPONENT(RUMP_COMPONENT_NET_IF)
{

	(void)rumpnet_switch_attach();
}
