/* test_ports.c: lists of ports, their ranking and their names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/ports.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Parses, and compares the shortest text of the result. */
static void assert_list(const char *text, const char *expected)
{
	struct port_list list = {0};
	struct err err = {0};
	char *formatted = NULL;

	if (!port_list_parse(text, &list, &err))
		fail_msg("'%s' is refused: %s", text, err.text);
	for (size_t i = 1; i < list.count; i++)
		assert_true(list.ports[i - 1] < list.ports[i]);
	formatted = port_list_format(&list);
	assert_string_equal(formatted, expected);
	free(formatted);
	port_list_free(&list);
	assert_null(list.ports);
}

/* Refused, and the message says so much. */
static void assert_refused(const char *text, const char *part)
{
	struct port_list list = {0};
	struct err err = {0};

	if (port_list_parse(text, &list, &err))
		fail_msg("'%s' is not refused", text);
	assert_int_equal(err.code, ERR_USAGE);
	if (!strstr(err.text, part))
		fail_msg("'%s': no '%s' in '%s'", text, part, err.text);
	assert_null(strchr(err.text, '\n'));
	assert_null(list.ports);
	assert_false(port_list_parse(text, &list, NULL));
}

static void test_lists(void **state)
{
	(void)state;
	assert_list("53", "53");
	assert_list("53,161,5000-6000", "53,161,5000-6000");
	assert_list("5000:5002", "5000-5002");
	assert_list("161,53,53,52", "52-53,161");
	assert_list("10-20,15-30,31", "10-31");
	assert_list("63,64,127-128,192-255", "63-64,127-128,192-255");
	assert_list("62-63,65-130,320-383", "62-63,65-130,320-383");
	assert_list("65472-65535,1", "1,65472-65535");
	assert_list("-3", "1-3");
	assert_list(":3", "1-3");
	assert_list("65534-", "65534-65535");
	assert_list("-", "1-65535");
	assert_list("65535", "65535");
	assert_list("00053", "53");
	assert_list(" 53 ,\t54", "53-54");
	assert_list("U:53,161", "53,161");
	assert_list("53,U:5-7", "5-7,53");
	assert_list("u:snmp", "161");
	assert_list("domain,snmp", "53,161");
	assert_list("NetBIOS-NS", "137");
}

static void test_refusals(void **state)
{
	(void)state;
	assert_refused("", "empty");
	assert_refused("53,,54", "empty");
	assert_refused("53,", "empty");
	assert_refused("U:", "empty");
	assert_refused("0", "port '0'");
	assert_refused("0-5", "port 0");
	assert_refused("5,0000", "'0000'");
	assert_refused("70000", "'70000' is above 65535");
	assert_refused("53,65536", "'65536'");
	assert_refused("1-99999999999999999999", "above 65535");
	assert_refused("4294967349", "above 65535");
	assert_refused("6-5", "write 5-6");
	assert_refused("1-2-3", "'1-2-3'");
	assert_refused("--", "'--'");
	assert_refused("5 3", "'5 3'");
	assert_refused("+5", "'+5'");
	assert_refused("T:53", "only UDP");
	assert_refused("nosuchservice", "no UDP service is called 'nosuchservice'");
	assert_refused("dns\n\x1b[2J", "\\x0a\\x1b");
	assert_refused("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	               "aaaaaaaaa",
	               "...");
}

static void test_contains(void **state)
{
	struct port_list list = {0};
	struct port_list none = {0};

	(void)state;
	assert_true(port_list_parse("1,53,161,5000-6000,65535", &list, NULL));
	assert_true(port_list_contains(&list, 1));
	assert_true(port_list_contains(&list, 53));
	assert_true(port_list_contains(&list, 5500));
	assert_true(port_list_contains(&list, 65535));
	assert_false(port_list_contains(&list, 0));
	assert_false(port_list_contains(&list, 2));
	assert_false(port_list_contains(&list, 4999));
	assert_false(port_list_contains(&list, 65534));
	assert_false(port_list_contains(&none, 53));
	port_list_free(&list);
}

static void test_top(void **state)
{
	struct port_list list = {0};
	struct err err = {0};

	(void)state;
	assert_true(port_list_top(1, &list, NULL));
	assert_int_equal(list.count, 1);
	assert_int_equal(port_rank(list.ports[0]), 0);
	port_list_free(&list);
	for (size_t n = 1; n <= 600; n += 23) {
		assert_true(port_list_top(n, &list, NULL));
		assert_int_equal(list.count, n);
		for (size_t i = 0; i < n; i++) {
			assert_true(n > 250 || port_rank(list.ports[i]) < n);
			assert_true(i == 0 || list.ports[i - 1] < list.ports[i]);
		}
		port_list_free(&list);
	}
	assert_true(port_list_top(65535, &list, NULL));
	assert_int_equal(list.count, 65535);
	assert_int_equal(list.ports[0], 1);
	assert_int_equal(list.ports[65534], 65535);
	port_list_free(&list);
	assert_false(port_list_top(0, &list, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_false(port_list_top(65536, &list, &err));
	assert_non_null(strstr(err.text, "65536"));
}

/* Ranks have no gap and no port twice; past them come ascending numbers. */
static void test_ranking(void **state)
{
	static bool seen[65536];
	size_t ranked = 0;

	(void)state;
	for (unsigned port = 0; port <= 65535; port++) {
		uint16_t rank = port_rank((uint16_t)port);

		if (rank == UINT16_MAX)
			continue;
		assert_true(port != 0);
		assert_false(seen[rank]);
		seen[rank] = true;
		ranked++;
	}
	for (size_t rank = 0; rank < ranked; rank++)
		assert_true(seen[rank]);
	assert_true(ranked >= 250);
	assert_int_equal(port_rank(1), UINT16_MAX);
}

/* What an administrator would miss first. */
static void test_default_list(void **state)
{
	static const uint16_t fast[] = {53,  67,  68,  69,   111,  123,  137,  161,  162,  389,   443,
	                                500, 514, 623, 4500, 1194, 1900, 3478, 5060, 5353, 11211, 51820};
	static const uint16_t answering[] = {7,     13,    17,    19,    37,    88,    177,   323,   427,   520,
	                                     523,   853,   862,   1434,  1701,  1812,  1813,  2049,  2123,  2152,
	                                     2427,  3283,  3389,  3671,  3702,  4433,  4569,  5246,  5351,  5355,
	                                     5632,  5683,  5684,  6881,  7001,  8303,  9987,  10001, 10080, 17185,
	                                     19132, 20000, 27015, 27960, 30000, 44818, 47808, 48899, 64738, 4789};

	(void)state;
	for (size_t i = 0; i < COUNT(fast); i++)
		assert_true(port_rank(fast[i]) < PORT_FAST_COUNT);
	for (size_t i = 0; i < COUNT(answering); i++)
		assert_true(port_rank(answering[i]) < PORT_DEFAULT_COUNT);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(port_service(53), "domain");
	assert_string_equal(port_service(514), "syslog");
	assert_string_equal(port_service(64738), "mumble");
	assert_null(port_service(0));
	assert_null(port_service(2));
	assert_null(port_service(65535));
	assert_int_equal(port_by_service("domain"), 53);
	assert_int_equal(port_by_service("DOMAIN"), 53);
	assert_int_equal(port_by_service("nosuchservice"), 0);
	assert_int_equal(port_by_service(""), 0);
	/* Two ports go by this name: the one that RFC 2865 gave it is meant. */
	assert_string_equal(port_service(1645), "radius");
	assert_int_equal(port_by_service("radius"), 1812);
}

/* The table is sorted, or the search in it would miss what a walk finds: every name leads back to its port. */
static void test_table_is_consistent(void **state)
{
	size_t named = 0;

	(void)state;
	for (unsigned port = 1; port <= 65535; port++) {
		const char *name = port_service((uint16_t)port);
		uint16_t back = 0;

		if (!name)
			continue;
		named++;
		back = port_by_service(name);
		assert_string_equal(port_service(back), name);
		assert_true(port_rank(back) <= port_rank((uint16_t)port));
		for (const char *c = name; *c; c++)
			assert_true(*c == '-' || (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') ||
			            (*c >= 'A' && *c <= 'Z'));
	}
	assert_true(named >= 500);
}

static void test_format(void **state)
{
	struct port_list none = {0};
	uint16_t odd[300];
	struct port_list list = {odd, COUNT(odd)};
	char *text = port_list_format(&none);

	(void)state;
	assert_string_equal(text, "");
	free(text);
	for (size_t i = 0; i < COUNT(odd); i++)
		odd[i] = (uint16_t)(60001 + 2 * i);
	text = port_list_format(&list);
	assert_int_equal(strlen(text), COUNT(odd) * 6 - 1);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_lists),    cmocka_unit_test(test_refusals),
	        cmocka_unit_test(test_contains), cmocka_unit_test(test_top),
	        cmocka_unit_test(test_ranking),  cmocka_unit_test(test_default_list),
	        cmocka_unit_test(test_names),    cmocka_unit_test(test_table_is_consistent),
	        cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
