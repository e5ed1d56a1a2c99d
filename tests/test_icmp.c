/* test_icmp.c: what each ICMP error means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/wire.h"

static void check(uint8_t family, uint8_t type, uint8_t code, enum icmp_meaning meaning, const char *name)
{
	const struct icmp_row *row = icmp_lookup(family, type, code);

	assert_non_null(row);
	assert_int_equal(row->meaning, meaning);
	assert_string_equal(row->name, name);
	assert_int_equal(row->family, family);
	assert_int_equal(row->type, type);
}

static void test_port_unreachable_alone_closes(void **state)
{
	(void)state;
	check(4, 3, 3, ICMP_MEANS_PORT_CLOSED, "port-unreach");
	check(6, 1, 4, ICMP_MEANS_PORT_CLOSED, "port-unreach");
	for (int family = 4; family <= 6; family += 2) {
		int closing = 0;

		for (int type = 0; type < 256; type++) {
			for (int code = 0; code < 256; code++) {
				const struct icmp_row *row = icmp_lookup((uint8_t)family, (uint8_t)type, (uint8_t)code);

				closing += row && row->meaning == ICMP_MEANS_PORT_CLOSED;
			}
		}
		assert_int_equal(closing, 1);
	}
}

static void test_v4_unreachables(void **state)
{
	static const char *const names[] = {"net-unreach",
	                                    "host-unreach",
	                                    "proto-unreach",
	                                    NULL,
	                                    NULL,
	                                    "source-route-failed",
	                                    "net-unknown",
	                                    "host-unknown",
	                                    "source-isolated",
	                                    "net-prohibited",
	                                    "host-prohibited",
	                                    "net-unreach-tos",
	                                    "host-unreach-tos",
	                                    "admin-prohibited",
	                                    "precedence-violation",
	                                    "precedence-cutoff"};

	(void)state;
	for (uint8_t code = 0; code < 16; code++) {
		if (names[code])
			check(4, 3, code, ICMP_MEANS_FILTERED, names[code]);
	}
	check(4, 3, 4, ICMP_MEANS_TOO_BIG, "frag-needed");
	check(4, 3, 16, ICMP_MEANS_FILTERED, "dest-unreach");
	check(4, 3, 255, ICMP_MEANS_FILTERED, "dest-unreach");
}

static void test_other_errors(void **state)
{
	(void)state;
	check(4, 11, 0, ICMP_MEANS_FILTERED, "time-exceeded");
	check(4, 11, 1, ICMP_MEANS_REASSEMBLY, "reassembly-time-exceeded");
	check(4, 11, 9, ICMP_MEANS_FILTERED, "time-exceeded");
	check(4, 12, 0, ICMP_MEANS_FILTERED, "param-problem");
	check(4, 12, 2, ICMP_MEANS_FILTERED, "param-problem");
	check(4, 4, 0, ICMP_MEANS_NOTHING, "source-quench");
	check(4, 5, 1, ICMP_MEANS_NOTHING, "redirect");
}

static void test_v6_errors(void **state)
{
	static const char *const names[] = {"no-route",     "admin-prohibited", "beyond-scope", "addr-unreach",
	                                    "port-unreach", "failed-policy",    "reject-route", "dest-unreach"};

	(void)state;
	for (uint8_t code = 0; code < 8; code++)
		check(6, 1, code, code == 4 ? ICMP_MEANS_PORT_CLOSED : ICMP_MEANS_FILTERED, names[code]);
	check(6, 2, 0, ICMP_MEANS_TOO_BIG, "packet-too-big");
	check(6, 3, 0, ICMP_MEANS_FILTERED, "time-exceeded");
	check(6, 3, 1, ICMP_MEANS_REASSEMBLY, "reassembly-time-exceeded");
	check(6, 4, 2, ICMP_MEANS_FILTERED, "param-problem");
}

static void test_no_error(void **state)
{
	static const uint8_t queries[] = {0, 8, 9, 10, 13, 14, 15, 16, 17, 18, 40, 255};

	(void)state;
	for (size_t i = 0; i < sizeof(queries); i++)
		assert_null(icmp_lookup(4, queries[i], 0));
	assert_null(icmp_lookup(6, 128, 0));
	assert_null(icmp_lookup(6, 136, 0));
	assert_null(icmp_lookup(6, 11, 0));
	assert_null(icmp_lookup(0, 3, 3));
}

static void test_host_gone(void **state)
{
	static const uint8_t gone[] = {0, 1, 6, 7, 11, 12};
	static const uint8_t alive[] = {2, 3, 4, 5, 8, 9, 10, 13, 14, 15, 200};

	(void)state;
	for (size_t i = 0; i < sizeof(gone); i++)
		assert_true(icmp_lookup(4, 3, gone[i])->host_gone);
	for (size_t i = 0; i < sizeof(alive); i++)
		assert_false(icmp_lookup(4, 3, alive[i])->host_gone);
	assert_true(icmp_lookup(6, 1, 3)->host_gone);
	assert_false(icmp_lookup(6, 1, 4)->host_gone);
	assert_false(icmp_lookup(4, 11, 0)->host_gone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_port_unreachable_alone_closes),
	        cmocka_unit_test(test_v4_unreachables),
	        cmocka_unit_test(test_other_errors),
	        cmocka_unit_test(test_v6_errors),
	        cmocka_unit_test(test_no_error),
	        cmocka_unit_test(test_host_gone),
	};

	return cmocka_run_group_tests_name("icmp", tests, NULL, NULL);
}
