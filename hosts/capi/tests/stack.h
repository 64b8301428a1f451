/*
 * How much stack a call takes: it is made on a stack of its own that has been painted before, and what is
 * left of the paint is measured. The host's hypercalls use next to no stack, so that it is the library's that is
 * counted.
 */
#ifndef STACK_H
#define STACK_H

#include "check.h"
#include "host.h"
#include "openflow.h"

/*
 * What a figure counts as, each with a bound of its own: a call; frames that pass through groups four deep; frames
 * by a tree or bit vectors; a bundle's commit; chains of groups deeper than is bound.
 */
enum stack_kind { STACK_CALL, STACK_GROUPS, STACK_LOOKUP, STACK_COMMIT, STACK_DEEP, STACK_KINDS };

extern size_t stack_most[STACK_KINDS];
/* Where what is measured from now on counts. */
extern enum stack_kind stack_kind;

extern struct host host;
/* The message that stack_exchange sends. */
extern struct of_buffer b;
/* The channel that it is sent on; what the last call answered, and gave. */
extern uint64_t channel, deadline;
extern int error;
extern size_t got;
extern uint8_t into[1 << 17];
extern const struct rumpswitch_hypercalls stack_calls;

/* Finds out what an empty function takes: to be called first. */
void stack_begin(void);
/* The bytes of stack that `work` takes beyond it. */
size_t stack_of(void (*work)(void));
/* Reports a figure, and counts it. */
void stack_count(const char *what, size_t used);
/* Both. */
size_t stack_report(const char *what, void (*work)(void));

/* Writes `b`, reads what is answered, and ticks until nothing is left to be done. The errors that came. */
unsigned stack_exchange(const char *what);
/* Ticks until no tick is due. */
void stack_settle(const char *what);
/* Processes 32 frames of UDP, by ports 1 and 2, to 10.0.0.0 to 10.0.0.31. */
size_t stack_process(const char *what);
/* The bytes of the last frame of them. */
const uint8_t *stack_frame(void);
#define STACK_FRAME_LEN 100

/* Chains of calls, in files of their own. */
void stack_messages(void);
void stack_changes(void);
void stack_tables(void);
void stack_shapes(void);

/* The parts of messages that several of them have. */
void add_flow(uint8_t table, uint16_t priority, uint32_t address, unsigned bits, void (*actions)(void));
void all_actions(void);
void only_output(void);
void multipart(uint16_t kind, const void *body, size_t len);
/* A flow-mod of no match and no instruction. */
void flow_mod(uint8_t command, uint8_t table, uint16_t priority);

#endif
