/* Stand-in for <net/if_types.h>. */
#define IFT_OTHER 1
#define IFT_ETHER 6
#define IFT_LOOP 24
#define IFT_BRIDGE 209
