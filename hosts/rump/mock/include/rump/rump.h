/* Stand-in for <rump/rump.h> as the kernel side sees it. */
#ifndef MOCK_RUMP_RUMP_H
#define MOCK_RUMP_RUMP_H

int rump_init(void);
int rump_getversion(void);
int rump_pub_lwproc_rfork(int);
int rump_pub_lwproc_newlwp(int);
void rump_pub_lwproc_releaselwp(void);
int rump_pub_getversion(void);
void rump_schedule(void);
void rump_unschedule(void);

#endif
