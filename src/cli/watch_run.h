/* watch_run.h: --watch T [--count N]: the same questions every T; what changed is told. */
#ifndef NSCAN_CLI_WATCH_RUN_H
#define NSCAN_CLI_WATCH_RUN_H

#include "nscan/options.h"

/* Watches until --count rounds are over, --max-time is, or a signal comes. The exit status. */
int watch_main(const struct options *options);

#endif
