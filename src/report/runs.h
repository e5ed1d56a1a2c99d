/* runs.h: finished hosts that are not up, waiting for their turn: consecutive ones with the same story are one entry. */
#ifndef NSCAN_REPORT_RUNS_H
#define NSCAN_REPORT_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/report.h"

struct host_run {
	uint64_t ordinal; /* of the first */
	uint64_t count;
	struct addr first;
	struct addr last;
	struct host_event host;
};

/* Ascending by ordinal. Those before `next` were handed over. */
struct host_runs {
	struct host_run *runs;
	size_t next;
	size_t count;
	size_t capacity;
	uint64_t hosts; /* added so far */
};

void host_runs_free(struct host_runs *set);
/* Adds one host; false when memory ran out. */
bool host_runs_add(struct host_runs *set, const struct host_result *host);
/* Gives back the memory that grew while they came out of order. */
void host_runs_trim(struct host_runs *set);
/* The run with that ordinal in it, or NULL. */
const struct host_run *host_runs_find(const struct host_runs *set, uint64_t ordinal);

#endif
