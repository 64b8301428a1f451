/*
 * Copies between kernel and user. With a remote client each is a round trip to a process that may be slow,
 * hostile or gone: so none may be made in a softint or with any mutex held, and a test can put itself in
 * the middle of one.
 */
#include <sys/uio.h>

#include "kern.h"

static void (*hook)(void *);
static void *hook_arg;

void
rumpmock_copy_hook(void (*func)(void *), void *arg)
{
	hook = func;
	hook_arg = arg;
}

static int
copy(const char *what, void *to, const void *from, size_t len, const void *user)
{
	mock_assert_no_mutex(what);
	if (hook != NULL)
		hook(hook_arg);
	if (len > 0 && (uintptr_t)user < PAGE_SIZE)
		return EFAULT;
	memcpy(to, from, len);
	return 0;
}

int
copyin(const void *user, void *kernel, size_t len)
{
	return copy("copyin", kernel, user, len, user);
}

int
copyout(const void *kernel, void *user, size_t len)
{
	return copy("copyout", user, kernel, len, user);
}

int
copyinstr(const void *user, void *kernel, size_t room, size_t *done)
{
	size_t len;

	mock_assert_no_mutex("copyinstr");
	if ((uintptr_t)user < PAGE_SIZE)
		return EFAULT;
	len = strlcpy(kernel, user, room) + 1;
	if (done != NULL)
		*done = MIN(len, room);
	return len > room ? EINVAL : 0;
}

int
uiomove(void *kernel, size_t len, struct uio *uio)
{
	struct iovec *iov;
	size_t n;
	int error;

	mock_assert_no_mutex("uiomove");
	for (; len > 0 && uio->uio_resid > 0; len -= n) {
		iov = uio->uio_iov;
		KASSERT(uio->uio_iovcnt > 0);
		n = MIN(len, iov->iov_len);
		if (n == 0) {
			uio->uio_iov++;
			uio->uio_iovcnt--;
			continue;
		}
		error = uio->uio_rw == UIO_READ ? copyout(kernel, iov->iov_base, n) :
		    copyin(iov->iov_base, kernel, n);
		if (error != 0)
			return error;
		iov->iov_base = (char *)iov->iov_base + n;
		iov->iov_len -= n;
		uio->uio_resid -= n;
		uio->uio_offset += (off_t)n;
		kernel = (char *)kernel + n;
	}
	return 0;
}
