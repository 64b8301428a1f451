/*
 * Stand-in for <sys/uio.h>. uiomove panics where a mutex is held: with a remote client it is a round trip
 * to a process that may never answer.
 */
#ifndef MOCK_SYS_UIO_H
#define MOCK_SYS_UIO_H

#include <sys/types.h>

struct iovec {
	void *iov_base;
	size_t iov_len;
};
enum uio_rw { UIO_READ, UIO_WRITE };
enum uio_seg { UIO_USERSPACE, UIO_SYSSPACE };

struct uio {
	struct iovec *uio_iov;
	int uio_iovcnt;
	off_t uio_offset;
	size_t uio_resid;
	enum uio_rw uio_rw;
};

int uiomove(void *, size_t, struct uio *);

#endif
