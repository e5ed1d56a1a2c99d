/* test_ranges.c: sets of addresses kept as ranges, and their short text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/ranges.h"

static void add(struct addr_ranges *set, const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	assert_true(addr_ranges_add(set, &a));
}

/* Adds the blank-separated addresses in that order and compares the text. */
static void assert_text(const char *addresses, const char *expected)
{
	struct addr_ranges set = {0};
	char *copy = strdup(addresses);
	char *save = NULL;
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	for (char *a = strtok_r(copy, " ", &save); a; a = strtok_r(NULL, " ", &save))
		add(&set, a);
	assert_true(addr_ranges_print(&set, out));
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
	free(copy);
	addr_ranges_free(&set);
	assert_int_equal(set.count, 0);
	assert_null(set.ranges);
}

static void test_text(void **state)
{
	(void)state;
	assert_text("", "");
	assert_text("10.0.0.1", "10.0.0.1");
	assert_text("192.168.0.102 192.168.0.104 192.168.0.105 192.168.0.106 192.168.0.108 192.168.0.109",
	            "192.168.0.102, .104-.106, .108-.109");
	assert_text("192.168.0.1 192.168.0.2", "192.168.0.1-.2");
	assert_text("192.168.0.1 192.168.1.1 192.168.1.3", "192.168.0.1, 192.168.1.1, .3");
	/* "The one before" is the last that was written, not the start of its range. */
	assert_text("10.0.0.254 10.0.0.255 10.0.1.0 10.0.1.1 10.0.1.9", "10.0.0.254-10.0.1.1, .9");
	assert_text("10.0.0.254 10.0.0.255 10.0.1.0 10.0.0.9", "10.0.0.9, .254-10.0.1.0");
	assert_text("255.255.255.255 0.0.0.0", "0.0.0.0, 255.255.255.255");
}

static void test_text_v6(void **state)
{
	(void)state;
	assert_text("2001:db8::1 2001:db8::2 2001:db8::4", "2001:db8::1-2001:db8::2, 2001:db8::4");
	assert_text("::1 10.0.0.2 10.0.0.1", "10.0.0.1-.2, ::1");
	/* The last IPv4 address and the first IPv6 address are no neighbours. */
	assert_text("255.255.255.255 ::", "255.255.255.255, ::");
}

static void test_merging(void **state)
{
	struct addr_ranges set = {0};

	(void)state;
	add(&set, "10.0.0.5");
	add(&set, "10.0.0.3");
	assert_int_equal(set.count, 2);
	add(&set, "10.0.0.4");
	assert_int_equal(set.count, 1);
	add(&set, "10.0.0.2");
	add(&set, "10.0.0.6");
	assert_int_equal(set.count, 1);
	add(&set, "10.0.0.4");
	add(&set, "10.0.0.2");
	add(&set, "10.0.0.6");
	assert_int_equal(set.count, 1);
	assert_int_equal(set.addresses, 5);
	assert_int_equal(addr_v4(&set.ranges[0].first), 0x0a000002);
	assert_int_equal(addr_v4(&set.ranges[0].last), 0x0a000006);
	addr_ranges_free(&set);
}

/* Against a plain table of what was added, in random order with repetitions. */
static void test_random_order(void **state)
{
	enum { ADDRESSES = 512 };
	struct addr_ranges set = {0};
	bool added[ADDRESSES] = {false};
	size_t expected = 0;
	unsigned random = 1;

	(void)state;
	for (int step = 0; step < 4 * ADDRESSES; step++) {
		unsigned i = (random = random * 1103515245 + 12345) >> 16 & (ADDRESSES - 1);
		struct addr a = addr_from_v4(0x0a0000f0 + i);

		expected += !added[i];
		added[i] = true;
		assert_true(addr_ranges_add(&set, &a));
		assert_int_equal(set.addresses, expected);
		for (unsigned j = 0; step % 64 == 0 && j < ADDRESSES; j++) {
			a = addr_from_v4(0x0a0000f0 + j);
			assert_int_equal(addr_ranges_contains(&set, &a), added[j]);
		}
		for (size_t r = 1; r < set.count; r++)
			assert_true((uint64_t)addr_v4(&set.ranges[r - 1].last) + 1 < addr_v4(&set.ranges[r].first));
	}
	addr_ranges_free(&set);
}

static void test_write_error(void **state)
{
	struct addr_ranges set = {0};
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	setvbuf(full, NULL, _IONBF, 0);
	add(&set, "10.0.0.5");
	assert_false(addr_ranges_print(&set, full));
	fclose(full);
	addr_ranges_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_text),         cmocka_unit_test(test_text_v6),     cmocka_unit_test(test_merging),
	        cmocka_unit_test(test_random_order), cmocka_unit_test(test_write_error),
	};

	return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
