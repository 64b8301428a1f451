/*
 * Frames: chains of mbufs as the core wants them, and back.
 *
 * The core writes headers in place, so the first bytes of a frame are made contiguous and private when it
 * comes in; the rest stays where the driver put it and is asked for by copy_out. All that needs another
 * head (a short or shared one, a pull, a push beyond the room in front) goes one slow way: a new first
 * mbuf with the head copied into it, in front of what is left of the chain. While the core has a frame, the
 * mbuf knows nothing of moved headers: rumpsw_mbuf_settle writes them back.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/mbuf.h>

#include <net/if.h>
#include <net/if_ether.h>

#include "rumpsw.h"

#define RUMPSW_HEAD 128			/* contiguous from the start: what most parses look at */
#define RUMPSW_ROOM 64			/* in front of a new head: for pushed tags */
#define RUMPSW_FRAME_MAX 65535

/* An empty packet with `need` bytes of room. */
static struct mbuf *
rumpsw_mbuf_new(size_t need)
{
	struct mbuf *m;

	m = m_gethdr(M_DONTWAIT, MT_DATA);
	if (m == NULL || need <= MHLEN)
		return m;
	if (need <= MCLBYTES)
		MCLGET(m, M_DONTWAIT);
	else
		MEXTMALLOC(m, need, M_NOWAIT);
	if ((m->m_flags & M_EXT) == 0) {
		m_freem(m);
		return NULL;
	}
	return m;
}

/*
 * The same frame with a new head: `front` bytes more before the first, the first `head` bytes contiguous
 * behind them, then the rest; `back` zero bytes at the end, for which head must be all. NULL: no memory,
 * and the frame is as it was.
 */
static struct mbuf *
rumpsw_mbuf_rehead(struct mbuf *m, size_t front, size_t head, size_t back)
{
	size_t len = m->m_pkthdr.len;
	struct mbuf *n;

	n = rumpsw_mbuf_new(RUMPSW_ROOM + front + head + back);
	if (n == NULL)
		return NULL;
	n->m_data += RUMPSW_ROOM;
	memset(mtod(n, void *), 0, front);
	m_copydata(m, 0, (int)head, mtod(n, char *) + front);
	memset(mtod(n, char *) + front + head, 0, back);
	n->m_len = (int)(front + head + back);
	n->m_pkthdr.len = (int)(front + len + back);
	n->m_pkthdr.csum_flags = 0;
	if (head == len) {
		m_freem(m);
		return n;
	}
	m_adj(m, (int)head);
	m_tag_delete_chain(m, NULL);
	m->m_flags &= ~M_PKTHDR;
	while (m->m_len == 0)
		m = m_free(m);
	n->m_next = m;
	return n;
}

/* Puts a VLAN tag that the hardware took out (an m_tag of this kernel) back into the frame. */
static struct mbuf *
rumpsw_mbuf_tag(struct mbuf *m)
{
	struct m_tag *tag = m_tag_find(m, PACKET_TAG_VLAN, NULL);
	struct mbuf *n;
	uint8_t *bytes;
	uint32_t value;

	if (tag == NULL)
		return m;
	value = *(u_int *)(tag + 1);
	n = rumpsw_mbuf_rehead(m, ETHER_VLAN_ENCAP_LEN, MIN(m->m_pkthdr.len, RUMPSW_HEAD), 0);
	if (n == NULL) {
		m_freem(m);
		return NULL;
	}
	bytes = mtod(n, uint8_t *);
	memmove(bytes, bytes + ETHER_VLAN_ENCAP_LEN, 2 * ETHER_ADDR_LEN);
	bytes[12] = 0x81;
	bytes[13] = 0x00;
	bytes[14] = (uint8_t)(value >> 8);
	bytes[15] = (uint8_t)value;
	return n;
}

struct mbuf *
rumpsw_mbuf_accept(struct mbuf *m)
{
	struct mbuf *n;
	int head;

	if (m->m_pkthdr.len < ETHER_HDR_LEN || m->m_pkthdr.len > RUMPSW_FRAME_MAX) {
		m_freem(m);
		return NULL;
	}
	m = rumpsw_mbuf_tag(m);
	if (m == NULL)
		return NULL;
	m->m_pkthdr.csum_flags = 0;
	m->m_flags &= ~(M_BCAST | M_MCAST | M_PROMISC);
	head = MIN(m->m_pkthdr.len, RUMPSW_HEAD);
	if (m->m_len >= head && !M_READONLY(m))
		return m;
	n = rumpsw_mbuf_rehead(m, 0, head, 0);
	if (n == NULL)
		m_freem(m);
	return n;
}

void
rumpsw_mbuf_view(struct mbuf *m, struct rumpswitch_frame *frame)
{

	frame->handle = m;
	frame->head = mtod(m, uint8_t *);
	frame->head_len = m->m_len;
	frame->len = m->m_pkthdr.len;
	frame->rest = NULL;
	frame->rest_count = 0;
	frame->headroom = (uint32_t)M_LEADINGSPACE(m);
	frame->tailroom = m->m_next == NULL ? (uint32_t)M_TRAILINGSPACE(m) : 0;
}

struct mbuf *
rumpsw_mbuf_settle(const struct rumpswitch_frame *frame)
{
	struct mbuf *m = frame->handle;

	m->m_data = (char *)frame->head;
	m->m_len = (int)frame->head_len;
	m->m_pkthdr.len = (int)frame->len;
	return m;
}

int
rumpsw_mbuf_duplicate(void *host, const struct rumpswitch_frame *frame,
    struct rumpswitch_frame *copy)
{
	struct mbuf *n;

	n = m_dup(rumpsw_mbuf_settle(frame), 0, M_COPYALL, M_DONTWAIT);
	if (n == NULL)
		return ENOMEM;
	n = rumpsw_mbuf_accept(n);
	if (n == NULL)
		return ENOMEM;
	rumpsw_mbuf_view(n, copy);
	return 0;
}

int
rumpsw_mbuf_allocate(void *host, size_t len, struct rumpswitch_frame *frame)
{
	struct mbuf *m;

	if (len > RUMPSW_FRAME_MAX)
		return ENOMEM;
	m = rumpsw_mbuf_new(RUMPSW_ROOM + len);
	if (m == NULL)
		return ENOMEM;
	m->m_data += RUMPSW_ROOM;
	m->m_len = m->m_pkthdr.len = (int)len;
	memset(mtod(m, void *), 0, len);
	rumpsw_mbuf_view(m, frame);
	return 0;
}

int
rumpsw_mbuf_pull(void *host, struct rumpswitch_frame *frame, size_t len)
{
	struct mbuf *n;

	if (len <= frame->head_len)
		return 0;
	n = rumpsw_mbuf_rehead(rumpsw_mbuf_settle(frame), 0, len, 0);
	if (n == NULL)
		return ENOMEM;
	rumpsw_mbuf_view(n, frame);
	return 0;
}

int
rumpsw_mbuf_grow(void *host, struct rumpswitch_frame *frame, size_t front, size_t back)
{
	struct mbuf *n;

	if (front > RUMPSW_FRAME_MAX || back > RUMPSW_FRAME_MAX ||
	    frame->len + front + back > RUMPSW_FRAME_MAX)
		return ENOMEM;
	n = rumpsw_mbuf_rehead(rumpsw_mbuf_settle(frame), front,
	    back != 0 ? frame->len : frame->head_len, back);
	if (n == NULL)
		return ENOMEM;
	rumpsw_mbuf_view(n, frame);
	return 0;
}

int
rumpsw_mbuf_copy_out(void *host, const struct rumpswitch_frame *frame, size_t offset, void *into,
    size_t len)
{

	m_copydata(rumpsw_mbuf_settle(frame), (int)offset, (int)len, into);
	return 0;
}

void
rumpsw_mbuf_discard(void *host, struct rumpswitch_frame *frame)
{

	m_freem(rumpsw_mbuf_settle(frame));
}
