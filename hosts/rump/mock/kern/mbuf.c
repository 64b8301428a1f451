/*
 * mbufs. Each is a block of its own and so is each cluster, so that a byte beyond one, a use after the last
 * free and a chain that nobody freed are all found by the tools that watch the heap.
 */
#include <sys/mbuf.h>

#include "kern.h"

static long mbufs, clusters;

void
mock_mbuf_balance(long *m, long *c)
{
	*m = __atomic_load_n(&mbufs, __ATOMIC_SEQ_CST);
	*c = __atomic_load_n(&clusters, __ATOMIC_SEQ_CST);
}

static struct mbuf *
get(int how, int type, int flags)
{
	struct mbuf *m;

	if (how == M_WAITOK)
		ASSERT_SLEEPABLE();
	else if (mock_fails(RUMPMOCK_FAULT_MBUF))
		return NULL;
	m = rumphost_alloc(sizeof(*m));
	if (m == NULL)
		return NULL;
	memset(m, 0, offsetof(struct mbuf, m_pktdat));
	m->m_data = m->m_pktdat;
	m->m_type = (short)type;
	m->m_flags = flags;
	__atomic_add_fetch(&mbufs, 1, __ATOMIC_SEQ_CST);
	return m;
}

struct mbuf *
m_get(int how, int type)
{
	return get(how, type, 0);
}

struct mbuf *
m_gethdr(int how, int type)
{
	return get(how, type, M_PKTHDR);
}

/* Storage outside for an mbuf that has none. Without memory the mbuf stays as it is. */
static void
external(struct mbuf *m, size_t size, int flags)
{
	struct mock_cluster *c;

	KASSERTMSG((m->m_flags & M_EXT) == 0, "storage for an mbuf that has some");
	if (mock_fails(RUMPMOCK_FAULT_CLUSTER))
		return;
	c = rumphost_alloc(sizeof(*c));
	if (c == NULL)
		return;
	c->references = 1;
	c->size = size;
	c->bytes = rumphost_alloc(size);
	if (c->bytes == NULL) {
		rumphost_free(c);
		return;
	}
	m->m_ext.mock_cluster = c;
	m->m_ext.ext_buf = m->m_data = c->bytes;
	m->m_ext.ext_size = size;
	m->m_flags |= M_EXT | M_EXT_RW | flags;
	__atomic_add_fetch(&clusters, 1, __ATOMIC_SEQ_CST);
}

void
m_clget(struct mbuf *m, int how __unused)
{
	external(m, MCLBYTES, M_EXT_CLUSTER);
}

void
mock_m_extmalloc(struct mbuf *m, size_t size)
{
	external(m, size, 0);
}

struct mbuf *
m_getcl(int how, int type, int flags)
{
	struct mbuf *m = get(how, type, flags & M_PKTHDR);

	if (m == NULL)
		return NULL;
	m_clget(m, how);
	if (m->m_flags & M_EXT)
		return m;
	m_free(m);
	return NULL;
}

static void
release(struct mock_cluster *c)
{
	if (__atomic_sub_fetch(&c->references, 1, __ATOMIC_SEQ_CST) != 0)
		return;
	rumphost_free(c->bytes);
	rumphost_free(c);
	__atomic_sub_fetch(&clusters, 1, __ATOMIC_SEQ_CST);
}

struct mbuf *
m_free(struct mbuf *m)
{
	struct mbuf *next = m->m_next;

	KASSERTMSG(m->m_type != 0, "m_free of a free mbuf");
	KASSERTMSG(m->m_len >= 0, "an mbuf of less than nothing");
	if (m->m_flags & M_PKTHDR)
		m_tag_delete_chain(m, NULL);
	if (m->m_flags & M_EXT)
		release(m->m_ext.mock_cluster);
	m->m_type = 0;
	rumphost_free(m);
	__atomic_sub_fetch(&mbufs, 1, __ATOMIC_SEQ_CST);
	return next;
}

void
m_freem(struct mbuf *m)
{
	while (m != NULL)
		m = m_free(m);
}

/* ---- room ---- */

int
mock_m_readonly(const struct mbuf *m)
{
	return (m->m_flags & M_EXT) != 0 && ((m->m_flags & M_EXT_ROMAP) != 0 ||
	    __atomic_load_n(&m->m_ext.mock_cluster->references, __ATOMIC_SEQ_CST) > 1);
}

static char *
start(const struct mbuf *m)
{
	return m->m_flags & M_EXT ? m->m_ext.ext_buf : __UNCONST(m->m_pktdat);
}

static size_t
size(const struct mbuf *m)
{
	return m->m_flags & M_EXT ? m->m_ext.ext_size : MLEN;
}

int
mock_m_leading(const struct mbuf *m)
{
	return mock_m_readonly(m) ? 0 : (int)(m->m_data - start(m));
}

int
mock_m_trailing(const struct mbuf *m)
{
	return mock_m_readonly(m) ? 0 : (int)(start(m) + size(m) - (m->m_data + m->m_len));
}

void
m_align(struct mbuf *m, int len)
{
	KASSERT(len <= (int)size(m));
	m->m_data = start(m) + ((size(m) - (size_t)len) & ~7UL);
}

u_int
m_length(const struct mbuf *m)
{
	u_int len = 0;

	if (m->m_flags & M_PKTHDR)
		return (u_int)m->m_pkthdr.len;
	for (; m != NULL; m = m->m_next)
		len += (u_int)m->m_len;
	return len;
}

void
m_move_pkthdr(struct mbuf *to, struct mbuf *from)
{
	KASSERT(from->m_flags & M_PKTHDR);
	to->m_pkthdr = from->m_pkthdr;
	to->m_flags |= from->m_flags & M_COPYFLAGS;
	if ((to->m_flags & M_EXT) == 0)
		to->m_data = to->m_pktdat;
	SLIST_INIT(&from->m_pkthdr.tags);
	from->m_flags &= ~M_PKTHDR;
}

/* ---- bytes ---- */

void
m_copydata(struct mbuf *m, int off, int len, void *into)
{
	char *to = into;
	int n;

	KASSERT(off >= 0 && len >= 0);
	for (; len > 0; m = m->m_next) {
		KASSERTMSG(m != NULL, "m_copydata beyond the end of the chain");
		if (off >= m->m_len) {
			off -= m->m_len;
			continue;
		}
		n = MIN(m->m_len - off, len);
		memcpy(to, m->m_data + off, (size_t)n);
		to += n;
		len -= n;
		off = 0;
	}
}

void
m_copyback(struct mbuf *m, int off, int len, const void *from)
{
	const char *at = from;
	int n;

	for (; len > 0; m = m->m_next) {
		KASSERTMSG(m != NULL, "m_copyback beyond the end of the chain: not in this kernel");
		if (off >= m->m_len) {
			off -= m->m_len;
			continue;
		}
		KASSERTMSG(!mock_m_readonly(m), "m_copyback into what is shared");
		n = MIN(m->m_len - off, len);
		memcpy(m->m_data + off, at, (size_t)n);
		at += n;
		len -= n;
		off = 0;
	}
}

void
m_adj(struct mbuf *m, int len)
{
	struct mbuf *first = m;
	int n, keep;

	if (len >= 0) {
		if (first->m_flags & M_PKTHDR)
			first->m_pkthdr.len -= MIN(len, first->m_pkthdr.len);
		for (; m != NULL && len > 0; m = m->m_next) {
			n = MIN(m->m_len, len);
			m->m_data += n;
			m->m_len -= n;
			len -= n;
		}
		return;
	}
	keep = MAX((int)m_length(m) + len, 0);
	if (first->m_flags & M_PKTHDR)
		first->m_pkthdr.len = keep;
	for (; m != NULL; m = m->m_next) {
		m->m_len = MIN(m->m_len, keep);
		keep -= m->m_len;
	}
}

/* The whole packet again: clusters shared (`deep` 0) or all bytes copied. */
static struct mbuf *
copy(struct mbuf *m, int off, int len, int how, bool deep)
{
	struct mbuf *first = NULL, **at = &first, *n;
	int part;

	KASSERTMSG(off == 0 || (m->m_flags & M_PKTHDR) == 0, "copies from the middle: not in this kernel");
	if (len == M_COPYALL)
		len = (int)m_length(m);
	for (; m != NULL && len > 0; m = m->m_next) {
		n = get(how, m->m_type, 0);
		if (n == NULL)
			goto fail;
		*at = n;
		at = &n->m_next;
		part = MIN(m->m_len, len);
		if (m->m_flags & M_PKTHDR) {
			n->m_pkthdr = m->m_pkthdr;
			n->m_flags = m->m_flags & M_COPYFLAGS;
			n->m_pkthdr.len = len;
			SLIST_INIT(&n->m_pkthdr.tags);
		}
		if ((m->m_flags & M_EXT) != 0 && !deep) {
			__atomic_add_fetch(&m->m_ext.mock_cluster->references, 1, __ATOMIC_SEQ_CST);
			n->m_ext = m->m_ext;
			n->m_flags |= m->m_flags & (M_EXT | 0xff000000);
			n->m_data = m->m_data;
		} else {
			if (part > MHLEN)
				external(n, MAX(part, MCLBYTES), M_EXT_CLUSTER);
			if (part > (int)size(n))
				goto fail;
			memcpy(n->m_data, m->m_data, (size_t)part);
		}
		n->m_len = part;
		len -= part;
	}
	return first;
fail:
	m_freem(first);
	return NULL;
}

struct mbuf *
m_copym(struct mbuf *m, int off, int len, int how)
{
	return copy(m, off, len, how, false);
}

struct mbuf *
m_copypacket(struct mbuf *m, int how)
{
	return copy(m, 0, M_COPYALL, how, false);
}

struct mbuf *
m_dup(struct mbuf *m, int off, int len, int how)
{
	return copy(m, off, len, how, true);
}

/* ---- shape ---- */

struct mbuf *
m_prepend(struct mbuf *m, int len, int how)
{
	struct mbuf *n = get(how, m->m_type, 0);

	if (n == NULL) {
		m_freem(m);
		return NULL;
	}
	KASSERT(len <= MHLEN);
	if (m->m_flags & M_PKTHDR) {
		m_move_pkthdr(n, m);
		n->m_pkthdr.len += len;
	}
	m_align(n, len);
	n->m_len = len;
	n->m_next = m;
	return n;
}

/* The first `len` bytes contiguous in a new mbuf, behind `front` bytes of room. */
static struct mbuf *
pull(struct mbuf *m, int len, int front)
{
	struct mbuf *n;
	int part;

	if (len > (int)m_length(m) || front + len > MHLEN || (n = get(M_NOWAIT, m->m_type, 0)) == NULL) {
		m_freem(m);
		return NULL;
	}
	if (m->m_flags & M_PKTHDR)
		m_move_pkthdr(n, m);
	n->m_data += front;
	while (n->m_len < len) {
		part = MIN(len - n->m_len, m->m_len);
		memcpy(n->m_data + n->m_len, m->m_data, (size_t)part);
		n->m_len += part;
		m->m_data += part;
		m->m_len -= part;
		if (m->m_len == 0)
			m = m_free(m);
	}
	n->m_next = m;
	return n;
}

struct mbuf *
m_pullup(struct mbuf *m, int len)
{
	return m->m_len >= len ? m : pull(m, len, 0);
}

struct mbuf *
m_copyup(struct mbuf *m, int len, int front)
{
	return pull(m, len, front);
}

/* ---- tags ---- */

struct m_tag *
m_tag_get(int type, int len, int how)
{
	struct m_tag *t = how == M_NOWAIT && mock_fails(RUMPMOCK_FAULT_MBUF) ? NULL :
	    rumphost_alloc(sizeof(*t) + (size_t)len);

	if (t != NULL) {
		t->m_tag_id = (uint16_t)type;
		t->m_tag_len = (uint16_t)len;
	}
	return t;
}

void
m_tag_prepend(struct mbuf *m, struct m_tag *t)
{
	SLIST_INSERT_HEAD(&m->m_pkthdr.tags, t, m_tag_link);
}

struct m_tag *
m_tag_find(const struct mbuf *m, int type, struct m_tag *after)
{
	struct m_tag *t = after != NULL ? SLIST_NEXT(after, m_tag_link) : SLIST_FIRST(&m->m_pkthdr.tags);

	KASSERT(m->m_flags & M_PKTHDR);
	while (t != NULL && t->m_tag_id != type)
		t = SLIST_NEXT(t, m_tag_link);
	return t;
}

void
m_tag_delete(struct mbuf *m, struct m_tag *t)
{
	SLIST_REMOVE(&m->m_pkthdr.tags, t, m_tag, m_tag_link);
	rumphost_free(t);
}

void
m_tag_delete_chain(struct mbuf *m, struct m_tag *from)
{
	KASSERT(from == NULL);
	while (!SLIST_EMPTY(&m->m_pkthdr.tags))
		m_tag_delete(m, SLIST_FIRST(&m->m_pkthdr.tags));
}
