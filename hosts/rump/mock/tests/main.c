/*
 * Runs the cases, each in a process of its own: all, or those whose names hold a word that was given.
 * --list names them. What a case says is shown when it fails.
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "suite.h"

static const struct test *const groups[] = {
	device_tests, wait_tests, ports_tests, frames_tests, faults_tests, life_tests,
};

struct outcome {
	int status;
	size_t len;
	char said[65536];
};

static void
run_child(const struct test *t, int out)
{
	dup2(out, STDERR_FILENO);
	close(out);
	alarm(getenv("MOCK_PATIENCE") != NULL ? (unsigned)atoi(getenv("MOCK_PATIENCE")) : 60);
	t->run();
	exit(0);
}

static void
run(const struct test *t, struct outcome *o)
{
	int ends[2];
	ssize_t n;
	pid_t child;

	if (pipe(ends) != 0)
		abort();
	child = fork();
	if (child == 0) {
		close(ends[0]);
		run_child(t, ends[1]);
	}
	close(ends[1]);
	o->len = 0;
	while ((n = read(ends[0], o->said + o->len, sizeof(o->said) - 1 - o->len)) > 0)
		o->len += (size_t)n;
	o->said[o->len] = '\0';
	close(ends[0]);
	waitpid(child, &o->status, 0);
}

static int
passed(const struct test *t, const struct outcome *o)
{
	if (t->panics == NULL)
		return WIFEXITED(o->status) && WEXITSTATUS(o->status) == 0;
	return WIFSIGNALED(o->status) && WTERMSIG(o->status) == SIGABRT && strstr(o->said, t->panics) != NULL;
}

static int
one(const struct test *t)
{
	static struct outcome o;
	struct timespec from, to;
	int ok;

	clock_gettime(CLOCK_MONOTONIC, &from);
	run(t, &o);
	clock_gettime(CLOCK_MONOTONIC, &to);
	ok = passed(t, &o);
	printf("%s %s (%ld ms)\n", ok ? "ok    " : "FAILED", t->name,
	    (long)((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000));
	if (!ok)
		printf("%s        wait status %#x\n", o.said, (unsigned)o.status);
	fflush(stdout);
	return ok;
}

static int
wanted(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (strstr(name, argv[i]) != NULL)
			return 1;
	}
	return argc == 1;
}

int
main(int argc, char **argv)
{
	const struct test *t;
	unsigned count = 0, failed = 0;
	size_t g;

	for (g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		for (t = groups[g]; t->name != NULL; t++) {
			if (argc == 2 && strcmp(argv[1], "--list") == 0) {
				puts(t->name);
			} else if (wanted(t->name, argc, argv)) {
				count++;
				failed += !one(t);
			}
		}
	}
	if (argc != 2 || strcmp(argv[1], "--list") != 0)
		printf("%u cases, %u failed\n", count, failed);
	return failed != 0 || (count == 0 && argc > 2);
}
