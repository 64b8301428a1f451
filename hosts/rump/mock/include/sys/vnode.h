/* Stand-in for <sys/vnode.h>: how a read of a device node is told not to block. */
#ifndef MOCK_SYS_VNODE_H
#define MOCK_SYS_VNODE_H

#define IO_NDELAY 0x0100

#endif
