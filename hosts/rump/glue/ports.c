/*
 * Which ports a switch has: added, removed, renumbered, and what the core is told of them.
 *
 * A member is an Ethernet interface in promiscuous mode whose frames hooks.c brings here. LOCAL is the
 * interface switchN itself, or another one that was made it. A port leaves in this order: no hook finds
 * it, the core forgets it, nobody is sending on it, the memory is freed; each step waits for the last.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/kmem.h>

#include <net/if.h>
#include <net/if_dl.h>
#include <net/if_ether.h>
#include <net/if_types.h>

#include "rumpsw.h"

bool
rumpsw_port_running(const struct ifnet *ifp)
{

	return (ifp->if_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING) &&
	    ifp->if_link_state != LINK_STATE_DOWN;
}

/* What there is to say of a port now. */
static void
rumpsw_port_describe(const struct rumpsw_port *port, struct rumpswitch_port *say)
{
	const struct ifnet *ifp = port->p_ifp;

	memset(say, 0, sizeof(*say));
	say->number = port->p_number;
	strlcpy(say->name, ifp->if_xname, sizeof(say->name));
	memcpy(say->hw_addr, port->p_address, sizeof(say->hw_addr));
	say->state = rumpsw_port_running(ifp) ? 0 : RUMPSWITCH_LINK_DOWN;
	say->curr_speed = (uint32_t)MIN(ifp->if_baudrate / 1000, UINT32_MAX);
	say->max_speed = say->curr_speed;
	say->max_frame = (uint32_t)MIN(ifp->if_mtu, 65535 - ETHER_HDR_LEN) + ETHER_HDR_LEN;
}

struct rumpsw_port *
rumpsw_port_of(struct rumpsw *sc, const struct ifnet *ifp)
{
	struct rumpsw_port *port;

	LIST_FOREACH(port, &sc->sc_ports, p_of_switch) {
		if (port->p_ifp == ifp)
			break;
	}
	return port;
}

struct rumpsw_port *
rumpsw_port_numbered(struct rumpsw *sc, uint32_t number)
{
	struct rumpsw_port *port;

	LIST_FOREACH(port, &sc->sc_ports, p_of_switch) {
		if (port->p_number == number)
			break;
	}
	return port;
}

void
rumpsw_ports_watch(struct rumpsw *sc)
{
	struct rumpswitch_port say;
	struct rumpsw_port *port;

	LIST_FOREACH(port, &sc->sc_ports, p_of_switch) {
		rumpsw_port_describe(port, &say);
		if (memcmp(&say, &port->p_told, sizeof(say)) == 0)
			continue;
		if (rumpswitch_port_change(sc->sc_core, rumpsw_now(), &say) == 0)
			port->p_told = say;
	}
}

static struct rumpsw_port *
rumpsw_port_new(struct rumpsw *sc, struct ifnet *ifp, bool local)
{
	struct rumpsw_port *port;

	port = kmem_zalloc(sizeof(*port), KM_SLEEP);
	port->p_switch = sc;
	port->p_ifp = ifp;
	port->p_local = local;
	memcpy(port->p_address, CLLADDR(ifp->if_sadl), sizeof(port->p_address));
	port->p_number = RUMPSWITCH_PORT_LOCAL;
	port->p_tail = &port->p_head;
	return port;
}

/* The core and the list get to know a port. A member's number: its interface's index, or the next free. */
static int
rumpsw_port_announce(struct rumpsw *sc, struct rumpsw_port *port)
{
	uint32_t number;
	int error;

	rumpsw_enter(sc);
	if (!port->p_local) {
		number = port->p_ifp->if_index;
		while (rumpsw_port_numbered(sc, number) != NULL)
			number++;
		port->p_number = number;
	}
	rumpsw_port_describe(port, &port->p_told);
	error = sc->sc_gone ? ENXIO :
	    rumpsw_errno(rumpswitch_port_add(sc->sc_core, rumpsw_now(), &port->p_told));
	if (error == 0)
		LIST_INSERT_HEAD(&sc->sc_ports, port, p_of_switch);
	rumpsw_leave(sc);
	return error;
}

/* And forget it. */
static void
rumpsw_port_renounce(struct rumpsw *sc, struct rumpsw_port *port)
{

	rumpsw_enter(sc);
	LIST_REMOVE(port, p_of_switch);
	(void)rumpswitch_port_remove(sc->sc_core, rumpsw_now(), port->p_number);
	rumpsw_output_drop(port);
	while (port->p_draining)
		cv_wait(&sc->sc_idle, &sc->sc_lock);
	rumpsw_leave(sc);
}

int
rumpsw_port_add_own(struct rumpsw *sc)
{
	int error;

	sc->sc_own = rumpsw_port_new(sc, &sc->sc_ec.ec_if, true);
	error = rumpsw_port_announce(sc, sc->sc_own);
	if (error != 0) {
		kmem_free(sc->sc_own, sizeof(*sc->sc_own));
		sc->sc_own = NULL;
	}
	return error;
}

/* Undoes what rumpsw_port_install did; config lock held. */
static void
rumpsw_port_uninstall(struct rumpsw *sc, struct rumpsw_port *port, bool detached)
{
	struct ifnet *ifp = port->p_ifp;

	rumpsw_hooks_clear(port);
	rumpsw_port_renounce(sc, port);
	if (port->p_promiscuous && !detached)
		(void)ifpromisc(ifp, 0);
	if (port->p_local && rumpsw_port_announce(sc, sc->sc_own) == 0)
		sc->sc_local_elsewhere = false;
	kmem_free(port, sizeof(*port));
}

/* Makes an interface that nobody has a port; config lock held. */
static int
rumpsw_port_install(struct rumpsw *sc, struct ifnet *ifp, bool local)
{
	struct rumpsw_port *port;
	int error;

	port = rumpsw_port_new(sc, ifp, local);
	if (local) {
		rumpsw_port_renounce(sc, sc->sc_own);
		sc->sc_local_elsewhere = true;
	}
	error = rumpsw_port_announce(sc, port);
	if (error != 0) {
		if (local && rumpsw_port_announce(sc, sc->sc_own) == 0)
			sc->sc_local_elsewhere = false;
		kmem_free(port, sizeof(*port));
		return error;
	}
	error = rumpsw_hooks_set(port);
	if (error != 0) {
		rumpsw_port_renounce(sc, port);
		if (local && rumpsw_port_announce(sc, sc->sc_own) == 0)
			sc->sc_local_elsewhere = false;
		kmem_free(port, sizeof(*port));
		return error;
	}
	if (!local) {
		error = ifpromisc(ifp, 1);
		port->p_promiscuous = error == 0;
		if (error != 0)
			rumpsw_port_uninstall(sc, port, false);
	}
	return error;
}

static bool
rumpsw_port_here(struct rumpsw *sc, const struct ifnet *ifp)
{
	bool here;

	rumpsw_enter(sc);
	here = rumpsw_port_of(sc, ifp) != NULL;
	rumpsw_leave(sc);
	return here;
}

int
rumpsw_port_add(struct rumpsw *sc, struct ifnet *ifp)
{
	int error;

	if (ifp->if_type != IFT_ETHER)
		return EPROTONOSUPPORT;
	mutex_enter(&sc->sc_config);
	if (ifp == &sc->sc_ec.ec_if || rumpsw_port_here(sc, ifp))
		error = EEXIST;
	else if (!rumpsw_hooks_free(ifp))
		error = EBUSY;
	else
		error = rumpsw_port_install(sc, ifp, false);
	mutex_exit(&sc->sc_config);
	return error;
}

int
rumpsw_port_add_local(struct rumpsw *sc, struct ifnet *ifp)
{
	int error;

	if (ifp->if_type != IFT_ETHER)
		return EPROTONOSUPPORT;
	mutex_enter(&sc->sc_config);
	if (sc->sc_local_elsewhere || ifp == &sc->sc_ec.ec_if)
		error = EEXIST;
	else if (rumpsw_port_here(sc, ifp) || !rumpsw_hooks_free(ifp))
		error = ESRCH;
	else
		error = rumpsw_port_install(sc, ifp, true);
	mutex_exit(&sc->sc_config);
	return error;
}

int
rumpsw_port_remove(struct rumpsw *sc, struct ifnet *ifp, bool detached)
{
	struct rumpsw_port *port;

	mutex_enter(&sc->sc_config);
	rumpsw_enter(sc);
	port = rumpsw_port_of(sc, ifp);
	rumpsw_leave(sc);
	if (port == NULL || port == sc->sc_own) {
		mutex_exit(&sc->sc_config);
		return ENOENT;
	}
	rumpsw_port_uninstall(sc, port, detached);
	mutex_exit(&sc->sc_config);
	return 0;
}

int
rumpsw_port_renumber(struct rumpsw *sc, struct ifnet *ifp, uint32_t number)
{
	struct rumpswitch_renumber change;
	struct rumpsw_port *port;
	int error;

	if (number == 0 || number >= RUMPSWITCH_PORT_MAX)
		return EINVAL;
	rumpsw_enter(sc);
	port = rumpsw_port_of(sc, ifp);
	if (port == NULL) {
		error = ENOENT;
	} else if (port->p_local) {
		error = EINVAL;
	} else {
		change.from = port->p_number;
		change.to = number;
		error = rumpsw_errno(rumpswitch_ioctl(sc->sc_core, 0, rumpsw_now(),
		    RUMPSWITCH_SET_PORT_NUMBER, &change, sizeof(change)));
		if (error == 0)
			port->p_number = port->p_told.number = number;
	}
	rumpsw_leave(sc);
	return error;
}

int
rumpsw_port_protect(struct rumpsw *sc, struct ifnet *ifp, uint32_t domains)
{
	struct rumpsw_port *port;

	rumpsw_enter(sc);
	port = rumpsw_port_of(sc, ifp);
	if (port != NULL)
		port->p_protected = domains;
	rumpsw_leave(sc);
	return port != NULL ? 0 : ESRCH;
}

/* For a switch that is going away: its members, then its own port. */
void
rumpsw_ports_remove_all(struct rumpsw *sc)
{
	struct rumpsw_port *port;

	mutex_enter(&sc->sc_config);
	for (;;) {
		rumpsw_enter(sc);
		LIST_FOREACH(port, &sc->sc_ports, p_of_switch) {
			if (port != sc->sc_own)
				break;
		}
		rumpsw_leave(sc);
		if (port == NULL)
			break;
		rumpsw_port_uninstall(sc, port, false);
	}
	if (sc->sc_own != NULL) {
		if (rumpsw_port_here(sc, sc->sc_own->p_ifp))
			rumpsw_port_renounce(sc, sc->sc_own);
		kmem_free(sc->sc_own, sizeof(*sc->sc_own));
		sc->sc_own = NULL;
	}
	mutex_exit(&sc->sc_config);
}
