/* shard.h: which of N disjoint parts of the targets is scanned (--shard I/N).
 *
 * The targets are numbered by target_index.h, ascending by address whatever the order in which they were typed. Each block of N
 * successive numbers gives one to every part; which one is turned by a mix of the block's number, so that no part gets all
 * addresses ending in .1. Membership follows from the set of targets and N alone: neither the seed nor the order of scanning nor
 * the machine has a say, so parts run anywhere are disjoint and together complete. */
#ifndef NSCAN_SHARD_H
#define NSCAN_SHARD_H

#include <stdbool.h>
#include <stdint.h>

enum { SHARD_MOST = 1000000 };

/* Zero-initialised, or 1/1, is the whole. */
struct shard {
	uint32_t number; /* from 1 */
	uint32_t count;
};

/* False: everything is scanned. */
bool shard_is_part(const struct shard *shard);
/* Does target number `index` belong to the part? */
bool shard_has(const struct shard *shard, uint64_t index);
/* How many of `total` targets belong to it. */
uint64_t shard_size(const struct shard *shard, uint64_t total);
/* The part's target number i, ascending; i < shard_size(). */
uint64_t shard_at(const struct shard *shard, uint64_t i);
/* Reads "3/7". False when it is anything else: I from 1 to N, N at most SHARD_MOST. */
bool shard_parse(const char *text, struct shard *out);

#endif
