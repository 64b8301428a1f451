/*
 * Stand-in for <sys/errno.h>: NetBSD's numbers, not those of the machine this runs on. Clients of the
 * system calls see these numbers.
 */
#ifndef MOCK_SYS_ERRNO_H
#define MOCK_SYS_ERRNO_H

#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EINTR 4
#define EIO 5
#define ENXIO 6
#define E2BIG 7
#define EBADF 9
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define ENODEV 19
#define EINVAL 22
#define ENFILE 23
#define EMFILE 24
#define ENOTTY 25
#define EFBIG 27
#define ENOSPC 28
#define EPIPE 32
#define ERANGE 34
#define EAGAIN 35
#define EWOULDBLOCK EAGAIN
#define EINPROGRESS 36
#define EALREADY 37
#define ENOTSOCK 38
#define EMSGSIZE 40
#define EPROTOTYPE 41
#define EPROTONOSUPPORT 43
#define EOPNOTSUPP 45
#define EAFNOSUPPORT 47
#define EADDRINUSE 48
#define EADDRNOTAVAIL 49
#define ENETDOWN 50
#define ECONNRESET 54
#define ENOBUFS 55
#define ETIMEDOUT 60
#define EPROGMISMATCH 75
#define ENOSYS 78
#define EFTYPE 79
#define ENOTSUP 86

/* Within the kernel only. */
#define EJUSTRETURN (-2)
#define ERESTART (-3)
#define EPASSTHROUGH (-4)
#define EDUPFD (-5)
#define EMOVEFD (-6)

#endif
