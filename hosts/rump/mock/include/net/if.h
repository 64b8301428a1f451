/* Stand-in for <net/if.h>: interfaces, as far as a switch touches them. */
#ifndef MOCK_NET_IF_H
#define MOCK_NET_IF_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/mutex.h>
#include <sys/psref.h>
#include <sys/socket.h>
#include <net/if_dl.h>
#include <net/pfil.h>

#define IFNAMSIZ 16
#define IFQ_MAXLEN 256

#define LINK_STATE_UNKNOWN 0
#define LINK_STATE_DOWN 1
#define LINK_STATE_UP 2

#define IFF_UP 0x0001
#define IFF_BROADCAST 0x0002
#define IFF_DEBUG 0x0004
#define IFF_LOOPBACK 0x0008
#define IFF_RUNNING 0x0040
#define IFF_PROMISC 0x0100
#define IFF_ALLMULTI 0x0200
#define IFF_OACTIVE 0x0400
#define IFF_SIMPLEX 0x0800
#define IFF_MULTICAST 0x8000
#define IFEF_OUTPUT_MPSAFE __BIT(0)
#define IFEF_START_MPSAFE __BIT(1)

struct rtentry;
struct ifaddr;
struct bridge_softc;

struct ifqueue {
	struct mbuf *ifq_head;
	struct mbuf *ifq_tail;
	int ifq_len;
	int ifq_maxlen;
	int ifq_drops;
	kmutex_t *ifq_lock;
};
#define ifaltq ifqueue

struct ifnet {
	void *if_softc;
	char if_xname[IFNAMSIZ];
	int if_pcount;
	void *if_bpf;
	unsigned short if_index;
	short if_flags;
	short if_extflags;
	u_char if_type;
	u_char if_addrlen;
	u_char if_hdrlen;
	int if_link_state;
	uint64_t if_mtu;
	uint64_t if_baudrate;
	uint64_t if_ipackets, if_ierrors, if_opackets, if_oerrors;
	uint64_t if_ibytes, if_obytes, if_imcasts, if_omcasts, if_iqdrops;
	int (*if_output)(struct ifnet *, struct mbuf *, const struct sockaddr *, const struct rtentry *);
	void (*_if_input)(struct ifnet *, struct mbuf *);
	void (*if_start)(struct ifnet *);
	int (*if_transmit)(struct ifnet *, struct mbuf *);
	int (*if_ioctl)(struct ifnet *, u_long, void *);
	int (*if_init)(struct ifnet *);
	void (*if_stop)(struct ifnet *, int);
	struct ifqueue if_snd;
	const struct sockaddr_dl *if_sadl;
	struct bridge_softc *if_bridge;
	int if_dlt;
	pfil_head_t *if_pfil;
	uint64_t if_capabilities;
	uint64_t if_capenable;
	void *if_agrprivate;
	void *if_carp;
	kmutex_t *if_ioctl_lock;
	/* This kernel's own. */
	struct ifnet *mock_next;
	struct sockaddr_dl mock_sadl;
	int mock_references;
	int mock_registered;
	struct if_clone *mock_cloner;
	uint64_t mock_generation;
};
typedef struct ifnet ifnet_t;

struct if_clone {
	LIST_ENTRY(if_clone) ifc_list;
	const char *ifc_name;
	size_t ifc_namelen;
	int (*ifc_create)(struct if_clone *, int);
	int (*ifc_destroy)(struct ifnet *);
};
#define IF_CLONE_INITIALIZER(name, create, destroy) \
	{ { NULL, NULL }, name, sizeof(name) - 1, create, destroy }

struct ifreq {
	char ifr_name[IFNAMSIZ];
	union {
		struct sockaddr ifru_addr;
		struct sockaddr_storage ifru_space;
		short ifru_flags;
		int ifru_metric;
		int ifru_mtu;
		u_int ifru_value;
		void *ifru_data;
		struct {
			uint32_t b_buflen;
			void *b_buf;
		} ifru_b;
	} ifr_ifru;
};
#define ifr_addr ifr_ifru.ifru_addr
#define ifr_flags ifr_ifru.ifru_flags
#define ifr_metric ifr_ifru.ifru_metric
#define ifr_mtu ifr_ifru.ifru_mtu
#define ifr_value ifr_ifru.ifru_value
#define ifr_data ifr_ifru.ifru_data
CTASSERT(sizeof(struct ifreq) == 144);

struct ifdrv {
	char ifd_name[IFNAMSIZ];
	unsigned long ifd_cmd;
	size_t ifd_len;
	void *ifd_data;
};

struct ifnet *ifunit(const char *);
struct ifnet *if_get(const char *, struct psref *);
void if_put(const struct ifnet *, struct psref *);
struct socket;
extern int (*ifioctl)(struct socket *, u_long, void *, struct lwp *);
void if_initname(struct ifnet *, const char *, int);
void if_initialize(struct ifnet *);
void if_register(struct ifnet *);
void if_detach(struct ifnet *);
void if_input(struct ifnet *, struct mbuf *);
int if_transmit_lock(struct ifnet *, struct mbuf *);
int ifpromisc(struct ifnet *, int);
void if_clone_attach(struct if_clone *);
#define if_get_index(ifp) ((ifp)->if_index)

#define IFQ_SET_READY(q) ((void)(q))
#define IFQ_SET_MAXLEN(q, n) ((q)->ifq_maxlen = (n))
#define IFQ_DEQUEUE(q, m) ((m) = mock_ifq_dequeue(q))
#define IFQ_POLL(q, m) ((m) = (q)->ifq_head)
#define IFQ_IS_EMPTY(q) ((q)->ifq_head == NULL)
#define IFQ_PURGE(q) mock_ifq_purge(q)
#define IFQ_ENQUEUE(q, m, error) ((error) = mock_ifq_enqueue(q, m))
struct mbuf *mock_ifq_dequeue(struct ifqueue *);
void mock_ifq_purge(struct ifqueue *);
int mock_ifq_enqueue(struct ifqueue *, struct mbuf *);

#endif
