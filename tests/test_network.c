/* test_network.c: which route, interface, source address and next hop a destination gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/network.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { LO, ETH0, ETH1, TUN0, DOWN0, BARE0 };

static struct addr ip(const char *text)
{
	struct addr a = {0};

	if (*text && !addr_parse(text, &a))
		fail_msg("'%s' does not parse", text);
	return a;
}

static struct interface_addr own(int interface, const char *text, int bits)
{
	return (struct interface_addr){interface, ip(text), bits};
}

static struct route via(const char *prefix, int bits, const char *gateway, int interface, int rank, uint32_t metric)
{
	return (struct route){.prefix = ip(prefix),
	                      .prefix_bits = bits,
	                      .kind = ROUTE_UNICAST,
	                      .gateway = ip(gateway),
	                      .interface = interface,
	                      .rank = rank,
	                      .metric = metric};
}

static struct route special(enum route_kind kind, const char *prefix, int bits, const char *source, int interface)
{
	return (struct route){
	        .prefix = ip(prefix), .prefix_bits = bits, .kind = kind, .source = ip(source), .interface = interface};
}

/* A machine with two Ethernets, a tunnel, an interface that is down and one without addresses. */
static int make_network(void **state)
{
	static const struct interface interfaces[] = {
	        [LO] = {.name = "lo", .kind = LINK_RAW_IP, .up = true, .loopback = true, .mtu_bytes = 65536},
	        [ETH0] = {.name = "eth0", .kind = LINK_ETHERNET, .up = true, .mtu_bytes = 1500},
	        [ETH1] = {.name = "eth1", .kind = LINK_ETHERNET, .up = true, .mtu_bytes = 9000},
	        [TUN0] = {.name = "tun0", .kind = LINK_RAW_IP, .up = true, .mtu_bytes = 1420},
	        [DOWN0] = {.name = "down0", .kind = LINK_ETHERNET, .mtu_bytes = 1500},
	        [BARE0] = {.name = "bare0", .kind = LINK_ETHERNET, .up = true, .mtu_bytes = 1500},
	};
	const struct interface_addr addrs[] = {
	        own(LO, "127.0.0.1", 8),      own(ETH0, "192.168.0.1", 24), own(ETH0, "172.16.5.1", 16),
	        own(ETH1, "10.0.0.1", 24),    own(TUN0, "10.8.0.2", 24),    own(DOWN0, "10.77.0.1", 24),
	        own(ETH0, "2001:db8::1", 64), own(ETH0, "fe80::1", 64),
	};
	const struct route routes[] = {
	        special(ROUTE_LOCAL, "127.0.0.0", 8, "127.0.0.1", LO),
	        special(ROUTE_LOCAL, "192.168.0.1", 32, "192.168.0.1", ETH0),
	        special(ROUTE_LOCAL, "10.0.0.1", 32, "", ETH1),
	        special(ROUTE_BROADCAST, "192.168.0.255", 32, "192.168.0.1", ETH0),
	        special(ROUTE_UNREACHABLE, "10.66.0.0", 16, "", -1),
	        via("", 0, "", 0, 0, 0), /* family none: fits nothing */
	        via("0.0.0.0", 0, "192.168.0.254", ETH0, 2, 100),
	        via("192.168.0.0", 24, "", ETH0, 1, 0),
	        via("172.16.0.0", 16, "", ETH0, 1, 0),
	        via("10.0.0.0", 24, "", ETH1, 1, 0),
	        via("10.0.0.0", 8, "10.0.0.254", ETH1, 1, 0),
	        via("10.8.0.0", 24, "", TUN0, 1, 0),
	        via("10.9.0.0", 24, "10.8.0.1", TUN0, 1, 0),
	        via("10.77.0.0", 24, "", DOWN0, 1, 0),
	        via("10.88.0.0", 24, "", BARE0, 1, 0),
	        /* The same prefix by several ways. */
	        via("10.50.0.0", 16, "10.0.0.50", ETH1, 1, 20),
	        via("10.50.0.0", 16, "192.168.0.50", ETH0, 1, 10),
	        via("10.51.0.0", 16, "10.0.0.51", ETH1, 2, 1),
	        via("10.51.0.0", 16, "192.168.0.51", ETH0, 1, 100),
	        via("10.52.0.0", 16, "2001:db8::52", ETH0, 1, 0),
	        via("2001:db8::", 64, "", ETH0, 1, 0),
	        via("::", 0, "fe80::ff", ETH0, 2, 0),
	};
	struct network *network = calloc(1, sizeof(*network));

	*network = (struct network){.interfaces = malloc(sizeof(interfaces)),
	                            .interface_count = COUNT(interfaces),
	                            .addrs = malloc(sizeof(addrs)),
	                            .addr_count = COUNT(addrs),
	                            .routes = malloc(sizeof(routes)),
	                            .route_count = COUNT(routes)};
	memcpy(network->interfaces, interfaces, sizeof(interfaces));
	memcpy(network->addrs, addrs, sizeof(addrs));
	memcpy(network->routes, routes, sizeof(routes));
	*state = network;
	return 0;
}

static int drop_network(void **state)
{
	struct network *network = *state;

	network_free(network);
	assert_null(network->routes);
	assert_int_equal(network->interface_count, 0);
	free(network);
	return 0;
}

/* "interface source next-hop" */
static void assert_path(const struct network *network, const char *dst, int only, const char *source, int interface,
                        const char *expected_source, const char *next_hop)
{
	struct addr destination = ip(dst);
	struct addr override = ip(source);
	struct addr wanted_source = ip(expected_source);
	struct addr wanted_hop = ip(next_hop);
	struct path path;
	struct err err = {0};

	if (!network_path(network, &destination, only, &override, &path, &err))
		fail_msg("%s: %s", dst, err.text);
	assert_int_equal(path.interface, interface);
	assert_int_equal(path.mtu_bytes, network->interfaces[interface].mtu_bytes);
	assert_true(addr_equal(&path.source, &wanted_source));
	assert_true(addr_equal(&path.next_hop, &wanted_hop));
	assert_int_equal(path.kind, network->interfaces[interface].kind);
	assert_int_equal(addr_is_set(&path.next_hop), path.kind == LINK_ETHERNET);
	if (path.kind == LINK_ETHERNET)
		assert_int_equal(path.on_link, addr_equal(&path.next_hop, &destination));
}

static void assert_refused(const struct network *network, const char *dst, int only, const char *source,
                           const char *part)
{
	struct addr destination = ip(dst);
	struct addr override = ip(source);
	struct path path;
	struct err err = {0};

	if (network_path(network, &destination, only, &override, &path, &err))
		fail_msg("%s is not refused", dst);
	assert_true(err.code == ERR_SYSTEM || err.code == ERR_USAGE);
	if (!strstr(err.text, part))
		fail_msg("%s: no '%s' in '%s'", dst, part, err.text);
	assert_false(network_path(network, &destination, only, &override, &path, NULL));
}

static void test_longest_prefix(void **state)
{
	assert_path(*state, "192.168.0.100", -1, "", ETH0, "192.168.0.1", "192.168.0.100");
	assert_path(*state, "10.0.0.7", -1, "", ETH1, "10.0.0.1", "10.0.0.7");
	assert_path(*state, "10.1.2.3", -1, "", ETH1, "10.0.0.1", "10.0.0.254");
	assert_path(*state, "8.8.8.8", -1, "", ETH0, "192.168.0.1", "192.168.0.254");
}

static void test_rank_and_metric(void **state)
{
	assert_path(*state, "10.50.1.1", -1, "", ETH0, "192.168.0.1", "192.168.0.50");
	assert_path(*state, "10.51.1.1", -1, "", ETH0, "192.168.0.1", "192.168.0.51");
}

static void test_source_on_the_subnet_of_the_next_hop(void **state)
{
	assert_path(*state, "172.16.9.9", -1, "", ETH0, "172.16.5.1", "172.16.9.9");
	assert_path(*state, "2001:db8::99", -1, "", ETH0, "2001:db8::1", "2001:db8::99");
	assert_path(*state, "2001:4860::1", -1, "", ETH0, "fe80::1", "fe80::ff");
}

static void test_preferred_and_given_source(void **state)
{
	struct network *network = *state;

	assert_path(network, "8.8.8.8", -1, "203.0.113.9", ETH0, "203.0.113.9", "192.168.0.254");
	network->routes[6].source = ip("172.16.5.1");
	assert_path(network, "8.8.8.8", -1, "", ETH0, "172.16.5.1", "192.168.0.254");
	assert_path(network, "8.8.8.8", -1, "203.0.113.9", ETH0, "203.0.113.9", "192.168.0.254");
	assert_refused(network, "8.8.8.8", -1, "2001:db8::1", "-S");
}

static void test_raw_ip(void **state)
{
	struct addr dst = ip("10.9.0.5");
	struct path path;

	assert_path(*state, "10.8.0.77", -1, "", TUN0, "10.8.0.2", "");
	assert_path(*state, "10.9.0.5", -1, "", TUN0, "10.8.0.2", "");
	assert_true(network_path(*state, &dst, -1, NULL, &path, NULL));
	assert_false(path.on_link);
}

static void test_own_addresses(void **state)
{
	struct network *network = *state;

	assert_path(network, "127.0.0.1", -1, "", LO, "127.0.0.1", "");
	assert_path(network, "127.5.5.5", -1, "", LO, "127.0.0.1", "");
	assert_path(network, "192.168.0.1", -1, "", LO, "192.168.0.1", "");
	assert_path(network, "10.0.0.1", -1, "", LO, "10.0.0.1", "");
	assert_path(network, "192.168.0.1", LO, "", LO, "192.168.0.1", "");
	/* Out of another interface an own address is one like any other on the link. */
	assert_path(network, "192.168.0.1", ETH0, "", ETH0, "192.168.0.1", "192.168.0.1");
	network->interfaces[LO].loopback = false;
	assert_refused(network, "127.0.0.1", -1, "", "no route to 127.0.0.1");
}

static void test_only_interface(void **state)
{
	assert_path(*state, "8.8.8.8", ETH0, "", ETH0, "192.168.0.1", "192.168.0.254");
	assert_path(*state, "8.8.8.8", ETH1, "", ETH1, "10.0.0.1", "8.8.8.8");
	assert_path(*state, "10.50.1.1", ETH1, "", ETH1, "10.0.0.1", "10.0.0.50");
	assert_path(*state, "8.8.8.8", TUN0, "", TUN0, "10.8.0.2", "");
	/* Unreachable by the routing table, but not out of an interface that the user names. */
	assert_path(*state, "10.66.1.1", ETH0, "", ETH0, "192.168.0.1", "192.168.0.254");
	assert_path(*state, "8.8.8.8", BARE0, "192.168.0.9", BARE0, "192.168.0.9", "8.8.8.8");
	assert_refused(*state, "8.8.8.8", 99, "", "99");
	assert_refused(*state, "8.8.8.8", DOWN0, "", "interface down0");
	assert_refused(*state, "8.8.8.8", BARE0, "", "bare0 has no IPv4 address");
	assert_refused(*state, "2001:db8::9", ETH1, "", "eth1 has no IPv6 address");
}

static void test_refusals(void **state)
{
	struct network *network = *state;

	assert_refused(network, "10.66.1.1", -1, "", "the routing table says unreachable");
	assert_refused(network, "192.168.0.255", -1, "", "broadcast");
	assert_refused(network, "192.168.0.255", ETH0, "", "broadcast");
	assert_refused(network, "10.77.0.9", -1, "", "interface down0");
	assert_refused(network, "10.88.0.9", -1, "", "bare0 has no IPv4 address");
	assert_refused(network, "10.52.0.9", -1, "", "another IP version");
	assert_refused(network, "", -1, "", "no destination");
	network->route_count = 0;
	assert_refused(network, "10.0.0.7", -1, "", "no route to 10.0.0.7");
}

static void test_special_destinations(void **state)
{
	assert_refused(*state, "0.0.0.0", -1, "", "0.0.0.0/8");
	assert_refused(*state, "0.255.255.255", ETH0, "", "0.0.0.0/8");
	assert_refused(*state, "224.0.0.1", -1, "", "multicast");
	assert_refused(*state, "239.255.255.255", -1, "", "multicast");
	assert_refused(*state, "240.0.0.1", -1, "", "reserved");
	assert_refused(*state, "255.255.255.254", -1, "", "reserved");
	assert_refused(*state, "255.255.255.255", -1, "", "broadcast");
	assert_refused(*state, "ff02::1", -1, "", "multicast");
	assert_refused(*state, "::", -1, "", "unspecified");
	assert_path(*state, "1.0.0.0", -1, "", ETH0, "192.168.0.1", "192.168.0.254");
	assert_path(*state, "223.255.255.255", -1, "", ETH0, "192.168.0.1", "192.168.0.254");
}

static void test_interface_by_name(void **state)
{
	assert_int_equal(network_interface_by_name(*state, "eth1"), ETH1);
	assert_int_equal(network_interface_by_name(*state, "lo"), LO);
	assert_int_equal(network_interface_by_name(*state, "eth"), -1);
	assert_int_equal(network_interface_by_name(*state, ""), -1);
}

#define network_test(test) cmocka_unit_test_setup_teardown(test, make_network, drop_network)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        network_test(test_longest_prefix),
	        network_test(test_rank_and_metric),
	        network_test(test_source_on_the_subnet_of_the_next_hop),
	        network_test(test_preferred_and_given_source),
	        network_test(test_raw_ip),
	        network_test(test_own_addresses),
	        network_test(test_only_interface),
	        network_test(test_refusals),
	        network_test(test_special_destinations),
	        network_test(test_interface_by_name),
	};

	return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
