/* inactive.h: why hosts are inactive, and who said so, as a few lines under the list of them. */
#ifndef NSCAN_REPORT_INACTIVE_H
#define NSCAN_REPORT_INACTIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "nscan/report.h"

enum { INACTIVE_GROUPS_MAX = 32 };

/* Hosts that are inactive for the same reason by the same router's word. */
struct inactive_group {
	const char *reason;
	struct addr from;         /* none: nobody said so, they were silent */
	struct addr_ranges hosts; /* empty where only the fact is of interest */
};

struct inactive {
	bool every_reason; /* tell also those that were merely silent */
	struct inactive_group groups[INACTIVE_GROUPS_MAX];
	size_t count;
	uint64_t others; /* hosts for which no group was left */
};

void inactive_init(struct inactive *inactive, bool every_reason);
void inactive_free(struct inactive *inactive);
/* False when memory ran out. */
bool inactive_add(struct inactive *inactive, const struct host_result *host);
/* The same for `count` consecutive hosts from that one on. */
bool inactive_add_run(struct inactive *inactive, const struct host_result *first, uint64_t count);
void inactive_print(const struct inactive *inactive, FILE *out);
/* Might some of them be up all the same? Silence to ARP means that there is nobody; any other silence proves nothing. */
bool inactive_may_hide(const struct inactive *inactive);

#endif
