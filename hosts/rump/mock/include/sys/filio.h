/* Stand-in for <sys/filio.h>. */
#ifndef MOCK_SYS_FILIO_H
#define MOCK_SYS_FILIO_H

#include <sys/ioccom.h>

#define FIOCLEX _IO('f', 1)
#define FIONCLEX _IO('f', 2)
#define FIONREAD _IOR('f', 127, int)
#define FIONBIO _IOW('f', 126, int)
#define FIOASYNC _IOW('f', 125, int)
#define FIONWRITE _IOR('f', 121, int)
#define FIONSPACE _IOR('f', 120, int)

#endif
