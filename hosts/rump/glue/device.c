/*
 * /dev/switchN: each open is an OpenFlow channel of its own.
 *
 * The node's open clones: it gives the caller a new descriptor with the operations below, so the kernel
 * keeps channels apart by file, not by minor, and the last close of a file (also that of a killed process)
 * ends its channel. The stream is the device contract's: a read gives as many whole messages as fit, at
 * most 64 KiB at a time, and a part of one only when not even that fits; writes may be cut anywhere.
 *
 * Bytes pass through a buffer of the open in both directions, because the user's memory may be a network
 * away and may never answer: it is touched without a lock. What could not be handed over is kept for the
 * next read. Readers of one open take turns, and so do writers.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/conf.h>
#include <sys/errno.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/filio.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/proc.h>
#include <sys/sockio.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <rump-sys/vfs.h>

#include "rumpsw.h"

static dev_type_open(rumpsw_device_open);
static int rumpsw_read(struct file *, off_t *, struct uio *, kauth_cred_t, int);
static int rumpsw_write(struct file *, off_t *, struct uio *, kauth_cred_t, int);
static int rumpsw_fioctl(struct file *, u_long, void *);
static int rumpsw_stat(struct file *, struct stat *);
static int rumpsw_close(struct file *);
static void rumpsw_restart(struct file *);

static const struct cdevsw rumpsw_cdevsw = {
	.d_open = rumpsw_device_open,
	.d_close = noclose,
	.d_read = noread,
	.d_write = nowrite,
	.d_ioctl = noioctl,
	.d_stop = nostop,
	.d_tty = notty,
	.d_poll = nopoll,
	.d_mmap = nommap,
	.d_kqfilter = nokqfilter,
	.d_discard = nodiscard,
	.d_flag = D_OTHER | D_MPSAFE,
};

static const struct fileops rumpsw_fileops = {
	.fo_read = rumpsw_read,
	.fo_write = rumpsw_write,
	.fo_ioctl = rumpsw_fioctl,
	.fo_fcntl = fnullop_fcntl,
	.fo_poll = rumpsw_events_poll,
	.fo_stat = rumpsw_stat,
	.fo_close = rumpsw_close,
	.fo_kqfilter = rumpsw_events_kqfilter,
	.fo_restart = rumpsw_restart,
};

static devmajor_t rumpsw_major = NODEVMAJOR;

int
rumpsw_device_init(void)
{
	devmajor_t block = NODEVMAJOR;
	int error;

	error = devsw_attach(RUMPSW_NAME, NULL, &block, &rumpsw_cdevsw, &rumpsw_major);
	if (error != 0)
		return error;
	return rump_vfs_makedevnodes(S_IFCHR, "/dev/" RUMPSW_NAME, '0', rumpsw_major, 0, RUMPSW_UNITS);
}

/* The switch of a unit, made if there is none and the caller may make one. */
static int
rumpsw_device_switch(int unit, struct lwp *l, struct rumpsw **result)
{
	struct ifreq request;
	int error;

	*result = rumpsw_find(unit);
	if (*result != NULL)
		return 0;
	memset(&request, 0, sizeof(request));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s%d", RUMPSW_NAME, unit);
	error = ifioctl(NULL, SIOCIFCREATE, &request, l);
	if (error != 0 && error != EEXIST)
		return error;
	*result = rumpsw_find(unit);
	return *result != NULL ? 0 : ENXIO;
}

static int
rumpsw_open_new(struct rumpsw *sc, struct rumpsw_open **result)
{
	struct rumpsw_open *o;
	int error;

	o = kmem_zalloc(sizeof(*o), KM_SLEEP);
	o->o_in = kmem_alloc(RUMPSW_BUFFER_LEN, KM_NOSLEEP);	/* ENOMEM rather than a wait for ever */
	o->o_out = kmem_alloc(RUMPSW_BUFFER_LEN, KM_NOSLEEP);
	o->o_switch = sc;
	cv_init(&o->o_cv, "switchio");
	selinit(&o->o_select);
	*result = o;
	if (o->o_in == NULL || o->o_out == NULL)
		return ENOMEM;
	rumpsw_enter(sc);
	error = sc->sc_gone ? ENXIO : rumpsw_errno(rumpswitch_open(sc->sc_core, rumpsw_now(),
	    RUMPSWITCH_ACTIVE, &o->o_channel));
	if (error == 0)
		LIST_INSERT_HEAD(&sc->sc_opens, o, o_list);
	rumpsw_leave(sc);
	return error;
}

static void
rumpsw_open_free(struct rumpsw_open *o)
{

	seldestroy(&o->o_select);
	cv_destroy(&o->o_cv);
	if (o->o_in != NULL)
		kmem_free(o->o_in, RUMPSW_BUFFER_LEN);
	if (o->o_out != NULL)
		kmem_free(o->o_out, RUMPSW_BUFFER_LEN);
	kmem_free(o, sizeof(*o));
}

static int
rumpsw_device_open(dev_t device, int flags, int mode, struct lwp *l)
{
	struct rumpsw_open *o;
	struct rumpsw *sc;
	struct file *fp;
	int error, fd;

	error = rumpsw_device_switch((int)minor(device), l, &sc);
	if (error != 0)
		return error;
	error = fd_allocfile(&fp, &fd);
	if (error != 0) {
		rumpsw_release(sc);
		return error;
	}
	error = rumpsw_open_new(sc, &o);
	if (error != 0) {
		rumpsw_open_free(o);
		fd_abort(l->l_proc, fp, (unsigned)fd);
		rumpsw_release(sc);
		return error;
	}
	return fd_clone(fp, (unsigned)fd, flags, &rumpsw_fileops, o);
}

static int
rumpsw_close(struct file *fp)
{
	struct rumpsw_open *o = fp->f_data;
	struct rumpsw *sc = o->o_switch;

	fp->f_data = NULL;
	rumpsw_enter(sc);
	LIST_REMOVE(o, o_list);
	(void)rumpswitch_close(sc->sc_core, o->o_channel);
	rumpsw_leave(sc);
	rumpsw_open_free(o);
	rumpsw_release(sc);
	return 0;
}

/* Another thread closes the descriptor that this one sleeps on. */
static void
rumpsw_restart(struct file *fp)
{
	struct rumpsw_open *o = fp->f_data;

	rumpsw_enter(o->o_switch);
	o->o_restart = true;
	cv_broadcast(&o->o_cv);
	rumpsw_leave(o->o_switch);
}

/*
 * Sleeps until the open has become ready for something; lock held. What the core wants to do meanwhile
 * (frames, waiters, a deadline) must be on its way first.
 */
static int
rumpsw_wait(struct rumpsw_open *o, bool nonblocking)
{
	struct rumpsw *sc = o->o_switch;
	int error;

	if (nonblocking)
		return EWOULDBLOCK;
	if (o->o_restart)
		return ERESTART;
	if (sc->sc_rose || sc->sc_output) {
		rumpsw_leave(sc);
		rumpsw_enter(sc);
		return 0;
	}
	rumpsw_timer_arm(sc, rumpsw_now());
	error = cv_wait_sig(&o->o_cv, &sc->sc_lock);
	return error == 0 && o->o_restart ? ERESTART : error;
}

/* Takes one of the two buffers of an open for this thread; lock held. */
static int
rumpsw_take(struct rumpsw_open *o, bool *taken, bool nonblocking)
{
	int error = 0;

	while (*taken && error == 0)
		error = rumpsw_wait(o, nonblocking);
	if (error == 0)
		*taken = true;
	return error;
}

static void
rumpsw_give_back(struct rumpsw_open *o, bool *taken)
{

	*taken = false;
	cv_broadcast(&o->o_cv);
}

/* Fills the reader's buffer for a read of `len` bytes, if nothing is left in it; lock held. */
static int
rumpsw_fetch(struct rumpsw_open *o, size_t len, bool nonblocking)
{
	struct rumpsw *sc = o->o_switch;
	size_t got;
	int error;

	while (o->o_in_at == o->o_in_len) {
		got = 0;
		error = rumpswitch_read(sc->sc_core, o->o_channel, rumpsw_now(), o->o_in,
		    MIN(len, RUMPSW_BUFFER_LEN), &got);
		if (error == RUMPSWITCH_OK) {
			o->o_in_at = 0;
			o->o_in_len = got;
			return 0;
		}
		if (error != RUMPSWITCH_WOULD_BLOCK)
			return rumpsw_errno(error);
		error = rumpsw_wait(o, nonblocking);
		if (error != 0)
			return error;
	}
	return 0;
}

static int
rumpsw_read(struct file *fp, off_t *offset, struct uio *uio, kauth_cred_t cred, int flags)
{
	struct rumpsw_open *o = fp->f_data;
	struct rumpsw *sc = o->o_switch;
	bool nonblocking = (fp->f_flag & FNONBLOCK) != 0;
	size_t before, len;
	int error;

	if (uio->uio_resid == 0)
		return 0;
	rumpsw_enter(sc);
	error = rumpsw_take(o, &o->o_reading, nonblocking);
	if (error != 0) {
		rumpsw_leave(sc);
		return error;
	}
	error = rumpsw_fetch(o, uio->uio_resid, nonblocking);
	rumpsw_leave(sc);
	if (error == 0) {
		before = uio->uio_resid;
		len = MIN(o->o_in_len - o->o_in_at, before);
		error = uiomove(o->o_in + o->o_in_at, len, uio);
		if (error == 0)
			o->o_in_at += len;
		else
			uio->uio_resid = before;
	}
	rumpsw_enter(sc);
	rumpsw_give_back(o, &o->o_reading);
	rumpsw_leave(sc);
	return error;
}

/*
 * The channel takes nothing now: does the work that is due, if that is what it waits for, else sleeps;
 * lock held.
 */
static int
rumpsw_write_wait(struct rumpsw_open *o, bool nonblocking)
{
	struct rumpsw *sc = o->o_switch;
	uint64_t now = rumpsw_now(), deadline;

	if (rumpswitch_next_deadline(sc->sc_core, &deadline) == 0 && deadline <= now) {
		(void)rumpswitch_tick(sc->sc_core, now, &deadline);
		rumpsw_leave(sc);
		rumpsw_enter(sc);
		return o->o_restart ? ERESTART : 0;
	}
	return rumpsw_wait(o, nonblocking);
}

/* Hands `len` bytes of the writer's buffer to the core; tells how many it took. Lock held. */
static int
rumpsw_feed(struct rumpsw_open *o, size_t len, bool nonblocking, size_t *taken)
{
	struct rumpsw *sc = o->o_switch;
	size_t got;
	int error;

	*taken = 0;
	while (*taken < len) {
		if (sc->sc_gone)
			return ENXIO;
		got = 0;
		error = rumpswitch_write(sc->sc_core, o->o_channel, rumpsw_now(), o->o_out + *taken,
		    len - *taken, &got);
		*taken += got;
		if (error == RUMPSWITCH_OK && got != 0)
			continue;
		if (error != RUMPSWITCH_OK && error != RUMPSWITCH_WOULD_BLOCK)
			return rumpsw_errno(error);
		error = rumpsw_write_wait(o, nonblocking);
		if (error != 0)
			return error;
	}
	return 0;
}

static int
rumpsw_write(struct file *fp, off_t *offset, struct uio *uio, kauth_cred_t cred, int flags)
{
	struct rumpsw_open *o = fp->f_data;
	struct rumpsw *sc = o->o_switch;
	bool nonblocking = (fp->f_flag & FNONBLOCK) != 0;
	size_t len, taken;
	int error;

	rumpsw_enter(sc);
	error = rumpsw_take(o, &o->o_writing, nonblocking);
	rumpsw_leave(sc);
	if (error != 0)
		return error;
	while (error == 0 && uio->uio_resid != 0) {
		len = MIN(uio->uio_resid, RUMPSW_BUFFER_LEN);
		error = uiomove(o->o_out, len, uio);
		if (error != 0)
			break;
		rumpsw_enter(sc);
		error = rumpsw_feed(o, len, nonblocking, &taken);
		rumpsw_leave(sc);
		uio->uio_resid += len - taken;
	}
	rumpsw_enter(sc);
	rumpsw_give_back(o, &o->o_writing);
	rumpsw_leave(sc);
	return error;
}

static int
rumpsw_panic_request(struct rumpsw *sc)
{
	int error;

	error = kauth_authorize_network(curlwp->l_cred, KAUTH_NETWORK_INTERFACE,
	    KAUTH_REQ_NETWORK_INTERFACE_SETPRIV, &sc->sc_ec.ec_if,
	    (void *)(u_long)RUMPSWITCH_IOC_PANIC, NULL);
	if (error != 0)
		return error;
	rumpsw_enter(sc);
	error = rumpswitch_ioctl(sc->sc_core, 0, rumpsw_now(), RUMPSWITCH_PANIC, NULL, 0);
	rumpsw_leave(sc);
	return rumpsw_errno(error);
}

static int
rumpsw_fioctl(struct file *fp, u_long request, void *data)
{
	struct rumpsw_open *o = fp->f_data;
	struct rumpsw *sc = o->o_switch;
	uint32_t pending;

	switch (request) {
	case FIONBIO:
	case FIOASYNC:
		return 0;
	case FIONREAD:
		rumpsw_enter(sc);
		(void)rumpsw_events_ready(o, &pending);
		rumpsw_leave(sc);
		*(int *)data = (int)pending;
		return 0;
	case RUMPSWITCH_IOC_TICKS:
		rumpsw_enter(sc);
		*(uint64_t *)data = sc->sc_ticks;
		rumpsw_leave(sc);
		return 0;
	case RUMPSWITCH_IOC_PANIC:
		return rumpsw_panic_request(sc);
	default:
		return ENOTTY;
	}
}

static int
rumpsw_stat(struct file *fp, struct stat *st)
{
	struct rumpsw_open *o = fp->f_data;

	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFCHR;
	st->st_rdev = makedev(rumpsw_major, o->o_switch->sc_unit);
	return 0;
}
