/* Stand-in for <net/if_media.h>. */
