/* Stand-in for <sys/psref.h>: a reference that its thread holds while it is bound to its processor. */
#ifndef MOCK_SYS_PSREF_H
#define MOCK_SYS_PSREF_H

struct psref {
	const void *mock_target;
	struct lwp *mock_lwp;
};

#endif
