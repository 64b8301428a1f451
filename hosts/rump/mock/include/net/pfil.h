/* Stand-in for <net/pfil.h>: hooks on what passes an interface, and on interfaces coming and going. */
#ifndef MOCK_NET_PFIL_H
#define MOCK_NET_PFIL_H

#include <sys/types.h>

typedef struct pfil_head pfil_head_t;
typedef int (*pfil_func_t)(void *, struct mbuf **, struct ifnet *, int);

#define PFIL_IN 0x00000001
#define PFIL_OUT 0x00000002
#define PFIL_ALL (PFIL_IN | PFIL_OUT)
#define PFIL_IFADDR 0x00000008
#define PFIL_IFNET 0x00000010
#define PFIL_IFNET_ATTACH 0
#define PFIL_IFNET_DETACH 1

int pfil_add_hook(pfil_func_t, void *, int, pfil_head_t *);
int pfil_remove_hook(pfil_func_t, void *, int, pfil_head_t *);
int pfil_run_hooks(pfil_head_t *, struct mbuf **, struct ifnet *, int);
extern pfil_head_t *if_pfil;

#endif
