/* octet_pattern.h: IPv4 addresses given octet by octet, such as 10.0-3.*.1,7: four sets of octets, never listed. */
#ifndef NSCAN_CORE_OCTET_PATTERN_H
#define NSCAN_CORE_OCTET_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "nscan/addr.h"
#include "nscan/ranges.h"

struct octet_set {
	uint64_t bits[4]; /* bit v % 64 of word v / 64: the octet v is in the set */
};

/* Holds each address whose four octets are in their sets. No set is empty. */
struct octet_pattern {
	struct octet_set octets[4];
};

/* Adds the octets first to last (at most 255). */
void octet_set_add(struct octet_set *set, unsigned first, unsigned last);

bool octet_pattern_contains(const struct octet_pattern *pattern, const struct addr *addr);
/* True when every address of `a` is in `b`. */
bool octet_pattern_within(const struct octet_pattern *a, const struct octet_pattern *b);
uint64_t octet_pattern_size(const struct octet_pattern *pattern);
/* How many ranges the pattern falls into, at most: octet_pattern_next gives no more than these. */
uint64_t octet_pattern_runs(const struct octet_pattern *pattern);
/* The first run of consecutive addresses at or after `from` (IPv4), from its first address on that is not below `from`.
 * False when no address follows. */
bool octet_pattern_next(const struct octet_pattern *pattern, const struct addr *from, struct addr_range *run);
/* An address at or after `at`, which is in `pattern`, such that every address of `visited` from `at` through it is in
 * `pattern` too: how far a visit may jump. visited NULL stands for all addresses. */
struct addr octet_pattern_cover_end(const struct octet_pattern *pattern, const struct octet_pattern *visited,
                                    const struct addr *at);

#endif
