/*
 * The system calls that a client makes, under the names of a rump kernel's: one source of a client serves
 * both. Numbers and structures are NetBSD's; -1 and errno tell what went wrong, by NetBSD's number.
 */
#include <sys/conf.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/ioctl.h>
#include <sys/kmem.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <rump/rump.h>

#include "kern.h"

static long
done(int error, long result)
{
	KASSERTMSG(curlwp->mock_mutexes == 0, "a system call returns with a mutex held");
	KASSERTMSG(curlwp->mock_biglocks == 0, "a system call returns with the kernel lock");
	rump_unschedule();
	if (error == 0)
		return result;
	KASSERTMSG(error > 0, "a system call returns %d", error);
	rumphost_set_errno(error);
	return -1;
}

int
rump_sys_open(const char *path, int flags, ...)
{
	int fd = -1, error;

	rump_schedule();
	error = (flags & ~(O_ACCMODE | O_NONBLOCK)) != 0 ? EINVAL : mock_dev_open(path, FFLAGS(flags), &fd);
	return (int)done(error, fd);
}

int
rump_sys_close(int fd)
{
	rump_schedule();
	return (int)done(mock_file_close((unsigned)fd), 0);
}

static int
transfer(unsigned fd, const struct iovec *iov, int iov_count, enum uio_rw rw, long *result)
{
	struct iovec copy[16];
	struct uio uio = { .uio_iov = copy, .uio_iovcnt = iov_count, .uio_rw = rw };
	struct file *fp;
	size_t whole = 0;
	int i, error;

	if (iov_count < 0 || iov_count > (int)__arraycount(copy))
		return EINVAL;
	for (i = 0; i < iov_count; i++) {
		copy[i] = iov[i];
		whole += iov[i].iov_len;
	}
	uio.uio_resid = whole;
	fp = fd_getfile(fd);
	if (fp == NULL)
		return EBADF;
	if ((fp->f_flag & (rw == UIO_READ ? FREAD : FWRITE)) == 0)
		error = EBADF;
	else
		error = (rw == UIO_READ ? fp->f_ops->fo_read : fp->f_ops->fo_write)(fp, &fp->f_offset, &uio, NULL, 1);
	fd_putfile(fd);
	if (uio.uio_resid != whole && (error == ERESTART || error == EINTR || error == EWOULDBLOCK))
		error = 0;
	*result = (long)(whole - uio.uio_resid);
	return error;
}

/* A call that is to be made again finds that the descriptor has been closed meanwhile. */
static long
transfer_again(int fd, const struct iovec *iov, int iov_count, enum uio_rw rw)
{
	long result = 0;
	int error;

	rump_schedule();
	do
		error = transfer((unsigned)fd, iov, iov_count, rw, &result);
	while (error == ERESTART);
	return done(error, result);
}

ssize_t
rump_sys_read(int fd, void *into, size_t len)
{
	struct iovec iov = { into, len };

	return transfer_again(fd, &iov, 1, UIO_READ);
}

ssize_t
rump_sys_write(int fd, const void *bytes, size_t len)
{
	struct iovec iov = { __UNCONST(bytes), len };

	return transfer_again(fd, &iov, 1, UIO_WRITE);
}

ssize_t
rump_sys_readv(int fd, const struct iovec *iov, int count)
{
	return transfer_again(fd, iov, count, UIO_READ);
}

ssize_t
rump_sys_writev(int fd, const struct iovec *iov, int count)
{
	return transfer_again(fd, iov, count, UIO_WRITE);
}

/* ---- ioctl, fcntl, fstat ---- */

static int
file_ioctl(struct file *fp, u_long request, void *data)
{
	int error;

	if (request != FIONBIO && request != FIOASYNC)
		return fp->f_ops->fo_ioctl(fp, request, data);
	error = fp->f_ops->fo_ioctl(fp, request, data);
	if (error == 0 && request == FIONBIO)
		fp->f_flag = *(int *)data != 0 ? fp->f_flag | FNONBLOCK : fp->f_flag & ~FNONBLOCK;
	return error;
}

static int
do_ioctl(struct file *fp, u_long request, void *user)
{
	size_t len = IOCPARM_LEN(request);
	void *data;
	int error = 0;

	if (len > IOCPARM_MAX)
		return ENOTTY;
	data = rumphost_alloc(len + 1);
	memset(data, 0, len + 1);
	if (request & IOC_IN)
		error = copyin(user, data, len);
	if (error == 0)
		error = file_ioctl(fp, request, data);
	if (error == EPASSTHROUGH)
		error = ENOTTY;
	if (error == 0 && (request & IOC_OUT) != 0)
		error = copyout(data, user, len);
	rumphost_free(data);
	return error;
}

int
rump_sys_ioctl(int fd, u_long request, ...)
{
	struct file *fp;
	__builtin_va_list args;
	void *user;
	int error = EBADF;

	__builtin_va_start(args, request);
	user = __builtin_va_arg(args, void *);
	__builtin_va_end(args);
	rump_schedule();
	fp = fd_getfile((unsigned)fd);
	if (fp != NULL) {
		error = do_ioctl(fp, request, user);
		fd_putfile((unsigned)fd);
	}
	return (int)done(error, 0);
}

static int
set_flags(struct file *fp, int flags)
{
	int on = (flags & FNONBLOCK) != 0, error = 0;
	u_int wanted = (u_int)flags;

	error = fp->f_ops->fo_fcntl(fp, F_SETFL, &wanted);
	if (error == 0 && ((flags ^ fp->f_flag) & FNONBLOCK) != 0)
		error = file_ioctl(fp, FIONBIO, &on);
	return error;
}

int
rump_sys_fcntl(int fd, int command, ...)
{
	struct file *fp;
	__builtin_va_list args;
	int argument, error = EBADF, result = 0;

	__builtin_va_start(args, command);
	argument = (int)__builtin_va_arg(args, long);
	__builtin_va_end(args);
	rump_schedule();
	fp = fd_getfile((unsigned)fd);
	if (fp != NULL) {
		error = 0;
		if (command == F_GETFL)
			result = OFLAGS(fp->f_flag);
		else
			error = command == F_SETFL ? set_flags(fp, argument) : EINVAL;
		fd_putfile((unsigned)fd);
	}
	return (int)done(error, result);
}

int
rump_sys_fstat(int fd, struct stat *user)
{
	struct file *fp;
	struct stat st;
	int error = EBADF;

	rump_schedule();
	fp = fd_getfile((unsigned)fd);
	if (fp != NULL) {
		error = fp->f_ops->fo_stat(fp, &st);
		fd_putfile((unsigned)fd);
	}
	if (error == 0)
		error = copyout(&st, user, sizeof(st));
	return (int)done(error, 0);
}

/* ---- waiting ---- */

int
rump_sys_poll(struct pollfd *fds, u_int n, int milliseconds)
{
	int count = 0, error;

	rump_schedule();
	error = mock_poll(fds, n, milliseconds, &count);
	return (int)done(error, count);
}

int
rump_sys_kqueue(void)
{
	int fd = -1, error;

	rump_schedule();
	error = mock_kqueue(&fd);
	return (int)done(error, fd);
}

int
rump_sys_kevent(int kq, const struct kevent *changes, size_t n_changes, struct kevent *events, size_t n_events,
    const struct timespec *timeout)
{
	int count = 0, error;

	rump_schedule();
	error = mock_kevent((unsigned)kq, changes, n_changes, events, n_events, timeout, &count);
	return (int)done(error, count);
}

/* select(2) by poll: descriptors below 64, one word of NetBSD's fd_set at a time. */
struct fd_words {
	uint32_t words[8];
};

static int
wants(const struct fd_words *set, int fd)
{
	return set != NULL && (set->words[fd / 32] >> (fd % 32) & 1) != 0;
}

static int
keep(struct fd_words *set, int fd, int ready)
{
	if (!wants(set, fd))
		return 0;
	if (!ready)
		set->words[fd / 32] &= ~(1U << (fd % 32));
	return ready;
}

int
rump_sys_select(int n, struct fd_words *in, struct fd_words *out, struct fd_words *ex, struct timeval *timeout)
{
	struct pollfd fds[MOCK_FDS];
	int i, used = 0, count = 0, error, ms = -1;

	if (timeout != NULL)
		ms = (int)timeout->tv_sec * 1000 + timeout->tv_usec / 1000;
	for (i = 0; i < MIN(n, MOCK_FDS); i++) {
		if (!wants(in, i) && !wants(out, i))
			continue;
		fds[used].fd = i;
		fds[used].events = (short)((wants(in, i) ? POLLIN : 0) | (wants(out, i) ? POLLOUT : 0));
		used++;
	}
	rump_schedule();
	error = mock_poll(fds, (unsigned)used, ms, &count);
	count = 0;
	for (i = 0; i < used; i++) {
		if (fds[i].revents & POLLNVAL)
			error = EBADF;
		count += keep(in, fds[i].fd, (fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0);
		count += keep(out, fds[i].fd, (fds[i].revents & (POLLOUT | POLLERR)) != 0);
	}
	if (ex != NULL)
		memset(ex, 0, sizeof(uint32_t) * (size_t)((n + 31) / 32));
	return (int)done(error, count);
}

/* ---- sockets: only what asks about interfaces ---- */

struct socket;
extern int (*ifioctl)(struct socket *, u_long, void *, struct lwp *);

static int
socket_ioctl(struct file *fp __unused, u_long request, void *data)
{
	return IOCGROUP(request) == 'i' ? ifioctl(NULL, request, data, curlwp) : ENOTTY;
}

static const struct fileops socket_ops = {
	.fo_read = fbadop_read,
	.fo_write = fbadop_write,
	.fo_ioctl = socket_ioctl,
	.fo_fcntl = fnullop_fcntl,
	.fo_poll = fnullop_poll,
	.fo_stat = fbadop_stat,
	.fo_close = fbadop_close,
	.fo_kqfilter = fnullop_kqfilter,
	.fo_restart = fnullop_restart,
};

int
rump_sys_socket(int domain __unused, int type __unused, int protocol __unused)
{
	int fd = -1, error;

	rump_schedule();
	error = mock_file_open(&socket_ops, FREAD | FWRITE, DTYPE_SOCKET, NULL, &fd);
	return (int)done(error, fd);
}
