/* interrupt.h: Ctrl-C and its kin, seen by the loop between two waits and never missed. */
#ifndef NSCAN_CLI_INTERRUPT_H
#define NSCAN_CLI_INTERRUPT_H

#include <signal.h>

/* From here on SIGINT, SIGTERM and SIGHUP only count, and are blocked except in a wait that uses *wait_mask. SIGPIPE is
 * ignored: a closed pipe is an output error like any other. A SIGHUP that nohup had ignored stays ignored. */
void interrupts_catch(sigset_t *wait_mask);
/* How many came. */
int interrupts_seen(void);
/* The scan is over and only the reports are left to write. A signal from here on gives that writing two seconds more (a
 * pipe that nobody reads could hold it for ever), then the process exits with status 130. */
void interrupts_finish(void);

#endif
