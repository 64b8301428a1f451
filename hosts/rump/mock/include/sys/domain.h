/* Stand-in for <sys/domain.h>: address families, as far as they hear of interfaces. */
#ifndef MOCK_SYS_DOMAIN_H
#define MOCK_SYS_DOMAIN_H

#include <sys/queue.h>
#include <net/if.h>

struct domain {
	int dom_family;
	const char *dom_name;
	void (*dom_if_up)(struct ifnet *);
	void (*dom_if_down)(struct ifnet *);
	void (*dom_if_link_state_change)(struct ifnet *, int);
	LIST_ENTRY(domain) dom_link;
};

void domain_attach(struct domain *);

#endif
