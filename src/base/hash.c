/* hash.c: SipHash-2-4, and SplitMix64 for what need not be secret. */
#include "nscan/hash.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

/* SipHash reads its words little-endian. */
static uint64_t load_u64(const uint8_t *p)
{
	uint64_t x = 0;

	for (int i = 7; i >= 0; i--)
		x = x << 8 | p[i];
	return x;
}

static void sip_rounds(struct sip *s, int rounds)
{
	while (rounds-- > 0) {
		s->v0 += s->v1;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v2 = rotate(s->v2, 32);
	}
}

static void sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_rounds(s, 2);
	s->v0 ^= word;
}

uint64_t siphash(const uint8_t key[HASH_KEY_BYTES], const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	uint64_t k0 = load_u64(key), k1 = load_u64(key + 8);
	/* The initial state spells "somepseudorandomlygeneratedbytes". */
	struct sip s = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
	                k1 ^ 0x7465646279746573};
	uint64_t last = (uint64_t)n << 56;
	size_t left = n;

	for (; left >= 8; left -= 8, p += 8)
		sip_word(&s, load_u64(p));
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)p[i] << (8 * i);
	sip_word(&s, last);
	s.v2 ^= 0xff;
	sip_rounds(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

struct rng rng_from_seed(uint64_t seed)
{
	return (struct rng){seed};
}

uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t rng_below(struct rng *rng, uint32_t bound)
{
	/* The high half of a 32 by 32 bit product (Lemire, 2019); values below the threshold would be drawn once too often. */
	uint32_t threshold = bound ? -bound % bound : 0;
	uint64_t product;

	do {
		product = (rng_next(rng) >> 32) * bound;
	} while ((uint32_t)product < threshold);
	return (uint32_t)(product >> 32);
}

double rng_unit(struct rng *rng)
{
	return (double)(rng_next(rng) >> 11) * 0x1p-53;
}
