/* test_escape.c: nothing that comes from the network or the user may command a terminal or break a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../src/report/text.h"
#include "nscan/hash.h"

static char *escaped(void (*print)(FILE *, const char *, size_t), const char *text, size_t n)
{
	char *out = NULL;
	size_t room;
	FILE *memory = open_memstream(&out, &room);

	assert_non_null(memory);
	print(memory, text, n);
	assert_int_equal(fclose(memory), 0);
	return out;
}

static void test_known_texts(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} rows[] = {
	        {"", ""},
	        {"plain text, 100% {}", "plain text, 100% {}"},
	        {"gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac \xf0\x9f\x98\x80",
	         "gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac \xf0\x9f\x98\x80"},
	        {"\x1b[31mred\x07\n", "\\x1b[31mred\\x07\\x0a"},
	        {"a\"b'c\\d", "a\\x22b\\x27c\\x5cd"},
	        {"\x7f", "\\x7f"},
	        {"\xc2\x9b\x33\x31m", "\\xc2\\x9b31m"}, /* CSI as one character */
	        {"\xe2\x80\xae"
	         "abc",
	         "\\xe2\\x80\\xaeabc"}, /* right-to-left override */
	        {"\xc3", "\\xc3"},      /* cut off */
	        {"\xe2\x82", "\\xe2\\x82"},
	        {"\xc0\xaf", "\\xc0\\xaf"}, /* overlong */
	        {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
	        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* half of a surrogate pair */
	        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* above 10FFFF */
	        {"\xef\xbf\xbf", "\\xef\\xbf\\xbf"},          /* not a character */
	        {"\xff\xfe", "\\xff\\xfe"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *out = escaped(print_escaped, rows[i].text, strlen(rows[i].text));

		assert_string_equal(out, rows[i].expected);
		free(out);
	}
}

static void test_quotes_stay_where_the_format_has_its_own(void **state)
{
	char *out = escaped(print_printable, "a\"b'c\\d\n", 8);

	(void)state;
	assert_string_equal(out, "a\"b'c\\d\\x0a");
	free(out);
}

static void test_nul_inside_does_not_end_it(void **state)
{
	char *out = escaped(print_escaped, "a\0b", 3);

	(void)state;
	assert_string_equal(out, "a\\x00b");
	free(out);
}

/* Whatever the bytes: the result is harmless, and says exactly which bytes they were. */
static void test_any_bytes_come_back(void **state)
{
	struct rng rng = rng_from_seed(7);

	(void)state;
	for (int round = 0; round < 3000; round++) {
		char text[24], back[24];
		size_t n = rng_below(&rng, sizeof(text)), m = 0;
		char *out;

		for (size_t i = 0; i < n; i++)
			text[i] = (char)(rng_below(&rng, 2) ? rng_next(&rng) : 0x80 + rng_below(&rng, 0x80));
		out = escaped(print_escaped, text, n);
		for (const char *p = out; *p; m++) {
			unsigned byte;

			assert_true((unsigned char)*p >= 0x20 && *p != 0x7f && m < sizeof(back));
			if (*p != '\\') {
				back[m] = *p++;
				continue;
			}
			assert_int_equal(sscanf(p, "\\x%2x", &byte), 1);
			back[m] = (char)byte;
			p += 4;
		}
		assert_int_equal(m, n);
		assert_memory_equal(back, text, n);
		free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_known_texts),
	        cmocka_unit_test(test_quotes_stay_where_the_format_has_its_own),
	        cmocka_unit_test(test_nul_inside_does_not_end_it),
	        cmocka_unit_test(test_any_bytes_come_back),
	};

	return cmocka_run_group_tests_name("escape", tests, NULL, NULL);
}
