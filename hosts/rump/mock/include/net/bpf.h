/* Stand-in for <net/bpf.h>: the tap that captures what passes an interface. */
#ifndef MOCK_NET_BPF_H
#define MOCK_NET_BPF_H

#include <net/if.h>

#define DLT_EN10MB 1

void bpf_mtap(struct ifnet *, struct mbuf *);

#endif
