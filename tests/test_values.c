/* test_values.c: numbers, durations and bytes of the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/values.h"

static void test_number(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t value;
	} rows[] = {
	        {"0", true, 0},
	        {"42", true, 42},
	        {"0x1f", true, 31},
	        {"0XFF", true, 255},
	        {"007", true, 7},
	        {"18446744073709551615", true, UINT64_MAX},
	        {"18446744073709551616", false, 0},
	        {"99999999999999999999999", false, 0},
	        {"0x10000000000000000", false, 0},
	        {"", false, 0},
	        {"0x", false, 0},
	        {"-1", false, 0},
	        {"+1", false, 0},
	        {" 1", false, 0},
	        {"1 ", false, 0},
	        {"10x", false, 0},
	        {"1.5", false, 0},
	        {"f", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t value = 12345;

		if (value_number(rows[i].text, &value) != rows[i].ok)
			fail_msg("\"%s\" should %sbe a number", rows[i].text, rows[i].ok ? "" : "not ");
		assert_int_equal(value, rows[i].ok ? rows[i].value : 12345);
	}
}

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		int64_t ns; /* 0: refused */
	} rows[] = {
	        {"500ms", INT64_C(500000000)},
	        {"5s", INT64_C(5000000000)},
	        {"5", INT64_C(5000000000)},
	        {"2m", INT64_C(120000000000)},
	        {"1h", INT64_C(3600000000000)},
	        {"1.5s", INT64_C(1500000000)},
	        {".5", INT64_C(500000000)},
	        {"0.25ms", INT64_C(250000)},
	        {"0", 0},
	        {"0s", 0},
	        {"0.0000001ms", 0},
	        {"", 0},
	        {"ms", 0},
	        {".", 0},
	        {"..", 0},
	        {"1.2.3", 0},
	        {"-1s", 0},
	        {"1 s", 0},
	        {"1d", 0},
	        {"1sec", 0},
	        {"5S", 0},
	        {"inf", 0},
	        {"nan", 0},
	        {"1e3", 0},
	        {"0x10", 0},
	        {"876001h", 0},
	        {"9999999999999999999999999999", 0},
	        {"99999999999999999999999999999999999999999999", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t ns = 77;

		if (value_duration(rows[i].text, &ns) != (rows[i].ns != 0))
			fail_msg("\"%s\" should %sbe a duration", rows[i].text, rows[i].ns ? "" : "not ");
		assert_int_equal(ns, rows[i].ns ? rows[i].ns : 77);
	}
}

static void test_rate(void **state)
{
	double rate = 0;

	(void)state;
	assert_true(value_rate("1000", &rate));
	assert_true(rate == 1000);
	assert_true(value_rate("0.5", &rate));
	assert_true(rate == 0.5);
	rate = 7;
	assert_true(value_rate("0.001", &rate));
	assert_false(value_rate("0.0009", &rate));
	assert_false(value_rate("0.000000000000000000001", &rate)); /* as a time it would fit no 64 bits */
	assert_false(value_rate("0", &rate));
	assert_false(value_rate("-1", &rate));
	assert_false(value_rate("10k", &rate));
	assert_false(value_rate("", &rate));
	assert_false(value_rate("1e9", &rate));
}

static void test_hex16(void **state)
{
	uint16_t value = 0;

	(void)state;
	assert_true(value_hex16("0xbeef", &value));
	assert_int_equal(value, 0xbeef);
	assert_true(value_hex16("F", &value));
	assert_int_equal(value, 15);
	assert_true(value_hex16("0000", &value));
	assert_int_equal(value, 0);
	value = 9;
	assert_false(value_hex16("", &value));
	assert_false(value_hex16("0x", &value));
	assert_false(value_hex16("12345", &value));
	assert_false(value_hex16("xyz", &value));
	assert_int_equal(value, 9);
}

static void test_hex_bytes(void **state)
{
	static const char *const same[] = {"deadbeef", "0xDEADBEEF", "\\xde\\xad\\xbe\\xef", "DeAdBeEf"};
	static const char *const wrong[] = {"",          "0x",      "d",         "dea", "zz", "de ad",
	                                    "\\xde\\xa", "\\xdead", "dead\\xbe", "\\",  "\\x"};
	static const uint8_t expected[] = {0xde, 0xad, 0xbe, 0xef};
	uint8_t bytes[8];
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		memset(bytes, 0, sizeof(bytes));
		assert_true(value_hex_bytes(same[i], bytes, sizeof(bytes), &count));
		assert_int_equal(count, sizeof(expected));
		assert_memory_equal(bytes, expected, sizeof(expected));
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (value_hex_bytes(wrong[i], bytes, sizeof(bytes), &count))
			fail_msg("\"%s\" should be refused", wrong[i]);
	}
	assert_true(value_hex_bytes("0102030405060708", bytes, sizeof(bytes), &count));
	assert_int_equal(count, 8);
	assert_false(value_hex_bytes("010203040506070809", bytes, sizeof(bytes), &count));
}

static void test_duration_text(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
	        {INT64_C(0), "0.0 s"},
	        {INT64_C(400000000), "0.4 s"},
	        {INT64_C(42000000000), "42 s"},
	        {INT64_C(100000000000), "1 m 40 s"},
	        {INT64_C(7500000000000), "2 h 5 m"},
	        {INT64_C(273600000000000), "3 d 4 h"},
	        {INT64_C(-1), "?"},
	};
	char text[DURATION_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(duration_format(rows[i].ns, text), rows[i].text);
	duration_format(INT64_MAX, text);
	assert_true(strlen(text) < DURATION_TEXT_BYTES);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_number), cmocka_unit_test(test_duration),  cmocka_unit_test(test_rate),
	        cmocka_unit_test(test_hex16),  cmocka_unit_test(test_hex_bytes), cmocka_unit_test(test_duration_text),
	};

	return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
