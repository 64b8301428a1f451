/*
 * Interfaces: made, found, asked, destroyed, in the order in which a NetBSD kernel does each. The requests'
 * own lock is the kernel's and not counted: only what the component holds matters to copies.
 */
#include <sys/domain.h>
#include <sys/mbuf.h>
#include <sys/sockio.h>
#include <sys/intr.h>
#include <sys/kauth.h>
#include <net/if_ether.h>
#include <net/if_types.h>
#include <net/bpf.h>

#include "kern.h"

static void *lock;			/* of the list and the references */
static void *changed;
static void *config_lock;		/* of requests */
static struct ifnet *all;
static LIST_HEAD(, if_clone) cloners;
static LIST_HEAD(, domain) domains;
static unsigned short last_index;

static int do_ifioctl(struct socket *, u_long, void *, struct lwp *);
int (*ifioctl)(struct socket *, u_long, void *, struct lwp *) = do_ifioctl;

void
mock_ifnet_init(void)
{
	lock = rumphost_mutex_new(0);
	changed = rumphost_cv_new();
	config_lock = rumphost_mutex_new(1);
}

/* ---- finding ---- */

static struct ifnet *
find(const char *name)
{
	struct ifnet *ifp;

	for (ifp = all; ifp != NULL && strncmp(ifp->if_xname, name, IFNAMSIZ) != 0; ifp = ifp->mock_next)
		continue;
	return ifp;
}

struct ifnet *
ifunit(const char *name)
{
	struct ifnet *ifp;

	rumphost_mutex_enter(lock);
	ifp = find(name);
	rumphost_mutex_exit(lock);
	return ifp;
}

struct ifnet *
if_get(const char *name, struct psref *ref)
{
	struct ifnet *ifp;

	KASSERTMSG(curlwp->mock_bound, "if_get by a thread that is not bound");
	rumphost_mutex_enter(lock);
	ifp = find(name);
	if (ifp != NULL) {
		ifp->mock_references++;
		ref->mock_target = ifp;
		ref->mock_lwp = curlwp;
		curlwp->mock_psrefs++;
	}
	rumphost_mutex_exit(lock);
	return ifp;
}

void
if_put(const struct ifnet *ifp, struct psref *ref)
{
	KASSERTMSG(ref->mock_target == ifp && ref->mock_lwp == curlwp, "if_put of what was not got");
	rumphost_mutex_enter(lock);
	((struct ifnet *)__UNCONST(ifp))->mock_references--;
	curlwp->mock_psrefs--;
	ref->mock_target = NULL;
	rumphost_cv_broadcast(changed);
	rumphost_mutex_exit(lock);
}

/* ---- changes ---- */

void
domain_attach(struct domain *dp)
{
	KASSERTMSG(dp->dom_family == AF_MAX, "a family that addresses may have");
	LIST_INSERT_HEAD(&domains, dp, dom_link);
}

void
mock_if_flag_up(struct ifnet *ifp, bool up)
{
	struct domain *dp;

	if (up == ((ifp->if_flags & IFF_UP) != 0))
		return;
	ifp->if_flags ^= IFF_UP;
	LIST_FOREACH(dp, &domains, dom_link)
		(up ? dp->dom_if_up : dp->dom_if_down)(ifp);
}

void
mock_if_link(struct ifnet *ifp, int state)
{
	struct domain *dp;

	if (ifp->if_link_state == state)
		return;
	ifp->if_link_state = state;
	LIST_FOREACH(dp, &domains, dom_link)
		dp->dom_if_link_state_change(ifp, state);
}

/* ---- making and destroying ---- */

void
if_initname(struct ifnet *ifp, const char *name, int unit)
{
	snprintf(ifp->if_xname, sizeof(ifp->if_xname), "%s%d", name, unit);
}

static int
start_transmit(struct ifnet *ifp, struct mbuf *m)
{
	int error = mock_ifq_enqueue(&ifp->if_snd, m);

	if (error == 0)
		ifp->if_start(ifp);
	return error;
}

void
if_initialize(struct ifnet *ifp)
{
	ifp->if_index = ++last_index;
	if (ifp->if_snd.ifq_maxlen == 0)
		ifp->if_snd.ifq_maxlen = IFQ_MAXLEN;
	ifp->if_snd.ifq_lock = mutex_obj_alloc(MUTEX_DEFAULT, IPL_NET);
	if (ifp->if_transmit == NULL)
		ifp->if_transmit = start_transmit;
	ifp->if_pfil = mock_pfil_new();
	(void)pfil_run_hooks(if_pfil, (struct mbuf **)PFIL_IFNET_ATTACH, ifp, PFIL_IFNET);
}

void
if_register(struct ifnet *ifp)
{
	rumphost_mutex_enter(lock);
	ifp->mock_next = all;
	all = ifp;
	rumphost_mutex_exit(lock);
}

void
ether_ifattach(struct ifnet *ifp, const uint8_t *address)
{
	KASSERTMSG(ifp->if_pfil != NULL, "ether_ifattach before if_initialize");
	ifp->if_type = IFT_ETHER;
	ifp->if_hdrlen = ETHER_HDR_LEN;
	ifp->if_dlt = DLT_EN10MB;
	ifp->if_mtu = ETHERMTU;
	ifp->_if_input = ether_input;
	ifp->mock_sadl.sdl_family = AF_LINK;
	memcpy(ifp->mock_sadl.mock_address, address, ETHER_ADDR_LEN);
	ifp->if_sadl = &ifp->mock_sadl;
}

void
ether_ifdetach(struct ifnet *ifp)
{
	KASSERTMSG(ifp->if_type == IFT_ETHER, "ether_ifdetach of no Ethernet");
	ifp->if_flags &= ~IFF_UP;
}

static int
null_ioctl(struct ifnet *ifp __unused, u_long request __unused, void *data __unused)
{
	return ENXIO;
}

static void
null_start(struct ifnet *ifp)
{
	mock_ifq_purge(&ifp->if_snd);
}

/* May sleep: for those who have got it. What is told to others, is told when it cannot be found any more. */
void
if_detach(struct ifnet *ifp)
{
	struct ifnet **at;

	mock_assert_no_soft("if_detach");
	ifp->if_ioctl = null_ioctl;
	ifp->if_start = null_start;
	rumphost_mutex_enter(lock);
	for (at = &all; *at != ifp; at = &(*at)->mock_next)
		KASSERTMSG(*at != NULL, "if_detach of no interface");
	*at = ifp->mock_next;
	rumphost_mutex_exit(lock);
	mock_ifq_purge(&ifp->if_snd);
	mock_if_flag_up(ifp, false);
	ifp->if_flags &= ~IFF_RUNNING;
	(void)pfil_run_hooks(if_pfil, (struct mbuf **)PFIL_IFNET_DETACH, ifp, PFIL_IFNET);
	mock_pfil_free(ifp->if_pfil);
	ifp->if_pfil = NULL;
	rumphost_mutex_enter(lock);
	while (ifp->mock_references != 0)
		rumphost_cv_wait(changed, lock);
	rumphost_mutex_exit(lock);
	mutex_obj_free(ifp->if_snd.ifq_lock);
}

/* ---- frames ---- */

void
if_input(struct ifnet *ifp, struct mbuf *m)
{
	KASSERTMSG(curlwp->mock_bound, "if_input by a thread that is not bound");
	mock_assert_no_soft("if_input");
	ifp->_if_input(ifp, m);
}

int
if_transmit_lock(struct ifnet *ifp, struct mbuf *m)
{
	int error;

	mock_assert_no_soft("if_transmit");
	KASSERTMSG(ifp->if_flags & IFF_RUNNING, "if_transmit on an interface that does not run");
	mock_kernel_lock(1);
	error = ifp->if_transmit(ifp, m);
	mock_kernel_unlock();
	return error;
}

int
mock_ifq_enqueue(struct ifqueue *q, struct mbuf *m)
{
	mutex_enter(q->ifq_lock);
	if (q->ifq_len >= q->ifq_maxlen) {
		q->ifq_drops++;
		mutex_exit(q->ifq_lock);
		m_freem(m);
		return ENOBUFS;
	}
	m->m_nextpkt = NULL;
	if (q->ifq_tail != NULL)
		q->ifq_tail->m_nextpkt = m;
	else
		q->ifq_head = m;
	q->ifq_tail = m;
	q->ifq_len++;
	mutex_exit(q->ifq_lock);
	return 0;
}

struct mbuf *
mock_ifq_dequeue(struct ifqueue *q)
{
	struct mbuf *m;

	mutex_enter(q->ifq_lock);
	m = q->ifq_head;
	if (m != NULL) {
		if ((q->ifq_head = m->m_nextpkt) == NULL)
			q->ifq_tail = NULL;
		q->ifq_len--;
		m->m_nextpkt = NULL;
	}
	mutex_exit(q->ifq_lock);
	return m;
}

void
mock_ifq_purge(struct ifqueue *q)
{
	struct mbuf *m;

	while ((m = mock_ifq_dequeue(q)) != NULL)
		m_freem(m);
}

int
ifpromisc(struct ifnet *ifp, int on)
{
	mock_assert_no_soft("ifpromisc");
	if (on ? ifp->if_pcount++ == 0 : --ifp->if_pcount == 0)
		ifp->if_flags ^= IFF_PROMISC;
	KASSERTMSG(ifp->if_pcount >= 0, "ifpromisc: more ends than beginnings");
	return 0;
}

/* ---- requests ---- */

int
ether_ioctl(struct ifnet *ifp, u_long request, void *data)
{
	struct ifreq *ifr = data;

	switch (request) {
	case SIOCGIFFLAGS:
		ifr->ifr_flags = ifp->if_flags;
		return 0;
	case SIOCSIFFLAGS:
		mock_if_flag_up(ifp, (ifr->ifr_flags & IFF_UP) != 0);
		if ((ifp->if_flags & (IFF_UP | IFF_RUNNING)) == IFF_UP)
			return ifp->if_init(ifp);
		if ((ifp->if_flags & (IFF_UP | IFF_RUNNING)) == IFF_RUNNING)
			ifp->if_stop(ifp, 1);
		return 0;
	case SIOCGIFMTU:
		ifr->ifr_mtu = (int)ifp->if_mtu;
		return 0;
	case SIOCSIFMTU:
		if (ifr->ifr_mtu < 72 || ifr->ifr_mtu > ETHERMTU)
			return EINVAL;
		ifp->if_mtu = (uint64_t)ifr->ifr_mtu;
		return 0;
	default:
		return ENOTTY;
	}
}

void
if_clone_attach(struct if_clone *cloner)
{
	LIST_INSERT_HEAD(&cloners, cloner, ifc_list);
}

/* The cloner of "nameN"; the unit, or -1 where there is none. */
static struct if_clone *
cloner_of(const char *name, int *unit)
{
	struct if_clone *c;
	size_t len = 0;

	while (name[len] != '\0' && (name[len] < '0' || name[len] > '9'))
		len++;
	LIST_FOREACH(c, &cloners, ifc_list) {
		if (c->ifc_namelen == len && strncmp(name, c->ifc_name, len) == 0)
			break;
	}
	if (c == NULL || name[len] == '\0')
		return NULL;
	for (*unit = 0; name[len] != '\0'; len++) {
		if (name[len] < '0' || name[len] > '9' || *unit >= INT_MAX / 10)
			return NULL;
		*unit = *unit * 10 + (name[len] - '0');
	}
	return c;
}

static int
clone(u_long request, const char *name)
{
	struct if_clone *c;
	struct ifnet *ifp = ifunit(name);
	int unit;

	c = cloner_of(name, &unit);
	if (c == NULL)
		return EINVAL;
	if (request == SIOCIFCREATE)
		return ifp != NULL ? EEXIST : c->ifc_create(c, unit);
	return ifp == NULL ? ENXIO : c->ifc_destroy(ifp);
}

static int
authorize(u_long request)
{
	switch (request) {
	case SIOCIFCREATE:
	case SIOCIFDESTROY:
	case SIOCSIFFLAGS:
	case SIOCSIFMTU:
		return kauth_authorize_network(curlwp->l_cred, KAUTH_NETWORK_INTERFACE,
		    KAUTH_REQ_NETWORK_INTERFACE_SETPRIV, NULL, NULL, NULL);
	default:
		return 0;
	}
}

static int
ask(u_long request, struct ifreq *ifr)
{
	struct psref ref;
	struct ifnet *ifp = if_get(ifr->ifr_name, &ref);
	int error;

	if (ifp == NULL)
		return ENXIO;
	error = ifp->if_ioctl(ifp, request, ifr);
	if_put(ifp, &ref);
	return error == ENOTTY ? EOPNOTSUPP : error;
}

static int
do_ifioctl(struct socket *so __unused, u_long request, void *data, struct lwp *l __unused)
{
	struct ifreq *ifr = data;
	int bound, error;


	error = authorize(request);
	if (error != 0)
		return error;
	bound = curlwp_bind();
	rumphost_mutex_enter(config_lock);
	error = request == SIOCIFCREATE || request == SIOCIFDESTROY ? clone(request, ifr->ifr_name) :
	    ask(request, ifr);
	rumphost_mutex_exit(config_lock);
	curlwp_bindx(bound);
	return error;
}
