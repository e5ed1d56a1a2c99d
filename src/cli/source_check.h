/* source_check.h: which addresses of --source-ips the interface has, which have to be claimed, and which cannot be used. */
#ifndef NSCAN_CLI_SOURCE_CHECK_H
#define NSCAN_CLI_SOURCE_CHECK_H

#include "nscan/network.h"

/* Copies those that have to be claimed to `to_claim` (room for `count`). False, with *err naming the address and what is wrong with
 * it, when one is neither the interface's own nor one that can be claimed there. Pure. */
bool source_check(const struct network *network, int interface, const struct addr *sources, size_t count,
                  struct addr *to_claim, size_t *claim_count, struct err *err);

#endif
