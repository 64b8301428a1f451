/*
 * Stand-in for the installed <rump/rump.h>: how a program starts a kernel in itself and gives its threads a
 * place in it.
 */
#ifndef MOCK_CLIENT_RUMP_H
#define MOCK_CLIENT_RUMP_H

#define RUMP_RFFD_CLEAR 4

int rump_init(void);
void rump_schedule(void);
void rump_unschedule(void);
int rump_pub_getversion(void);
int rump_pub_lwproc_rfork(int flags);
int rump_pub_lwproc_newlwp(int pid);
void rump_pub_lwproc_releaselwp(void);

#endif
