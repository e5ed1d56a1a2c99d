/* test_checksum.c: the internet checksum against the examples of its RFCs, and the choosing of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/bytes.h"
#include "nscan/checksum.h"
#include "nscan/hash.h"

static void test_rfc1071_example(void **state)
{
	/* RFC 1071, 3: the sum of these is ddf2. */
	const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	assert_int_equal(checksum_finish(checksum_add(0, bytes, sizeof(bytes))), (uint16_t)~0xddf2);
	assert_int_equal(checksum_finish(checksum_add(checksum_add(0, bytes, 4), bytes + 4, 4)), (uint16_t)~0xddf2);
}

static void test_odd_length(void **state)
{
	const uint8_t bytes[] = {0x12, 0x34, 0x56};

	(void)state;
	assert_int_equal(checksum_finish(checksum_add(0, bytes, 3)), (uint16_t) ~(0x1234 + 0x5600));
	assert_int_equal(checksum_finish(checksum_add(0, bytes, 0)), 0xffff);
}

static void test_carries_are_not_lost(void **state)
{
	static uint8_t ones[65534];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(checksum_finish(checksum_add(0xffffffff, ones, sizeof(ones))), 0);
	assert_int_equal(checksum_finish(0xffffffff), 0);
	assert_int_equal(checksum_finish(0x1fffe), 0);
	assert_int_equal(checksum_finish(0x1ffff), 0xfffe);
}

static void test_rfc1624_example(void **state)
{
	/* RFC 1624, 4: the sum without the word is 0xcd7a, the word goes from 0x5555 to 0x3285; eqn. 3 gives 0, not 0xffff. */
	(void)state;
	assert_int_equal(checksum_update(0xdd2f, 0x5555, 0x3285), 0x0000);
	assert_int_equal(checksum_finish(0xcd7a + 0x3285), 0x0000);
}

static void test_update_equals_recompute(void **state)
{
	struct rng rng = rng_from_seed(1);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t bytes[20];
		uint16_t before, old_word, new_word = (uint16_t)rng_next(&rng);

		for (size_t j = 0; j < sizeof(bytes); j++)
			bytes[j] = (uint8_t)rng_next(&rng);
		bytes[0] = 0x45; /* as in a header, not everything is zero */
		before = checksum_finish(checksum_add(0, bytes, sizeof(bytes)));
		old_word = (uint16_t)(bytes[8] << 8 | bytes[9]);
		put_u16(bytes + 8, new_word);
		assert_int_equal(checksum_update(before, old_word, new_word),
		                 checksum_finish(checksum_add(0, bytes, sizeof(bytes))));
	}
}

static void test_udp_known_datagrams(void **state)
{
	/* 192.0.2.1:1234 -> 192.0.2.2:53 "abc", summed by hand:
	 * c000+0201+c000+0202+0011+000b + 04d2+0035+000b + 6162+6300 = 2_4d93 -> 4d95 -> b26a */
	struct addr src = addr_from_v4(0xc0000201), dst = addr_from_v4(0xc0000202);
	struct addr src6, dst6;

	(void)state;
	assert_int_equal(checksum_udp(&src, &dst, 1234, 53, (const uint8_t *)"abc", 3), 0xb26a);
	assert_true(addr_parse("2001:db8::1", &src6));
	assert_true(addr_parse("2001:db8::2", &dst6));
	assert_int_equal(
	        checksum_udp(&src6, &dst6, 1234, 53, (const uint8_t *)"abc", 3),
	        checksum_finish(2 * (0x2001 + 0x0db8) + 3 + 0x11 + 0xb + 0x4d2 + 0x35 + 0xb + 0x6162 + 0x6300));
}

static void test_udp_is_never_zero(void **state)
{
	struct addr src = addr_from_v4(0x0a000001), dst = addr_from_v4(0x0a000002);
	unsigned zeroes = 0;

	(void)state;
	for (uint32_t word = 0; word <= 0xffff; word++) {
		uint8_t data[2];
		uint16_t checksum;

		put_u16(data, (uint16_t)word);
		checksum = checksum_udp(&src, &dst, 1000, 2000, data, 2);
		assert_int_not_equal(checksum, 0);
		zeroes += checksum == 0xffff;
	}
	assert_int_equal(zeroes, 1);
}

static void test_pseudo_header_takes_long_datagrams(void **state)
{
	struct addr zero = addr_from_v4(0);

	(void)state;
	assert_int_equal(checksum_finish(checksum_pseudo(&zero, &zero, 17, 0x12345)), (uint16_t) ~(1 + 0x2345 + 17));
}

static void check_solved(uint16_t now, uint16_t wanted)
{
	uint32_t rest = (uint16_t)~now;
	uint16_t word = checksum_solve(now, wanted);

	assert_int_equal(checksum_finish(rest + word), wanted);
}

static void test_solve_every_word(void **state)
{
	static const uint16_t edges[] = {0, 1, 2, 0x7fff, 0x8000, 0xfffd, 0xfffe, 0xffff};

	(void)state;
	for (uint32_t x = 0; x <= 0xffff; x++) {
		for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
			if (x >= 1 && x <= 0xfffe)
				check_solved(edges[i], (uint16_t)x);
			if (edges[i] >= 1 && edges[i] <= 0xfffe)
				check_solved((uint16_t)x, edges[i]);
		}
	}
}

static void test_solve_in_a_datagram(void **state)
{
	struct addr src = addr_from_v4(0xc0a80001), dst = addr_from_v4(0xc0a80064);
	struct rng rng = rng_from_seed(2);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t data[9] = {0};
		uint16_t wanted = (uint16_t)(1 + rng_below(&rng, 0xfffe));
		size_t at = rng_below(&rng, 8);
		uint16_t word;

		for (size_t j = 0; j < sizeof(data); j++)
			data[j] = (uint8_t)rng_next(&rng);
		put_u16(data + at, 0);
		word = checksum_solve(checksum_udp(&src, &dst, 40000, 53, data, sizeof(data)), wanted);
		put_u16(data + at, at % 2 ? (uint16_t)(word << 8 | word >> 8) : word);
		assert_int_equal(checksum_udp(&src, &dst, 40000, 53, data, sizeof(data)), wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_rfc1071_example),
	        cmocka_unit_test(test_odd_length),
	        cmocka_unit_test(test_carries_are_not_lost),
	        cmocka_unit_test(test_rfc1624_example),
	        cmocka_unit_test(test_update_equals_recompute),
	        cmocka_unit_test(test_udp_known_datagrams),
	        cmocka_unit_test(test_udp_is_never_zero),
	        cmocka_unit_test(test_pseudo_header_takes_long_datagrams),
	        cmocka_unit_test(test_solve_every_word),
	        cmocka_unit_test(test_solve_in_a_datagram),
	};

	return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
