/*
 * The process under the stand-in kernel: threads, memory, clock and the console, by the C library. The only
 * file that is compiled with the machine's own headers; the kernel's files know these functions alone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

static void
must(int error, const char *what)
{
	if (error == 0)
		return;
	fprintf(stderr, "mock: %s: %s\n", what, strerror(error));
	abort();
}

void *
rumphost_alloc(unsigned long len)
{
	return malloc(len);
}

void
rumphost_free(void *block)
{
	free(block);
}

void *
rumphost_mutex_new(int recursive)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t *mutex = malloc(sizeof(*mutex));

	must(mutex == NULL ? ENOMEM : 0, "mutex");
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_ERRORCHECK);
	must(pthread_mutex_init(mutex, &attr), "mutex");
	pthread_mutexattr_destroy(&attr);
	return mutex;
}

void
rumphost_mutex_free(void *mutex)
{
	must(pthread_mutex_destroy(mutex), "mutex destroy");
	free(mutex);
}

void
rumphost_mutex_enter(void *mutex)
{
	must(pthread_mutex_lock(mutex), "mutex enter");
}

int
rumphost_mutex_tryenter(void *mutex)
{
	return pthread_mutex_trylock(mutex) == 0;
}

void
rumphost_mutex_exit(void *mutex)
{
	must(pthread_mutex_unlock(mutex), "mutex exit");
}

void *
rumphost_cv_new(void)
{
	pthread_condattr_t attr;
	pthread_cond_t *cv = malloc(sizeof(*cv));

	must(cv == NULL ? ENOMEM : 0, "cv");
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	must(pthread_cond_init(cv, &attr), "cv");
	pthread_condattr_destroy(&attr);
	return cv;
}

void
rumphost_cv_free(void *cv)
{
	must(pthread_cond_destroy(cv), "cv destroy");
	free(cv);
}

void
rumphost_cv_wait(void *cv, void *mutex)
{
	must(pthread_cond_wait(cv, mutex), "cv wait");
}

int
rumphost_cv_timedwait(void *cv, void *mutex, unsigned long nanoseconds)
{
	struct timespec until;
	int error;

	clock_gettime(CLOCK_MONOTONIC, &until);
	nanoseconds += (unsigned long)until.tv_nsec;
	until.tv_sec += (time_t)(nanoseconds / 1000000000UL);
	until.tv_nsec = (long)(nanoseconds % 1000000000UL);
	error = pthread_cond_timedwait(cv, mutex, &until);
	if (error == ETIMEDOUT)
		return 1;
	must(error, "cv timedwait");
	return 0;
}

void
rumphost_cv_broadcast(void *cv)
{
	must(pthread_cond_broadcast(cv), "cv broadcast");
}

struct thread {
	pthread_t thread;
	void (*func)(void *);
	void *arg;
};

static void *
thread_main(void *arg)
{
	struct thread *t = arg;

	t->func(t->arg);
	return NULL;
}

void *
rumphost_thread_new(void (*func)(void *), void *arg)
{
	struct thread *t = malloc(sizeof(*t));

	must(t == NULL ? ENOMEM : 0, "thread");
	t->func = func;
	t->arg = arg;
	must(pthread_create(&t->thread, NULL, thread_main, t), "thread");
	return t;
}

void
rumphost_thread_join(void *thread)
{
	struct thread *t = thread;

	must(pthread_join(t->thread, NULL), "join");
	free(t);
}

static __thread void *current;

void *
rumphost_thread_get(void)
{
	return current;
}

void
rumphost_thread_set(void *lwp)
{
	current = lwp;
}

unsigned long
rumphost_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long)now.tv_sec * 1000000000UL + (unsigned long)now.tv_nsec;
}

void
rumphost_random(void *into, unsigned long len)
{
	must(getentropy(into, len) == 0 ? 0 : errno, "random");
}

int
rumphost_format(char *into, unsigned long len, const char *format, __builtin_va_list args)
{
	return vsnprintf(into, len, format, args);
}

void
rumphost_print(const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, text, len);

		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

void
rumphost_abort(void)
{
	abort();
}

void
rumphost_set_errno(int number)
{
	errno = number;
}

void
rumphost_copy(void *to, const void *from, unsigned long len)
{
	memcpy(to, from, len);
}

void
rumphost_move(void *to, const void *from, unsigned long len)
{
	memmove(to, from, len);
}

void
rumphost_fill(void *to, int byte, unsigned long len)
{
	memset(to, byte, len);
}
