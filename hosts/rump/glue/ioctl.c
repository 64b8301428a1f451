/*
 * Requests on the interface switchN (rumpswitch_ioctl.h): ports, datapath id, limits.
 *
 * They come from a socket through the kernel's own interface requests, which have looked the switch up by
 * the first member and hold its configuration still. Who may change something is asked here.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/proc.h>
#include <sys/psref.h>

#include <net/if.h>

#include "rumpsw.h"

#define RUMPSW_LIST_MAX 1024		/* ports told in one answer */

static int
rumpsw_ioctl_authorize(struct rumpsw *sc, u_long request)
{

	switch (request) {
	case SIOCBRDGADD:
	case SIOCBRDGDEL:
	case SIOCBRDGADDL:
	case SIOCBRDGSIFPROT:
	case SIOCSWSDPID:
	case SIOCSWSPORTNO:
		return kauth_authorize_network(curlwp->l_cred, KAUTH_NETWORK_INTERFACE,
		    KAUTH_REQ_NETWORK_INTERFACE_SETPRIV, &sc->sc_ec.ec_if, (void *)request, NULL);
	default:
		return 0;
	}
}

/* What is said of a port; lock held. */
static void
rumpsw_ioctl_describe(struct rumpsw *sc, const struct rumpsw_port *port,
    struct rumpswitch_ifbreq *say)
{

	memset(say, 0, sizeof(*say));
	strlcpy(say->ifbr_name, sc->sc_ec.ec_if.if_xname, sizeof(say->ifbr_name));
	strlcpy(say->ifbr_ifsname, port->p_ifp->if_xname, sizeof(say->ifbr_ifsname));
	say->ifbr_portno = port->p_number;
	say->ifbr_protected = port->p_protected;
	if (port->p_local)
		say->ifbr_flags |= RUMPSWITCH_IFBIF_LOCAL;
	if (rumpsw_port_running(port->p_ifp))
		say->ifbr_flags |= RUMPSWITCH_IFBIF_RUNNING;
}

static int
rumpsw_ioctl_flags(struct rumpsw *sc, const struct ifnet *ifp, struct rumpswitch_ifbreq *request)
{
	struct rumpsw_port *port;

	rumpsw_enter(sc);
	port = rumpsw_port_of(sc, ifp);
	if (port != NULL)
		rumpsw_ioctl_describe(sc, port, request);
	rumpsw_leave(sc);
	return port != NULL ? 0 : ESRCH;
}

/* The requests that name an interface. */
static int
rumpsw_ioctl_port(struct rumpsw *sc, u_long request, struct rumpswitch_ifbreq *argument)
{
	struct ifnet *ifp;
	struct psref reference;
	int bound, error;

	argument->ifbr_ifsname[RUMPSWITCH_NAME_LEN - 1] = '\0';
	bound = curlwp_bind();
	ifp = if_get(argument->ifbr_ifsname, &reference);
	if (ifp == NULL) {
		curlwp_bindx(bound);
		return ENOENT;
	}
	switch (request) {
	case SIOCBRDGADD:
		error = rumpsw_port_add(sc, ifp);
		break;
	case SIOCBRDGADDL:
		error = rumpsw_port_add_local(sc, ifp);
		break;
	case SIOCBRDGDEL:
		error = rumpsw_port_remove(sc, ifp, false);
		break;
	case SIOCSWSPORTNO:
		error = rumpsw_port_renumber(sc, ifp, argument->ifbr_portno);
		break;
	case SIOCBRDGSIFPROT:
		error = rumpsw_port_protect(sc, ifp, argument->ifbr_protected);
		break;
	default:
		error = rumpsw_ioctl_flags(sc, ifp, argument);
		break;
	}
	if_put(ifp, &reference);
	curlwp_bindx(bound);
	return error;
}

/* The list is written down under the lock and copied out without it. */
static int
rumpsw_ioctl_list(struct rumpsw *sc, struct rumpswitch_ifbifconf *argument)
{
	struct rumpswitch_ifbreq *list;
	struct rumpsw_port *port;
	size_t room, count = 0, there = 0;
	int error;

	room = MIN(argument->ifbic_len / sizeof(*list), RUMPSW_LIST_MAX);
	list = kmem_zalloc((room + 1) * sizeof(*list), KM_SLEEP);
	rumpsw_enter(sc);
	LIST_FOREACH(port, &sc->sc_ports, p_of_switch) {
		there++;
		if (count < room)
			rumpsw_ioctl_describe(sc, port, &list[count++]);
	}
	rumpsw_leave(sc);
	if (argument->ifbic_len == 0) {
		argument->ifbic_len = there * sizeof(*list);
		error = 0;
	} else {
		argument->ifbic_len = count * sizeof(*list);
		error = count == 0 ? 0 : copyout(list, (void *)(uintptr_t)argument->ifbic_req,
		    count * sizeof(*list));
	}
	kmem_free(list, (room + 1) * sizeof(*list));
	return error;
}

/* The requests about a setting of the core. */
static int
rumpsw_ioctl_setting(struct rumpsw *sc, uint32_t request, uint64_t *value, bool wide)
{
	uint32_t narrow = 0;
	int error;

	rumpsw_enter(sc);
	error = rumpswitch_ioctl(sc->sc_core, 0, rumpsw_now(), request,
	    wide ? (void *)value : (void *)&narrow, wide ? sizeof(*value) : sizeof(narrow));
	rumpsw_leave(sc);
	if (error == 0 && !wide)
		*value = narrow;
	return rumpsw_errno(error);
}

int
rumpsw_ioctl(struct rumpsw *sc, u_long request, void *data)
{
	struct rumpswitch_ifbrparam *setting = data;
	struct rumpswitch_ifbifconf *list = data;
	int error;

	error = rumpsw_ioctl_authorize(sc, request);
	if (error != 0)
		return error;
	switch (request) {
	case SIOCBRDGADD:
	case SIOCBRDGDEL:
	case SIOCBRDGADDL:
	case SIOCBRDGGIFFLGS:
	case SIOCBRDGSIFPROT:
	case SIOCSWSPORTNO:
		return rumpsw_ioctl_port(sc, request, data);
	case SIOCBRDGIFS:
		return rumpsw_ioctl_list(sc, list);
	case SIOCBRDGRTS:
	case SIOCBRDGGRL:
		list->ifbic_len = 0;
		return 0;
	case SIOCSWGDPID:
		return rumpsw_ioctl_setting(sc, RUMPSWITCH_GET_DATAPATH_ID, &setting->ifbrp_value, true);
	case SIOCSWSDPID:
		return rumpsw_ioctl_setting(sc, RUMPSWITCH_SET_DATAPATH_ID, &setting->ifbrp_value, true);
	case SIOCSWGMAXFLOW:
		return rumpsw_ioctl_setting(sc, RUMPSWITCH_GET_MAX_FLOW, &setting->ifbrp_value, false);
	case SIOCSWGMAXGROUP:
		return rumpsw_ioctl_setting(sc, RUMPSWITCH_GET_MAX_GROUP, &setting->ifbrp_value, false);
	default:
		return ENOTTY;
	}
}
