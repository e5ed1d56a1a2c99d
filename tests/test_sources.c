/* test_sources.c: the list of --source-ips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/sources.h"

/* Every address, in order: "10.0.0.1 10.0.0.7". The caller frees. */
static char *parsed(const char *text)
{
	struct addr *addrs;
	struct err err = {0};
	size_t count, n = 0;
	char *out = NULL, one[ADDR_TEXT_BYTES];
	FILE *stream = open_memstream(&out, &n);

	assert_non_null(stream);
	if (!sources_parse(text, &addrs, &count, &err))
		fail_msg("%s: %s", text, err.text);
	assert_int_equal(err.code, ERR_NONE);
	for (size_t i = 0; i < count; i++)
		fprintf(stream, "%s%s", i ? " " : "", addr_format(&addrs[i], one));
	free(addrs);
	assert_int_equal(fclose(stream), 0);
	return out;
}

static void test_lists(void **state)
{
	static const struct {
		const char *text;
		const char *addrs;
	} rows[] = {
	        {"10.0.0.1", "10.0.0.1"},
	        {"192.168.0.10-13", "192.168.0.10 192.168.0.11 192.168.0.12 192.168.0.13"},
	        {"10.0.0.254-10.0.1.1", "10.0.0.254 10.0.0.255 10.0.1.0 10.0.1.1"},
	        {"10.0.0.5/30", "10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7"},
	        {"10.0.0.5/32", "10.0.0.5"},
	        {"10.0.0.9,10.0.0.1", "10.0.0.9 10.0.0.1"},
	        {"10.0.0.1,7,3-4", "10.0.0.1 10.0.0.3 10.0.0.4 10.0.0.7"},
	        {"10.0.0.7-8,10.0.0.1,10.0.1.0/31", "10.0.0.7 10.0.0.8 10.0.0.1 10.0.1.0 10.0.1.1"},
	        {"10.0.0.1,10.0.0.1", "10.0.0.1"},
	        {"10.0.0.2,10.0.0.1-3,10.0.0.0/30", "10.0.0.2 10.0.0.1 10.0.0.3 10.0.0.0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *seen = parsed(rows[i].text);

		assert_string_equal(seen, rows[i].addrs);
		free(seen);
	}
}

static void test_most(void **state)
{
	struct addr *addrs;
	struct addr last = addr_from_v4(0x0a0003ff);
	struct err err = {0};
	size_t count;

	(void)state;
	assert_true(sources_parse("10.0.0.0/22", &addrs, &count, &err));
	assert_int_equal(count, SOURCES_MAX);
	assert_true(addr_equal(&addrs[SOURCES_MAX - 1], &last));
	free(addrs);
	/* What is there already does not count again. */
	assert_true(sources_parse("10.0.0.0/22,10.0.2.0/24", &addrs, &count, &err));
	assert_int_equal(count, SOURCES_MAX);
	free(addrs);
}

static void test_wrong_lists(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} rows[] = {
	        {"", "missing"},
	        {",", "missing"},
	        {"10.0.0.1,", "missing"},
	        {",10.0.0.1", "missing"},
	        {"10.0.0.1,,10.0.0.2", "missing"},
	        {"10.0.0.300", "300"},
	        {"10.0.0.1,10.0.0.300", "10.0.0.300"},
	        {"10.0.0.9-3", "9-3"},
	        {"10.0.0.0/33", "10.0.0.0/33"},
	        {"router", "names are not looked up"},
	        {"10.0.0.1, 10.0.0.2", "10.0.0.2"},
	        {"10.0.0.0/21", "at most"},
	        {"10.0.0.0/22,10.9.0.1", "more than 1024"},
	        {"0.0.0.0/0", "more than 1024"},
	        {"*.*.*.*", "more than 1024"},
	        {"fe80::1", "IPv6"},
	        {"10.0.0.1,fe80::1-fe80::2", "IPv6"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr *addrs = &(struct addr){0};
		struct err err = {0};
		size_t count = 7;

		if (sources_parse(rows[i].text, &addrs, &count, &err))
			fail_msg("\"%s\" should be refused", rows[i].text);
		assert_null(addrs);
		assert_int_equal(count, 0);
		assert_int_equal(err.code, ERR_USAGE);
		assert_null(strchr(err.text, '\n'));
		if (!strstr(err.text, rows[i].says))
			fail_msg("\"%s\": \"%s\" is not in \"%s\"", rows[i].text, rows[i].says, err.text);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_lists),
	        cmocka_unit_test(test_most),
	        cmocka_unit_test(test_wrong_lists),
	};

	return cmocka_run_group_tests_name("sources", tests, NULL, NULL);
}
