/* Stand-in for <sys/param.h>: the version this kernel says it is, and its sizes. */
#ifndef MOCK_SYS_PARAM_H
#define MOCK_SYS_PARAM_H

#include <sys/types.h>
#include <sys/errno.h>

#ifndef __NetBSD_Version__
#define __NetBSD_Version__ 799003400
#endif
#define __NetBSD_Prereq__(M, m, p) (__NetBSD_Version__ >= ((M) * 100000000 + (m) * 1000000 + (p) * 100))

#define PAGE_SIZE 4096
#define MSIZE 512
#define MCLBYTES 2048
#define MAXPATHLEN 1024
#define NBBY 8
#define PZERO 22
#define PCATCH 0x100
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define howmany(x, y) (((x) + ((y) - 1)) / (y))
#define roundup(x, y) (howmany(x, y) * (y))
#define roundup2(x, m) (((x) + ((m) - 1)) & ~((__typeof__(x))(m) - 1))
#define mstohz(ms) ((ms) / (1000 / hz))

#endif
