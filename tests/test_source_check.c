/* test_source_check.c: which sources an interface has, which can be claimed on it, and what is said about the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../src/cli/source_check.h"

enum { LO, LAN, WAN, TUN, QUIET, BARE };

static struct interface interfaces[] = {
        [LO] = {.name = "lo", .kind = LINK_RAW_IP, .loopback = true},
        [LAN] = {.name = "lan0", .kind = LINK_ETHERNET},
        [WAN] = {.name = "wan0", .kind = LINK_ETHERNET},
        [TUN] = {.name = "tun0", .kind = LINK_RAW_IP},
        [QUIET] = {.name = "quiet0", .kind = LINK_ETHERNET, .no_arp = true},
        [BARE] = {.name = "bare0", .kind = LINK_ETHERNET},
};

static struct interface_addr addrs[] = {
        {LO, {4, {127, 0, 0, 1}}, 8},     {LAN, {4, {10, 77, 0, 1}}, 24}, {LAN, {4, {10, 77, 0, 2}}, 24},
        {LAN, {4, {10, 77, 8, 1}}, 31},   {LAN, {6, {0xfd, 1}}, 64},      {WAN, {4, {198, 51, 100, 7}}, 29},
        {WAN, {4, {10, 77, 0, 3}}, 32},   {TUN, {4, {10, 99, 0, 1}}, 24}, {QUIET, {4, {10, 98, 0, 1}}, 24},
        {LAN, {4, {10, 77, 0, 129}}, 25},
};

#define LOCAL(number, ...)                                                                                             \
	{                                                                                                              \
		.prefix = {4, __VA_ARGS__}, .prefix_bits = 32, .kind = ROUTE_LOCAL, .interface = number                \
	}

static struct route routes[] = {
        {.prefix = {4, {127}}, .prefix_bits = 8, .kind = ROUTE_LOCAL, .interface = LO},
        LOCAL(LAN, {10, 77, 0, 1}),
        LOCAL(LAN, {10, 77, 0, 2}),
        LOCAL(LAN, {10, 77, 8, 1}),
        LOCAL(LAN, {10, 77, 0, 129}),
        LOCAL(WAN, {198, 51, 100, 7}),
        LOCAL(WAN, {10, 77, 0, 3}),
        LOCAL(TUN, {10, 99, 0, 1}),
        LOCAL(QUIET, {10, 98, 0, 1}),
        {.prefix = {4, {0}}, .prefix_bits = 0, .kind = ROUTE_UNICAST, .interface = WAN},
};

static const struct network network = {
        .interfaces = interfaces,
        .interface_count = sizeof(interfaces) / sizeof(interfaces[0]),
        .addrs = addrs,
        .addr_count = sizeof(addrs) / sizeof(addrs[0]),
        .routes = routes,
        .route_count = sizeof(routes) / sizeof(routes[0]),
};

static struct addr parse(const char *text)
{
	struct addr addr;

	assert_true(addr_parse(text, &addr));
	return addr;
}

static void test_each(void **state)
{
	static const struct {
		int interface;
		const char *source;
		const char *says; /* NULL: the interface's own; "": to be claimed; else a piece of the refusal */
	} rows[] = {
	        {LAN, "10.77.0.1", NULL},
	        {LAN, "10.77.0.2", NULL},
	        {LAN, "10.77.8.1", NULL},
	        {LAN, "10.77.0.10", ""},
	        {LAN, "10.77.0.254", ""},
	        {LAN, "10.77.8.0", ""}, /* both addresses of a /31 */
	        {LAN, "10.77.0.0", "network or broadcast address of a subnet of lan0 (10.77.0.1/24, 10.77.0.2/24"},
	        {LAN, "10.77.0.255", "network or broadcast"},
	        {LAN, "10.77.0.128", "network or broadcast"}, /* of one subnet, though not of the other */
	        {LAN, "10.77.1.1", "in no subnet of lan0 (10.77.0.1/24"},
	        {LAN, "10.77.0.3", "this machine has 10.77.0.3, but not on lan0"},
	        {LAN, "198.51.100.7", "this machine has 198.51.100.7, but not on lan0"},
	        {LAN, "198.51.100.6", "in no subnet of lan0"},
	        {LAN, "127.0.0.1", "this machine has 127.0.0.1, but not on lan0"},
	        {LAN, "127.0.0.9", "but not on lan0"},
	        {LAN, "224.0.0.1", "in no subnet"},
	        {WAN, "10.77.0.3", NULL},
	        {WAN, "10.77.0.4", "in no subnet of wan0 (198.51.100.7/29, 10.77.0.3/32)"},
	        {WAN, "198.51.100.1", ""},
	        {WAN, "198.51.100.0", "network or broadcast"},
	        {WAN, "198.51.100.8", "in no subnet"},
	        {TUN, "10.99.0.1", NULL},
	        {TUN, "10.99.0.2", "tun0 does not have 10.99.0.2, and without ARP"},
	        {QUIET, "10.98.0.1", NULL},
	        {QUIET, "10.98.0.2", "quiet0 does not have 10.98.0.2, and without ARP"},
	        {BARE, "10.97.0.2", "in no subnet of bare0 (it has no IPv4 address)"},
	        {LO, "127.0.0.1", NULL},
	        {LO, "127.9.9.9", NULL},
	        {LO, "10.77.0.1", NULL},
	        {LO, "10.77.0.10", "in no subnet of lo (127.0.0.1/8)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr source = parse(rows[i].source), to_claim = {0};
		struct err err = {0};
		size_t count = 7;
		bool ok = source_check(&network, rows[i].interface, &source, 1, &to_claim, &count, &err);
		bool claimed = rows[i].says && !*rows[i].says;

		if (ok != (!rows[i].says || claimed))
			fail_msg("%s: %s", rows[i].source, ok ? "should be refused" : err.text);
		if (!ok) {
			assert_int_equal(err.code, ERR_USAGE);
			assert_non_null(strstr(err.text, "--source-ips"));
			assert_non_null(strstr(err.text, "leave it out"));
			assert_non_null(strstr(err.text, rows[i].source));
			if (!strstr(err.text, rows[i].says))
				fail_msg("%s: \"%s\" is not in \"%s\"", rows[i].source, rows[i].says, err.text);
			continue;
		}
		assert_int_equal(count, claimed);
		assert_int_equal(addr_equal(&to_claim, &source), claimed);
	}
}

static void test_mixed_list(void **state)
{
	struct addr sources[] = {parse("10.77.0.9"), parse("10.77.0.1"), parse("10.77.0.8"), parse("10.77.0.2")};
	struct addr to_claim[4] = {0};
	struct err err = {0};
	size_t count;

	(void)state;
	assert_true(source_check(&network, LAN, sources, 4, to_claim, &count, &err));
	assert_int_equal(count, 2);
	assert_true(addr_equal(&to_claim[0], &sources[0]));
	assert_true(addr_equal(&to_claim[1], &sources[2]));

	sources[3] = parse("10.76.0.2");
	assert_false(source_check(&network, LAN, sources, 4, to_claim, &count, &err));
	assert_non_null(strstr(err.text, "10.76.0.2"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_each),
	        cmocka_unit_test(test_mixed_list),
	};

	return cmocka_run_group_tests_name("source_check", tests, NULL, NULL);
}
