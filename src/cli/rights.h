/* rights.h: what the process may do: enough to scan, and no more than that once everything is open. */
#ifndef NSCAN_CLI_RIGHTS_H
#define NSCAN_CLI_RIGHTS_H

#include <stdbool.h>

#include "nscan/err.h"

/* False, with the remedy, when raw packets cannot be sent. */
bool rights_check(struct err *err);
/* Gives up every capability but CAP_NET_RAW, for good. Failure changes nothing and is harmless. */
void rights_drop(void);
/* Gives up every right for good: capabilities, and as root the user and its groups (then nobody's). False, with *err set, when that
 * is impossible: who meant to serve strangers must not go on then. */
bool rights_drop_all(struct err *err);

#endif
