/* Stand-in for <sys/sockio.h>: requests about interfaces. */
#ifndef MOCK_SYS_SOCKIO_H
#define MOCK_SYS_SOCKIO_H

#include <sys/ioccom.h>

#define SIOCSIFFLAGS _IOW('i', 16, struct ifreq)
#define SIOCGIFFLAGS _IOWR('i', 17, struct ifreq)
#define SIOCADDMULTI _IOW('i', 49, struct ifreq)
#define SIOCDELMULTI _IOW('i', 50, struct ifreq)
#define SIOCIFDESTROY _IOW('i', 121, struct ifreq)
#define SIOCIFCREATE _IOW('i', 122, struct ifreq)
#define SIOCGIFMTU _IOWR('i', 126, struct ifreq)
#define SIOCSIFMTU _IOW('i', 127, struct ifreq)
#define SIOCGIFINDEX _IOWR('i', 140, struct ifreq)
#define SIOCINITIFADDR _IOWR('i', 132, struct ifreq)

#endif
