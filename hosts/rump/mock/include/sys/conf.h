/* Stand-in for <sys/conf.h>: the table of a character device. */
#ifndef MOCK_SYS_CONF_H
#define MOCK_SYS_CONF_H

#include <sys/types.h>

struct tty;
struct bdevsw;

#define D_OTHER 0
#define D_MPSAFE 0x0100

struct cdevsw {
	int (*d_open)(dev_t, int, int, struct lwp *);
	int (*d_close)(dev_t, int, int, struct lwp *);
	int (*d_read)(dev_t, struct uio *, int);
	int (*d_write)(dev_t, struct uio *, int);
	int (*d_ioctl)(dev_t, u_long, void *, int, struct lwp *);
	void (*d_stop)(struct tty *, int);
	struct tty *(*d_tty)(dev_t);
	int (*d_poll)(dev_t, int, struct lwp *);
	paddr_t (*d_mmap)(dev_t, off_t, int);
	int (*d_kqfilter)(dev_t, struct knote *);
	int (*d_discard)(dev_t, off_t, off_t);
	int d_flag;
};

int mock_noopen(dev_t, int, int, struct lwp *);
int mock_noread(dev_t, struct uio *, int);
int mock_noioctl(dev_t, u_long, void *, int, struct lwp *);
void mock_nostop(struct tty *, int);
int mock_nopoll(dev_t, int, struct lwp *);
paddr_t mock_nommap(dev_t, off_t, int);
int mock_nokqfilter(dev_t, struct knote *);
int mock_nodiscard(dev_t, off_t, off_t);

#define noopen mock_noopen
#define noclose mock_noopen
#define noread mock_noread
#define nowrite mock_noread
#define noioctl mock_noioctl
#define nostop mock_nostop
#define notty NULL
#define nopoll mock_nopoll
#define nommap mock_nommap
#define nokqfilter mock_nokqfilter
#define nodiscard mock_nodiscard

#define dev_type_open(n) int n(dev_t, int, int, struct lwp *)
#define dev_type_close(n) int n(dev_t, int, int, struct lwp *)
#define dev_type_read(n) int n(dev_t, struct uio *, int)
#define dev_type_write(n) int n(dev_t, struct uio *, int)
#define dev_type_ioctl(n) int n(dev_t, u_long, void *, int, struct lwp *)
#define dev_type_poll(n) int n(dev_t, int, struct lwp *)
#define dev_type_kqfilter(n) int n(dev_t, struct knote *)

int devsw_attach(const char *, const struct bdevsw *, devmajor_t *, const struct cdevsw *, devmajor_t *);
int devsw_detach(const struct bdevsw *, const struct cdevsw *);

#endif
