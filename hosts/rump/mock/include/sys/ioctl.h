/* Stand-in for <sys/ioctl.h>. */
#ifndef MOCK_SYS_IOCTL_H
#define MOCK_SYS_IOCTL_H

#include <sys/ioccom.h>
#include <sys/filio.h>
#include <sys/sockio.h>

#endif
