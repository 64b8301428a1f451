/*
 * Frames that wait for a test to take them: sent on a port, or come up into the stack. Their chains are
 * looked over on the way: lengths that do not agree are a defect of whoever made them.
 */
#include <sys/mbuf.h>

#include "kern.h"

static void *lock;

void
mock_frames_init(void)
{
	lock = rumphost_mutex_new(0);
}

void
mock_frames_add(struct mock_frames *frames, struct mbuf *m)
{
	struct mbuf *n;
	int len = 0;

	KASSERTMSG(m->m_flags & M_PKTHDR, "a frame without a header");
	for (n = m; n != NULL; n = n->m_next) {
		KASSERTMSG(n == m || (n->m_flags & M_PKTHDR) == 0, "a second header in a chain");
		len += n->m_len;
	}
	KASSERTMSG(len == m->m_pkthdr.len, "a chain of %d bytes says it has %d", len, m->m_pkthdr.len);
	KASSERTMSG(m->m_nextpkt == NULL, "a frame is still part of a queue");
	rumphost_mutex_enter(lock);
	if (frames->last == NULL)
		frames->last = &frames->first;
	*frames->last = m;
	frames->last = &m->m_nextpkt;
	rumphost_mutex_exit(lock);
}

long
mock_frames_take(struct mock_frames *frames, void *into, unsigned long len)
{
	struct mbuf *m;
	long frame_len;

	rumphost_mutex_enter(lock);
	m = frames->first;
	if (m != NULL && (frames->first = m->m_nextpkt) == NULL)
		frames->last = &frames->first;
	rumphost_mutex_exit(lock);
	if (m == NULL)
		return -1;
	frame_len = m->m_pkthdr.len;
	m_copydata(m, 0, (int)MIN((unsigned long)frame_len, len), into);
	m->m_nextpkt = NULL;
	m_freem(m);
	return frame_len;
}
