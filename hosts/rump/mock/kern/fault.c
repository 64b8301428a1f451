/*
 * What fails on purpose: the n-th call of a kind, counted over all threads.
 */
#include "kern.h"

static struct {
	unsigned long asked;
	unsigned long fail;
	int after;
} faults[RUMPMOCK_FAULT_COUNT];

void
rumpmock_fail(enum rumpmock_fault kind, unsigned long n, int after)
{
	__atomic_store_n(&faults[kind].asked, 0, __ATOMIC_SEQ_CST);
	faults[kind].fail = n;
	faults[kind].after = after;
}

unsigned long
rumpmock_asked(enum rumpmock_fault kind)
{
	return __atomic_load_n(&faults[kind].asked, __ATOMIC_SEQ_CST);
}

bool
mock_fails(enum rumpmock_fault kind)
{
	unsigned long n = __atomic_add_fetch(&faults[kind].asked, 1, __ATOMIC_SEQ_CST);
	unsigned long fail = faults[kind].fail;

	return fail != 0 && (n == fail || (n > fail && faults[kind].after));
}
