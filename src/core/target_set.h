/* target_set.h: what a set of targets holds, for those who add to it and those who visit it.
 *
 * Ranges are made disjoint when they are added: only the parts that no earlier range holds become elements, so visiting
 * them needs no comparison with each other. Octet patterns of many runs stay as they are and are compared while visiting:
 * an element skips the patterns before it, a pattern also the ranges before it. "Before" is told by the epoch, the number
 * of patterns that the set held when the element came. */
#ifndef NSCAN_CORE_TARGET_SET_H
#define NSCAN_CORE_TARGET_SET_H

#include "nscan/targets.h"

#include "octet_pattern.h"
#include "range_index.h"

struct target_element {
	struct addr first; /* of a range */
	struct addr last;
	uint32_t epoch; /* of a pattern: its number, too */
	bool is_pattern;
};

struct target_set {
	struct target_element *elements; /* in the order of their specifications */
	size_t count;
	size_t capacity;
	struct octet_pattern *patterns;
	size_t pattern_count;
	size_t pattern_capacity;
	struct range_index ranges; /* every element that is a range, sorted */
	uint64_t size;
	bool has_v4;
	bool has_v6;
};

#endif
