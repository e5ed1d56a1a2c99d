/* test_octet_pattern.c: runs of octet patterns, and how far a visit may jump, against brute force. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../src/core/octet_parse.h"
#include "../src/core/octet_pattern.h"

static struct octet_pattern pattern_of(const char *text)
{
	struct octet_pattern pattern;
	struct err err = {0};

	if (!octet_pattern_parse(text, strlen(text), text, &pattern, &err))
		fail_msg("%s", err.text);
	return pattern;
}

static void assert_run(const char *pattern, const char *from, const char *first, const char *last)
{
	struct octet_pattern p = pattern_of(pattern);
	struct addr_range run;
	struct addr at;
	char text[ADDR_TEXT_BYTES];

	assert_true(addr_parse(from, &at));
	if (!octet_pattern_next(&p, &at, &run)) {
		assert_null(first);
		return;
	}
	assert_non_null(first);
	assert_string_equal(addr_format(&run.first, text), first);
	assert_string_equal(addr_format(&run.last, text), last);
}

static void test_next(void **state)
{
	(void)state;
	assert_run("*.*.*.*", "0.0.0.0", "0.0.0.0", "255.255.255.255");
	assert_run("10.*.*.*", "0.0.0.0", "10.0.0.0", "10.255.255.255");
	assert_run("10.*.*.*", "10.3.4.5", "10.3.4.5", "10.255.255.255");
	assert_run("10.*.*.*", "11.0.0.0", NULL, NULL);
	assert_run("10.1-3,7.*.*", "10.2.9.9", "10.2.9.9", "10.3.255.255");
	assert_run("10.1-3,7.*.*", "10.4.0.0", "10.7.0.0", "10.7.255.255");
	assert_run("*.*.*.1,3", "1.2.3.4", "1.2.4.1", "1.2.4.1");
	assert_run("*.*.*.1,3", "1.2.255.4", "1.3.0.1", "1.3.0.1");
	assert_run("*.*.*.1,3", "255.255.255.4", NULL, NULL);
	assert_run("1,5.6.7.200-", "5.6.7.255", "5.6.7.255", "5.6.7.255");
	assert_run("1,5.6.7.200-", "1.6.8.0", "5.6.7.200", "5.6.7.255");
	assert_run("63-64,127-128,191-192.0.0.0", "65.0.0.0", "127.0.0.0", "127.0.0.0");
}

static void assert_counts(const char *pattern, uint64_t size, uint64_t runs)
{
	struct octet_pattern p = pattern_of(pattern);

	assert_true(octet_pattern_size(&p) == size);
	assert_true(octet_pattern_runs(&p) == runs);
}

static void test_counts(void **state)
{
	(void)state;
	assert_counts("*.*.*.*", UINT64_C(1) << 32, 1);
	assert_counts("1.2.3.4", 1, 1);
	assert_counts("1.2.3-9.*", 7 * 256, 1);
	assert_counts("1.2.3-9,11.*", 8 * 256, 2);
	assert_counts("1.2.3-9.1,3,5-9,255", 7 * 8, 7 * 4);
	assert_counts("*.*.*.1,3,5", UINT64_C(3) << 24, UINT64_C(3) << 24);
}

static void test_within(void **state)
{
	struct octet_pattern all = pattern_of("*.*.*.*");
	struct octet_pattern ten = pattern_of("10.*.*.*");
	struct octet_pattern odd = pattern_of("10.1,3.*.*");

	(void)state;
	assert_true(octet_pattern_within(&odd, &ten));
	assert_true(octet_pattern_within(&ten, &all));
	assert_true(octet_pattern_within(&ten, &ten));
	assert_false(octet_pattern_within(&ten, &odd));
	assert_false(octet_pattern_within(&all, &ten));
}

static void assert_cover(const char *pattern, const char *visited, const char *at, const char *end)
{
	struct octet_pattern p = pattern_of(pattern);
	struct octet_pattern v = pattern_of(visited);
	struct addr from;
	struct addr through;
	char text[ADDR_TEXT_BYTES];

	assert_true(addr_parse(at, &from));
	through = octet_pattern_cover_end(&p, &v, &from);
	assert_string_equal(addr_format(&through, text), end);
}

static void test_cover(void **state)
{
	(void)state;
	assert_cover("*.*.*.1,3,5", "*.*.*.1,3", "1.2.3.1", "255.255.255.255");
	assert_cover("0-127.*.*.1,3,5", "*.*.*.1,3", "1.2.3.1", "127.255.255.255");
	assert_cover("0-9,20-127.*.*.1,3", "0,20-.*.*.1,3", "0.2.3.1", "127.255.255.255");
	assert_cover("*.*.*.1,3", "*.*.*.1,3,5", "1.2.3.1", "1.2.3.4");
	assert_cover("*.*.*.1,3", "*.*.*.3,5", "1.2.3.3", "1.2.3.4");
	assert_cover("*.*.*.1,5", "*.*.*.1,5", "1.2.3.5", "255.255.255.255");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_next),
	        cmocka_unit_test(test_counts),
	        cmocka_unit_test(test_within),
	        cmocka_unit_test(test_cover),
	};

	return cmocka_run_group_tests_name("octet_pattern", tests, NULL, NULL);
}
