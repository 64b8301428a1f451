/*
 * What a test may do to the stand-in kernel, beside the system calls (rump/rump_syscalls.h). Included by
 * both worlds: nothing but the compiler's own types. Unless said otherwise a function may be called by any
 * thread, and a defect of the caller ends the process.
 */
#ifndef RUMPMOCK_H
#define RUMPMOCK_H

/* ---- life ---- */

/* The version that the kernel says it is, before rump_init; 0: the one its headers state. */
void rumpmock_version(int version);

/* Ends the clock's thread and closes every descriptor: what is still there then is a leak. */
void rumpmock_shutdown(void);

/* Calls of kmem_*alloc that were not freed, their bytes; mbufs and clusters; interfaces; open files. */
struct rumpmock_balance {
	long kmem_blocks;
	long kmem_bytes;
	long mbufs;
	long clusters;
	long files;
	long knotes;
	long mutexes;
	long condvars;
	long callouts;
};
void rumpmock_balance(struct rumpmock_balance *balance);

/* Nothing but 0, told by name on stderr where it is not. 1: all 0. */
int rumpmock_balanced(const struct rumpmock_balance *before);

/* Does what the which-th rule forbids and so panics; 0: there are no more. */
int rumpmock_misdeed(int which);

/* ---- faults ---- */

enum rumpmock_fault {
	RUMPMOCK_FAULT_KMEM,		/* kmem_*alloc with KM_NOSLEEP */
	RUMPMOCK_FAULT_MBUF,		/* m_get and all that needs one */
	RUMPMOCK_FAULT_CLUSTER,
	RUMPMOCK_FAULT_COUNT
};

/* The n-th call from now on fails (1: the next), and, if `after` is not 0, all that follow. 0: none. */
void rumpmock_fail(enum rumpmock_fault kind, unsigned long n, int after);
/* How often the kind was asked for since the last rumpmock_fail. */
unsigned long rumpmock_asked(enum rumpmock_fault kind);

/* Called (if not NULL) in the middle of each copy between kernel and user: a slow or hostile client. */
void rumpmock_copy_hook(void (*hook)(void *), void *arg);

/* The caller's process may configure interfaces (at first it may). */
void rumpmock_super(int allowed);

/* ---- time ---- */

/* The clock stands still from here on and moves by rumpmock_advance only. Before rump_init. */
void rumpmock_virtual_clock(void);
/* Moves it, calling each callout that becomes due at its own time, in this thread. */
void rumpmock_advance(unsigned long nanoseconds);
/* When the next callout is due (uptime, ns); ~0UL: none. */
unsigned long rumpmock_next_callout(void);
unsigned long rumpmock_uptime(void);
/* How many callouts were called so far. */
unsigned long rumpmock_callouts(void);

/* ---- processes ---- */

/* The process of this thread is killed: its interruptible waits end, its descriptors are closed. */
int rumpmock_getpid(void);
void rumpmock_kill(int pid);

/* ---- ports ---- */

/*
 * An Ethernet interface "name" (letters, then a unit) whose other end is the test's: up and running,
 * MTU 1500. 0, or the errno. Sending a frame of more than MTU + 14 bytes on it panics.
 */
int rumpmock_port_create(const char *name);
int rumpmock_port_destroy(const char *name);

/*
 * A frame from the wire. `cuts` are the lengths of the mbufs of the chain but the last, ended by 0
 * (NULL: none, so one mbuf); each above 400 bytes lies in a cluster. `flags`: 1: the clusters are shared
 * with someone else; 2: the first mbuf is read-only. 0, or the errno (ENXIO, ENETDOWN, ENOBUFS).
 */
int rumpmock_port_receive(const char *name, const void *frame, unsigned long len,
    const unsigned *cuts, int flags);
#define RUMPMOCK_SHARED 1
#define RUMPMOCK_READONLY 2
#define RUMPMOCK_SOFTINT 4		/* delivered in a softint, without the kernel lock */

/* Takes the oldest frame that was sent on it. Its length, -1: none; at most `len` bytes are copied. */
long rumpmock_port_sent(const char *name, void *into, unsigned long len);

/* What if_transmit of it answers from now on, the frame being freed (0: sends again). */
int rumpmock_port_refuse(const char *name, int error);

/* IFF_UP and IFF_RUNNING as given; link state; MTU. */
int rumpmock_port_flags(const char *name, int up, int running);
int rumpmock_port_link(const char *name, int state);
int rumpmock_port_mtu(const char *name, int mtu);

/* if_index, which is the OpenFlow port number if that is free; -1: no such interface. */
int rumpmock_port_index(const char *name);
/* Promiscuous listeners; -1: no such interface. */
int rumpmock_promiscuous(const char *name);
/* 1: the interface's input routine is the stack's own again and nobody filters its output. */
int rumpmock_untouched(const char *name);
/* Type of any interface made by hand: to be told "no Ethernet"; another input routine: taken by others. */
int rumpmock_port_type(const char *name, int type);
int rumpmock_port_steal(const char *name, int steal);

/* ---- the host's stack ---- */

/* The stack sends a frame on an interface, as ether_output would: pfil, queue, if_start. */
int rumpmock_stack_send(const char *name, const void *frame, unsigned long len);
/* Takes the oldest frame that came up into the stack on the interface. Its length, -1: none. */
long rumpmock_stack_received(const char *name, void *into, unsigned long len);

#endif
