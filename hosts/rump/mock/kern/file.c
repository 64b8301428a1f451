/*
 * Descriptors and open files. A close while another thread is in a call on the same descriptor asks that
 * call to come back (fo_restart) and waits for it, as NetBSD's does.
 */
#include <sys/filedesc.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "kern.h"

struct fd {
	struct file *file;
	int uses;			/* calls that are in */
	int closing;
};

static void *lock;			/* of all descriptors */
static void *changed;
static long files;

void
mock_file_init(void)
{
	lock = rumphost_mutex_new(0);
	changed = rumphost_cv_new();
}

void
mock_file_balance(long *n)
{
	*n = __atomic_load_n(&files, __ATOMIC_SEQ_CST);
}

/* A descriptor that is taken but has no operations yet: nobody can get it. */
int
fd_allocfile(file_t **fp, int *fd)
{
	struct proc *p = curproc;
	struct file *f;
	struct fd *d;
	int i;

	mock_assert_no_mutex("fd_allocfile");
	rumphost_mutex_enter(lock);
	for (i = 3; i < MOCK_FDS && p->mock_fds[i] != NULL; i++)
		continue;
	if (i == MOCK_FDS) {
		rumphost_mutex_exit(lock);
		return EMFILE;
	}
	d = rumphost_alloc(sizeof(*d));
	f = rumphost_alloc(sizeof(*f));
	memset(d, 0, sizeof(*d));
	memset(f, 0, sizeof(*f));
	f->f_count = 1;
	d->file = f;
	p->mock_fds[i] = d;
	rumphost_mutex_exit(lock);
	__atomic_add_fetch(&files, 1, __ATOMIC_SEQ_CST);
	*fp = f;
	*fd = i;
	return 0;
}

void
fd_abort(struct proc *p, file_t *fp, unsigned fd)
{
	rumphost_mutex_enter(lock);
	rumphost_free(p->mock_fds[fd]);
	p->mock_fds[fd] = NULL;
	rumphost_mutex_exit(lock);
	rumphost_free(fp);
	__atomic_sub_fetch(&files, 1, __ATOMIC_SEQ_CST);
}

/* Gives a taken descriptor its file: from here on it can be used. */
static void
affix(file_t *fp, int flag, u_int type, const struct fileops *ops, void *data)
{
	rumphost_mutex_enter(lock);
	fp->f_flag = flag & FMASK;
	fp->f_type = type;
	fp->f_data = data;
	fp->f_ops = ops;
	rumphost_mutex_exit(lock);
}

int
fd_clone(file_t *fp, unsigned fd, int flag, const struct fileops *ops, void *data)
{
	affix(fp, flag, DTYPE_MISC, ops, data);
	curlwp->l_dupfd = (int)fd;
	return EMOVEFD;
}

int
mock_file_open(const struct fileops *ops, int flag, u_int type, void *data, int *fd)
{
	struct file *fp;
	int error = fd_allocfile(&fp, fd);

	if (error == 0)
		affix(fp, flag, type, ops, data);
	return error;
}

file_t *
fd_getfile(unsigned fd)
{
	struct fd *d;
	struct file *fp = NULL;

	rumphost_mutex_enter(lock);
	d = fd < MOCK_FDS ? curproc->mock_fds[fd] : NULL;
	if (d != NULL && d->file->f_ops != NULL && !d->closing) {
		d->uses++;
		fp = d->file;
	}
	rumphost_mutex_exit(lock);
	return fp;
}

void
fd_putfile(unsigned fd)
{
	struct fd *d;

	rumphost_mutex_enter(lock);
	d = curproc->mock_fds[fd];
	d->uses--;
	if (d->closing)
		rumphost_cv_broadcast(changed);
	rumphost_mutex_exit(lock);
}

static int
close_in(struct proc *p, unsigned fd)
{
	struct fd *d;
	struct file *fp;
	int error = 0;

	rumphost_mutex_enter(lock);
	d = fd < MOCK_FDS ? p->mock_fds[fd] : NULL;
	if (d == NULL || d->closing || d->file->f_ops == NULL) {
		rumphost_mutex_exit(lock);
		return EBADF;
	}
	d->closing = 1;
	fp = d->file;
	if (d->uses != 0) {
		rumphost_mutex_exit(lock);
		fp->f_ops->fo_restart(fp);
		rumphost_mutex_enter(lock);
	}
	while (d->uses != 0)
		rumphost_cv_wait(changed, lock);
	rumphost_mutex_exit(lock);
	mock_knote_fdclose(fp, fd);
	if (__atomic_sub_fetch(&fp->f_count, 1, __ATOMIC_SEQ_CST) == 0) {
		error = fp->f_ops->fo_close(fp);
		rumphost_free(fp);
		__atomic_sub_fetch(&files, 1, __ATOMIC_SEQ_CST);
	}
	rumphost_mutex_enter(lock);
	p->mock_fds[fd] = NULL;
	rumphost_mutex_exit(lock);
	rumphost_free(d);
	return error;
}

int
mock_file_close(unsigned fd)
{
	return close_in(curproc, fd);
}

void
mock_files_close(struct proc *p)
{
	unsigned fd;

	for (fd = 0; fd < MOCK_FDS; fd++)
		(void)close_in(p, fd);
}

/* ---- operations that do nothing ---- */

int
fnullop_fcntl(struct file *fp __unused, u_int command __unused, void *data __unused)
{
	return 0;
}

int
fnullop_poll(struct file *fp __unused, int events __unused)
{
	return 0;
}

int
fnullop_kqfilter(struct file *fp __unused, struct knote *kn __unused)
{
	return EOPNOTSUPP;
}

void
fnullop_restart(struct file *fp __unused)
{
}

int
fbadop_read(struct file *fp __unused, off_t *offset __unused, struct uio *uio __unused,
    kauth_cred_t cred __unused, int flags __unused)
{
	return EOPNOTSUPP;
}

int
fbadop_write(struct file *fp __unused, off_t *offset __unused, struct uio *uio __unused,
    kauth_cred_t cred __unused, int flags __unused)
{
	return EOPNOTSUPP;
}

int
fbadop_ioctl(struct file *fp __unused, u_long request __unused, void *data __unused)
{
	return EOPNOTSUPP;
}

int
fbadop_stat(struct file *fp __unused, struct stat *st __unused)
{
	return EOPNOTSUPP;
}

int
fbadop_close(struct file *fp __unused)
{
	return 0;
}
