/* Stand-in for <sys/module.h>. */
#include <sys/types.h>
