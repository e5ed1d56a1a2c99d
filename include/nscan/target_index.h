/* target_index.h: the addresses of targets minus excludes, numbered from 0 in ascending order (IPv4 before IPv6).
 *
 * Kept as sorted disjoint ranges with the number of addresses before each: memory goes by the number of ranges (8 bytes each
 * for IPv4), a look-up in either direction is one binary search. Addresses given several times are in it once. */
#ifndef NSCAN_TARGET_INDEX_H
#define NSCAN_TARGET_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/addr.h"
#include "nscan/err.h"
#include "nscan/ranges.h"
#include "nscan/targets.h"

/* A run of consecutive addresses; the next run's `before` tells where it ends. */
struct v4_run {
	uint32_t first;
	uint32_t before; /* addresses in the runs ahead of it */
};

struct v6_run {
	struct addr first;
	uint64_t before; /* IPv6 addresses in the runs ahead of it */
};

/* Read-only once made; target_index_free releases. */
struct target_index {
	uint64_t count; /* of addresses */
	uint64_t v4_addresses;
	struct v4_run *v4;
	size_t v4_count;
	struct v6_run *v6;
	size_t v6_count;
};

/* Fills *out with the addresses of `include` that are not in `exclude` (may be NULL). Neither set is needed afterwards.
 * False with *err set when memory ran out or there are 2^64 addresses and more (nothing is held then). */
bool target_index_make(const struct target_set *include, const struct target_set *exclude, struct target_index *out,
                       struct err *err);
void target_index_free(struct target_index *index);
/* Address number i; i < count. */
struct addr target_index_at(const struct target_index *index, uint64_t i);
/* The number of an address. False when it is not in the index. */
bool target_index_of(const struct target_index *index, const struct addr *addr, uint64_t *out);
/* How many IPv4 addresses of it are lower than that one. */
uint64_t target_index_rank(const struct target_index *index, uint32_t v4);
/* How many consecutive addresses there are from number i on, itself included; i < count. */
uint64_t target_index_left(const struct target_index *index, uint64_t i);
/* How many ranges of consecutive addresses it holds, and range number r of them, in ascending order. */
size_t target_index_ranges(const struct target_index *index);
struct addr_range target_index_range(const struct target_index *index, size_t r);

#endif
