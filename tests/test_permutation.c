/* test_permutation.c: every number once, in an order that the seed decides and that spreads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/permutation.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void assert_each_once(uint64_t n, uint64_t seed)
{
	struct permutation p = permutation_make(n, seed);
	uint8_t *seen = calloc(1, n + 1);

	assert_non_null(seen);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t x = permutation_at(&p, i);

		assert_true(x < n);
		assert_int_equal(seen[x], 0);
		seen[x] = 1;
	}
	free(seen);
}

static void every_number_once(void **state)
{
	static const uint64_t sizes[] = {255, 256, 257, 1000, 65535, 65536, 65537, 999983, 1048576};
	(void)state;

	for (uint64_t n = 0; n <= 130; n++)
		assert_each_once(n, n * 7 + 1);
	for (size_t i = 0; i < COUNT(sizes); i++)
		assert_each_once(sizes[i], i);
}

static void large_domains(void **state)
{
	static const uint64_t sizes[] = {UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1, UINT64_C(1) << 63, UINT64_MAX};
	(void)state;

	for (size_t s = 0; s < COUNT(sizes); s++) {
		struct permutation p = permutation_make(sizes[s], 5);

		assert_true(p.left <= UINT64_C(1) << 32 && p.right <= UINT64_C(1) << 32);
		for (uint64_t i = 0; i < 1000; i++) {
			assert_true(permutation_at(&p, i) < sizes[s]);
			assert_true(permutation_at(&p, sizes[s] - 1 - i) < sizes[s]);
			assert_true(permutation_at(&p, i) != permutation_at(&p, i + 1));
		}
	}
}

static void the_seed_decides(void **state)
{
	struct permutation a = permutation_make(100000, 1);
	struct permutation again = permutation_make(100000, 1);
	struct permutation b = permutation_make(100000, 2);
	int same = 0;
	(void)state;

	for (uint64_t i = 0; i < 1000; i++) {
		assert_true(permutation_at(&a, i) == permutation_at(&again, i));
		same += permutation_at(&a, i) == permutation_at(&b, i);
	}
	/* By chance 0.01 of 1000 are. */
	assert_in_range(same, 0, 3);
}

/* No subnet is hit in a burst: any 4096 visits in a row to a /12 meet its 16 /16s about alike (256 each; 5 sigma is 78), and
 * neighbours in time are far apart. */
static void spreads_over_subnets(void **state)
{
	struct permutation p = permutation_make(1 << 20, 99);
	(void)state;

	for (uint64_t start = 0; start < 1 << 20; start += 4096) {
		int hits[16] = {0};
		int near = 0;

		for (uint64_t i = start; i < start + 4096; i++) {
			int64_t x = (int64_t)permutation_at(&p, i);

			hits[x >> 16]++;
			if (i > start)
				near += llabs(x - (int64_t)permutation_at(&p, i - 1)) < 256;
		}
		for (int s = 0; s < 16; s++)
			assert_in_range(hits[s], 256 - 90, 256 + 90);
		assert_in_range(near, 0, 16); /* 2 by chance */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_number_once),
	        cmocka_unit_test(large_domains),
	        cmocka_unit_test(the_seed_decides),
	        cmocka_unit_test(spreads_over_subnets),
	};

	return cmocka_run_group_tests_name("permutation", tests, NULL, NULL);
}
