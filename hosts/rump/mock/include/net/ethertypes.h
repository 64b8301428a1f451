/* Stand-in for <net/ethertypes.h>. */
#include <net/if_ether.h>
