/* hash.h: SipHash-2-4 (Aumasson and Bernstein, 2012), the keyed hash behind probe identity, and the seeded generator
 * behind every order and jitter that nscan chooses. */
#ifndef NSCAN_HASH_H
#define NSCAN_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_KEY_BYTES 16

uint64_t siphash(const uint8_t key[HASH_KEY_BYTES], const void *bytes, size_t n);

/* SplitMix64: small, seedable, good enough for order and jitter; never for identity. */
struct rng {
	uint64_t state;
};

struct rng rng_from_seed(uint64_t seed);
uint64_t rng_next(struct rng *rng);
/* Uniform in [0, bound); bound 0 gives 0. */
uint32_t rng_below(struct rng *rng, uint32_t bound);
/* Uniform in [0, 1). */
double rng_unit(struct rng *rng);

#endif
