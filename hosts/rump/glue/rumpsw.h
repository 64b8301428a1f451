/*
 * What the files of the component know of each other: the switch, its ports, its opens.
 *
 * The NetBSD component rumpnet_switch stands between the kernel and librumpswitch (rumpswitch.h). One
 * file for each duty; each function below is said to be of one. A frame's way: hooks.c (the driver's
 * frame) or ifnet.c (the stack's) -> mbuf.c (as the core wants it) -> lock.c around
 * rumpswitch_process -> output.c (queued by the hypercall, sent after the lock). A message's way:
 * device.c (bytes between user and core) and events.c (who waits for what).
 *
 * Locks, in the order in which they are taken:
 *   config lock   of a switch: its ports come and go; may sleep; held across promiscuous mode
 *   lock          of a switch, IPL_SOFTNET: the core and all below marked (l); never held across
 *                 uiomove, copyin, copyout, a driver's or the stack's routines
 *   members lock  global, IPL_SOFTNET: which interface is a port; innermost but for the kernel's own
 *
 * Names: all begin with `rump`, so the renaming of a rump kernel's symbols leaves them alone, and the
 * same objects link beside anything.
 */
#ifndef RUMPSW_H
#define RUMPSW_H

#include <sys/param.h>
#include <sys/types.h>
#include <sys/queue.h>
#include <sys/mutex.h>
#include <sys/condvar.h>
#include <sys/callout.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/mbuf.h>
#include <net/if.h>
#include <net/if_ether.h>

#include "rumpswitch.h"
#include "rumpswitch_ioctl.h"

#define RUMPSW_NAME "switch"
#define RUMPSW_UNITS 10			/* device nodes; a switch beyond has none */
#define RUMPSW_OUTPUT_MAX 512		/* frames queued at a port */
#define RUMPSW_BUFFER_LEN 65536		/* of an open, each way: the longest message and one byte */

struct file;
struct knote;
struct rumpsw;

/* A port: an interface that is a member, or switchN itself (LOCAL). */
struct rumpsw_port {
	LIST_ENTRY(rumpsw_port) p_of_switch;	/* (l) */
	LIST_ENTRY(rumpsw_port) p_of_members;	/* (members lock) */
	struct rumpsw *p_switch;
	struct ifnet *p_ifp;
	uint8_t p_address[ETHER_ADDR_LEN];	/* as it was added: an interface loses it before its ports go */
	uint32_t p_number;			/* (l) */
	uint32_t p_protected;			/* (l) domains, a bit each */
	bool p_local;				/* frames for it go up into the stack */
	bool p_promiscuous;			/* (config lock) */
	bool p_draining;			/* (l) somebody sends what is queued */
	volatile u_int p_uses;			/* hooks that found it and are not done */
	struct rumpswitch_port p_told;		/* (l) what the core was told last */
	struct mbuf *p_head;			/* (l) frames to send, by m_nextpkt */
	struct mbuf **p_tail;			/* (l) */
	u_int p_count;				/* (l) */
};

/* An open of the device: one OpenFlow channel. */
struct rumpsw_open {
	LIST_ENTRY(rumpsw_open) o_list;		/* (l) */
	struct rumpsw *o_switch;
	uint64_t o_channel;
	kcondvar_t o_cv;			/* (l) readers and writers wait */
	struct selinfo o_select;		/* (l) */
	uint32_t o_rose;			/* (l) what became ready and was not told yet */
	bool o_reading;				/* (l) has the buffer below */
	bool o_writing;				/* (l) */
	bool o_restart;				/* (l) the descriptor is being closed */
	uint8_t *o_in;				/* bytes of the reader on their way out */
	size_t o_in_at;				/* what an earlier read could not hand over */
	size_t o_in_len;
	uint8_t *o_out;				/* bytes of the writer on their way in */
};

/* A switch. */
struct rumpsw {
	struct ethercom sc_ec;			/* the interface switchN; first, as the kernel wants it */
	LIST_ENTRY(rumpsw) sc_list;		/* (registry lock) */
	int sc_unit;
	u_int sc_references;			/* (registry lock) the interface, and each open */
	kmutex_t sc_config;
	kmutex_t sc_lock;
	kcondvar_t sc_idle;			/* (l) a port is no longer draining */
	struct rumpswitch *sc_core;		/* (l) */
	LIST_HEAD(, rumpsw_port) sc_ports;	/* (l) */
	LIST_HEAD(, rumpsw_open) sc_opens;	/* (l) */
	struct rumpsw_port *sc_own;		/* the interface as a port */
	struct rumpsw_port *sc_ingress;		/* (l) what the core has in hand came in by this one */
	volatile bool sc_local_elsewhere;	/* another interface is LOCAL */
	bool sc_gone;				/* (l) the interface is being destroyed */
	bool sc_output;				/* (l) some port has frames queued */
	bool sc_rose;				/* (l) some open is to be told */
	callout_t sc_tick;
	callout_t sc_watch;
	uint64_t sc_armed;			/* (l) when sc_tick fires; RUMPSWITCH_NEVER: it does not */
	uint64_t sc_ticks;			/* (l) */
};

/* component.c: the two doors. 0, or EPROGMISMATCH for another kernel than this was built for. */
int rumpnet_switch_attach(void);

/* instance.c: switches */
void rumpsw_instance_init(void);
int rumpsw_create(int unit, struct rumpsw **result);	/* 0 or errno; one reference is the caller's */
struct rumpsw *rumpsw_find(int unit);			/* with a reference, or NULL */
void rumpsw_hold(struct rumpsw *sc);			/* one reference more */
void rumpsw_release(struct rumpsw *sc);
void rumpsw_retire(struct rumpsw *sc);			/* no longer found; its channels end */

/* ifnet.c: the interface switchN */
void rumpsw_ifnet_init(void);
void rumpsw_ifnet_deliver(struct rumpsw_port *port, struct mbuf *m);
void rumpsw_ifnet_enter(struct rumpsw *sc, uint32_t number, struct mbuf *m);

/* ports.c: which ports there are */
int rumpsw_port_add(struct rumpsw *sc, struct ifnet *ifp);
int rumpsw_port_add_local(struct rumpsw *sc, struct ifnet *ifp);
int rumpsw_port_add_own(struct rumpsw *sc);
int rumpsw_port_remove(struct rumpsw *sc, struct ifnet *ifp, bool detached);
int rumpsw_port_renumber(struct rumpsw *sc, struct ifnet *ifp, uint32_t number);
int rumpsw_port_protect(struct rumpsw *sc, struct ifnet *ifp, uint32_t domains);
void rumpsw_ports_remove_all(struct rumpsw *sc);
void rumpsw_ports_watch(struct rumpsw *sc);		/* lock held: tells the core what changed */
struct rumpsw_port *rumpsw_port_of(struct rumpsw *sc, const struct ifnet *ifp);	/* lock held */
struct rumpsw_port *rumpsw_port_numbered(struct rumpsw *sc, uint32_t number);	/* lock held */
bool rumpsw_port_running(const struct ifnet *ifp);

/* hooks.c: the kernel's ways into a port (depends on the release) */
void rumpsw_hooks_init(void);
bool rumpsw_hooks_free(const struct ifnet *ifp);	/* nobody else has taken the interface */
int rumpsw_hooks_set(struct rumpsw_port *port);
void rumpsw_hooks_clear(struct rumpsw_port *port);
struct rumpsw_port *rumpsw_hooks_find(const struct ifnet *ifp);	/* with a use, or NULL */

/* mbuf.c: frames */
struct mbuf *rumpsw_mbuf_accept(struct mbuf *m);	/* NULL: freed */
void rumpsw_mbuf_view(struct mbuf *m, struct rumpswitch_frame *frame);
struct mbuf *rumpsw_mbuf_settle(const struct rumpswitch_frame *frame);
int rumpsw_mbuf_duplicate(void *host, const struct rumpswitch_frame *frame,
    struct rumpswitch_frame *copy);
int rumpsw_mbuf_allocate(void *host, size_t len, struct rumpswitch_frame *frame);
int rumpsw_mbuf_pull(void *host, struct rumpswitch_frame *frame, size_t len);
int rumpsw_mbuf_grow(void *host, struct rumpswitch_frame *frame, size_t front, size_t back);
int rumpsw_mbuf_copy_out(void *host, const struct rumpswitch_frame *frame, size_t offset, void *into,
    size_t len);
void rumpsw_mbuf_discard(void *host, struct rumpswitch_frame *frame);

/* output.c: frames out */
int rumpsw_output_transmit(void *host, uint32_t port, const struct rumpswitch_meta *meta,
    struct rumpswitch_frame *frame);
void rumpsw_output_drain(struct rumpsw *sc);		/* lock held, let go and taken again */
void rumpsw_output_drop(struct rumpsw_port *port);	/* lock held */

/* ioctl.c: requests on the interface */
int rumpsw_ioctl(struct rumpsw *sc, u_long request, void *data);

/* device.c: /dev/switchN */
int rumpsw_device_init(void);

/* events.c: poll and kqueue (depends on the release) */
void rumpsw_events_wake(void *host, uint64_t channel, uint32_t ready);
void rumpsw_events_tell(struct rumpsw *sc);		/* lock held */
int rumpsw_events_poll(struct file *fp, int events);
int rumpsw_events_kqfilter(struct file *fp, struct knote *kn);
uint32_t rumpsw_events_ready(struct rumpsw_open *o, uint32_t *pending);	/* lock held */

/* memory.c: where the core's memory comes from, and its end */
int rumpsw_memory_init(void);

/* timer.c: time */
uint64_t rumpsw_now(void);				/* ns, monotonic */
void rumpsw_timer_init(struct rumpsw *sc);
void rumpsw_timer_start(struct rumpsw *sc);		/* lock held */
void rumpsw_timer_arm(struct rumpsw *sc, uint64_t now);	/* lock held */
void rumpsw_timer_look(struct rumpsw *sc);		/* lock held: at the ports, soon */
void rumpsw_timer_stop(struct rumpsw *sc);		/* lock held */

/* lock.c: around every use of the core */
void rumpsw_enter(struct rumpsw *sc);
void rumpsw_leave(struct rumpsw *sc);

/* errno.c */
int rumpsw_errno(int error);

#endif /* RUMPSW_H */
