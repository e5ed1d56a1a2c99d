/* wait_run.h: --wait HOST[:PORT]: comes back when it answers. */
#ifndef NSCAN_CLI_WAIT_RUN_H
#define NSCAN_CLI_WAIT_RUN_H

#include "nscan/options.h"

/* Asks about once a second, at once the first time. The exit status: 0 it answers, 1 not in time, 2 wrong usage, 130 interrupted. One
 * line says what happened. */
int wait_main(const struct options *options);

#endif
