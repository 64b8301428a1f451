/* Stand-in for <sys/intr.h>: levels as names; raising one excludes nobody, as in a rump kernel. */
#ifndef MOCK_SYS_INTR_H
#define MOCK_SYS_INTR_H

#include <sys/types.h>

#define IPL_NONE 0
#define IPL_SOFTCLOCK 1
#define IPL_SOFTBIO 2
#define IPL_SOFTNET 3
#define IPL_SOFTSERIAL 4
#define IPL_VM 5
#define IPL_NET IPL_VM
#define IPL_SCHED 6
#define IPL_HIGH 7

#define splnet() 0
#define splsoftnet() 0
#define splx(s) ((void)(s))

bool cpu_intr_p(void);
bool cpu_softintr_p(void);

#endif
