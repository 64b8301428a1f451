/* Stand-in for <sys/fcntl.h>: NetBSD's flags of an open file. */
#ifndef MOCK_SYS_FCNTL_H
#define MOCK_SYS_FCNTL_H

#define O_RDONLY 0
#define O_WRONLY 1
#define O_RDWR 2
#define O_ACCMODE 3
#define O_NONBLOCK 0x0004
#define O_CLOEXEC 0x00400000
#define FREAD 1
#define FWRITE 2
#define FNONBLOCK O_NONBLOCK
#define FASYNC 0x0040
#define FFLAGS(open) ((open) + 1)
#define OFLAGS(file) ((file) - 1)
#define FCNTLFLAGS (FNONBLOCK | FASYNC)
#define FMASK (FREAD | FWRITE | FCNTLFLAGS)
#define F_GETFL 3
#define F_SETFL 4

#endif
