/* range_index.c: disjoint address ranges in ascending order, in sorted blocks. */
#include "range_index.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_RANGES = 128, FIRST_CAPACITY = 4 };

/* Never empty while it is part of an index. */
struct range_block {
	size_t count;
	struct indexed_range ranges[BLOCK_RANGES];
};

/* A place in the index: where a range is, or where it would be put. */
struct place {
	size_t block;
	size_t slot;
};

void range_index_free(struct range_index *index)
{
	for (size_t i = 0; i < index->count; i++)
		free(index->blocks[i]);
	free(index->blocks);
	*index = (struct range_index){0};
}

struct addr addr_before(const struct addr *a)
{
	struct addr before = *a;

	for (size_t i = addr_bytes(a); i > 0 && before.bytes[i - 1]-- == 0; i--)
		;
	return before;
}

/* Where the first range is that ends at or after `addr`; one past the last slot of the last block when none does. */
static struct place place_of(const struct range_index *index, const struct addr *addr)
{
	struct place at = {0, 0};
	size_t high = index->count;
	const struct range_block *block = NULL;

	while (at.block < high) {
		size_t middle = at.block + (high - at.block) / 2;

		block = index->blocks[middle];
		if (addr_compare(&block->ranges[block->count - 1].last, addr) < 0)
			at.block = middle + 1;
		else
			high = middle;
	}
	if (at.block == index->count) {
		if (index->count == 0)
			return at;
		at.block--;
		at.slot = index->blocks[at.block]->count;
		return at;
	}
	block = index->blocks[at.block];
	high = block->count - 1;
	while (at.slot < high) {
		size_t middle = at.slot + (high - at.slot) / 2;

		if (addr_compare(&block->ranges[middle].last, addr) < 0)
			at.slot = middle + 1;
		else
			high = middle;
	}
	return at;
}

static struct indexed_range *range_at(const struct range_index *index, struct place at)
{
	if (at.block >= index->count || at.slot >= index->blocks[at.block]->count)
		return NULL;
	return &index->blocks[at.block]->ranges[at.slot];
}

static struct indexed_range *range_before(const struct range_index *index, struct place at)
{
	if (at.slot > 0)
		return &index->blocks[at.block]->ranges[at.slot - 1];
	if (at.block == 0)
		return NULL;
	return &index->blocks[at.block - 1]->ranges[index->blocks[at.block - 1]->count - 1];
}

const struct indexed_range *range_index_seek(const struct range_index *index, const struct addr *addr)
{
	return range_at(index, place_of(index, addr));
}

/* Puts an empty block at that position of the array. */
static struct range_block *add_block(struct range_index *index, size_t position)
{
	struct range_block *block = NULL;

	if (index->count == index->capacity) {
		size_t capacity = index->capacity ? index->capacity * 2 : FIRST_CAPACITY;
		struct range_block **blocks = realloc(index->blocks, capacity * sizeof(*blocks));

		if (!blocks)
			return NULL;
		index->blocks = blocks;
		index->capacity = capacity;
	}
	block = malloc(sizeof(*block));
	if (!block)
		return NULL;
	block->count = 0;
	memmove(index->blocks + position + 1, index->blocks + position,
	        (index->count - position) * sizeof(*index->blocks));
	index->blocks[position] = block;
	index->count++;
	return block;
}

/* Makes room at a place in a full block, and moves the place along. */
static bool split(struct range_index *index, struct place *at)
{
	struct range_block *full = index->blocks[at->block];
	/* At the very end nothing moves, so that an ascending list fills its blocks. */
	bool at_end = at->block + 1 == index->count && at->slot == full->count;
	size_t keep = at_end ? full->count : full->count / 2;
	struct range_block *upper = add_block(index, at->block + 1);

	if (!upper)
		return false;
	upper->count = full->count - keep;
	memcpy(upper->ranges, full->ranges + keep, upper->count * sizeof(*upper->ranges));
	full->count = keep;
	if (at->slot >= keep) {
		at->block++;
		at->slot -= keep;
	}
	return true;
}

static void remove_range(struct range_index *index, struct place at)
{
	struct range_block *block = index->blocks[at.block];

	block->count--;
	memmove(block->ranges + at.slot, block->ranges + at.slot + 1,
	        (block->count - at.slot) * sizeof(*block->ranges));
	if (block->count > 0)
		return;
	free(block);
	index->count--;
	memmove(index->blocks + at.block, index->blocks + at.block + 1,
	        (index->count - at.block) * sizeof(*index->blocks));
}

/* True when `b` goes on where `a` ends. */
static bool joins(const struct indexed_range *a, const struct indexed_range *b)
{
	struct addr after = a->last;

	return a->epoch == b->epoch && addr_increment(&after) && addr_equal(&after, &b->first);
}

bool range_index_insert(struct range_index *index, const struct indexed_range *range)
{
	struct place at = place_of(index, &range->first);
	struct indexed_range *before = range_before(index, at);
	struct indexed_range *after = range_at(index, at);
	struct range_block *block = NULL;

	if (before && joins(before, range)) {
		before->last = range->last;
		if (after && joins(before, after)) {
			before->last = after->last;
			remove_range(index, at);
		}
		return true;
	}
	if (after && joins(range, after)) {
		after->first = range->first;
		return true;
	}
	if (index->count == 0 && !add_block(index, 0))
		return false;
	if (index->blocks[at.block]->count == BLOCK_RANGES && !split(index, &at))
		return false;
	block = index->blocks[at.block];
	memmove(block->ranges + at.slot + 1, block->ranges + at.slot,
	        (block->count - at.slot) * sizeof(*block->ranges));
	block->ranges[at.slot] = *range;
	block->count++;
	return true;
}
