/*
 * Frames on their way out.
 *
 * The hypercall queues a frame at its port, under the lock; whoever leaves the core (lock.c) takes all
 * that is queued and sends it without the lock. A port is drained by one thread at a time, so its frames
 * keep their order, and what a driver or the stack answers with for the same port waits for the loop
 * instead of growing the stack.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/mbuf.h>

#include <net/if.h>
#include <net/if_ether.h>

#include "rumpsw.h"

/* The longest frame that the driver takes: some assert it, so the glue looks, too. */
static bool
rumpsw_output_fits(const struct ifnet *ifp, struct mbuf *m)
{
	const struct ethercom *ec = (const struct ethercom *)ifp;
	size_t most = ifp->if_mtu + ETHER_HDR_LEN;

	if ((ec->ec_capabilities & ETHERCAP_VLAN_MTU) != 0)
		most += ETHER_VLAN_ENCAP_LEN;
	return (size_t)m->m_pkthdr.len <= most;
}

/* Whether protected domains keep what is in hand from a port. */
static bool
rumpsw_output_protected(const struct rumpsw_port *port)
{
	const struct rumpsw_port *ingress = port->p_switch->sc_ingress;

	return ingress != NULL && ingress != port && (ingress->p_protected & port->p_protected) != 0;
}

int
rumpsw_output_transmit(void *host, uint32_t number, const struct rumpswitch_meta *meta,
    struct rumpswitch_frame *frame)
{
	struct rumpsw *sc = host;
	struct rumpsw_port *port = rumpsw_port_numbered(sc, number);
	struct mbuf *m = rumpsw_mbuf_settle(frame);

	if (port != NULL && rumpsw_output_protected(port)) {
		m_freem(m);
		return 1;
	}
	if (port == NULL || port->p_count >= RUMPSW_OUTPUT_MAX ||
	    !rumpsw_port_running(port->p_ifp) ||
	    (!port->p_local && !rumpsw_output_fits(port->p_ifp, m))) {
		if (port != NULL)
			port->p_ifp->if_oerrors++;
		m_freem(m);
		return 1;
	}
	m->m_nextpkt = NULL;
	*port->p_tail = m;
	port->p_tail = &m->m_nextpkt;
	port->p_count++;
	sc->sc_output = true;
	return 0;
}

/* One frame to the driver of a member, which owns it whatever comes of it. */
static void
rumpsw_output_send(struct rumpsw_port *port, struct mbuf *m)
{

	if (port->p_local) {
		rumpsw_ifnet_deliver(port, m);
	} else if (!rumpsw_port_running(port->p_ifp)) {
		m_freem(m);
	} else {
		if ((*mtod(m, uint8_t *) & 1) != 0)
			m->m_flags |= M_MCAST;
		(void)if_transmit_lock(port->p_ifp, m);
	}
}

void
rumpsw_output_drain(struct rumpsw *sc)
{
	struct rumpsw_port *port;
	struct mbuf *m, *next;

	for (;;) {
		LIST_FOREACH(port, &sc->sc_ports, p_of_switch) {
			if (port->p_head != NULL && !port->p_draining)
				break;
		}
		if (port == NULL)
			break;
		m = port->p_head;
		port->p_head = NULL;
		port->p_tail = &port->p_head;
		port->p_count = 0;
		port->p_draining = true;
		mutex_exit(&sc->sc_lock);
		for (; m != NULL; m = next) {
			next = m->m_nextpkt;
			m->m_nextpkt = NULL;
			rumpsw_output_send(port, m);
		}
		mutex_enter(&sc->sc_lock);
		port->p_draining = false;
		cv_broadcast(&sc->sc_idle);
	}
	sc->sc_output = false;
}

void
rumpsw_output_drop(struct rumpsw_port *port)
{
	struct mbuf *m;

	while ((m = port->p_head) != NULL) {
		port->p_head = m->m_nextpkt;
		m->m_nextpkt = NULL;
		m_freem(m);
	}
	port->p_tail = &port->p_head;
	port->p_count = 0;
}
