/*
 * Stand-in for <sys/mutex.h>. Panics at what LOCKDEBUG would find: entering twice, leaving what another
 * holds, destroying what is held.
 */
#ifndef MOCK_SYS_MUTEX_H
#define MOCK_SYS_MUTEX_H

#include <sys/types.h>
#include <sys/intr.h>

typedef enum { MUTEX_SPIN = 0, MUTEX_ADAPTIVE = 1, MUTEX_DEFAULT = 2 } kmutex_type_t;
typedef struct kmutex {
	void *mock_mutex;	/* the host's */
	struct lwp *mock_owner;
	int mock_spin;
	int mock_soft;		/* a softint may want it */
} kmutex_t;

void mutex_init(kmutex_t *, kmutex_type_t, int);
void mutex_destroy(kmutex_t *);
void mutex_enter(kmutex_t *);
int mutex_tryenter(kmutex_t *);
void mutex_exit(kmutex_t *);
int mutex_owned(kmutex_t *);
kmutex_t *mutex_obj_alloc(kmutex_type_t, int);
bool mutex_obj_free(kmutex_t *);
#define mutex_spin_enter(m) mutex_enter(m)
#define mutex_spin_exit(m) mutex_exit(m)

#endif
