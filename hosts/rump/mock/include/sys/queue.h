/* Stand-in for <sys/queue.h>: the lists that kernel sources are written with, as far as they are used. */
#ifndef MOCK_SYS_QUEUE_H
#define MOCK_SYS_QUEUE_H

/* Singly linked: push in front, walk, remove by walking. */
#define SLIST_HEAD(name, type) struct name { struct type *slh_first; }
#define SLIST_ENTRY(type) struct { struct type *sle_next; }
#define SLIST_INIT(h) ((h)->slh_first = NULL)
#define SLIST_FIRST(h) ((h)->slh_first)
#define SLIST_EMPTY(h) ((h)->slh_first == NULL)
#define SLIST_NEXT(e, f) ((e)->f.sle_next)
#define SLIST_FOREACH(v, h, f) for ((v) = (h)->slh_first; (v) != NULL; (v) = (v)->f.sle_next)
#define SLIST_FOREACH_SAFE(v, h, f, n) \
	for ((v) = (h)->slh_first; (v) != NULL && ((n) = (v)->f.sle_next, 1); (v) = (n))
#define SLIST_INSERT_HEAD(h, e, f) \
	do { \
		(e)->f.sle_next = (h)->slh_first; \
		(h)->slh_first = (e); \
	} while (0)
#define SLIST_REMOVE_HEAD(h, f) ((h)->slh_first = (h)->slh_first->f.sle_next)
#define SLIST_REMOVE(h, e, type, f) \
	do { \
		struct type **mock_at = &(h)->slh_first; \
		while (*mock_at != (e)) \
			mock_at = &(*mock_at)->f.sle_next; \
		*mock_at = (e)->f.sle_next; \
	} while (0)

/* Doubly linked, ended by NULL: an element leaves without its head. */
#define LIST_HEAD(name, type) struct name { struct type *lh_first; }
#define LIST_HEAD_INITIALIZER(h) { NULL }
#define LIST_ENTRY(type) struct { struct type *le_next; struct type **le_prev; }
#define LIST_INIT(h) ((h)->lh_first = NULL)
#define LIST_FIRST(h) ((h)->lh_first)
#define LIST_EMPTY(h) ((h)->lh_first == NULL)
#define LIST_NEXT(e, f) ((e)->f.le_next)
#define LIST_FOREACH(v, h, f) for ((v) = (h)->lh_first; (v) != NULL; (v) = (v)->f.le_next)
#define LIST_FOREACH_SAFE(v, h, f, n) \
	for ((v) = (h)->lh_first; (v) != NULL && ((n) = (v)->f.le_next, 1); (v) = (n))
#define LIST_INSERT_HEAD(h, e, f) \
	do { \
		(e)->f.le_next = (h)->lh_first; \
		if ((h)->lh_first != NULL) \
			(h)->lh_first->f.le_prev = &(e)->f.le_next; \
		(h)->lh_first = (e); \
		(e)->f.le_prev = &(h)->lh_first; \
	} while (0)
#define LIST_REMOVE(e, f) \
	do { \
		if ((e)->f.le_next != NULL) \
			(e)->f.le_next->f.le_prev = (e)->f.le_prev; \
		*(e)->f.le_prev = (e)->f.le_next; \
	} while (0)

/* Doubly linked with a tail: first in, first out. */
#define TAILQ_HEAD(name, type) struct name { struct type *tqh_first; struct type **tqh_last; }
#define TAILQ_HEAD_INITIALIZER(h) { NULL, &(h).tqh_first }
#define TAILQ_ENTRY(type) struct { struct type *tqe_next; struct type **tqe_prev; }
#define TAILQ_INIT(h) ((h)->tqh_first = NULL, (h)->tqh_last = &(h)->tqh_first)
#define TAILQ_FIRST(h) ((h)->tqh_first)
#define TAILQ_EMPTY(h) ((h)->tqh_first == NULL)
#define TAILQ_NEXT(e, f) ((e)->f.tqe_next)
#define TAILQ_FOREACH(v, h, f) for ((v) = (h)->tqh_first; (v) != NULL; (v) = (v)->f.tqe_next)
#define TAILQ_FOREACH_SAFE(v, h, f, n) \
	for ((v) = (h)->tqh_first; (v) != NULL && ((n) = (v)->f.tqe_next, 1); (v) = (n))
#define TAILQ_INSERT_TAIL(h, e, f) \
	do { \
		(e)->f.tqe_next = NULL; \
		(e)->f.tqe_prev = (h)->tqh_last; \
		*(h)->tqh_last = (e); \
		(h)->tqh_last = &(e)->f.tqe_next; \
	} while (0)
#define TAILQ_INSERT_HEAD(h, e, f) \
	do { \
		(e)->f.tqe_next = (h)->tqh_first; \
		if ((h)->tqh_first != NULL) \
			(h)->tqh_first->f.tqe_prev = &(e)->f.tqe_next; \
		else \
			(h)->tqh_last = &(e)->f.tqe_next; \
		(h)->tqh_first = (e); \
		(e)->f.tqe_prev = &(h)->tqh_first; \
	} while (0)
#define TAILQ_REMOVE(h, e, f) \
	do { \
		if ((e)->f.tqe_next != NULL) \
			(e)->f.tqe_next->f.tqe_prev = (e)->f.tqe_prev; \
		else \
			(h)->tqh_last = (e)->f.tqe_prev; \
		*(e)->f.tqe_prev = (e)->f.tqe_next; \
	} while (0)

/* Singly linked with a tail. */
#define SIMPLEQ_HEAD(name, type) struct name { struct type *sqh_first; struct type **sqh_last; }
#define SIMPLEQ_ENTRY(type) struct { struct type *sqe_next; }
#define SIMPLEQ_INIT(h) ((h)->sqh_first = NULL, (h)->sqh_last = &(h)->sqh_first)
#define SIMPLEQ_FIRST(h) ((h)->sqh_first)
#define SIMPLEQ_EMPTY(h) ((h)->sqh_first == NULL)
#define SIMPLEQ_NEXT(e, f) ((e)->f.sqe_next)
#define SIMPLEQ_FOREACH(v, h, f) for ((v) = (h)->sqh_first; (v) != NULL; (v) = (v)->f.sqe_next)
#define SIMPLEQ_INSERT_TAIL(h, e, f) \
	do { \
		(e)->f.sqe_next = NULL; \
		*(h)->sqh_last = (e); \
		(h)->sqh_last = &(e)->f.sqe_next; \
	} while (0)
#define SIMPLEQ_REMOVE_HEAD(h, f) \
	do { \
		if (((h)->sqh_first = (h)->sqh_first->f.sqe_next) == NULL) \
			(h)->sqh_last = &(h)->sqh_first; \
	} while (0)

#endif
