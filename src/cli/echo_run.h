/* echo_run.h: --echo-server, from its options to an exit status. */
#ifndef NSCAN_CLI_ECHO_RUN_H
#define NSCAN_CLI_ECHO_RUN_H

#include "nscan/options.h"

/* Serves until --max-time or a signal. 0: it did; 1: it could not. */
int echo_main(const struct options *options);

#endif
