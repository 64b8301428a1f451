/* Stand-in for <sys/filedesc.h>: how a cloning open makes a descriptor of its own. */
#ifndef MOCK_SYS_FILEDESC_H
#define MOCK_SYS_FILEDESC_H

#include <sys/types.h>

struct fileops;

int fd_allocfile(file_t **, int *);
int fd_clone(file_t *, unsigned, int, const struct fileops *, void *);
void fd_abort(struct proc *, file_t *, unsigned);
file_t *fd_getfile(unsigned);
void fd_putfile(unsigned);

#endif
