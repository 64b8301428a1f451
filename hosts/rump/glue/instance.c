/*
 * Switches: made, found by their unit, counted, freed.
 *
 * A switch lives as long as its interface or any open of its device: a program that holds the device
 * of a destroyed switch reads what was left and then the end.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>
#include <sys/cprng.h>
#include <sys/errno.h>

#include "rumpsw.h"

static LIST_HEAD(, rumpsw) rumpsw_all;
static kmutex_t rumpsw_registry;

static const struct rumpswitch_hypercalls rumpsw_hypercalls = {
	.revision = RUMPSWITCH_REVISION,
	.size = sizeof(rumpsw_hypercalls),
	.transmit = rumpsw_output_transmit,
	.discard = rumpsw_mbuf_discard,
	.duplicate = rumpsw_mbuf_duplicate,
	.allocate = rumpsw_mbuf_allocate,
	.pull = rumpsw_mbuf_pull,
	.grow = rumpsw_mbuf_grow,
	.copy_out = rumpsw_mbuf_copy_out,
	.wake = rumpsw_events_wake,
};

void
rumpsw_instance_init(void)
{

	LIST_INIT(&rumpsw_all);
	mutex_init(&rumpsw_registry, MUTEX_DEFAULT, IPL_NONE);
}

/* The core, with a random datapath id in the form of a locally administered Ethernet address. */
static int
rumpsw_core_create(struct rumpsw *sc, int unit)
{
	struct rumpswitch_config config;
	char description[RUMPSWITCH_NAME_LEN];
	int error;

	error = rumpswitch_config_default(&config);
	if (error != 0)
		return rumpsw_errno(error);
	snprintf(description, sizeof(description), "%s%d", RUMPSW_NAME, unit);
	config.description = description;
	config.seed = cprng_fast64();
	config.datapath_id = (cprng_fast64() & 0xfcffffffffffULL) | 0x020000000000ULL;
	return rumpsw_errno(rumpswitch_create(&config, &rumpsw_hypercalls, sc, &sc->sc_core));
}

int
rumpsw_create(int unit, struct rumpsw **result)
{
	struct rumpsw *sc;
	int error;

	sc = kmem_zalloc(sizeof(*sc), KM_SLEEP);
	sc->sc_unit = unit;
	sc->sc_references = 1;
	LIST_INIT(&sc->sc_ports);
	LIST_INIT(&sc->sc_opens);
	error = rumpsw_core_create(sc, unit);
	if (error != 0) {
		kmem_free(sc, sizeof(*sc));
		return error;
	}
	mutex_init(&sc->sc_config, MUTEX_DEFAULT, IPL_NONE);
	mutex_init(&sc->sc_lock, MUTEX_DEFAULT, IPL_SOFTNET);
	cv_init(&sc->sc_idle, "switchidl");
	rumpsw_timer_init(sc);
	mutex_enter(&rumpsw_registry);
	LIST_INSERT_HEAD(&rumpsw_all, sc, sc_list);
	mutex_exit(&rumpsw_registry);
	*result = sc;
	return 0;
}

struct rumpsw *
rumpsw_find(int unit)
{
	struct rumpsw *sc;

	mutex_enter(&rumpsw_registry);
	LIST_FOREACH(sc, &rumpsw_all, sc_list) {
		if (sc->sc_unit == unit) {
			sc->sc_references++;
			break;
		}
	}
	mutex_exit(&rumpsw_registry);
	return sc;
}

void
rumpsw_hold(struct rumpsw *sc)
{

	mutex_enter(&rumpsw_registry);
	sc->sc_references++;
	mutex_exit(&rumpsw_registry);
}

void
rumpsw_release(struct rumpsw *sc)
{
	bool last;

	mutex_enter(&rumpsw_registry);
	last = --sc->sc_references == 0;
	mutex_exit(&rumpsw_registry);
	if (!last)
		return;
	KASSERT(LIST_EMPTY(&sc->sc_opens));
	KASSERT(LIST_EMPTY(&sc->sc_ports));
	rumpswitch_destroy(sc->sc_core);
	cv_destroy(&sc->sc_idle);
	mutex_destroy(&sc->sc_lock);
	mutex_destroy(&sc->sc_config);
	kmem_free(sc, sizeof(*sc));
}

void
rumpsw_retire(struct rumpsw *sc)
{
	struct rumpsw_open *o;

	mutex_enter(&rumpsw_registry);
	LIST_REMOVE(sc, sc_list);
	mutex_exit(&rumpsw_registry);

	rumpsw_enter(sc);
	sc->sc_gone = true;
	(void)rumpswitch_hang_up(sc->sc_core);
	LIST_FOREACH(o, &sc->sc_opens, o_list)
		o->o_rose = RUMPSWITCH_READABLE | RUMPSWITCH_WRITABLE | RUMPSWITCH_HANGUP;
	sc->sc_rose = true;
	rumpsw_timer_stop(sc);
	rumpsw_leave(sc);
}
