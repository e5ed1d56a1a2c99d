/* resolve.h: names of targets, through the system's resolver. */
#ifndef NSCAN_CLI_RESOLVE_H
#define NSCAN_CLI_RESOLVE_H

#include "nscan/targets.h"

/* A resolver over getaddrinfo; gives the first IPv4 address. */
extern const struct resolver system_resolver;

#endif
