/*
 * Beginnings and ends: the version check, time, a panic, and that the kernel sees what it is there to see.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

int rumpnet_switch_attach(void);

/* The component's line is on stderr: the first that this process says. */
static void
another_kernels_version_is_refused(void)
{
	struct rumpmock_balance before;

	rumpmock_virtual_clock();
	rumpmock_version(999001100);
	CHECK_EQ(rump_init(), 0);
	rumpmock_balance(&before);
	CHECK_FAILS(rump_sys_open("/dev/switch0", RUMPSWITCH_NB_O_RDWR), NB_ENOENT);
	rump_schedule();
	CHECK_EQ(rumpnet_switch_attach(), 75);		/* EPROGMISMATCH, without another line */
	rump_unschedule();
	rumpmock_shutdown();
	CHECK(rumpmock_balanced(&before));
}

static void
a_refusal_is_one_line(void)
{
	char said[1000];
	int ends[2], status;
	ssize_t n;

	CHECK_EQ(pipe(ends), 0);
	if (fork() == 0) {
		dup2(ends[1], STDERR_FILENO);
		another_kernels_version_is_refused();
		_exit(0);
	}
	close(ends[1]);
	wait(&status);
	CHECK_EQ(status, 0);
	n = read(ends[0], said, sizeof(said) - 1);
	CHECK(n > 0);
	said[n] = '\0';
	CHECK(strstr(said, "switch: built for NetBSD 799003400, this kernel is 999001100: not attached\n") == said);
	CHECK_EQ(strchr(said, '\n') - said, n - 1);
}

static void
the_second_door_changes_nothing_after_the_first(void)
{
	struct bench b;

	bench_start(&b, 0);
	rump_schedule();
	CHECK_EQ(rumpnet_switch_attach(), 0);
	rump_unschedule();
	bench_end(&b);
}

static void
a_panic_of_the_switch_is_the_kernels(void)
{
	struct bench b;
	int fd;

	bench_start(&b, 0);
	fd = open_device();
	rumpmock_super(0);
	CHECK_FAILS(rump_sys_ioctl(fd, RUMPSWITCH_IOC_PANIC, NULL), NB_EPERM);
	rumpmock_super(1);
	(void)rump_sys_ioctl(fd, RUMPSWITCH_IOC_PANIC, NULL);
}

static uint64_t
ticks(int fd)
{
	uint64_t count = 0;

	CHECK_EQ(rump_sys_ioctl(fd, RUMPSWITCH_IOC_TICKS, &count), 0);
	return count;
}

static void
the_clock_is_armed_by_the_deadline(void)
{
	static const uint32_t drop[] = { 0 };
	struct bench b;
	struct buffer m;
	uint64_t before;
	int fd;

	bench_start(&b, 1);
	fd = open_device();
	add_flow(fd, b.port[0], AS_IT_IS, drop, 5);
	before = ticks(fd);
	rumpmock_advance(4900000000UL);
	CHECK_EQ(rump_sys_fcntl(fd, NB_F_SETFL, 2L | RUMPSWITCH_NB_O_NONBLOCK), 0);
	CHECK_FAILS(rump_sys_read(fd, m.bytes, 8), NB_EAGAIN);
	rumpmock_advance(1200000000UL);
	CHECK_EQ(rump_sys_fcntl(fd, NB_F_SETFL, 2L), 0);
	CHECK_EQ(read_message(fd, &m), OF_FLOW_REMOVED);
	CHECK_EQ(m.bytes[8 + 8 + 2], 1);		/* reason: hard time-out */
	CHECK(ticks(fd) - before <= 12);	/* some 610 times if it were polled */
	bench_end(&b);
}

/* Nothing is due, nothing runs but the look at the ports once a second. */
static void
an_idle_switch_is_left_alone(void)
{
	struct bench b;
	unsigned long callouts;
	uint64_t before;
	int fd;

	bench_start(&b, 2);
	fd = open_device();
	rumpmock_advance(3000000000UL);
	before = ticks(fd);
	callouts = rumpmock_callouts();
	rumpmock_advance(100000000000UL);
	CHECK(rumpmock_callouts() - callouts <= 102);
	CHECK(ticks(fd) - before <= 2);
	bench_end(&b);
}

static void
the_kernel_panics_at_every_misdeed(void)
{
	int which, status, count = 0;
	pid_t child;

	for (which = 0;; which++) {
		child = fork();
		if (child == 0) {
			rumpmock_virtual_clock();
			(void)rump_init();
			_exit(rumpmock_misdeed(which) == 0 ? 42 : 43);
		}
		waitpid(child, &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 42)
			break;
		fprintf(stderr, "misdeed %d: status %#x\n", which, (unsigned)status);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == 6);
		count++;
	}
	CHECK_EQ(count, 9);
}

#define TEST(f) { #f, f, NULL }
const struct test life_tests[] = {
	TEST(another_kernels_version_is_refused),
	TEST(a_refusal_is_one_line),
	TEST(the_second_door_changes_nothing_after_the_first),
	{ "a_panic_of_the_switch_is_the_kernels", a_panic_of_the_switch_is_the_kernels, "panic: rumpswitch: " },
	TEST(the_clock_is_armed_by_the_deadline),
	TEST(an_idle_switch_is_left_alone),
	TEST(the_kernel_panics_at_every_misdeed),
	{ NULL, NULL, NULL }
};
