/*
 * Which kernel a test uses: local.c boots one in this process, remote.c joins the one of RUMP_SERVER.
 */
#ifndef RUMPSW_TESTS_KERNEL_H
#define RUMPSW_TESTS_KERNEL_H

#include <stdbool.h>

void kernel_join(void);
bool kernel_is_remote(void);

#endif
