/*
 * Around every use of the core.
 *
 * The core is one thread's at a time and is not called from its own hypercalls, so what a call brings
 * (frames to send, waiters to wake, a new deadline) is kept by the hypercalls and done here when the
 * caller leaves: waiters under the lock, as select wants it; frames without it, since drivers and the
 * stack may sleep, take the kernel lock, or answer with a frame for this very switch.
 */
#include <sys/param.h>
#include <sys/mutex.h>

#include "rumpsw.h"

void
rumpsw_enter(struct rumpsw *sc)
{

	mutex_enter(&sc->sc_lock);
}

void
rumpsw_leave(struct rumpsw *sc)
{

	do {
		if (sc->sc_rose)
			rumpsw_events_tell(sc);
		if (sc->sc_output)
			rumpsw_output_drain(sc);
	} while (sc->sc_rose);
	rumpsw_timer_arm(sc, rumpsw_now());
	mutex_exit(&sc->sc_lock);
}
