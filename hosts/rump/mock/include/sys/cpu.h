/* Stand-in for <sys/cpu.h>. */
#include <sys/intr.h>
