/*
 * What a component must not do, done on purpose: that this kernel says so is what makes a passed test mean
 * something. Each is asked for by its number and must end in a panic.
 */
#include <sys/callout.h>
#include <sys/condvar.h>
#include <sys/kmem.h>
#include <sys/mbuf.h>
#include <sys/uio.h>
#include <rump/rump.h>

#include "kern.h"

static kmutex_t soft, other;
static kcondvar_t cv;
static char byte;

static void
copy_under_a_mutex(void)
{
	mutex_enter(&soft);
	(void)copyin(&byte, &byte, 1);
}

static void
sleep_in_a_softint(void *arg __unused)
{
	(void)kmem_intr_alloc(8, KM_SLEEP);
}

static void
wait_with_a_soft_mutex(void)
{
	mutex_enter(&soft);
	mutex_enter(&other);
	cv_wait(&cv, &other);
}

static void
deliver_without_the_kernel_lock(void)
{
	struct ifnet *ifp = ifunit("misdeed0");

	curlwp_bind();
	if_input(ifp, m_gethdr(M_WAITOK, MT_DATA));
}

static void
send_a_giant(void)
{
	static char frame[1515];

	(void)rumpmock_stack_send("misdeed0", frame, sizeof(frame));
}

int
rumpmock_misdeed(int which)
{
	void *block;

	rump_schedule();
	mutex_init(&soft, MUTEX_DEFAULT, IPL_SOFTNET);
	mutex_init(&other, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&cv, "misdeed");
	(void)rumpmock_port_create("misdeed0");
	switch (which) {
	case 0:
		copy_under_a_mutex();
		break;
	case 1:
		mock_softint(sleep_in_a_softint, NULL);
		break;
	case 2:
		wait_with_a_soft_mutex();
		break;
	case 3:
		block = kmem_alloc(24, KM_SLEEP);
		kmem_free(block, 23);
		break;
	case 4:
		mutex_exit(&soft);
		break;
	case 5:
		mutex_enter(&soft);
		mutex_enter(&soft);
		break;
	case 6:
		deliver_without_the_kernel_lock();
		break;
	case 7:
		send_a_giant();
		break;
	case 8:
		mutex_enter(&soft);
		rump_unschedule();
		break;
	default:
		return 0;
	}
	return 1;
}
