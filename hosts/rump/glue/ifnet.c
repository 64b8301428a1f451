/*
 * The interface switchN: made and destroyed like every cloned interface, and the port LOCAL.
 *
 * What the stack sends on it enters the tables from LOCAL; what the tables send to LOCAL comes up
 * here. While it is not up the switch forwards nothing.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/sockio.h>
#include <sys/mbuf.h>
#include <sys/lwp.h>

#include <net/if.h>
#include <net/if_dl.h>
#include <net/if_ether.h>
#include <net/if_types.h>
#include <net/bpf.h>

#include "rumpsw.h"

#define RUMPSW_BATCH 8			/* frames handed to the core at once */

static int rumpsw_clone_create(struct if_clone *, int);
static int rumpsw_clone_destroy(struct ifnet *);

static struct if_clone rumpsw_cloner =
    IF_CLONE_INITIALIZER(RUMPSW_NAME, rumpsw_clone_create, rumpsw_clone_destroy);

void
rumpsw_ifnet_init(void)
{

	if_clone_attach(&rumpsw_cloner);
}

static int
rumpsw_if_ioctl(struct ifnet *ifp, u_long request, void *data)
{
	struct rumpsw *sc = ifp->if_softc;
	int error;

	error = rumpsw_ioctl(sc, request, data);
	if (error != ENOTTY)
		return error;
	error = ether_ioctl(ifp, request, data);
	rumpsw_enter(sc);
	rumpsw_ports_watch(sc);			/* up, down, another MTU: controllers are told at once */
	rumpsw_leave(sc);
	return error;
}

static int
rumpsw_if_init(struct ifnet *ifp)
{

	ifp->if_flags |= IFF_RUNNING;
	return 0;
}

static void
rumpsw_if_stop(struct ifnet *ifp, int disable)
{

	ifp->if_flags &= ~IFF_RUNNING;
}

/* Hands frames of the stack (or of hooks.c) to the core; takes `count` of them. */
static void
rumpsw_ifnet_batch(struct rumpsw *sc, uint32_t number, struct mbuf **frames, size_t count)
{
	struct rumpswitch_ingress batch[RUMPSW_BATCH];
	size_t i;

	memset(batch, 0, sizeof(batch[0]) * count);
	for (i = 0; i < count; i++) {
		batch[i].port = number;
		batch[i].meta.queue_id = RUMPSWITCH_NO_QUEUE;
		rumpsw_mbuf_view(frames[i], &batch[i].frame);
	}
	rumpsw_enter(sc);
	sc->sc_ingress = rumpsw_port_numbered(sc, number);
	if (sc->sc_gone || rumpswitch_process(sc->sc_core, rumpsw_now(), batch, count) != 0) {
		for (i = 0; i < count; i++)
			m_freem(rumpsw_mbuf_settle(&batch[i].frame));
	}
	sc->sc_ingress = NULL;
	rumpsw_leave(sc);
}

void
rumpsw_ifnet_enter(struct rumpsw *sc, uint32_t number, struct mbuf *m)
{

	if ((sc->sc_ec.ec_if.if_flags & (IFF_UP | IFF_RUNNING)) != (IFF_UP | IFF_RUNNING)) {
		sc->sc_ec.ec_if.if_oerrors++;
		m_freem(m);
		return;
	}
	m = rumpsw_mbuf_accept(m);
	if (m != NULL)
		rumpsw_ifnet_batch(sc, number, &m, 1);
}

static void
rumpsw_if_start(struct ifnet *ifp)
{
	struct rumpsw *sc = ifp->if_softc;
	struct mbuf *frames[RUMPSW_BATCH], *m;
	size_t count;

	do {
		count = 0;
		while (count < RUMPSW_BATCH) {
			IFQ_DEQUEUE(&ifp->if_snd, m);
			if (m == NULL)
				break;
			bpf_mtap(ifp, m);
			ifp->if_opackets++;
			if (sc->sc_local_elsewhere) {
				m_freem(m);
				continue;
			}
			m = rumpsw_mbuf_accept(m);
			if (m != NULL)
				frames[count++] = m;
		}
		if (count != 0)
			rumpsw_ifnet_batch(sc, RUMPSWITCH_PORT_LOCAL, frames, count);
	} while (count == RUMPSW_BATCH);
}

/* A frame for LOCAL: up into the stack, as if the interface of the port had received it. */
void
rumpsw_ifnet_deliver(struct rumpsw_port *port, struct mbuf *m)
{
	struct ifnet *ifp = port->p_ifp;
	int bound;

	KERNEL_LOCK(1, NULL);
	bound = curlwp_bind();
	m_set_rcvif(m, ifp);
	ifp->if_ipackets++;
	ifp->if_ibytes += m->m_pkthdr.len;
	bpf_mtap(ifp, m);
	if_input(ifp, m);
	curlwp_bindx(bound);
	KERNEL_UNLOCK_ONE(NULL);
}

static void
rumpsw_if_setup(struct rumpsw *sc)
{
	struct ifnet *ifp = &sc->sc_ec.ec_if;

	snprintf(ifp->if_xname, sizeof(ifp->if_xname), "%s%d", RUMPSW_NAME, sc->sc_unit);
	ifp->if_softc = sc;
	ifp->if_flags = (short)(IFF_BROADCAST | IFF_SIMPLEX | IFF_MULTICAST);
	ifp->if_ioctl = rumpsw_if_ioctl;
	ifp->if_start = rumpsw_if_start;
	ifp->if_init = rumpsw_if_init;
	ifp->if_stop = rumpsw_if_stop;
	ifp->if_mtu = ETHERMTU;
	ifp->if_dlt = DLT_EN10MB;
	IFQ_SET_READY(&ifp->if_snd);
}

static int
rumpsw_clone_create(struct if_clone *cloner, int unit)
{
	uint8_t address[ETHER_ADDR_LEN];
	struct rumpsw *sc;
	uint64_t datapath_id;
	int error, i;

	error = rumpsw_create(unit, &sc);
	if (error != 0)
		return error;
	(void)rumpswitch_ioctl(sc->sc_core, 0, 0, RUMPSWITCH_GET_DATAPATH_ID, &datapath_id,
	    sizeof(datapath_id));
	for (i = 0; i < ETHER_ADDR_LEN; i++)
		address[i] = (uint8_t)(datapath_id >> (8 * (ETHER_ADDR_LEN - 1 - i)));
	rumpsw_if_setup(sc);
	if_initialize(&sc->sc_ec.ec_if);
	ether_ifattach(&sc->sc_ec.ec_if, address);
	if_register(&sc->sc_ec.ec_if);
	error = rumpsw_port_add_own(sc);
	if (error != 0) {
		(void)rumpsw_clone_destroy(&sc->sc_ec.ec_if);
		return error;
	}
	rumpsw_enter(sc);
	rumpsw_timer_start(sc);
	rumpsw_leave(sc);
	return 0;
}

static int
rumpsw_clone_destroy(struct ifnet *ifp)
{
	struct rumpsw *sc = ifp->if_softc;

	rumpsw_if_stop(ifp, 1);
	rumpsw_retire(sc);
	rumpsw_ports_remove_all(sc);
	ether_ifdetach(ifp);
	if_detach(ifp);
	rumpsw_release(sc);
	return 0;
}
