/* test_addr.c: parsing, formatting, order and prefixes of addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/addr.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct addr parsed(const char *text)
{
	struct addr a = {0};

	if (!addr_parse(text, &a))
		fail_msg("'%s' does not parse", text);
	return a;
}

static void test_v4_value(void **state)
{
	struct addr a = addr_from_v4(0xc0a80064);
	const uint8_t bytes[4] = {192, 168, 0, 100};
	struct addr b = addr_from_bytes(4, bytes);
	struct addr c = parsed("192.168.0.100");

	(void)state;
	assert_int_equal(a.family, 4);
	assert_int_equal(addr_v4(&a), 0xc0a80064);
	assert_true(addr_equal(&a, &b));
	assert_memory_equal(&a, &c, sizeof(a));
	assert_int_equal(addr_bytes(&a), 4);
	assert_int_equal(addr_bits(&a), 32);
	assert_true(addr_is_set(&a));
}

static void test_none(void **state)
{
	struct addr none = {0};
	struct addr zero = addr_from_v4(0);
	char text[ADDR_TEXT_BYTES];

	(void)state;
	assert_false(addr_is_set(&none));
	assert_int_equal(addr_bytes(&none), 0);
	assert_int_equal(addr_bits(&none), 0);
	assert_string_equal(addr_format(&none, text), "-");
	assert_false(addr_equal(&none, &zero));
	assert_false(addr_increment(&none));
	assert_int_equal(addr_v4(&none), 0);
}

static void test_v6_is_no_v4(void **state)
{
	struct addr a = parsed("c0a8:64::1");

	(void)state;
	assert_int_equal(a.family, 6);
	assert_int_equal(addr_v4(&a), 0);
	assert_int_equal(addr_bytes(&a), 16);
	assert_int_equal(addr_bits(&a), 128);
}

static void test_refused_text(void **state)
{
	static const char *const bad[] = {
	        "",          "1",           "1.2.3",     "1.2.3.4.5", "256.1.1.1", "192.168.0.300", "01.2.3.4",
	        "1.2.3.04",  "1.2.3.",      ".1.2.3",    "1..2.3",    " 1.2.3.4",  "1.2.3.4 ",      "+1.2.3.4",
	        "0x1.2.3.4", "1.2.3.-4",    "1.2.3.4/8", "1.2.3.999", "1.2.3.00",  "a.b.c.d",       "1.2.3.1000",
	        ":",         ":::",         "1::2::3",   "fe80::1%1", "12345::",   "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
	        "g::",       "::1.2.3.256", "[::1]",     "1.2.3.4:5"};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct addr a = addr_from_v4(7);

		if (addr_parse(bad[i], &a))
			fail_msg("'%s' parses", bad[i]);
		assert_int_equal(addr_v4(&a), 7); /* untouched */
	}
}

static void test_text_round_trip(void **state)
{
	/* RFC 5952: as typed, as written. */
	static const char *const rows[][2] = {
	        {"0.0.0.0", "0.0.0.0"},
	        {"255.255.255.255", "255.255.255.255"},
	        {"2001:0DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
	        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
	        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
	        {"::", "::"},
	        {"::1", "::1"},
	        {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
	        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	char text[ADDR_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr a = parsed(rows[i][0]);

		assert_ptr_equal(addr_format(&a, text), text);
		assert_string_equal(text, rows[i][1]);
	}
}

static void test_order(void **state)
{
	static const char *const ascending[] = {
	        "0.0.0.0",         "1.2.3.4", "9.255.255.255", "10.0.0.0",   "128.0.0.0",
	        "255.255.255.255", "::",      "::1",           "2001:db8::", "ff00::"};

	(void)state;
	for (size_t i = 0; i < COUNT(ascending); i++) {
		for (size_t j = 0; j < COUNT(ascending); j++) {
			struct addr a = parsed(ascending[i]), b = parsed(ascending[j]);
			int order = addr_compare(&a, &b);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
			assert_int_equal(addr_equal(&a, &b), i == j);
		}
	}
}

static void test_increment(void **state)
{
	static const char *const rows[][2] = {
	        {"192.168.0.255", "192.168.1.0"},
	        {"0.255.255.255", "1.0.0.0"},
	        {"1.2.3.4", "1.2.3.5"},
	        {"::ffff", "::1:0"},
	        {"2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::"},
	};
	struct addr last4 = parsed("255.255.255.255");
	struct addr last6 = parsed("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	struct addr before = last6;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr a = parsed(rows[i][0]), b = parsed(rows[i][1]);

		assert_true(addr_increment(&a));
		assert_true(addr_equal(&a, &b));
	}
	assert_false(addr_increment(&last4));
	assert_int_equal(addr_v4(&last4), 0xffffffff);
	assert_false(addr_increment(&last6));
	assert_memory_equal(&last6, &before, sizeof(before));
}

static void test_prefix(void **state)
{
	static const struct {
		const char *addr, *first, *last;
		int bits;
	} rows[] = {
	        {"192.168.0.100", "192.168.0.0", "192.168.0.255", 24},
	        {"192.168.3.100", "192.168.0.0", "192.168.3.255", 22},
	        {"192.168.0.101", "192.168.0.100", "192.168.0.101", 31},
	        {"192.168.0.100", "192.168.0.100", "192.168.0.100", 32},
	        {"192.168.0.100", "0.0.0.0", "255.255.255.255", 0},
	        {"10.255.1.1", "10.128.0.0", "10.255.255.255", 9},
	        {"2001:db8::1", "2001:db8::", "2001:db8:0:0:ffff:ffff:ffff:ffff", 64},
	        {"2001:db8:ff::1", "2001:db8:80::", "2001:db8:ff:ffff:ffff:ffff:ffff:ffff", 41},
	        {"::1", "::1", "::1", 128},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr a = parsed(rows[i].addr), first = parsed(rows[i].first), last = parsed(rows[i].last);
		struct addr got_first = addr_prefix_first(&a, rows[i].bits);
		struct addr got_last = addr_prefix_last(&a, rows[i].bits);

		assert_true(addr_equal(&got_first, &first));
		assert_true(addr_equal(&got_last, &last));
		assert_true(addr_in_prefix(&a, &first, rows[i].bits));
		assert_true(addr_in_prefix(&last, &a, rows[i].bits));
		if (addr_increment(&got_last))
			assert_false(addr_in_prefix(&got_last, &first, rows[i].bits));
	}
}

static void test_prefix_needs_the_same_family(void **state)
{
	struct addr a = parsed("0.0.0.0"), b = parsed("::");

	(void)state;
	assert_false(addr_in_prefix(&a, &b, 0));
}

static void test_hash_spreads(void **state)
{
	/* 4096 neighbours into 4096 buckets: a good mix leaves about 1/e of them empty. */
	static uint8_t seen[4096];
	size_t used = 0;

	(void)state;
	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < 4096; i++) {
		struct addr a = addr_from_v4(0x0a000000 + i);
		uint8_t *slot = &seen[addr_hash(&a) % 4096];

		used += *slot == 0;
		*slot = 1;
	}
	assert_in_range(used, 2300, 4096);
}

static void test_mac(void **state)
{
	const uint8_t mac[MAC_BYTES] = {0x02, 0x42, 0xc0, 0xa8, 0x00, 0x64};
	char text[MAC_TEXT_BYTES];

	(void)state;
	assert_string_equal(mac_format(mac, text), "02:42:C0:A8:00:64");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_v4_value),
	        cmocka_unit_test(test_none),
	        cmocka_unit_test(test_v6_is_no_v4),
	        cmocka_unit_test(test_refused_text),
	        cmocka_unit_test(test_text_round_trip),
	        cmocka_unit_test(test_order),
	        cmocka_unit_test(test_increment),
	        cmocka_unit_test(test_prefix),
	        cmocka_unit_test(test_prefix_needs_the_same_family),
	        cmocka_unit_test(test_hash_spreads),
	        cmocka_unit_test(test_mac),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
