/* range_index.h: disjoint address ranges in ascending order, quick to insert into anywhere.
 *
 * Sorted blocks of bounded size under one sorted array, so that an insertion moves a few kilobytes however large the
 * index is, and a million addresses in random order stay a matter of a second. Neighbours of the same epoch merge. */
#ifndef NSCAN_CORE_RANGE_INDEX_H
#define NSCAN_CORE_RANGE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/addr.h"

struct indexed_range {
	struct addr first;
	struct addr last;
	uint32_t epoch; /* when it was added, as the owner counts */
};

struct range_block;

/* Zero-initialised is empty; range_index_free releases. */
struct range_index {
	struct range_block **blocks;
	size_t count;
	size_t capacity;
};

void range_index_free(struct range_index *index);
/* The first range that ends at or after `addr`: the one that holds it, else the next one; NULL when there is none.
 * Valid until the next insertion. */
const struct indexed_range *range_index_seek(const struct range_index *index, const struct addr *addr);
/* Adds a range that overlaps none of the index. False when memory ran out: then nothing changed. */
bool range_index_insert(struct range_index *index, const struct indexed_range *range);
/* The address before *a, which must not be the lowest of its family. */
struct addr addr_before(const struct addr *a);

#endif
