/*
 * Requests on switchN interfaces and on /dev/switchN, for programs on either side of a rump kernel.
 *
 * NetBSD has no numbers for a switch, so this header fixes them: the names and the errors are those of
 * switch(4), the structures are of fixed width and the same for every compiler, and the numbers are
 * encoded as NetBSD does it whatever the program is compiled on. Requests named SIOC... go to a socket
 * of any domain, like every interface request, and name the switch in their first member; those named
 * RUMPSWITCH_IOC... go to an open /dev/switchN.
 *
 * "super" below: the caller must be allowed to configure interfaces, else EPERM. Each request answers
 * ENXIO where there is no such switch.
 */
#ifndef RUMPSWITCH_IOCTL_H
#define RUMPSWITCH_IOCTL_H

#ifdef _KERNEL
#include <sys/stdint.h>
#else
#include <stdint.h>
#endif

#define RUMPSWITCH_NAME_LEN 16		/* IFNAMSIZ */

/* NetBSD's encoding: direction, 13 bits of length, group, number. */
#define RUMPSWITCH_IOC(direction, group, number, type)						\
	((unsigned long)(direction) | ((unsigned long)(sizeof(type) & 0x1fff) << 16) |		\
	    ((unsigned long)(group) << 8) | (unsigned long)(number))
#define RUMPSWITCH_IOC_NONE(group, number)							\
	(0x20000000UL | ((unsigned long)(group) << 8) | (unsigned long)(number))
#define RUMPSWITCH_IOC_READ(group, number, type)						\
	RUMPSWITCH_IOC(0x40000000UL, group, number, type)
#define RUMPSWITCH_IOC_WRITE(group, number, type)						\
	RUMPSWITCH_IOC(0x80000000UL, group, number, type)
#define RUMPSWITCH_IOC_BOTH(group, number, type)						\
	RUMPSWITCH_IOC(0xc0000000UL, group, number, type)

/* One port of a switch. */
struct rumpswitch_ifbreq {
	char ifbr_name[RUMPSWITCH_NAME_LEN];	/* the switch */
	char ifbr_ifsname[RUMPSWITCH_NAME_LEN];	/* the interface that is a port of it */
	uint32_t ifbr_flags;			/* out: RUMPSWITCH_IFBIF_... */
	uint32_t ifbr_portno;			/* OpenFlow port number; in for SIOCSWSPORTNO, else out */
	uint32_t ifbr_protected;		/* protected domains, a bit each; in for SIOCBRDGSIFPROT, else out */
};

#define RUMPSWITCH_IFBIF_LOCAL   1u		/* is OFPP_LOCAL */
#define RUMPSWITCH_IFBIF_RUNNING 2u		/* up, and its link not known to be down */

/* All ports of a switch, the local one included. */
struct rumpswitch_ifbifconf {
	char ifbic_name[RUMPSWITCH_NAME_LEN];	/* the switch */
	uint64_t ifbic_len;			/* in: bytes of room; out: bytes filled in, or needed when the
						   room was 0 */
	uint64_t ifbic_req;			/* address of an array of struct rumpswitch_ifbreq */
};

/* A setting of a switch. */
struct rumpswitch_ifbrparam {
	char ifbrp_name[RUMPSWITCH_NAME_LEN];	/* the switch */
	uint64_t ifbrp_value;			/* datapath id, or a count */
};

/* Adds a port. super; ENOENT, EPROTONOSUPPORT (no Ethernet), EBUSY (of another switch), EEXIST, ENOMEM */
#define SIOCBRDGADD      RUMPSWITCH_IOC_WRITE('i', 200, struct rumpswitch_ifbreq)
/* Removes a port. super; ENOENT */
#define SIOCBRDGDEL      RUMPSWITCH_IOC_WRITE('i', 201, struct rumpswitch_ifbreq)
/*
 * Makes an interface OFPP_LOCAL in the place of switchN itself, which is it until then and again after
 * SIOCBRDGDEL. super; ENOENT, EEXIST (there is such one), ESRCH (a port, here or elsewhere)
 */
#define SIOCBRDGADDL     RUMPSWITCH_IOC_WRITE('i', 202, struct rumpswitch_ifbreq)
/* Lists the ports. EFAULT */
#define SIOCBRDGIFS      RUMPSWITCH_IOC_BOTH('i', 203, struct rumpswitch_ifbifconf)
/* Flags, number and protected domains of a port. ENOENT (no interface), ESRCH (no port of this switch) */
#define SIOCBRDGGIFFLGS  RUMPSWITCH_IOC_BOTH('i', 204, struct rumpswitch_ifbreq)
/* The datapath id; setting it: super */
#define SIOCSWGDPID      RUMPSWITCH_IOC_BOTH('i', 205, struct rumpswitch_ifbrparam)
#define SIOCSWSDPID      RUMPSWITCH_IOC_WRITE('i', 206, struct rumpswitch_ifbrparam)
/* The most flow entries in a table, the most groups */
#define SIOCSWGMAXFLOW   RUMPSWITCH_IOC_BOTH('i', 207, struct rumpswitch_ifbrparam)
#define SIOCSWGMAXGROUP  RUMPSWITCH_IOC_BOTH('i', 208, struct rumpswitch_ifbrparam)
/* Gives a port another number. super; EINVAL (0, >= 0xffffff00), ENOENT (no port), EEXIST (taken) */
#define SIOCSWSPORTNO    RUMPSWITCH_IOC_WRITE('i', 209, struct rumpswitch_ifbreq)
/*
 * Puts a port into protected domains (none at first): a frame that came in by a port of a domain does not leave
 * by another port of it, whatever the tables say, and is counted as dropped there. What a controller sends by
 * packet-out comes in by no port. super; ENOENT (no interface), ESRCH (no port of this switch)
 */
#define SIOCBRDGSIFPROT  RUMPSWITCH_IOC_WRITE('i', 210, struct rumpswitch_ifbreq)
/* Learned addresses and rules of a bridge: a switch has none, so ifbic_len comes back as 0. */
#define SIOCBRDGRTS      RUMPSWITCH_IOC_BOTH('i', 211, struct rumpswitch_ifbifconf)
#define SIOCBRDGGRL      RUMPSWITCH_IOC_BOTH('i', 212, struct rumpswitch_ifbifconf)
/*
 * What else bridge(4) or switch(4) had or named (spanning tree, SIOCSWSFLOWMAX, SIOCSWSMAXGROUP) has no number
 * here: ENOTTY, like every request that nobody knows.
 */

/* How often the switch was called by the clock since it was made (it arms the clock only when something is due). */
#define RUMPSWITCH_IOC_TICKS RUMPSWITCH_IOC_READ('s', 1, uint64_t)
/* Only where the library was built for debugging (else ENOTTY): a defect, raised on purpose. super */
#define RUMPSWITCH_IOC_PANIC RUMPSWITCH_IOC_NONE('s', 2)

/* ---- what a program needs of NetBSD's interface where NetBSD's headers are not ------------------ */

#ifndef _KERNEL
#define RUMPSWITCH_NB_FIONREAD RUMPSWITCH_IOC_READ('f', 127, uint32_t)
#define RUMPSWITCH_NB_FIONBIO  RUMPSWITCH_IOC_WRITE('f', 126, uint32_t)
#define RUMPSWITCH_NB_FIOASYNC RUMPSWITCH_IOC_WRITE('f', 125, uint32_t)
#define RUMPSWITCH_NB_O_RDWR 2
#define RUMPSWITCH_NB_O_NONBLOCK 4
#define RUMPSWITCH_NB_EVFILT_READ 0u
#define RUMPSWITCH_NB_EVFILT_WRITE 1u
#define RUMPSWITCH_NB_EV_ADD 0x0001u
#define RUMPSWITCH_NB_EV_DELETE 0x0002u
#define RUMPSWITCH_NB_EV_EOF 0x8000u

/* struct kevent of NetBSD before 10 */
struct rumpswitch_nb_kevent {
	uintptr_t ident;
	uint32_t filter;
	uint32_t flags;
	uint32_t fflags;
	int64_t data;
	intptr_t udata;
};
#endif

#endif /* RUMPSWITCH_IOCTL_H */
