/* interrupt.h: Ctrl-C and its kin, seen by the loop between two waits and never missed. */
#ifndef NSCAN_CLI_INTERRUPT_H
#define NSCAN_CLI_INTERRUPT_H

#include <signal.h>
#include <stdint.h>

/* From here on SIGINT, SIGTERM and SIGHUP are counted. The first asks the loop to end and report; a further one means that
 * this takes too long (a pipe that nobody reads could hold a write for ever): two seconds later the process exits with
 * status 130. SIGPIPE is ignored: a closed pipe is an output error like any other. A SIGHUP that nohup had ignored stays
 * ignored. *wait_mask is for the waits between hold and release. */
void interrupts_catch(sigset_t *wait_mask);
/* Holds signals back, so that none can come between looking at interrupts_seen and the wait that it shall end. */
void interrupts_hold(void);
void interrupts_release(void);
/* How many came. */
int interrupts_seen(void);
/* Sleeps for so long, or until a signal comes. */
void interrupts_pause(const sigset_t *wait_mask, int64_t ns);
/* The same, or until the descriptor is readable. */
void interrupts_pause_for(int fd, const sigset_t *wait_mask, int64_t ns);
/* Only the reports are left to write: from here on the first signal means that this takes too long. */
void interrupts_finish(void);

#endif
