/* Stand-in for <sys/file.h>: an open file and its operations. */
#ifndef MOCK_SYS_FILE_H
#define MOCK_SYS_FILE_H

#include <sys/fcntl.h>
#include <sys/mutex.h>
#include <sys/condvar.h>

struct stat;
struct uvm_object;

struct fileops {
	int (*fo_read)(struct file *, off_t *, struct uio *, kauth_cred_t, int);
	int (*fo_write)(struct file *, off_t *, struct uio *, kauth_cred_t, int);
	int (*fo_ioctl)(struct file *, u_long, void *);
	int (*fo_fcntl)(struct file *, u_int, void *);
	int (*fo_poll)(struct file *, int);
	int (*fo_stat)(struct file *, struct stat *);
	int (*fo_close)(struct file *);
	int (*fo_kqfilter)(struct file *, struct knote *);
	void (*fo_restart)(struct file *);
	int (*fo_mmap)(struct file *, off_t *, size_t, int, int *, int *, struct uvm_object **, int *);
	void (*fo_spare2)(void);
};

struct file {
	off_t f_offset;
	kauth_cred_t f_cred;
	const struct fileops *f_ops;
	union {
		void *fd_data;
		int fd_devunit;
	} f_undata;
	int f_flag;
	u_int f_type;
	u_int f_count;
	/* This kernel's own. */
	dev_t mock_dev;
};
#define f_data f_undata.fd_data
#define f_devunit f_undata.fd_devunit

#define DTYPE_VNODE 1
#define DTYPE_SOCKET 2
#define DTYPE_KQUEUE 4
#define DTYPE_MISC 5

int fnullop_fcntl(struct file *, u_int, void *);
int fnullop_poll(struct file *, int);
int fnullop_kqfilter(struct file *, struct knote *);
void fnullop_restart(struct file *);
int fbadop_read(struct file *, off_t *, struct uio *, kauth_cred_t, int);
int fbadop_write(struct file *, off_t *, struct uio *, kauth_cred_t, int);
int fbadop_ioctl(struct file *, u_long, void *);
int fbadop_stat(struct file *, struct stat *);
int fbadop_close(struct file *);

#endif
