/* Stand-in for <sys/timevar.h>. */
#include <sys/time.h>
