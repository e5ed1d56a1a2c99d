/* shard.c: membership of targets in one of N disjoint parts. */
#include "nscan/shard.h"

#include "nscan/hash.h"

bool shard_is_part(const struct shard *shard)
{
	return shard->count > 1;
}

/* By how much the block's order is turned. */
static uint32_t turn(const struct shard *shard, uint64_t block)
{
	struct rng rng = rng_from_seed(block);

	return (uint32_t)(rng_next(&rng) % shard->count);
}

bool shard_has(const struct shard *shard, uint64_t index)
{
	uint64_t block, place;

	if (!shard_is_part(shard))
		return true;
	block = index / shard->count;
	place = index % shard->count;
	return (place + turn(shard, block)) % shard->count == shard->number - 1;
}

uint64_t shard_at(const struct shard *shard, uint64_t i)
{
	if (!shard_is_part(shard))
		return i;
	return i * shard->count + (shard->number - 1 + shard->count - turn(shard, i)) % shard->count;
}

uint64_t shard_size(const struct shard *shard, uint64_t total)
{
	uint64_t blocks;

	if (!shard_is_part(shard))
		return total;
	blocks = total / shard->count;
	return blocks + (total % shard->count > 0 && shard_at(shard, blocks) < total);
}

/* Decimal digits, from 1 to SHARD_MOST. */
static bool read_number(const char **at, uint32_t *out)
{
	uint32_t value = 0;

	if (**at < '1' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		value = value * 10 + (uint32_t)(**at - '0');
		if (value > SHARD_MOST)
			return false;
	}
	*out = value;
	return true;
}

bool shard_parse(const char *text, struct shard *out)
{
	struct shard shard;

	if (!read_number(&text, &shard.number) || *text++ != '/' || !read_number(&text, &shard.count) || *text ||
	    shard.number > shard.count)
		return false;
	*out = shard;
	return true;
}
