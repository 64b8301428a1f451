/*
 * The cables of a rump kernel's driver: interfaces that become ports of the switch, whose other ends are the
 * test's. wires_mock.c for the stand-in kernel, wires_shmif.c for a real one.
 *
 * Functions that answer an int: 0, or -1 when it cannot be done.
 */
#ifndef WIRES_H
#define WIRES_H

#include <stddef.h>
#include <stdint.h>

/* What the cables let a test do (driver.h), beside what every rump kernel does. */
extern const uint32_t wires_abilities;
/* Opens of the device that they keep for themselves. */
extern const uint32_t wires_channels;

/* Before the kernel starts; `now` is the test's time. */
void wires_prepare(uint64_t now);
/* Moves the kernel's clock, where that can be done. */
void wires_time(uint64_t now);
/* Lets the kernel do what is due within moments; 1: something was. */
int wires_go_on(void);

/* Makes the interface of port `number` and tells its name (16 bytes). */
int wires_create(uint32_t number, char *name);
int wires_destroy(uint32_t number);
/* Gives it a link or takes it; the switch knows when this returns. */
int wires_link(uint32_t number, int is_up);
/* A frame from outside; through the switch when this returns. */
int wires_receive(uint32_t number, const uint8_t *frame, size_t len);
/* Takes the oldest frame that came out; its length, -1: none. */
long wires_sent(uint32_t number, uint8_t *into, size_t len);

/* After the switch is destroyed: what was lost. */
int wires_end(void);
/* Before it is destroyed: what they keep open is closed. */
void wires_close(void);

#endif /* WIRES_H */
