/* CHECK: what a test claims. The first claim that does not hold ends the program with status 1. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(claim) \
	do { \
		if (!(claim)) { \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #claim); \
			exit(1); \
		} \
	} while (0)

/* Runs a test and says so. */
#define RUN(test) \
	do { \
		test(); \
		printf("ok %s\n", #test); \
	} while (0)

#endif
