/* Stand-in for <rump-sys/net.h>. */
