/* Stand-in for <sys/types.h>: the kernel's scalar types, and device numbers. */
#ifndef MOCK_SYS_TYPES_H
#define MOCK_SYS_TYPES_H

#include <sys/cdefs.h>
#include <sys/stdint.h>

typedef unsigned char u_char;
typedef unsigned short u_short;
typedef unsigned int u_int;
typedef unsigned long u_long;
typedef uint8_t u_int8_t;
typedef uint16_t u_int16_t;
typedef uint32_t u_int32_t;
typedef uint64_t u_int64_t;
typedef __SIZE_TYPE__ size_t;
typedef long ssize_t;
typedef int64_t off_t;
typedef int64_t time_t;
typedef int64_t daddr_t;
typedef uint64_t dev_t;
typedef uint32_t mode_t;
typedef uint32_t uid_t;
typedef uint32_t gid_t;
typedef int32_t pid_t;
typedef int32_t lwpid_t;
typedef int32_t devmajor_t;
typedef int32_t devminor_t;
typedef unsigned long paddr_t;
typedef long register_t;
typedef char *caddr_t;

#ifndef NULL
#define NULL ((void *)0)
#endif
#ifndef bool
#define bool _Bool
#define true 1
#define false 0
#endif
#define offsetof(t, m) __builtin_offsetof(t, m)

#define NODEV ((dev_t)-1)
#define NODEVMAJOR (-1)
#define makedev(major, minor) (((dev_t)(uint32_t)(major) << 32) | (uint32_t)(minor))
#define major(dev) ((devmajor_t)((dev) >> 32))
#define minor(dev) ((devminor_t)((dev) & 0xffffffffU))

struct lwp;
struct proc;
struct knote;
struct mbuf;
struct ifnet;
struct file;
struct uio;
typedef struct file file_t;
typedef struct lwp lwp_t;
typedef struct kauth_cred *kauth_cred_t;

#endif
