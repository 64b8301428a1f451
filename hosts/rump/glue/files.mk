# The glue, file by file; whoever compiles it (../Makefile, ../mock) takes the list from here.
GLUE = component.c device.c errno.c events.c hooks.c ifnet.c instance.c ioctl.c lock.c mbuf.c \
       memory.c output.c ports.c timer.c
