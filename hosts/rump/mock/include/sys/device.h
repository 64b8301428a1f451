/* Stand-in for <sys/device.h>. */
#include <sys/types.h>
