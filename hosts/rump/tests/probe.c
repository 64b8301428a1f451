/*
 * How the component comes into a kernel.
 *
 *   probe early COMPONENT   loaded before the kernel boots: its constructor registers it
 *   probe late COMPONENT    loaded after: its attach function is called
 *   probe panic COMPONENT   as early, then the request that raises a defect in the switch
 *   probe ADDRESS COMPONENT as early, then serves the kernel to remote clients until it is ended
 *
 * COMPONENT is a shared object, or `linked`: this program has it, and all of the kernel, in itself.
 *
 * Exits with 0 when /dev/switch0 opens, with 3 when it is not there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "client.h"

/* The component's, or the kernel's, before it boots. */
static void *
load(const char *library)
{
	void *loaded = dlopen(library, RTLD_NOW | RTLD_GLOBAL);

	if (loaded == NULL)
		printf("%s\n", dlerror());
	CHECK(loaded != NULL);
	return loaded;
}

static int
node(void)
{

	return rump_sys_open("/dev/switch0", RUMPSWITCH_NB_O_RDWR);
}

int
main(int argc, char **argv)
{
	int (*attach)(void), (*serve)(const char *);
	bool linked;
	void *component = NULL;
	int fd, error;

	if (argc != 3)
		return 2;
	setvbuf(stdout, NULL, _IONBF, 0);
	linked = strcmp(argv[2], "linked") == 0;
	if (strcmp(argv[1], "late") == 0) {
		CHECK_IS(rump_init(), 0);
		CHECK_IS(failed_with(node()), NB_ENOENT);
	}
	if (!linked && strstr(argv[1], "://") != NULL)
		(void)load("librumpkern_sysproxy.so");
	if (!linked)
		component = load(argv[2]);
	if (strcmp(argv[1], "late") == 0) {
		*(void **)&attach = dlsym(component, "rumpnet_switch_attach");
		CHECK(attach != NULL);
		rump_schedule();
		error = attach();
		rump_unschedule();
		printf("attached: %d\n", error);
	} else {
		CHECK_IS(rump_init(), 0);
	}
	if (strstr(argv[1], "://") != NULL) {
		*(void **)&serve = dlsym(RTLD_DEFAULT, "rump_init_server");
		CHECK(serve != NULL);
		CHECK_IS(serve(argv[1]), 0);
		for (;;)
			pause_ms(1000);
	}
	fd = node();
	if (fd < 0) {
		printf("/dev/switch0: error %d\n", errno);
		return errno == NB_ENOENT ? 3 : 1;
	}
	if (strcmp(argv[1], "panic") == 0) {
		error = failed_with(rump_sys_ioctl(fd, RUMPSWITCH_IOC_PANIC, NULL));
		printf("the switch lives on: error %d\n", error);
		return 1;
	}
	return 0;
}
