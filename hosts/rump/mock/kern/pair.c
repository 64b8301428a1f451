/*
 * The Ethernet port: what a test puts in is received, what is sent on it a test takes out; and the host's
 * stack, whose other side is a test, too. Where a real driver asserts (frames of at most 1,514 bytes, as
 * shmif's does), so does this one.
 */
#include <sys/mbuf.h>
#include <sys/kernel.h>
#include <net/if_ether.h>
#include <net/if_types.h>
#include <net/bpf.h>
#include <rump/rump.h>

#include "kern.h"

struct pair {
	struct ethercom ec;		/* first: the interface */
	struct mock_frames sent;
	int refuse;
};

/* What came up into the stack, by the interface's name; never given back, so that it can be read late. */
static struct {
	char name[IFNAMSIZ];
	struct mock_frames frames;
	unsigned long promiscuous;	/* dropped: for another station */
} up[64];
static void *up_lock;		/* of the names */

void
mock_pair_init(void)
{
	up_lock = rumphost_mutex_new(0);
}

static struct mock_frames *
up_of(const char *name)
{
	int i;

	rumphost_mutex_enter(up_lock);
	for (i = 0; i < (int)__arraycount(up) && up[i].name[0] != '\0'; i++) {
		if (strncmp(up[i].name, name, IFNAMSIZ) == 0)
			break;
	}
	KASSERT(i < (int)__arraycount(up));
	strlcpy(up[i].name, name, IFNAMSIZ);
	rumphost_mutex_exit(up_lock);
	return &up[i].frames;
}

/* The stack's input. Who calls it is bound and holds the kernel lock, or is a softint. */
void
ether_input(struct ifnet *ifp, struct mbuf *m)
{
	KASSERTMSG(mock_kernel_locked() || cpu_softintr_p(), "ether_input without the kernel lock");
	KASSERTMSG(m->m_flags & M_PKTHDR, "ether_input of no packet");
	if ((ifp->if_flags & IFF_UP) == 0 || (m->m_flags & M_PROMISC) != 0) {
		m_freem(m);
		return;
	}
	KASSERTMSG(m->m_pkthdr.mock_rcvif == ifp, "a frame for the stack does not say where it came in");
	mock_frames_add(up_of(ifp->if_xname), m);
}

long
rumpmock_stack_received(const char *name, void *into, unsigned long len)
{
	return mock_frames_take(up_of(name), into, len);
}

void
bpf_mtap(struct ifnet *ifp, struct mbuf *m)
{
	KASSERTMSG(m->m_flags & M_PKTHDR, "bpf_mtap of no packet on %s", ifp->if_xname);
}

/* ---- the interface ---- */

static void
pair_start(struct ifnet *ifp)
{
	struct pair *p = ifp->if_softc;
	struct mbuf *m;

	KASSERTMSG(mock_kernel_locked(), "a driver without the kernel lock");
	for (;;) {
		IFQ_DEQUEUE(&ifp->if_snd, m);
		if (m == NULL)
			return;
		KASSERTMSG(m->m_pkthdr.len <= ETHERMTU + ETHER_HDR_LEN, "%s: a frame of %d bytes", ifp->if_xname,
		    m->m_pkthdr.len);
		bpf_mtap(ifp, m);
		ifp->if_opackets++;
		mock_frames_add(&p->sent, m);
	}
}

static int
pair_transmit(struct ifnet *ifp, struct mbuf *m)
{
	struct pair *p = ifp->if_softc;
	int error = p->refuse;

	if (error == 0)
		error = mock_ifq_enqueue(&ifp->if_snd, m);
	else
		m_freem(m);
	if (error == 0)
		pair_start(ifp);
	return error;
}

static int
pair_init(struct ifnet *ifp)
{
	ifp->if_flags |= IFF_RUNNING;
	return 0;
}

static void
pair_stop(struct ifnet *ifp, int disable __unused)
{
	ifp->if_flags &= ~IFF_RUNNING;
}

static int
port_create(const char *name)
{
	static uint8_t next;
	uint8_t address[ETHER_ADDR_LEN] = { 0x02, 0x6d, 0x6f, 0x63, 0x6b, 0 };
	struct ifnet *ifp;
	struct pair *p;

	if (ifunit(name) != NULL)
		return EEXIST;
	address[5] = ++next;
	p = rumphost_alloc(sizeof(*p));
	memset(p, 0, sizeof(*p));
	ifp = &p->ec.ec_if;
	strlcpy(ifp->if_xname, name, IFNAMSIZ);
	ifp->if_softc = p;
	ifp->if_flags = (short)(IFF_BROADCAST | IFF_SIMPLEX | IFF_MULTICAST | IFF_UP | IFF_RUNNING);
	ifp->if_ioctl = ether_ioctl;
	ifp->if_init = pair_init;
	ifp->if_stop = pair_stop;
	ifp->if_start = pair_start;
	ifp->if_transmit = pair_transmit;
	ifp->if_link_state = LINK_STATE_UP;
	if_initialize(ifp);
	ether_ifattach(ifp, address);
	if_register(ifp);
	return 0;
}

int
rumpmock_port_create(const char *name)
{
	int error;

	rump_schedule();
	error = port_create(name);
	rump_unschedule();
	return error;
}

static int
port_destroy(const char *name)
{
	struct ifnet *ifp = ifunit(name);
	struct pair *p;
	char byte;

	if (ifp == NULL)
		return ENXIO;
	p = ifp->if_softc;
	ether_ifdetach(ifp);
	if_detach(ifp);
	while (mock_frames_take(&p->sent, &byte, 1) >= 0)
		continue;
	rumphost_free(p);
	return 0;
}

int
rumpmock_port_destroy(const char *name)
{
	int error;

	rump_schedule();
	error = port_destroy(name);
	rump_unschedule();
	return error;
}

/* ---- the wire ---- */

/* A chain cut as told, each mbuf at an odd place in its storage. */
static struct mbuf *
chain(const char *bytes, unsigned long len, const unsigned *cuts, int flags)
{
	struct mbuf *first = NULL, **at = &first, *m;
	unsigned long n, whole = len;

	do {
		n = len;
		if (cuts != NULL && *cuts != 0) {
			n = MIN(*cuts, len);
			cuts++;
		}
		m = first == NULL ? m_gethdr(M_WAITOK, MT_DATA) : m_get(M_WAITOK, MT_DATA);
		*at = m;
		at = &m->m_next;
		if (n > MHLEN - 2 || (flags & (RUMPMOCK_SHARED | RUMPMOCK_READONLY)) != 0)
			mock_m_extmalloc(m, n + 2);
		m->m_data += 2;
		m->m_len = (int)n;
		memcpy(m->m_data, bytes, n);
		bytes += n;
		len -= n;
	} while (len > 0);
	if (flags & RUMPMOCK_READONLY)
		first->m_flags |= M_EXT_ROMAP;
	first->m_pkthdr.len = (int)whole;
	return first;
}

struct arrival {
	struct ifnet *ifp;
	struct mbuf *m;
};

static void
arrive(void *arg)
{
	struct arrival *a = arg;

	a->ifp->if_ipackets++;
	m_set_rcvif(a->m, a->ifp);
	if_input(a->ifp, a->m);
}

/* Who shares the storage of a frame sees it as it was. */
static void
still(const struct mbuf *m, const char *bytes, unsigned long len)
{
	for (; m != NULL; bytes += m->m_len, len -= (unsigned long)m->m_len, m = m->m_next)
		KASSERTMSG(memcmp(m->m_data, bytes, (size_t)m->m_len) == 0, "bytes were changed that are shared");
	KASSERT(len == 0);
}

int
rumpmock_port_receive(const char *name, const void *frame, unsigned long len, const unsigned *cuts,
    int flags)
{
	struct arrival a = { .ifp = ifunit(name) };
	struct mbuf *other = NULL;
	int bound;

	if (a.ifp == NULL)
		return ENXIO;
	if ((a.ifp->if_flags & IFF_RUNNING) == 0)
		return ENETDOWN;
	rump_schedule();
	a.m = chain(frame, len, cuts, flags);
	if (a.ifp->if_pcount > 0 && memcmp(frame, a.ifp->mock_sadl.mock_address, 6) != 0)
		a.m->m_flags |= M_PROMISC;
	if (flags & RUMPMOCK_SHARED)
		other = m_copypacket(a.m, M_WAITOK);
	if (flags & RUMPMOCK_SOFTINT) {
		mock_softint(arrive, &a);
	} else {
		mock_kernel_lock(1);
		bound = curlwp_bind();
		arrive(&a);
		curlwp_bindx(bound);
		mock_kernel_unlock();
	}
	if (other != NULL) {
		still(other, frame, len);
		m_freem(other);
	}
	rump_unschedule();
	return 0;
}

static struct pair *
pair_of(const char *name)
{
	struct ifnet *ifp = ifunit(name);

	return ifp != NULL && ifp->if_start == pair_start ? ifp->if_softc : NULL;
}

long
rumpmock_port_sent(const char *name, void *into, unsigned long len)
{
	struct pair *p = pair_of(name);

	return p != NULL ? mock_frames_take(&p->sent, into, len) : -1;
}

/* ---- what is asked and set by name ---- */

int
rumpmock_port_refuse(const char *name, int error)
{
	struct pair *p = pair_of(name);

	if (p == NULL)
		return ENXIO;
	p->refuse = error;
	return 0;
}

int
rumpmock_port_flags(const char *name, int up_flag, int running)
{
	struct ifnet *ifp = ifunit(name);

	if (ifp == NULL)
		return ENXIO;
	rump_schedule();
	mock_if_flag_up(ifp, up_flag != 0);
	rump_unschedule();
	ifp->if_flags = (short)((ifp->if_flags & ~IFF_RUNNING) | (running ? IFF_RUNNING : 0));
	return 0;
}

int
rumpmock_port_link(const char *name, int state)
{
	struct ifnet *ifp = ifunit(name);

	if (ifp == NULL)
		return ENXIO;
	rump_schedule();
	mock_if_link(ifp, state);
	rump_unschedule();
	return 0;
}

int
rumpmock_port_mtu(const char *name, int mtu)
{
	struct ifnet *ifp = ifunit(name);

	if (ifp != NULL)
		ifp->if_mtu = (uint64_t)mtu;
	return ifp != NULL ? 0 : ENXIO;
}

int
rumpmock_port_type(const char *name, int type)
{
	struct ifnet *ifp = ifunit(name);

	if (ifp != NULL)
		ifp->if_type = (u_char)type;
	return ifp != NULL ? 0 : ENXIO;
}

static void
stolen_input(struct ifnet *ifp __unused, struct mbuf *m)
{
	m_freem(m);
}

int
rumpmock_port_steal(const char *name, int steal)
{
	struct ifnet *ifp = ifunit(name);

	if (ifp != NULL)
		ifp->_if_input = steal ? stolen_input : ether_input;
	return ifp != NULL ? 0 : ENXIO;
}

int
rumpmock_promiscuous(const char *name)
{
	struct ifnet *ifp = ifunit(name);

	return ifp != NULL ? ifp->if_pcount : -1;
}

int
rumpmock_untouched(const char *name)
{
	struct ifnet *ifp = ifunit(name);

	return ifp != NULL && ifp->_if_input == ether_input && mock_pfil_empty(ifp->if_pfil);
}

int
rumpmock_port_index(const char *name)
{
	struct ifnet *ifp = ifunit(name);

	return ifp != NULL ? ifp->if_index : -1;
}

/* ---- the stack's output ---- */

static int
stack_send(const char *name, const void *frame, unsigned long len)
{
	struct ifnet *ifp = ifunit(name);
	struct mbuf *m;
	int error;

	if (ifp == NULL)
		return ENXIO;
	m = chain(frame, len, NULL, 0);
	error = pfil_run_hooks(ifp->if_pfil, &m, ifp, PFIL_OUT);
	if (error != 0 || m == NULL) {
		m_freem(m);
		return error;
	}
	if ((ifp->if_flags & IFF_RUNNING) == 0) {
		m_freem(m);
		return ENETDOWN;
	}
	return if_transmit_lock(ifp, m);
}

int
rumpmock_stack_send(const char *name, const void *frame, unsigned long len)
{
	int error;

	rump_schedule();
	error = stack_send(name, frame, len);
	rump_unschedule();
	return error;
}
