/* Stand-in for <sys/stat.h>. */
#ifndef MOCK_SYS_STAT_H
#define MOCK_SYS_STAT_H

#include <sys/types.h>
#include <sys/time.h>

#define S_IFCHR 0020000
#define S_IRUSR 0000400
#define S_IWUSR 0000200
#define S_IRGRP 0000040
#define S_IWGRP 0000020

struct stat {
	dev_t st_dev;
	mode_t st_mode;
	uint64_t st_ino;
	uint32_t st_nlink;
	uid_t st_uid;
	gid_t st_gid;
	dev_t st_rdev;
	struct timespec st_atimespec;
	struct timespec st_mtimespec;
	struct timespec st_ctimespec;
	struct timespec st_birthtimespec;
	off_t st_size;
	int32_t st_blksize;
};
#define st_atime st_atimespec.tv_sec

#endif
