/*
 * kmem(9): blocks at 8 modulo 16 with their length in front, so that a free of another length, a second
 * free and an alignment that was only luck are all found. Counted, so that what is not given back is seen.
 */
#include <sys/kmem.h>

#include "kern.h"

#define MAGIC 0x6b6d656dUL		/* "kmem" */

struct header {
	size_t len;
	size_t magic;
	size_t pad;			/* 24 bytes behind malloc's 16: 8 modulo 16 */
};
CTASSERT(sizeof(struct header) == 24);

static long blocks, bytes;

void
mock_kmem_balance(long *n, long *len)
{
	*n = __atomic_load_n(&blocks, __ATOMIC_SEQ_CST);
	*len = __atomic_load_n(&bytes, __ATOMIC_SEQ_CST);
}

static void *
allocate(size_t len)
{
	struct header *h;

	KASSERTMSG(len > 0, "kmem: a block of no bytes");
	h = rumphost_alloc(sizeof(*h) + len);
	if (h == NULL)
		return NULL;
	h->len = len;
	h->magic = MAGIC;
	__atomic_add_fetch(&blocks, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&bytes, (long)len, __ATOMIC_SEQ_CST);
	return h + 1;
}

void *
kmem_intr_alloc(size_t len, km_flag_t flag)
{
	void *block;

	KASSERTMSG((flag & (KM_SLEEP | KM_NOSLEEP)) == KM_SLEEP || (flag & (KM_SLEEP | KM_NOSLEEP)) == KM_NOSLEEP,
	    "kmem: neither KM_SLEEP nor KM_NOSLEEP");
	if (flag & KM_SLEEP)
		ASSERT_SLEEPABLE();
	else if (mock_fails(RUMPMOCK_FAULT_KMEM))
		return NULL;
	block = allocate(len);
	KASSERTMSG(block != NULL || (flag & KM_NOSLEEP), "kmem: the host is out of memory");
	return block;
}

void *
kmem_intr_zalloc(size_t len, km_flag_t flag)
{
	void *block = kmem_intr_alloc(len, flag);

	if (block != NULL)
		memset(block, 0, len);
	return block;
}

void
kmem_intr_free(void *block, size_t len)
{
	struct header *h = (struct header *)block - 1;

	KASSERTMSG(block != NULL, "kmem: free of NULL");
	KASSERTMSG(h->magic == MAGIC, "kmem: free of what is no block");
	KASSERTMSG(h->len == len, "kmem: block of %zu bytes freed as %zu", h->len, len);
	h->magic = 0;
	__atomic_sub_fetch(&blocks, 1, __ATOMIC_SEQ_CST);
	__atomic_sub_fetch(&bytes, (long)len, __ATOMIC_SEQ_CST);
	rumphost_free(h);
}

void *
kmem_alloc(size_t len, km_flag_t flag)
{
	KASSERTMSG(!cpu_softintr_p(), "kmem_alloc in a softint");
	return kmem_intr_alloc(len, flag);
}

void *
kmem_zalloc(size_t len, km_flag_t flag)
{
	KASSERTMSG(!cpu_softintr_p(), "kmem_zalloc in a softint");
	return kmem_intr_zalloc(len, flag);
}

void
kmem_free(void *block, size_t len)
{
	KASSERTMSG(!cpu_softintr_p(), "kmem_free in a softint");
	kmem_intr_free(block, len);
}
