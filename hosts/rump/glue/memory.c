/*
 * Where the core's memory comes from, and what its panic becomes.
 *
 * Frames arrive and callouts run in soft interrupts, so only the _intr_ allocator without sleeping
 * will do. It aligns to 8; hash tables ask for 16 and cache lines for 64, so what is aligned more is
 * taken larger, and the word before the block says where it began.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>

#include "rumpsw.h"

#define RUMPSW_ALIGNED 8		/* what kmem(9) aligns to by itself */

static void *
rumpsw_allocate(void *context, size_t len, size_t align)
{
	uintptr_t start, block;

	if (align <= RUMPSW_ALIGNED)
		return kmem_intr_alloc(len, KM_NOSLEEP);
	if (len > SIZE_MAX - align)
		return NULL;
	start = (uintptr_t)kmem_intr_alloc(len + align, KM_NOSLEEP);
	if (start == 0)
		return NULL;
	block = (start + align) & ~(uintptr_t)(align - 1);
	((uintptr_t *)block)[-1] = start;
	return (void *)block;
}

static void
rumpsw_free(void *context, void *block, size_t len, size_t align)
{

	if (align <= RUMPSW_ALIGNED)
		kmem_intr_free(block, len);
	else
		kmem_intr_free((void *)((uintptr_t *)block)[-1], len + align);
}

static void
rumpsw_panic(void *context, const char *message, size_t len)
{

	panic("rumpswitch: %.*s", (int)MIN(len, 512), message);
}

int
rumpsw_memory_init(void)
{
	struct rumpswitch_platform platform = {
		.revision = RUMPSWITCH_REVISION,
		.size = sizeof(platform),
		.allocate = rumpsw_allocate,
		.release = rumpsw_free,
		.panic = rumpsw_panic,
	};

	return rumpsw_errno(rumpswitch_platform(&platform));
}
