/*
 * Which ports a switch has: requests on the interface, each with each of its errors, and interfaces that go
 * away by themselves.
 */
#include "suite.h"

static void
an_interface_becomes_a_port_and_is_left_as_it_was(void)
{
	struct bench b;

	bench_start(&b, 0);
	CHECK_EQ(rumpmock_port_create("shm0"), 0);
	CHECK_EQ(port_request(&b, SIOCBRDGADD, "shm0", NULL), 0);
	CHECK_EQ(rumpmock_promiscuous("shm0"), 1);
	CHECK(!rumpmock_untouched("shm0"));
	CHECK_EQ(port_request(&b, SIOCBRDGDEL, "shm0", NULL), 0);
	CHECK_EQ(rumpmock_promiscuous("shm0"), 0);
	CHECK(rumpmock_untouched("shm0"));
	CHECK_EQ(rumpmock_port_destroy("shm0"), 0);
	bench_end(&b);
}

static void
adding_tells_each_error(void)
{
	struct bench b;
	struct rumpswitch_ifbreq r;

	bench_start(&b, 1);
	CHECK_FAILS(port_request(&b, SIOCBRDGADD, "none0", NULL), NB_ENOENT);
	CHECK_FAILS(port_request(&b, SIOCBRDGADD, "shm0", NULL), NB_EEXIST);
	CHECK_FAILS(port_request(&b, SIOCBRDGADD, "switch0", NULL), NB_EEXIST);
	CHECK_EQ(rumpmock_port_create("odd0"), 0);
	CHECK_EQ(rumpmock_port_type("odd0", 24), 0);
	CHECK_FAILS(port_request(&b, SIOCBRDGADD, "odd0", NULL), NB_EPROTONOSUPPORT);
	CHECK_EQ(rumpmock_port_type("odd0", 6), 0);
	CHECK_EQ(rumpmock_port_steal("odd0", 1), 0);
	CHECK_FAILS(port_request(&b, SIOCBRDGADD, "odd0", NULL), NB_EBUSY);
	CHECK_EQ(rumpmock_port_steal("odd0", 0), 0);
	rumpmock_super(0);
	CHECK_FAILS(port_request(&b, SIOCBRDGADD, "odd0", NULL), NB_EPERM);
	rumpmock_super(1);
	memset(&r, 0, sizeof(r));
	strcpy(r.ifbr_name, "switch7");
	strcpy(r.ifbr_ifsname, "odd0");
	CHECK_FAILS(rump_sys_ioctl(b.socket, SIOCBRDGADD, &r), NB_ENXIO);
	CHECK_EQ(interface_request(&b, NB_SIOCIFCREATE, "switch1", 0), 0);
	strcpy(r.ifbr_name, "switch1");
	strcpy(r.ifbr_ifsname, "shm0");
	CHECK_FAILS(rump_sys_ioctl(b.socket, SIOCBRDGADD, &r), NB_EBUSY);
	CHECK_EQ(interface_request(&b, NB_SIOCIFDESTROY, "switch1", 0), 0);
	memset(r.ifbr_ifsname, 'x', sizeof(r.ifbr_ifsname));
	strcpy(r.ifbr_name, "switch0");
	CHECK_FAILS(rump_sys_ioctl(b.socket, SIOCBRDGADD, &r), NB_ENOENT);
	CHECK_FAILS(rump_sys_ioctl(b.socket, SIOCBRDGADD, (void *)16), NB_EFAULT);
	CHECK_EQ(rumpmock_port_destroy("odd0"), 0);
	bench_end(&b);
}

static void
removing_and_asking_tell_each_error(void)
{
	struct bench b;
	struct rumpswitch_ifbreq r;

	bench_start(&b, 1);
	CHECK_EQ(rumpmock_port_create("odd0"), 0);
	CHECK_FAILS(port_request(&b, SIOCBRDGDEL, "odd0", NULL), NB_ENOENT);
	CHECK_FAILS(port_request(&b, SIOCBRDGDEL, "none0", NULL), NB_ENOENT);
	CHECK_FAILS(port_request(&b, SIOCBRDGDEL, "switch0", NULL), NB_ENOENT);
	rumpmock_super(0);
	CHECK_FAILS(port_request(&b, SIOCBRDGDEL, "shm0", NULL), NB_EPERM);
	CHECK_FAILS(port_request(&b, SIOCBRDGADDL, "odd0", NULL), NB_EPERM);
	CHECK_FAILS(port_request(&b, SIOCSWSPORTNO, "shm0", NULL), NB_EPERM);
	memset(&r, 0, sizeof(r));
	CHECK_EQ(port_request(&b, SIOCBRDGGIFFLGS, "shm0", &r), 0);
	rumpmock_super(1);
	CHECK_EQ(r.ifbr_portno, b.port[0]);
	CHECK_EQ(r.ifbr_flags, RUMPSWITCH_IFBIF_RUNNING);
	CHECK_FAILS(port_request(&b, SIOCBRDGGIFFLGS, "none0", NULL), NB_ENOENT);
	CHECK_FAILS(port_request(&b, SIOCBRDGGIFFLGS, "odd0", NULL), NB_ESRCH);
	CHECK_EQ(rumpmock_port_flags("shm0", 1, 0), 0);
	CHECK_EQ(port_request(&b, SIOCBRDGGIFFLGS, "shm0", &r), 0);
	CHECK_EQ(r.ifbr_flags, 0);
	CHECK_EQ(rumpmock_port_destroy("odd0"), 0);
	bench_end(&b);
}

static void
a_port_gets_another_number(void)
{
	struct bench b;
	struct rumpswitch_ifbreq r;
	uint32_t out[2] = { 77, 0 };
	uint8_t frame[60];
	int fd;

	bench_start(&b, 2);
	memset(&r, 0, sizeof(r));
	CHECK_FAILS(port_request(&b, SIOCSWSPORTNO, "shm0", &r), NB_EINVAL);
	r.ifbr_portno = 0xffffff00u;
	CHECK_FAILS(port_request(&b, SIOCSWSPORTNO, "shm0", &r), NB_EINVAL);
	r.ifbr_portno = b.port[1];
	CHECK_FAILS(port_request(&b, SIOCSWSPORTNO, "shm0", &r), NB_EEXIST);
	r.ifbr_portno = 77;
	CHECK_FAILS(port_request(&b, SIOCSWSPORTNO, "none0", &r), NB_ENOENT);
	CHECK_EQ(port_request(&b, SIOCSWSPORTNO, "shm1", &r), 0);
	CHECK_EQ(port_request(&b, SIOCBRDGGIFFLGS, "shm1", &r), 0);
	CHECK_EQ(r.ifbr_portno, 77);
	fd = open_device();
	add_flow(fd, b.port[0], AS_IT_IS, out, 0);
	make_frame(frame, sizeof(frame), 1);
	CHECK_EQ(rumpmock_port_receive("shm0", frame, sizeof(frame), NULL, 0), 0);
	expect_frame("shm1", frame, sizeof(frame));
	bench_end(&b);
}

/* Ports of one protected domain do not reach each other, nor does one lose what goes back by it. */
static void
protected_ports_do_not_reach_each_other(void)
{
	struct bench b;
	struct rumpswitch_ifbreq r;
	uint32_t out[4];
	uint8_t frame[60];
	int fd;

	bench_start(&b, 3);
	memset(&r, 0, sizeof(r));
	r.ifbr_protected = 6;
	rumpmock_super(0);
	CHECK_FAILS(port_request(&b, SIOCBRDGSIFPROT, "shm0", &r), NB_EPERM);
	rumpmock_super(1);
	CHECK_FAILS(port_request(&b, SIOCBRDGSIFPROT, "none0", &r), NB_ENOENT);
	CHECK_EQ(port_request(&b, SIOCBRDGSIFPROT, "shm0", &r), 0);
	r.ifbr_protected = 2;
	CHECK_EQ(port_request(&b, SIOCBRDGSIFPROT, "shm1", &r), 0);
	r.ifbr_protected = 8;
	CHECK_EQ(port_request(&b, SIOCBRDGSIFPROT, "shm2", &r), 0);
	CHECK_EQ(port_request(&b, SIOCBRDGGIFFLGS, "shm0", &r), 0);
	CHECK_EQ(r.ifbr_protected, 6);
	fd = open_device();
	out[0] = 0xfffffff8u;		/* IN_PORT */
	out[1] = b.port[1];
	out[2] = b.port[2];
	out[3] = 0;
	add_flow(fd, b.port[0], AS_IT_IS, out, 0);
	make_frame(frame, sizeof(frame), 1);
	CHECK_EQ(rumpmock_port_receive("shm0", frame, sizeof(frame), NULL, 0), 0);
	expect_frame("shm0", frame, sizeof(frame));
	expect_frame("shm2", frame, sizeof(frame));
	expect_no_frame("shm1");
	r.ifbr_protected = 0;
	CHECK_EQ(port_request(&b, SIOCBRDGSIFPROT, "shm1", &r), 0);
	CHECK_EQ(rumpmock_port_receive("shm0", frame, sizeof(frame), NULL, 0), 0);
	expect_frame("shm1", frame, sizeof(frame));
	CHECK_EQ(rumpmock_port_destroy("shm1"), 0);
	CHECK_FAILS(port_request(&b, SIOCBRDGSIFPROT, "shm1", &r), NB_ENOENT);
	bench_end(&b);
}

static void
what_a_bridge_tells_and_a_switch_has_not_is_empty(void)
{
	struct bench b;
	struct rumpswitch_ifbifconf list;

	bench_start(&b, 2);
	memset(&list, 0, sizeof(list));
	strcpy(list.ifbic_name, "switch0");
	list.ifbic_len = 4096;
	CHECK_EQ(rump_sys_ioctl(b.socket, SIOCBRDGRTS, &list), 0);
	CHECK_EQ(list.ifbic_len, 0);
	list.ifbic_len = 4096;
	CHECK_EQ(rump_sys_ioctl(b.socket, SIOCBRDGGRL, &list), 0);
	CHECK_EQ(list.ifbic_len, 0);
	bench_end(&b);
}

static void
the_list_tells_all_ports(void)
{
	struct bench b;
	struct rumpswitch_ifbifconf list;
	struct rumpswitch_ifbreq ports[8];
	int i, local = 0, members = 0;

	bench_start(&b, 3);
	memset(&list, 0, sizeof(list));
	strcpy(list.ifbic_name, "switch0");
	CHECK_EQ(rump_sys_ioctl(b.socket, SIOCBRDGIFS, &list), 0);
	CHECK_EQ(list.ifbic_len, 4 * sizeof(ports[0]));
	list.ifbic_len = sizeof(ports);
	list.ifbic_req = 16;
	CHECK_FAILS(rump_sys_ioctl(b.socket, SIOCBRDGIFS, &list), NB_EFAULT);
	list.ifbic_req = (uint64_t)(uintptr_t)ports;
	CHECK_EQ(rump_sys_ioctl(b.socket, SIOCBRDGIFS, &list), 0);
	CHECK_EQ(list.ifbic_len, 4 * sizeof(ports[0]));
	for (i = 0; i < 4; i++) {
		local += strcmp(ports[i].ifbr_ifsname, "switch0") == 0 && ports[i].ifbr_portno == OF_LOCAL &&
		    (ports[i].ifbr_flags & RUMPSWITCH_IFBIF_LOCAL) != 0;
		members += strncmp(ports[i].ifbr_ifsname, "shm", 3) == 0;
	}
	CHECK_EQ(local, 1);
	CHECK_EQ(members, 3);
	list.ifbic_len = sizeof(ports[0]) * 2 + 1;
	CHECK_EQ(rump_sys_ioctl(b.socket, SIOCBRDGIFS, &list), 0);
	CHECK_EQ(list.ifbic_len, sizeof(ports[0]) * 2);
	bench_end(&b);
}

static void
settings_are_told_and_the_datapath_id_set(void)
{
	struct bench b;
	struct rumpswitch_ifbrparam p;
	uint64_t first;

	bench_start(&b, 0);
	memset(&p, 0, sizeof(p));
	strcpy(p.ifbrp_name, "switch0");
	CHECK_EQ(rump_sys_ioctl(b.socket, SIOCSWGDPID, &p), 0);
	first = p.ifbrp_value;
	CHECK(first != 0);
	p.ifbrp_value = 0x1122334455667788;
	rumpmock_super(0);
	CHECK_FAILS(rump_sys_ioctl(b.socket, SIOCSWSDPID, &p), NB_EPERM);
	rumpmock_super(1);
	CHECK_EQ(rump_sys_ioctl(b.socket, SIOCSWSDPID, &p), 0);
	p.ifbrp_value = 0;
	CHECK_EQ(rump_sys_ioctl(b.socket, SIOCSWGDPID, &p), 0);
	CHECK_EQ(p.ifbrp_value, 0x1122334455667788);
	CHECK_EQ(rump_sys_ioctl(b.socket, SIOCSWGMAXFLOW, &p), 0);
	CHECK(p.ifbrp_value >= 1000);
	CHECK_EQ(rump_sys_ioctl(b.socket, SIOCSWGMAXGROUP, &p), 0);
	CHECK(p.ifbrp_value >= 1000);
	bench_end(&b);
}

/* The interface is destroyed under the switch: the port goes, and the controller is told. */
static void
a_port_goes_with_its_interface(void)
{
	struct bench b;
	struct buffer m;
	int fd;

	bench_start(&b, 2);
	fd = open_device();
	barrier(fd);
	CHECK_EQ(rumpmock_port_destroy("shm1"), 0);
	expect_message(fd, OF_PORT_STATUS, &m);
	CHECK_EQ(m.bytes[8], 1);		/* delete */
	CHECK_EQ(get32(m.bytes + 16), b.port[1]);
	CHECK_FAILS(port_request(&b, SIOCBRDGGIFFLGS, "shm1", NULL), NB_ENOENT);
	bench_end(&b);
}

static void
a_port_whose_link_or_flag_changes_is_told_at_once(void)
{
	struct bench b;
	struct buffer m;
	int fd, step;

	bench_start(&b, 1);
	fd = open_device();
	barrier(fd);
	rumpmock_advance(1100000000UL);
	for (step = 0; step < 4; step++) {
		if (step < 2)
			CHECK_EQ(rumpmock_port_link("shm0", 1 + step), 0);
		else
			CHECK_EQ(rumpmock_port_flags("shm0", step == 3, step == 3), 0);
		rumpmock_advance(20000000UL);
		expect_message(fd, OF_PORT_STATUS, &m);
		CHECK_EQ(get32(m.bytes + 16 + 36) & 1, (uint32_t)(step % 2 == 0));
	}
	bench_end(&b);
}

static void
a_port_that_changes_is_told(void)
{
	struct bench b;
	struct buffer m;
	int fd;

	bench_start(&b, 1);
	fd = open_device();
	barrier(fd);
	CHECK_EQ(rumpmock_port_link("shm0", 1), 0);
	rumpmock_advance(2000000000UL);
	expect_message(fd, OF_PORT_STATUS, &m);
	CHECK_EQ(m.bytes[8], 2);		/* modify */
	CHECK_EQ(get32(m.bytes + 16 + 36) & 1, 1);	/* state: link down */
	CHECK_EQ(rumpmock_port_link("shm0", 2), 0);
	rumpmock_advance(2000000000UL);
	expect_message(fd, OF_PORT_STATUS, &m);
	CHECK_EQ(get32(m.bytes + 16 + 36) & 1, 0);
	bench_end(&b);
}

/* Another interface is LOCAL in the place of switch0's own, until it is taken away again. */
static void
another_interface_may_be_local(void)
{
	struct bench b;
	struct rumpswitch_ifbreq r;
	uint8_t frame[60], got[64];
	uint32_t out[2] = { OF_LOCAL, 0 };
	int fd;

	bench_start(&b, 1);
	CHECK_EQ(rumpmock_port_create("vether0"), 0);
	CHECK_FAILS(port_request(&b, SIOCBRDGADDL, "shm0", NULL), NB_ESRCH);
	CHECK_FAILS(port_request(&b, SIOCBRDGADDL, "none0", NULL), NB_ENOENT);
	CHECK_EQ(port_request(&b, SIOCBRDGADDL, "vether0", NULL), 0);
	CHECK_FAILS(port_request(&b, SIOCBRDGADDL, "vether0", NULL), NB_EEXIST);
	memset(&r, 0, sizeof(r));
	CHECK_EQ(port_request(&b, SIOCBRDGGIFFLGS, "vether0", &r), 0);
	CHECK_EQ(r.ifbr_portno, OF_LOCAL);
	fd = open_device();
	add_flow(fd, b.port[0], AS_IT_IS, out, 0);
	make_frame(frame, sizeof(frame), 1);
	CHECK_EQ(rumpmock_port_receive("shm0", frame, sizeof(frame), NULL, 0), 0);
	CHECK_EQ(rumpmock_stack_received("vether0", got, sizeof(got)), 60);
	CHECK(memcmp(got, frame, 60) == 0);
	CHECK_EQ(rumpmock_stack_received("switch0", got, sizeof(got)), -1);
	out[0] = b.port[0];
	add_flow(fd, OF_LOCAL, AS_IT_IS, out, 0);
	make_frame(frame, sizeof(frame), 2);
	CHECK_EQ(rumpmock_stack_send("vether0", frame, sizeof(frame)), 0);
	expect_frame("shm0", frame, sizeof(frame));
	CHECK_EQ(port_request(&b, SIOCBRDGDEL, "vether0", NULL), 0);
	CHECK(rumpmock_untouched("vether0"));
	CHECK_EQ(rumpmock_port_receive("shm0", frame, sizeof(frame), NULL, 0), 0);
	CHECK_EQ(rumpmock_stack_received("switch0", got, sizeof(got)), 60);
	CHECK_EQ(rumpmock_port_destroy("vether0"), 0);
	bench_end(&b);
}

static void
a_switch_is_destroyed_with_its_ports(void)
{
	struct bench b;
	int i;

	bench_start(&b, 4);
	for (i = 0; i < 20; i++) {
		CHECK_EQ(interface_request(&b, NB_SIOCIFDESTROY, "switch0", 0), 0);
		CHECK(rumpmock_untouched("shm2"));
		CHECK_EQ(interface_request(&b, NB_SIOCIFCREATE, "switch0", 0), 0);
		CHECK_EQ(port_request(&b, SIOCBRDGADD, "shm2", NULL), 0);
		CHECK_EQ(port_request(&b, SIOCBRDGADD, "shm3", NULL), 0);
	}
	bench_end(&b);
}

#define TEST(f) { #f, f, NULL }
const struct test ports_tests[] = {
	TEST(an_interface_becomes_a_port_and_is_left_as_it_was),
	TEST(adding_tells_each_error),
	TEST(removing_and_asking_tell_each_error),
	TEST(a_port_gets_another_number),
	TEST(protected_ports_do_not_reach_each_other),
	TEST(what_a_bridge_tells_and_a_switch_has_not_is_empty),
	TEST(the_list_tells_all_ports),
	TEST(settings_are_told_and_the_datapath_id_set),
	TEST(a_port_goes_with_its_interface),
	TEST(a_port_whose_link_or_flag_changes_is_told_at_once),
	TEST(a_port_that_changes_is_told),
	TEST(another_interface_may_be_local),
	TEST(a_switch_is_destroyed_with_its_ports),
	{ NULL, NULL, NULL }
};
