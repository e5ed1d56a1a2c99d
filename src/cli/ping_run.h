/* ping_run.h: --ping, from its options to an exit status. */
#ifndef NSCAN_CLI_PING_RUN_H
#define NSCAN_CLI_PING_RUN_H

#include "nscan/options.h"

/* Pings until done or interrupted. 0: something came back; 1: nothing did, or it could not be tried. */
int ping_main(const struct options *options);

#endif
