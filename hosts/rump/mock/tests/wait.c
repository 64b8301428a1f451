/*
 * Who waits on a device: sleeping reads, poll, select and kevent, each woken by what another thread does.
 * A wake that is forgotten is a sleep for ever here, and so a case that never ends.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "suite.h"

/* A channel whose packet-ins are what others wake it with. */
struct scene {
	struct bench b;
	int fd;
	int kq;
	long result;
	int error;
	int asleep;			/* the other thread is about to sleep */
};

static void
scene_start(struct scene *s)
{
	static const uint32_t out[] = { OF_CONTROLLER, 0 };

	memset(s, 0, sizeof(*s));
	bench_start(&s->b, 1);
	s->fd = open_device();
	add_flow(s->fd, s->b.port[0], AS_IT_IS, out, 0);
}

static void
send_frame(void)
{
	uint8_t frame[64];

	make_frame(frame, sizeof(frame), 3);
	CHECK_EQ(rumpmock_port_receive("shm0", frame, sizeof(frame), NULL, 0), 0);
}

/* The other thread does this; meanwhile, once it sleeps, `act` is done. */
static void
while_asleep(struct scene *s, void *(*sleeper)(void *), void (*act)(struct scene *))
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, sleeper, s), 0);
	while (!__atomic_load_n(&s->asleep, __ATOMIC_SEQ_CST))
		usleep(1000);
	usleep(30000);
	act(s);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void
act_frame(struct scene *s)
{
	(void)s;
	send_frame();
}

static void *
sleep_in_read(void *arg)
{
	static uint8_t got[4096];
	struct scene *s = arg;

	__atomic_store_n(&s->asleep, 1, __ATOMIC_SEQ_CST);
	s->result = rump_sys_read(s->fd, got, sizeof(got));
	s->error = errno;
	return NULL;
}

static void
a_blocked_read_is_woken(void)
{
	struct scene s;

	scene_start(&s);
	while_asleep(&s, sleep_in_read, act_frame);
	CHECK(s.result > 64);
	bench_end(&s.b);
}

static void *
sleep_in_poll(void *arg)
{
	struct scene *s = arg;
	struct pollfd p = { s->fd, NB_POLLIN, 0 };

	__atomic_store_n(&s->asleep, 1, __ATOMIC_SEQ_CST);
	CHECK_EQ(rump_sys_poll(&p, 1, -1), 1);
	s->result = p.revents;
	return NULL;
}

static void
a_blocked_poll_is_woken(void)
{
	struct scene s;

	scene_start(&s);
	while_asleep(&s, sleep_in_poll, act_frame);
	CHECK_EQ(s.result, NB_POLLIN);
	bench_end(&s.b);
}

static void *
sleep_in_select(void *arg)
{
	struct scene *s = arg;
	uint32_t in[8] = { 1u << s->fd };

	__atomic_store_n(&s->asleep, 1, __ATOMIC_SEQ_CST);
	s->result = rump_sys_select(s->fd + 1, in, NULL, NULL, NULL);
	CHECK_EQ(in[0], 1u << s->fd);
	return NULL;
}

static void
a_blocked_select_is_woken(void)
{
	struct scene s;

	scene_start(&s);
	while_asleep(&s, sleep_in_select, act_frame);
	CHECK_EQ(s.result, 1);
	bench_end(&s.b);
}

static void
watch(struct scene *s, uint32_t filter, uint32_t flags)
{
	struct rumpswitch_nb_kevent k = { (uintptr_t)s->fd, filter, flags, 0, 0, 42 };

	CHECK_EQ(rump_sys_kevent(s->kq, &k, 1, NULL, 0, NULL), 0);
}

static void *
sleep_in_kevent(void *arg)
{
	struct scene *s = arg;
	struct rumpswitch_nb_kevent k;
	uint32_t pending;

	__atomic_store_n(&s->asleep, 1, __ATOMIC_SEQ_CST);
	CHECK_EQ(rump_sys_kevent(s->kq, NULL, 0, &k, 1, NULL), 1);
	CHECK_EQ(k.ident, s->fd);
	CHECK_EQ(k.udata, 42);
	CHECK_EQ(rump_sys_ioctl(s->fd, RUMPSWITCH_NB_FIONREAD, &pending), 0);
	CHECK_EQ(k.data, pending);
	s->result = (long)k.flags;
	return NULL;
}

static void
a_blocked_kevent_is_woken_and_told_the_bytes(void)
{
	struct scene s;

	scene_start(&s);
	s.kq = rump_sys_kqueue();
	watch(&s, RUMPSWITCH_NB_EVFILT_READ, RUMPSWITCH_NB_EV_ADD);
	while_asleep(&s, sleep_in_kevent, act_frame);
	CHECK_EQ(s.result & RUMPSWITCH_NB_EV_EOF, 0);
	bench_end(&s.b);
}

/* Two opens of one device in one queue: only the one with something to read is told. */
static void
kqueue_is_per_open(void)
{
	static const long no_time[2];
	struct rumpswitch_nb_kevent k[4];
	struct scene s;
	struct buffer m;
	int other;

	scene_start(&s);
	s.kq = rump_sys_kqueue();
	other = open_device();
	watch(&s, RUMPSWITCH_NB_EVFILT_READ, RUMPSWITCH_NB_EV_ADD);
	watch(&s, RUMPSWITCH_NB_EVFILT_WRITE, RUMPSWITCH_NB_EV_ADD);
	k[0] = (struct rumpswitch_nb_kevent){ (uintptr_t)other, 0, RUMPSWITCH_NB_EV_ADD, 0, 0, 0 };
	CHECK_EQ(rump_sys_kevent(s.kq, k, 1, NULL, 0, NULL), 0);
	CHECK_EQ(rump_sys_kevent(s.kq, NULL, 0, k, 4, no_time), 1);
	CHECK_EQ(k[0].filter, RUMPSWITCH_NB_EVFILT_WRITE);
	CHECK_EQ(k[0].ident, s.fd);
	watch(&s, RUMPSWITCH_NB_EVFILT_WRITE, RUMPSWITCH_NB_EV_DELETE);
	send_echo(other, 1, 24);
	CHECK_EQ(rump_sys_kevent(s.kq, NULL, 0, k, 4, no_time), 1);
	CHECK_EQ(k[0].ident, other);
	CHECK_EQ(k[0].data, 24);
	CHECK_EQ(read_message(other, &m), OF_ECHO_REPLY);
	CHECK_EQ(rump_sys_kevent(s.kq, NULL, 0, k, 4, no_time), 0);
	k[0] = (struct rumpswitch_nb_kevent){ (uintptr_t)other, 6, RUMPSWITCH_NB_EV_ADD, 0, 0, 0 };
	CHECK_FAILS(rump_sys_kevent(s.kq, k, 1, NULL, 0, NULL), NB_EINVAL);
	CHECK_EQ(rump_sys_close(other), 0);
	CHECK_EQ(rump_sys_kevent(s.kq, NULL, 0, k, 4, no_time), 0);
	bench_end(&s.b);
}

static void
poll_says_what_is_so(void)
{
	struct scene s;
	struct pollfd p;

	scene_start(&s);
	p = (struct pollfd){ s.fd, NB_POLLIN | NB_POLLOUT, 0 };
	CHECK_EQ(rump_sys_poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, NB_POLLOUT);
	send_frame();
	CHECK_EQ(rump_sys_poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, NB_POLLIN | NB_POLLOUT);
	p.events = 0;
	CHECK_EQ(rump_sys_poll(&p, 1, 20), 0);
	p = (struct pollfd){ 60, NB_POLLIN, 0 };
	CHECK_EQ(rump_sys_poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, NB_POLLNVAL);
	bench_end(&s.b);
}

static void
act_close(struct scene *s)
{
	CHECK_EQ(rump_sys_close(s->fd), 0);
}

static void
a_close_ends_a_blocked_read(void)
{
	struct scene s;

	scene_start(&s);
	while_asleep(&s, sleep_in_read, act_close);
	CHECK_EQ(s.result, -1);
	CHECK_EQ(s.error, NB_EBADF);
	bench_end(&s.b);
}

/* In a process of its own, which is killed while it sleeps; its descriptors go with it. */
static void *
killed_reader(void *arg)
{
	static uint8_t got[4096];
	struct scene *s = arg;
	int fd;

	CHECK_EQ(rump_pub_lwproc_rfork(RUMP_RFFD_CLEAR), 0);
	fd = open_device();
	s->kq = rumpmock_getpid();
	__atomic_store_n(&s->asleep, 1, __ATOMIC_SEQ_CST);
	s->result = rump_sys_read(fd, got, sizeof(got));
	s->error = errno;
	rump_pub_lwproc_releaselwp();
	return NULL;
}

static void
act_kill(struct scene *s)
{
	rumpmock_kill(s->kq);
}

static void
a_killed_reader_lets_its_channel_go(void)
{
	struct scene s;
	struct rumpmock_balance before, after;

	scene_start(&s);
	rumpmock_balance(&before);
	while_asleep(&s, killed_reader, act_kill);
	CHECK_EQ(s.result, -1);
	CHECK_EQ(s.error, NB_EINTR);
	rumpmock_balance(&after);
	CHECK_EQ(after.files, before.files);
	CHECK_EQ(after.condvars, before.condvars);
	bench_end(&s.b);
}

static void
act_destroy(struct scene *s)
{
	CHECK_EQ(interface_request(&s->b, NB_SIOCIFDESTROY, "switch0", 0), 0);
	CHECK_EQ(interface_request(&s->b, NB_SIOCIFCREATE, "switch0", 0), 0);
}

static void
a_destroyed_switch_ends_the_stream(void)
{
	static uint8_t got[4096];
	struct scene s;
	struct pollfd p;
	struct rumpswitch_nb_kevent k;

	scene_start(&s);
	s.kq = rump_sys_kqueue();
	watch(&s, RUMPSWITCH_NB_EVFILT_READ, RUMPSWITCH_NB_EV_ADD);
	while_asleep(&s, sleep_in_read, act_destroy);
	CHECK(s.result >= 0);
	while (s.result > 0)		/* what it still had to say, then the end */
		s.result = rump_sys_read(s.fd, got, sizeof(got));
	CHECK_EQ(s.result, 0);
	p = (struct pollfd){ s.fd, NB_POLLIN, 0 };
	CHECK_EQ(rump_sys_poll(&p, 1, -1), 1);
	CHECK(p.revents & NB_POLLHUP);
	CHECK_EQ(rump_sys_kevent(s.kq, NULL, 0, &k, 1, NULL), 1);
	CHECK(k.flags & RUMPSWITCH_NB_EV_EOF);
	CHECK_EQ(rump_sys_write(s.fd, got, 8), -1);
	bench_end(&s.b);
}

static void
a_destroyed_switch_wakes_a_blocked_poll(void)
{
	struct scene s;

	scene_start(&s);
	while_asleep(&s, sleep_in_poll, act_destroy);
	CHECK(s.result & (NB_POLLIN | NB_POLLHUP));
	bench_end(&s.b);
}

/* One client's memory does not answer; the switch serves all others meanwhile. */
static pthread_mutex_t stuck = PTHREAD_MUTEX_INITIALIZER;
static __thread int is_slow;

static void
stick(void *arg)
{
	struct scene *s = arg;

	if (!is_slow)
		return;
	__atomic_store_n(&s->asleep, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&stuck);
	pthread_mutex_unlock(&stuck);
}

static void *
slow_client(void *arg)
{
	static uint8_t got[4096];
	struct scene *s = arg;

	is_slow = 1;
	s->result = rump_sys_read(s->fd, got, sizeof(got));
	return NULL;
}

static void
act_as_another_client(struct scene *s)
{
	struct buffer m;
	int fd = open_device();

	(void)s;
	send_echo(fd, 3, 32);
	CHECK_EQ(read_message(fd, &m), OF_ECHO_REPLY);
	send_frame();
	expect_message(fd, OF_PACKET_IN, &m);
	barrier(fd);
	CHECK_EQ(rump_sys_close(fd), 0);
	pthread_mutex_unlock(&stuck);
}

static void
a_client_that_never_answers_harms_only_itself(void)
{
	struct scene s;

	scene_start(&s);
	send_frame();
	pthread_mutex_lock(&stuck);
	rumpmock_copy_hook(stick, &s);
	while_asleep(&s, slow_client, act_as_another_client);
	CHECK(s.result > 64);
	bench_end(&s.b);
}

/* Readers, a writer and frames at once: every reply and every packet-in comes exactly once. */
static int echoes, frames;

static void *
count_messages(void *arg)
{
	struct scene *s = arg;
	struct buffer *m = malloc(sizeof(*m));
	int type;

	while (__atomic_load_n(&echoes, __ATOMIC_SEQ_CST) < 300 ||
	    __atomic_load_n(&frames, __ATOMIC_SEQ_CST) < 300) {
		type = read_message(s->fd, m);
		CHECK(type == OF_ECHO_REPLY || type == OF_PACKET_IN);
		__atomic_add_fetch(type == OF_ECHO_REPLY ? &echoes : &frames, 1, __ATOMIC_SEQ_CST);
	}
	free(m);
	return NULL;
}

static void *
send_frames(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 300; i++) {
		send_frame();
		usleep(500);
	}
	return NULL;
}

static void
reads_writes_and_frames_go_on_together(void)
{
	struct scene s;
	pthread_t reader, wire;
	uint32_t i;

	scene_start(&s);
	CHECK_EQ(pthread_create(&reader, NULL, count_messages, &s), 0);
	CHECK_EQ(pthread_create(&wire, NULL, send_frames, &s), 0);
	for (i = 0; i < 300; i++)
		send_echo(s.fd, i, 8 + i);
	CHECK_EQ(pthread_join(wire, NULL), 0);
	CHECK_EQ(pthread_join(reader, NULL), 0);
	CHECK_EQ(echoes, 300);
	CHECK_EQ(frames, 300);
	bench_end(&s.b);
}

/* ---- everything at once ---- */

#define ROUNDS (getenv("MOCK_SHORT") != NULL ? 20 : 200)

static int over;

static void *
storm_of_frames(void *arg)
{
	uint8_t frame[200], got[2048];
	unsigned cuts[2] = { 0, 0 }, n = 0;
	const char *port = arg;

	while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST)) {
		make_frame(frame, sizeof(frame), n++);
		cuts[0] = 1 + n % 64;
		(void)rumpmock_port_receive(port, frame, sizeof(frame), cuts, n % 5 == 0 ? RUMPMOCK_SOFTINT : 0);
		(void)rumpmock_stack_send("shm1", frame, sizeof(frame));
		while (rumpmock_port_sent(port, got, sizeof(got)) >= 0)
			continue;
	}
	return NULL;
}

static void *
storm_of_clients(void *arg)
{
	struct buffer *m = malloc(sizeof(*m));
	struct pollfd p;
	int fd;

	(void)arg;
	CHECK_EQ(rump_pub_lwproc_rfork(RUMP_RFFD_CLEAR), 0);
	while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST)) {
		fd = open_device();
		p = (struct pollfd){ fd, NB_POLLIN, 0 };
		message_begin(m, OF_ECHO, 1);
		message_end(m);
		CHECK_EQ(rump_sys_write(fd, m->bytes, m->len), 8);
		CHECK_EQ(rump_sys_poll(&p, 1, 10000), 1);
		expect_message(fd, OF_ECHO_REPLY, m);
		CHECK_EQ(rump_sys_close(fd), 0);
	}
	rump_pub_lwproc_releaselwp();
	free(m);
	return NULL;
}

static void *
storm_of_time(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST)) {
		rumpmock_advance(50000000UL);
		usleep(200);
	}
	return NULL;
}

/* Ports come and go under frames, clients and the clock; at the end nothing is left and nothing was lost. */
static void
ports_come_and_go_under_traffic(void)
{
	static const uint32_t out[] = { OF_FLOOD, OF_CONTROLLER, 0 };
	struct bench b;
	pthread_t threads[4];
	uint8_t frame[60], got[2048];
	int i, fd;

	bench_start(&b, 3);
	fd = open_device();
	add_flow(fd, 0, AS_IT_IS, out, 0);
	CHECK_EQ(rump_sys_close(fd), 0);
	CHECK_EQ(pthread_create(&threads[0], NULL, storm_of_frames, "shm0"), 0);
	CHECK_EQ(pthread_create(&threads[1], NULL, storm_of_frames, "shm2"), 0);
	CHECK_EQ(pthread_create(&threads[2], NULL, storm_of_clients, NULL), 0);
	CHECK_EQ(pthread_create(&threads[3], NULL, storm_of_time, NULL), 0);
	for (i = 0; i < ROUNDS; i++) {
		CHECK_EQ(port_request(&b, SIOCBRDGDEL, i % 2 != 0 ? "shm1" : "shm2", NULL), 0);
		CHECK_EQ(port_request(&b, SIOCBRDGADD, i % 2 != 0 ? "shm1" : "shm2", NULL), 0);
		while (rumpmock_port_sent("shm1", got, sizeof(got)) >= 0)
			continue;
		while (rumpmock_stack_received("switch0", got, sizeof(got)) >= 0)
			continue;
	}
	__atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < 4; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	for (i = 0; i < 3; i++) {
		const char *const names[] = { "shm0", "shm1", "shm2" };

		while (rumpmock_port_sent(names[i], got, sizeof(got)) >= 0)
			continue;
		while (rumpmock_stack_received(names[i], got, sizeof(got)) >= 0)
			continue;
	}
	make_frame(frame, sizeof(frame), 1);
	CHECK_EQ(rumpmock_port_receive("shm0", frame, sizeof(frame), NULL, 0), 0);
	expect_frame("shm2", frame, sizeof(frame));
	bench_end(&b);
}

#define TEST(f) { #f, f, NULL }
const struct test wait_tests[] = {
	TEST(a_blocked_read_is_woken),
	TEST(a_blocked_poll_is_woken),
	TEST(a_blocked_select_is_woken),
	TEST(a_blocked_kevent_is_woken_and_told_the_bytes),
	TEST(kqueue_is_per_open),
	TEST(poll_says_what_is_so),
	TEST(a_close_ends_a_blocked_read),
	TEST(a_killed_reader_lets_its_channel_go),
	TEST(a_destroyed_switch_ends_the_stream),
	TEST(a_destroyed_switch_wakes_a_blocked_poll),
	TEST(a_client_that_never_answers_harms_only_itself),
	TEST(reads_writes_and_frames_go_on_together),
	TEST(ports_come_and_go_under_traffic),
	{ NULL, NULL, NULL }
};
