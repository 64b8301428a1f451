/* Stand-in for <rump-sys/kern.h>: how a component makes itself known before the kernel starts. */
#ifndef MOCK_RUMP_SYS_KERN_H
#define MOCK_RUMP_SYS_KERN_H

#include <sys/queue.h>

enum rump_component_type {
	RUMP_COMPONENT_DEV = 1,
	RUMP_COMPONENT_NET,
	RUMP_COMPONENT_NET_ROUTE,
	RUMP_COMPONENT_NET_IF,
	RUMP_COMPONENT_NET_IFCFG,
	RUMP_COMPONENT_KERN,
	RUMP_COMPONENT_KERN_VFS,
	RUMP_COMPONENT_POSTINIT
};
struct rump_component {
	enum rump_component_type rc_type;
	void (*rc_init)(void);
	LIST_ENTRY(rump_component) rc_entries;
};
void rump_component_load(const struct rump_component *);
void rump_component_unload(const struct rump_component *);

#define RUMP_COMPONENT(type) \
	static void rumpcompinit##type(void); \
	static struct rump_component rumpcomp##type = { .rc_type = type, .rc_init = rumpcompinit##type }; \
	static void __attribute__((__constructor__)) rumpcompload##type(void) \
	{ \
		rump_component_load(&rumpcomp##type); \
	} \
	static void rumpcompinit##type(void)

#endif
