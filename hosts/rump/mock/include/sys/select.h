/* Stand-in for <sys/select.h>: who waits for a device, and telling them. */
#ifndef MOCK_SYS_SELECT_H
#define MOCK_SYS_SELECT_H

#include <sys/selinfo.h>
#include <sys/poll.h>

void selinit(struct selinfo *);
void seldestroy(struct selinfo *);
void selrecord(struct lwp *, struct selinfo *);
void selnotify(struct selinfo *, int, long);

#endif
