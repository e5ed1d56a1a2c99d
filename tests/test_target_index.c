/* test_target_index.c: targets minus excludes as numbers: each address once, in order, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/hash.h"
#include "nscan/target_index.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Adds specifications separated by blanks. */
static struct target_set *set_of(const char *specs)
{
	struct target_set *set = target_set_new();
	char *copy = strdup(specs);
	char *rest = NULL;

	assert_non_null(copy);
	for (char *spec = strtok_r(copy, " ", &rest); spec; spec = strtok_r(NULL, " ", &rest)) {
		struct err err = {0};

		if (!target_set_add(set, spec, NULL, &err))
			fail_msg("'%s' is refused: %s", spec, err.text);
	}
	free(copy);
	return set;
}

static void make(const char *include_specs, const char *exclude_specs, struct target_index *index)
{
	struct target_set *include = set_of(include_specs);
	struct target_set *exclude = exclude_specs ? set_of(exclude_specs) : NULL;
	struct err err = {0};

	if (!target_index_make(include, exclude, index, &err))
		fail_msg("%s without %s: %s", include_specs, exclude_specs ? exclude_specs : "", err.text);
	target_set_free(include);
	target_set_free(exclude);
}

static const char *text_at(const struct target_index *index, uint64_t i, char out[ADDR_TEXT_BYTES])
{
	struct addr addr = target_index_at(index, i);

	return addr_format(&addr, out);
}

static void ranges_of_sets(void **state)
{
	static const struct {
		const char *include, *exclude, *ranges;
		uint64_t count;
	} cases[] = {
	        {"10.0.0.1", NULL, "10.0.0.1-10.0.0.1", 1},
	        {"10.0.1.0/24 10.0.0.0/24", NULL, "10.0.0.0-10.0.1.255", 512},
	        {"10.0.0.1 10.0.0.1 10.0.0.0/30", NULL, "10.0.0.0-10.0.0.3", 4},
	        {"10.0.0.0/24", "10.0.0.0/24", "", 0},
	        {"10.0.0.0/24", "10.0.0.10-19 10.0.0.255", "10.0.0.0-10.0.0.9 10.0.0.20-10.0.0.254", 245},
	        {"10.0-1.0,2.7 10.0.2.6", NULL,
	         "10.0.0.7-10.0.0.7 10.0.2.6-10.0.2.7 10.1.0.7-10.1.0.7 10.1.2.7-10.1.2.7", 5},
	        {"10.1-2.*.*", "10.1.255.255", "10.1.0.0-10.1.255.254 10.2.0.0-10.2.255.255", 131071},
	        {"0.0.0.0/0", NULL, "0.0.0.0-255.255.255.255", UINT64_C(1) << 32},
	        {"0.0.0.0/0 ::/65", "128.0.0.0/1", "0.0.0.0-127.255.255.255 ::-::7fff:ffff:ffff:ffff",
	         (UINT64_C(1) << 31) + (UINT64_C(1) << 63)},
	        {"2001:db8::ffff-2001:db8::1:2 192.0.2.1", "2001:db8::1:0",
	         "192.0.2.1-192.0.2.1 2001:db8::ffff-2001:db8::ffff 2001:db8::1:1-2001:db8::1:2", 4},
	};
	(void)state;

	for (size_t c = 0; c < COUNT(cases); c++) {
		struct target_index index;
		char text[512] = "";
		size_t at = 0;

		make(cases[c].include, cases[c].exclude, &index);
		for (size_t r = 0; r < target_index_ranges(&index); r++) {
			struct addr_range range = target_index_range(&index, r);
			char first[ADDR_TEXT_BYTES], last[ADDR_TEXT_BYTES];

			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s-%s", r > 0 ? " " : "",
			                       addr_format(&range.first, first), addr_format(&range.last, last));
		}
		assert_string_equal(text, cases[c].ranges);
		assert_true(index.count == cases[c].count);
		target_index_free(&index);
	}
}

static void too_many_addresses(void **state)
{
	struct target_set *include = set_of("2001:db8::/64 10.0.0.1");
	struct target_index index;
	struct err err = {0};
	(void)state;

	assert_false(target_index_make(include, NULL, &index, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.text, "2^64"));
	assert_true(index.count == 0 && target_index_ranges(&index) == 0);
	target_set_free(include);
}

static void ends_of_the_address_space(void **state)
{
	struct target_index index;
	struct addr addr = addr_from_v4(UINT32_MAX);
	uint64_t i = 0;
	char text[ADDR_TEXT_BYTES];
	(void)state;

	make("0.0.0.0/0 ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124", NULL, &index);
	assert_string_equal(text_at(&index, 0, text), "0.0.0.0");
	assert_string_equal(text_at(&index, UINT32_MAX, text), "255.255.255.255");
	assert_string_equal(text_at(&index, index.count - 1, text), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	assert_true(target_index_of(&index, &addr, &i));
	assert_true(i == UINT32_MAX);
	addr = target_index_at(&index, index.count - 1);
	assert_true(target_index_of(&index, &addr, &i));
	assert_true(i == index.count - 1);
	addr.bytes[15] = 0xef;
	assert_false(target_index_of(&index, &addr, &i));
	addr = (struct addr){0};
	assert_false(target_index_of(&index, &addr, &i));
	target_index_free(&index);
}

/* A specification about 10.0.0.0/20, of any form. */
static void random_spec(struct rng *rng, char out[64])
{
	unsigned c = rng_below(rng, 16), d = rng_below(rng, 256), e = rng_below(rng, 256 - d);

	switch (rng_below(rng, 5)) {
	case 0:
		snprintf(out, 64, "10.0.%u.%u ", c, d);
		break;
	case 1:
		snprintf(out, 64, "10.0.%u.%u/%u ", c, d, 24 + rng_below(rng, 8));
		break;
	case 2:
		snprintf(out, 64, "10.0.%u.%u-%u ", c, d, d + e);
		break;
	case 3:
		snprintf(out, 64, "10.0.%u-%u.%u,%u-%u ", c, c + rng_below(rng, 16 - c), rng_below(rng, 256), d, d + e);
		break;
	default:
		snprintf(out, 64, "10.0.*.%u ", d);
		break;
	}
}

/* The index is the visit of the sets, sorted, whatever the specifications are. */
static void agrees_with_the_visit(void **state)
{
	struct rng rng = rng_from_seed(42);
	(void)state;

	for (int round = 0; round < 400; round++) {
		char specs[2][1024] = {"", ""};
		static uint8_t wanted[65536];
		struct target_set *sets[2];
		struct target_index index;
		struct target_cursor cursor = {0};
		struct addr addr;
		struct err err = {0};
		uint64_t count = 0, number = 0;

		for (int s = 0; s < 2; s++) {
			unsigned n = 1 + rng_below(&rng, 12);

			for (unsigned i = 0; i < n; i++) {
				char spec[64];

				random_spec(&rng, spec);
				strcat(specs[s], spec);
			}
			sets[s] = set_of(specs[s]);
		}
		assert_true(target_index_make(sets[0], sets[1], &index, &err));
		memset(wanted, 0, sizeof(wanted));
		for (; target_next(sets[0], sets[1], &cursor, &addr); count++)
			wanted[addr_v4(&addr) & 0xffff] = 1;
		assert_true(index.count == count);
		for (uint32_t low = 0; low < 65536; low++) {
			uint64_t i = 0;

			addr = addr_from_v4(0x0a000000 | low);
			assert_int_equal(target_index_of(&index, &addr, &i), wanted[low]);
			if (!wanted[low])
				continue;
			assert_true(i == number++);
			addr = target_index_at(&index, i);
			assert_int_equal(addr_v4(&addr), 0x0a000000 | low);
		}
		target_index_free(&index);
		target_set_free(sets[0]);
		target_set_free(sets[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(ranges_of_sets),
	        cmocka_unit_test(too_many_addresses),
	        cmocka_unit_test(ends_of_the_address_space),
	        cmocka_unit_test(agrees_with_the_visit),
	};

	return cmocka_run_group_tests_name("target_index", tests, NULL, NULL);
}
