/* ranges.h: a growing set of addresses kept as merged ranges, and its short text: "192.168.0.102, .104-.106". */
#ifndef NSCAN_RANGES_H
#define NSCAN_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "nscan/addr.h"

struct addr_range {
	struct addr first;
	struct addr last;
};

/* Sorted, disjoint, non-adjacent. Zero-initialised is empty; addr_ranges_free releases. */
struct addr_ranges {
	struct addr_range *ranges;
	size_t count;
	size_t capacity;
	uint64_t addresses; /* how many addresses the ranges hold */
};

void addr_ranges_free(struct addr_ranges *set);
/* Adds one address; amortised O(1) when they come in ascending order. False only when memory ran out. */
bool addr_ranges_add(struct addr_ranges *set, const struct addr *addr);
/* Adds all from *first through *last, none of which may be in the set; quick when they follow everything in it. */
bool addr_ranges_add_run(struct addr_ranges *set, const struct addr *first, const struct addr *last, uint64_t count);
bool addr_ranges_contains(const struct addr_ranges *set, const struct addr *addr);
/* Writes the set compressed: the first address in full, later ones that share their first three octets with the one
 * before as ".N"; runs of two or more as "a-.b". IPv6 always in full. Wraps nowhere; returns false on a write error. */
bool addr_ranges_print(const struct addr_ranges *set, FILE *out);

#endif
