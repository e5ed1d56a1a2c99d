/* permutation.h: all numbers below n in a seeded pseudo-random order, without a list of them.
 *
 * A generalised Feistel network (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002). The numbers are written
 * as (left, right) = (x / b, x % b) in a grid of a * b >= n, a = ceil(sqrt(n)), b = ceil(n / a). A round turns (left, right)
 * into (right, (left + F(right)) mod the size of left's place), which can be undone whatever F is, so that any number of
 * rounds is a permutation of the grid. The grid has fewer than a numbers too many: where one of them comes out, the network
 * is applied again (cycle walking); the walk comes back below n, because it is a cycle that began there.
 *
 * F is a keyed mix, good for spreading load over subnets and for a repeatable order. It is no secret. */
#ifndef NSCAN_PERMUTATION_H
#define NSCAN_PERMUTATION_H

#include <stdint.h>

enum { PERMUTATION_ROUNDS = 6 }; /* even: each half ends in its own place */

/* A value: copied freely, owns nothing. */
struct permutation {
	uint64_t n;
	uint64_t left;  /* a, at most 2^32 */
	uint64_t right; /* b, at most 2^32 */
	uint64_t keys[PERMUTATION_ROUNDS];
};

/* The order that belongs to (n, seed). n may be 0: then there is nothing to ask for. */
struct permutation permutation_make(uint64_t n, uint64_t seed);
/* The number at place `i` of the order; i < n. For all i below n each number below n comes once. */
uint64_t permutation_at(const struct permutation *permutation, uint64_t i);

#endif
