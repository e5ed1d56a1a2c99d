/* test_text.c: times and numbers as the reports write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../src/report/text.h"
#include "support/report_fixture.h"

struct row {
	int64_t value;
	const char *expected;
};

static void check_rows(void (*print)(FILE *, int64_t), const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *out = NULL;
		size_t room;
		FILE *memory = open_memstream(&out, &room);

		assert_non_null(memory);
		print(memory, rows[i].value);
		assert_int_equal(fclose(memory), 0);
		assert_string_equal(out, rows[i].expected);
		free(out);
	}
}

static void test_thousandths(void **state)
{
	static const struct row rows[] = {
	        {0, "0.0"},        {1000, "1.0"},
	        {94100, "94.1"},   {94120, "94.12"},
	        {94123, "94.123"}, {94003, "94.003"},
	        {94030, "94.03"},  {999, "0.999"},
	        {-1, "0.0"},       {INT64_C(86400000000), "86400000.0"},
	};

	(void)state;
	check_rows(print_thousandths, rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_milliseconds(void **state)
{
	static const struct row rows[] = {
	        {0, "<0.01"},     {400, "<0.01"},   {9400, "<0.01"},    {9600, "0.01"},       {112300, "0.11"},
	        {990000, "0.99"}, {994400, "0.99"}, {996000, "1.0"},    {3240000, "3.2"},     {9940000, "9.9"},
	        {9960000, "10"},  {12300000, "12"}, {120400000, "120"}, {1234567000, "1235"}, {-5, "<0.01"},
	};

	(void)state;
	check_rows(print_milliseconds, rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_seconds(void **state)
{
	static const struct row rows[] = {
	        {0, "0.00"},  {4000000, "0.00"}, {5000000, "0.01"}, {94100000000, "94.10"}, {59999000000, "60.00"},
	        {-9, "0.00"},
	};

	(void)state;
	check_rows(print_seconds, rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_microseconds(void **state)
{
	(void)state;
	assert_int_equal(nanoseconds_to_us(400), 0);
	assert_int_equal(nanoseconds_to_us(500), 1);
	assert_int_equal(nanoseconds_to_us(1499), 1);
	assert_int_equal(nanoseconds_to_us(112300), 112);
	assert_int_equal(nanoseconds_to_us(-1), 0);
	assert_true(nanoseconds_to_us(INT64_MAX) == INT64_MAX / 1000 + 1);
}

static void test_times(void **state)
{
	char text[TIME_TEXT_BYTES];

	(void)state;
	fixture_info(); /* time zone */
	assert_string_equal(time_utc(FIXTURE_WALL_NS, text), "2026-01-31T12:00:00.123Z");
	assert_string_equal(time_as_nmap(FIXTURE_WALL_NS, text), "Sat Jan 31 12:00:00 2026");
	assert_string_equal(time_local(FIXTURE_WALL_NS, text), "2026-01-31 12:00:00 UTC");
	assert_string_equal(time_utc(0, text), "1970-01-01T00:00:00.000Z");
	assert_string_equal(time_utc(-1, text), "1969-12-31T23:59:59.999Z"); /* a capture may say so */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_thousandths), cmocka_unit_test(test_milliseconds),
	        cmocka_unit_test(test_seconds),     cmocka_unit_test(test_microseconds),
	        cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
