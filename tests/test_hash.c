/* test_hash.c: SipHash-2-4 against its reference vectors, and the seeded generator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nscan/hash.h"

/* Key 00..0f, message 00 01 02 ... of that many bytes (vectors_sip64 of the reference implementation, read little-endian). */
static void test_siphash_reference(void **state)
{
	static const struct {
		size_t bytes;
		uint64_t hash;
	} rows[] = {
	        {0, 0x726fdb47dd0e0e31},  {1, 0x74f839c593dc67fd},  {2, 0x0d6c8009d9a94f5a},  {3, 0x85676696d7fb7e2d},
	        {4, 0xcf2794e0277187b7},  {5, 0x18765564cd99a68d},  {6, 0xcbc9466e58fee3ce},  {7, 0xab0200f58b01d137},
	        {8, 0x93f5f5799a932462},  {9, 0x9e0082df0ba9e4b0},  {10, 0x7a5dbbc594ddb9f3}, {11, 0xf4b32f46226bada7},
	        {12, 0x751e8fbc860ee5fb}, {13, 0x14ea5627c0843d90}, {14, 0xf723ca908e7af2ee}, {15, 0xa129ca6149be45e5},
	        {63, 0x958a324ceb064572},
	};
	uint8_t key[HASH_KEY_BYTES], message[64];

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(siphash(key, message, rows[i].bytes) == rows[i].hash);
}

static void test_siphash_needs_the_key(void **state)
{
	uint8_t key[HASH_KEY_BYTES] = {0};
	uint64_t before = siphash(key, "abc", 3);

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++) {
		key[i] ^= 1;
		assert_false(siphash(key, "abc", 3) == before);
		key[i] ^= 1;
	}
	assert_true(siphash(key, "abc", 3) == before);
}

static void test_splitmix_reference(void **state)
{
	/* The first outputs of SplitMix64 for seed 1234567. */
	struct rng rng = rng_from_seed(1234567);

	(void)state;
	assert_true(rng_next(&rng) == 6457827717110365317u);
	assert_true(rng_next(&rng) == 3203168211198807973u);
	assert_true(rng_next(&rng) == 9817491932198370423u);
}

static void test_below(void **state)
{
	struct rng rng = rng_from_seed(3);
	unsigned counts[6] = {0};

	(void)state;
	assert_int_equal(rng_below(&rng, 0), 0);
	assert_int_equal(rng_below(&rng, 1), 0);
	for (int i = 0; i < 60000; i++) {
		uint32_t value = rng_below(&rng, 6);

		assert_true(value < 6);
		counts[value]++;
	}
	for (int i = 0; i < 6; i++)
		assert_in_range(counts[i], 9500, 10500);
	for (int i = 0; i < 1000; i++)
		assert_true(rng_below(&rng, 0xffffffff) < 0xffffffff);
}

static void test_unit(void **state)
{
	struct rng rng = rng_from_seed(4);
	double sum = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		double x = rng_unit(&rng);

		assert_true(x >= 0 && x < 1);
		sum += x;
	}
	assert_true(sum > 4800 && sum < 5200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_siphash_reference),
	        cmocka_unit_test(test_siphash_needs_the_key),
	        cmocka_unit_test(test_splitmix_reference),
	        cmocka_unit_test(test_below),
	        cmocka_unit_test(test_unit),
	};

	return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
