/*
 * The kernel's ways into a port. This file depends on the NetBSD release (written for 7.99.34): a port to
 * another one looks here first, then at events.c.
 *
 * Input: the interface's input routine is replaced, as bridge(4) does: the only place before promiscuous
 * frames are filtered. Output of the host's own stack: a pfil hook for PFIL_OUT of the interface, which
 * sees whole Ethernet frames and takes them; they enter the tables from LOCAL, so nothing of the host
 * passes a port beside the flow entries. Interfaces that go away: the PFIL_IFNET event of all interfaces.
 * Interfaces that come up, go down or change their link: the kernel tells address families alone, so there is
 * one without sockets, addresses or routes that only listens.
 *
 * The hooks find the port by its interface in a hash under the members lock and hold a use of it, which
 * whoever removes a port waits for.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/atomic.h>
#include <sys/domain.h>
#include <sys/errno.h>
#include <sys/kernel.h>
#include <sys/proc.h>

#include <net/if.h>
#include <net/if_ether.h>
#include <net/pfil.h>

#include "rumpsw.h"

#define RUMPSW_HASH 32			/* lists of members, by interface index */

static LIST_HEAD(, rumpsw_port) rumpsw_members[RUMPSW_HASH];
static kmutex_t rumpsw_members_lock;

static int rumpsw_hook_event(void *, struct mbuf **, struct ifnet *, int);
static void rumpsw_hook_changed(struct ifnet *);
static void rumpsw_hook_link(struct ifnet *, int);

static struct domain rumpsw_domain = {
	.dom_family = AF_MAX,		/* no address's */
	.dom_name = RUMPSW_NAME,
	.dom_if_up = rumpsw_hook_changed,
	.dom_if_down = rumpsw_hook_changed,
	.dom_if_link_state_change = rumpsw_hook_link,
};

void
rumpsw_hooks_init(void)
{
	int i;

	for (i = 0; i < RUMPSW_HASH; i++)
		LIST_INIT(&rumpsw_members[i]);
	mutex_init(&rumpsw_members_lock, MUTEX_DEFAULT, IPL_SOFTNET);
	domain_attach(&rumpsw_domain);
	if (pfil_add_hook(rumpsw_hook_event, NULL, PFIL_IFNET, if_pfil) != 0)
		printf("switch: no events of interfaces: remove a port before its interface\n");
}

struct rumpsw_port *
rumpsw_hooks_find(const struct ifnet *ifp)
{
	struct rumpsw_port *port;

	mutex_enter(&rumpsw_members_lock);
	LIST_FOREACH(port, &rumpsw_members[ifp->if_index % RUMPSW_HASH], p_of_members) {
		if (port->p_ifp == ifp) {
			atomic_inc_uint(&port->p_uses);
			break;
		}
	}
	mutex_exit(&rumpsw_members_lock);
	return port;
}

/* A frame that the driver of a member received. */
static void
rumpsw_hook_input(struct ifnet *ifp, struct mbuf *m)
{
	struct rumpsw_port *port;

	port = rumpsw_hooks_find(ifp);
	if (port == NULL) {
		m_freem(m);
		return;
	}
	rumpsw_ifnet_enter(port->p_switch, port->p_number, m);
	atomic_dec_uint(&port->p_uses);
}

/* A frame that the host's stack sends on a member. */
static int
rumpsw_hook_output(void *context, struct mbuf **frame, struct ifnet *ifp, int direction)
{
	struct rumpsw_port *port;
	struct mbuf *m = *frame;

	port = rumpsw_hooks_find(ifp);
	if (port == NULL)
		return 0;
	*frame = NULL;
	rumpsw_ifnet_enter(port->p_switch, RUMPSWITCH_PORT_LOCAL, m);
	atomic_dec_uint(&port->p_uses);
	return 0;
}

/* An interface comes or goes; this kernel passes the event in the place of the frame. */
static int
rumpsw_hook_event(void *context, struct mbuf **event, struct ifnet *ifp, int direction)
{
	struct rumpsw_port *port;
	struct rumpsw *sc;

	if ((u_long)event != PFIL_IFNET_DETACH)
		return 0;
	port = rumpsw_hooks_find(ifp);
	if (port == NULL)
		return 0;
	sc = port->p_switch;
	rumpsw_hold(sc);
	atomic_dec_uint(&port->p_uses);
	(void)rumpsw_port_remove(sc, ifp, true);
	rumpsw_release(sc);
	return 0;
}

/* An interface comes up or goes down, which its driver may still have to hear. */
static void
rumpsw_hook_changed(struct ifnet *ifp)
{
	struct rumpsw_port *port;

	port = rumpsw_hooks_find(ifp);
	if (port == NULL)
		return;
	mutex_enter(&port->p_switch->sc_lock);		/* the core is not asked, so nothing is to be sent */
	rumpsw_timer_look(port->p_switch);
	mutex_exit(&port->p_switch->sc_lock);
	atomic_dec_uint(&port->p_uses);
}

static void
rumpsw_hook_link(struct ifnet *ifp, int state)
{

	rumpsw_hook_changed(ifp);
}

bool
rumpsw_hooks_free(const struct ifnet *ifp)
{

	return ifp->_if_input == ether_input && ifp->if_bridge == NULL;
}

int
rumpsw_hooks_set(struct rumpsw_port *port)
{
	struct ifnet *ifp = port->p_ifp;
	int error;

	error = pfil_add_hook(rumpsw_hook_output, port, PFIL_OUT, ifp->if_pfil);
	if (error != 0)
		return error;
	mutex_enter(&rumpsw_members_lock);
	LIST_INSERT_HEAD(&rumpsw_members[ifp->if_index % RUMPSW_HASH], port, p_of_members);
	if (!port->p_local)
		ifp->_if_input = rumpsw_hook_input;
	mutex_exit(&rumpsw_members_lock);
	return 0;
}

/* No hook is in the port any more when this returns; may sleep. */
void
rumpsw_hooks_clear(struct rumpsw_port *port)
{
	struct ifnet *ifp = port->p_ifp;

	mutex_enter(&rumpsw_members_lock);
	LIST_REMOVE(port, p_of_members);
	if (ifp->_if_input == rumpsw_hook_input)	/* not so while the interface is being detached */
		ifp->_if_input = ether_input;
	mutex_exit(&rumpsw_members_lock);
	(void)pfil_remove_hook(rumpsw_hook_output, port, PFIL_OUT, ifp->if_pfil);
	/* Exchanged for itself: read behind what the last user did with the port, which is freed next. */
	while (atomic_cas_uint(&port->p_uses, 0, 0) != 0)
		(void)kpause("switchuse", false, 1, NULL);
}
