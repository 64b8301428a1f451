/* Stand-in for <sys/kernel.h>. */
#ifndef MOCK_SYS_KERNEL_H
#define MOCK_SYS_KERNEL_H

#include <sys/time.h>

extern int hz;			/* ticks in a second: 100 */
extern int cold;

#endif
