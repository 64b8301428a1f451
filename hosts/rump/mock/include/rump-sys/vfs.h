/* Stand-in for <rump-sys/vfs.h>: device nodes; both are NULL-safe stubs where there is no file system. */
#ifndef MOCK_RUMP_SYS_VFS_H
#define MOCK_RUMP_SYS_VFS_H

#include <sys/types.h>
#include <sys/stat.h>

extern int (*rump_vfs_makeonedevnode)(dev_t, const char *, devmajor_t, devminor_t);
extern int (*rump_vfs_makedevnodes)(dev_t, const char *, char, devmajor_t, devminor_t, int);

#endif
