/*
 * Time: the monotonic clock, the callout that the core's deadline arms, and a slow look at the ports.
 *
 * The core says when it wants to be called next, so nothing runs while nothing is due. A deadline that
 * moved away is not chased: the callout fires early once and is armed anew. The other callout looks
 * at the members once a second, since this kernel tells nobody of a changed MTU or driver, and soon after
 * hooks.c heard of a changed link.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/time.h>
#include <sys/callout.h>

#include "rumpsw.h"

#define RUMPSW_SLICES 16		/* of long work in one tick, before others get the processor */
#define RUMPSW_SECOND 1000000000ULL

uint64_t
rumpsw_now(void)
{
	struct timespec ts;

	nanouptime(&ts);
	return (uint64_t)ts.tv_sec * RUMPSW_SECOND + (uint64_t)ts.tv_nsec;
}

static void
rumpsw_tick(void *arg)
{
	struct rumpsw *sc = arg;
	uint64_t now = rumpsw_now(), deadline = RUMPSWITCH_NEVER;
	int slices;

	rumpsw_enter(sc);
	sc->sc_armed = RUMPSWITCH_NEVER;
	if (sc->sc_gone) {
		mutex_exit(&sc->sc_lock);
		return;
	}
	sc->sc_ticks++;
	for (slices = 0; slices < RUMPSW_SLICES; slices++) {
		if (rumpswitch_tick(sc->sc_core, now, &deadline) != 0 || deadline > now)
			break;
	}
	rumpsw_leave(sc);
}

static void
rumpsw_watch(void *arg)
{
	struct rumpsw *sc = arg;

	rumpsw_enter(sc);
	if (sc->sc_gone) {
		mutex_exit(&sc->sc_lock);
		return;
	}
	rumpsw_ports_watch(sc);
	callout_schedule(&sc->sc_watch, hz);
	rumpsw_leave(sc);
}

void
rumpsw_timer_init(struct rumpsw *sc)
{

	sc->sc_armed = RUMPSWITCH_NEVER;
	callout_init(&sc->sc_tick, CALLOUT_MPSAFE);
	callout_setfunc(&sc->sc_tick, rumpsw_tick, sc);
	callout_init(&sc->sc_watch, CALLOUT_MPSAFE);
	callout_setfunc(&sc->sc_watch, rumpsw_watch, sc);
}

void
rumpsw_timer_start(struct rumpsw *sc)
{

	callout_schedule(&sc->sc_watch, hz);
}

/* From the next tick of the clock on: whoever changed the interface is done with it then. */
void
rumpsw_timer_look(struct rumpsw *sc)
{

	if (!sc->sc_gone)
		callout_schedule(&sc->sc_watch, 1);
}

void
rumpsw_timer_arm(struct rumpsw *sc, uint64_t now)
{
	uint64_t deadline, wait, count;

	if (sc->sc_gone || rumpswitch_next_deadline(sc->sc_core, &deadline) != 0)
		return;
	if (deadline == RUMPSWITCH_NEVER || deadline >= sc->sc_armed)
		return;
	wait = deadline > now ? deadline - now : 0;
	count = wait / (RUMPSW_SECOND / (uint64_t)hz) + 1;
	if (count > INT_MAX)
		count = INT_MAX;
	sc->sc_armed = deadline;
	callout_schedule(&sc->sc_tick, (int)count);
}

/* Both callouts are done when this returns; the lock is let go while it waits for them. */
void
rumpsw_timer_stop(struct rumpsw *sc)
{

	callout_halt(&sc->sc_tick, &sc->sc_lock);
	callout_halt(&sc->sc_watch, &sc->sc_lock);
	callout_destroy(&sc->sc_tick);
	callout_destroy(&sc->sc_watch);
}
