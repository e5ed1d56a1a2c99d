/* merge.h: --merge: JSON-lines reports of shards, or of repeated and partial scans, become one set of reports.
 *
 * Hosts come in the order of the targets where the parts tell it (shards do), else by address. What is known beats what is unknown;
 * of two known states the one of the later scan holds, and a note says that they differ. */
#ifndef NSCAN_CLI_MERGE_H
#define NSCAN_CLI_MERGE_H

#include "nscan/options.h"
#include "resume_internal.h"

/* Reads the files named as targets, writes the reports. False with *err set also when all is written but something of the whole is
 * missing: the reports say so too. */
bool merge_run(const struct options *options, struct err *err);

/* What the hosts of all parts came to. */
struct merge_count {
	uint64_t hosts_up;
	uint64_t hosts_down;
	uint64_t hosts_unknown;
	uint64_t ports_unknown;
};

/* Gives every host of the parts, which are in the order of their scans, to the reports. start_wall_ns is when the first scan
 * began, and 0 on the clock of the events. False when memory ran out. In merge_hosts.c. */
bool merge_hosts(struct resume *const *parts, size_t part_count, int64_t start_wall_ns, struct reports *reports,
                 struct merge_count *out);

#endif
