/*
 * Stand-in for <sys/mbuf.h>: chains of buffers of 512 bytes, each with room inside or with a cluster of
 * 2,048 bytes that several may share. Names and sizes are the real ones', the layout is not.
 */
#ifndef MOCK_SYS_MBUF_H
#define MOCK_SYS_MBUF_H

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/malloc.h>
#include <sys/queue.h>
#include <sys/psref.h>

struct m_tag {
	SLIST_ENTRY(m_tag) m_tag_link;
	uint16_t m_tag_id;
	uint16_t m_tag_len;
};

struct mock_cluster {
	int references;
	char *bytes;		/* MCLBYTES of them, or fewer */
	size_t size;
};

struct mbuf {
	struct mbuf *m_next;
	struct mbuf *m_nextpkt;
	char *m_data;
	int m_len;
	int m_flags;
	short m_type;
	struct {
		SLIST_HEAD(, m_tag) tags;
		struct ifnet *mock_rcvif;
		int len;
		int csum_flags;
		uint32_t csum_data;
		u_int segsz;
	} m_pkthdr;
	struct {
		struct mock_cluster *mock_cluster;
		char *ext_buf;
		size_t ext_size;
	} m_ext;
	char m_pktdat[400];	/* with a header or without */
	char mock_pad[16];
};
#define m_dat m_pktdat
CTASSERT(sizeof(struct mbuf) == MSIZE);

#define MHLEN 400
#define MLEN 400
#define MINCLSIZE (MHLEN + MLEN + 1)
#define mtod(m, t) ((t)((m)->m_data))

#define M_EXT 0x00000001
#define M_PKTHDR 0x00000002
#define M_PROTO1 0x00000008
#define M_BCAST 0x00000100
#define M_MCAST 0x00000200
#define M_LINK0 0x00001000
#define M_LINK1 0x00002000
#define M_EXT_CLUSTER 0x01000000
#define M_EXT_ROMAP 0x04000000
#define M_EXT_RW 0x08000000
#define M_COPYFLAGS (M_PKTHDR | M_BCAST | M_MCAST | M_LINK0 | M_LINK1)

#define MT_DATA 1
#define MT_HEADER 2
#define M_DONTWAIT M_NOWAIT
#define M_WAIT M_WAITOK
#define M_COPYALL 1000000000

#define M_CSUM_TCPv4 0x00000001
#define M_CSUM_UDPv4 0x00000002
#define M_CSUM_TCPv6 0x00000010
#define M_CSUM_UDPv6 0x00000020
#define M_CSUM_IPv4 0x00000040
#define M_CSUM_TSOv4 0x00000100
#define M_CSUM_TSOv6 0x00000200

struct mbuf *m_get(int, int);
struct mbuf *m_gethdr(int, int);
struct mbuf *m_getcl(int, int, int);
void m_clget(struct mbuf *, int);
void mock_m_extmalloc(struct mbuf *, size_t);
struct mbuf *m_free(struct mbuf *);
void m_freem(struct mbuf *);
struct mbuf *m_pullup(struct mbuf *, int);
struct mbuf *m_copyup(struct mbuf *, int, int);
struct mbuf *m_prepend(struct mbuf *, int, int);
struct mbuf *m_copym(struct mbuf *, int, int, int);
struct mbuf *m_copypacket(struct mbuf *, int);
struct mbuf *m_dup(struct mbuf *, int, int, int);
void m_adj(struct mbuf *, int);
void m_copydata(struct mbuf *, int, int, void *);
void m_copyback(struct mbuf *, int, int, const void *);
void m_align(struct mbuf *, int);
void m_move_pkthdr(struct mbuf *, struct mbuf *);
u_int m_length(const struct mbuf *);
int mock_m_readonly(const struct mbuf *);
int mock_m_leading(const struct mbuf *);
int mock_m_trailing(const struct mbuf *);

#define MGET(m, how, type) ((m) = m_get(how, type))
#define MGETHDR(m, how, type) ((m) = m_gethdr(how, type))
#define MCLGET(m, how) m_clget(m, how)
#define MEXTMALLOC(m, size, how) mock_m_extmalloc(m, size)
#define M_MOVE_PKTHDR(to, from) m_move_pkthdr(to, from)
#define MH_ALIGN(m, len) m_align(m, len)
#define M_ALIGN(m, len) m_align(m, len)
#define M_READONLY(m) mock_m_readonly(m)
#define M_LEADINGSPACE(m) mock_m_leading(m)
#define M_TRAILINGSPACE(m) mock_m_trailing(m)
#define M_PREPEND(m, plen, how) \
	do { \
		if (M_LEADINGSPACE(m) >= (plen)) { \
			(m)->m_data -= (plen); \
			(m)->m_len += (plen); \
			if ((m)->m_flags & M_PKTHDR) \
				(m)->m_pkthdr.len += (plen); \
		} else \
			(m) = m_prepend(m, plen, how); \
	} while (0)

#define m_set_rcvif(m, ifp) ((m)->m_pkthdr.mock_rcvif = __UNCONST(ifp))
#define m_reset_rcvif(m) ((m)->m_pkthdr.mock_rcvif = NULL)

#define PACKET_TAG_VLAN 1
struct m_tag *m_tag_find(const struct mbuf *, int, struct m_tag *);
struct m_tag *m_tag_get(int, int, int);
void m_tag_prepend(struct mbuf *, struct m_tag *);
void m_tag_delete(struct mbuf *, struct m_tag *);
void m_tag_delete_chain(struct mbuf *, struct m_tag *);

#endif
