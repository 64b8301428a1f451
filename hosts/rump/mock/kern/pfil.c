/*
 * pfil(9): hooks, in the order in which they were added. What is called may take the frame (NULL) or end
 * the walk with an error.
 */
#include "kern.h"

#define HOOKS 16

struct pfil_head {
	struct {
		pfil_func_t func;
		void *arg;
		int flags;
	} hooks[HOOKS];
	int count;
	void *lock;
};

pfil_head_t *if_pfil;			/* interfaces that come and go */

void
mock_pfil_init(void)
{
	if_pfil = mock_pfil_new();
}

pfil_head_t *
mock_pfil_new(void)
{
	pfil_head_t *head = rumphost_alloc(sizeof(*head));

	memset(head, 0, sizeof(*head));
	head->lock = rumphost_mutex_new(0);
	return head;
}

bool
mock_pfil_empty(const pfil_head_t *head)
{
	return head->count == 0;
}

void
mock_pfil_free(pfil_head_t *head)
{
	KASSERTMSG(head->count == 0, "an interface is gone and its output is still filtered");
	rumphost_mutex_free(head->lock);
	rumphost_free(head);
}

int
pfil_add_hook(pfil_func_t func, void *arg, int flags, pfil_head_t *head)
{
	mock_assert_no_soft("pfil_add_hook");
	rumphost_mutex_enter(head->lock);
	KASSERT(head->count < HOOKS);
	head->hooks[head->count].func = func;
	head->hooks[head->count].arg = arg;
	head->hooks[head->count].flags = flags;
	head->count++;
	rumphost_mutex_exit(head->lock);
	return 0;
}

int
pfil_remove_hook(pfil_func_t func, void *arg, int flags, pfil_head_t *head)
{
	int i, error = ENOENT;

	mock_assert_no_soft("pfil_remove_hook");
	rumphost_mutex_enter(head->lock);
	for (i = 0; i < head->count && error != 0; i++) {
		if (head->hooks[i].func == func && head->hooks[i].arg == arg && head->hooks[i].flags == flags) {
			memmove(&head->hooks[i], &head->hooks[i + 1],
			    sizeof(head->hooks[0]) * (size_t)(head->count - i - 1));
			head->count--;
			error = 0;
		}
	}
	rumphost_mutex_exit(head->lock);
	return error;
}

int
pfil_run_hooks(pfil_head_t *head, struct mbuf **m, struct ifnet *ifp, int flags)
{
	struct pfil_head now;
	bool event = head == if_pfil;
	int i, error = 0;

	rumphost_mutex_enter(head->lock);
	now = *head;
	rumphost_mutex_exit(head->lock);
	for (i = 0; i < now.count && error == 0 && (event || *m != NULL); i++) {
		if (now.hooks[i].flags & flags)
			error = now.hooks[i].func(now.hooks[i].arg, m, ifp, flags);
	}
	return error;
}
