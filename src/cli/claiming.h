/* claiming.h: --source-ips. Addresses that the interface has are used as they are; the others are claimed for the scan. */
#ifndef NSCAN_CLI_CLAIMING_H
#define NSCAN_CLI_CLAIMING_H

#include "scan.h"

/* The mark of a claim's packets that could not be sent. No probe of the engine has it. */
#define CLAIM_COOKIE (UINT64_MAX - 1)

/* Checks every source against the interface that leads to the targets. Sends nothing. */
bool claiming_check(struct scan *scan, struct err *err);
/* Probes for the addresses that the interface lacks, and announces them. False with *err set when somebody has one. Comes back
 * early, and well, when something asks for the end of the scan. */
bool claiming_start(struct scan *scan, struct err *err);
/* While the scan runs, for every packet received: answers who asks for a claimed address, and says who begins to use one. */
void claiming_receive(struct scan *scan, const struct frame *frame, const struct reply *reply);
/* Who else used a claimed address, for a reader of the results; NULL: nobody. */
const char *claiming_note(const struct scan *scan, char *out, size_t room);

#endif
