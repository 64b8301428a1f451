/*
 * Stand-in for the installed <rump/rump_syscalls.h>: the system calls that the stand-in kernel has. Their
 * numbers and structures are NetBSD's, whatever the program is compiled on: for those that differ from the
 * machine's there is rumpswitch_ioctl.h.
 */
#ifndef MOCK_CLIENT_RUMP_SYSCALLS_H
#define MOCK_CLIENT_RUMP_SYSCALLS_H

#include <stddef.h>
#include <sys/types.h>

struct iovec;
struct kevent;
struct pollfd;

int rump_sys_open(const char *path, int flags, ...);
int rump_sys_close(int fd);
ssize_t rump_sys_read(int fd, void *into, size_t len);
ssize_t rump_sys_write(int fd, const void *bytes, size_t len);
ssize_t rump_sys_readv(int fd, const struct iovec *iov, int count);
ssize_t rump_sys_writev(int fd, const struct iovec *iov, int count);
int rump_sys_ioctl(int fd, unsigned long request, ...);
int rump_sys_fcntl(int fd, int command, ...);
int rump_sys_poll(struct pollfd *fds, unsigned int n, int milliseconds);
int rump_sys_kqueue(void);
int rump_sys_fstat(int fd, void *stat);
int rump_sys_socket(int domain, int type, int protocol);

/* struct kevent and struct timespec of NetBSD; 64 bits of seconds and of nanoseconds here. */
int rump_sys_kevent(int kq, const void *changes, size_t n_changes, void *events, size_t n_events,
    const void *timeout);
/* Sets of NetBSD: 32 descriptors in each 32-bit word; struct timeval of NetBSD: 64 bits, then 32. */
int rump_sys_select(int n, void *in, void *out, void *ex, void *timeout);

#endif
