/* permutation.c: a generalised Feistel network over [0, n), as permutation.h explains it. */
#include "nscan/permutation.h"

#include "nscan/hash.h"

/* The smallest a with a * a >= n, at most 2^32. */
static uint64_t root_above(uint64_t n)
{
	uint64_t low = 1;
	uint64_t high = UINT64_C(1) << 32;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if ((n - 1) / middle < middle) /* middle * middle > n - 1, without overflow */
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct permutation permutation_make(uint64_t n, uint64_t seed)
{
	struct permutation permutation = {.n = n, .left = 1, .right = 1};
	struct rng rng = rng_from_seed(seed ^ n);

	if (n > 0) {
		permutation.left = root_above(n);
		permutation.right = (n - 1) / permutation.left + 1;
	}
	for (int i = 0; i < PERMUTATION_ROUNDS; i++)
		permutation.keys[i] = rng_next(&rng);
	return permutation;
}

/* The round function: a keyed number in [0, size), size at most 2^32. */
static uint64_t mix(uint64_t key, uint64_t x, uint64_t size)
{
	uint64_t z = (x ^ key) * 0xff51afd7ed558ccd;

	z = (z ^ z >> 33) * 0xc4ceb9fe1a85ec53;
	z ^= z >> 33;
	return (z >> 32) * size >> 32;
}

static uint64_t apply(const struct permutation *p, uint64_t x)
{
	uint64_t left = x / p->right;
	uint64_t right = x % p->right;

	for (int i = 0; i < PERMUTATION_ROUNDS; i += 2) {
		left += mix(p->keys[i], right, p->left);
		if (left >= p->left)
			left -= p->left;
		right += mix(p->keys[i + 1], left, p->right);
		if (right >= p->right)
			right -= p->right;
	}
	return left * p->right + right;
}

uint64_t permutation_at(const struct permutation *permutation, uint64_t i)
{
	do {
		i = apply(permutation, i);
	} while (i >= permutation->n);
	return i;
}
