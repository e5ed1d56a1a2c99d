/* test_netlink.c: messages as the kernel would send them, built by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/link/internal.h"

struct fixture {
	struct network network;
	struct network_reading reading;
	_Alignas(struct nlmsghdr) char bytes[4096];
};

enum { LOWER_UP = 1 << 16 }; /* IFF_LOWER_UP: carrier */

static const uint8_t mac[MAC_BYTES] = {2, 0, 0, 0, 0, 7};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->reading.network = &f->network;
	f->reading.route_family = AF_INET;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	network_free(&f->network);
	free(f);
	return 0;
}

static struct addr ip(const char *text)
{
	struct addr a = {0};

	assert_true(addr_parse(text, &a));
	return a;
}

static struct nlmsghdr *begin(struct fixture *f, uint16_t type)
{
	struct nlmsghdr *m;

	memset(f->bytes, 0, sizeof(f->bytes));
	m = mnl_nlmsg_put_header(f->bytes);
	m->nlmsg_type = type;
	return m;
}

static void take(struct fixture *f, const struct nlmsghdr *m)
{
	assert_int_equal(network_reading_take(m, &f->reading), MNL_CB_OK);
}

static struct nlmsghdr *begin_link(struct fixture *f, int index, uint16_t type, unsigned flags, const char *name)
{
	struct nlmsghdr *m = begin(f, RTM_NEWLINK);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(m, sizeof(*info));

	info->ifi_index = index;
	info->ifi_type = type;
	info->ifi_flags = flags;
	if (name)
		mnl_attr_put_strz(m, IFLA_IFNAME, name);
	return m;
}

static void add_ethernet(struct fixture *f, int index, const char *name)
{
	struct nlmsghdr *m = begin_link(f, index, ARPHRD_ETHER, IFF_UP | LOWER_UP | IFF_BROADCAST, name);

	mnl_attr_put_u32(m, IFLA_MTU, 1500);
	mnl_attr_put(m, IFLA_ADDRESS, sizeof(mac), mac);
	take(f, m);
}

static struct nlmsghdr *begin_addr(struct fixture *f, int index, uint8_t family, uint8_t bits)
{
	struct nlmsghdr *m = begin(f, RTM_NEWADDR);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(m, sizeof(*info));

	info->ifa_family = family;
	info->ifa_index = (uint32_t)index;
	info->ifa_prefixlen = bits;
	return m;
}

static void put_addr(struct nlmsghdr *m, uint16_t type, const char *text)
{
	struct addr a = ip(text);

	mnl_attr_put(m, type, addr_bytes(&a), a.bytes);
}

static struct rtmsg *begin_route(struct fixture *f, const char *prefix, uint8_t bits, struct nlmsghdr **m)
{
	struct rtmsg *info;

	*m = begin(f, RTM_NEWROUTE);
	info = mnl_nlmsg_put_extra_header(*m, sizeof(*info));
	info->rtm_family = prefix && strchr(prefix, ':') ? AF_INET6 : AF_INET;
	info->rtm_dst_len = bits;
	info->rtm_table = RT_TABLE_MAIN;
	info->rtm_type = RTN_UNICAST;
	if (prefix)
		put_addr(*m, RTA_DST, prefix);
	return info;
}

static void links(void **state)
{
	struct fixture *f = *state;
	const struct interface *seen;
	struct nlmsghdr *m;

	m = begin_link(f, 1, ARPHRD_LOOPBACK, IFF_UP | LOWER_UP | IFF_LOOPBACK, "lo");
	mnl_attr_put_u32(m, IFLA_MTU, 65536);
	mnl_attr_put(m, IFLA_ADDRESS, sizeof(mac), "\0\0\0\0\0\0");
	take(f, m);
	add_ethernet(f, 2, "eth0");
	m = begin_link(f, 9, ARPHRD_NONE, IFF_UP | IFF_RUNNING | IFF_POINTOPOINT | IFF_NOARP, "tun0");
	take(f, m);
	m = begin_link(f, 10, ARPHRD_ETHER, LOWER_UP | IFF_NOARP, "abcdefghijklmno");
	mnl_attr_put(m, IFLA_ADDRESS, sizeof(mac), mac);
	take(f, m);

	assert_int_equal(f->network.interface_count, 4);
	seen = f->network.interfaces;
	assert_string_equal(seen[0].name, "lo");
	assert_true(seen[0].loopback && seen[0].up && seen[0].kind == LINK_RAW_IP);
	assert_int_equal(seen[0].mtu_bytes, 65536);
	assert_string_equal(seen[1].name, "eth0");
	assert_int_equal(seen[1].index, 2);
	assert_true(seen[1].kind == LINK_ETHERNET && seen[1].up && !seen[1].loopback && !seen[1].no_arp);
	assert_memory_equal(seen[1].mac, mac, MAC_BYTES);
	/* no carrier */
	assert_true(seen[2].kind == LINK_RAW_IP && !seen[2].up && seen[2].no_arp);
	/* the longest name; a carrier alone is not up */
	assert_string_equal(seen[3].name, "abcdefghijklmno");
	assert_true(seen[3].kind == LINK_ETHERNET && !seen[3].up && seen[3].no_arp);
}

static void odd_links(void **state)
{
	struct fixture *f = *state;
	struct nlmsghdr *m;

	/* InfiniBand: its addresses are 20 bytes; ours is no driver of its link layer */
	m = begin_link(f, 3, ARPHRD_INFINIBAND, IFF_UP | LOWER_UP, "ib0");
	mnl_attr_put(m, IFLA_ADDRESS, 20, "01234567890123456789");
	take(f, m);
	assert_int_equal(f->network.interfaces[0].kind, LINK_RAW_IP);
	/* without a name it cannot be used */
	take(f, begin_link(f, 4, ARPHRD_ETHER, IFF_UP, NULL));
	assert_int_equal(f->network.interface_count, 1);
	/* a name without its NUL, and longer than a name may be, is cut */
	m = begin_link(f, 5, ARPHRD_NONE, 0, NULL);
	mnl_attr_put(m, IFLA_IFNAME, 20, "abcdefghijklmnopqrst");
	take(f, m);
	assert_string_equal(f->network.interfaces[1].name, "abcdefghijklmno");
	/* too short for its own header, and a message of another kind */
	m = begin(f, RTM_NEWLINK);
	mnl_nlmsg_put_extra_header(m, sizeof(struct ifinfomsg) - 4);
	take(f, m);
	m = begin(f, RTM_NEWNEIGH);
	mnl_nlmsg_put_extra_header(m, 64);
	take(f, m);
	assert_int_equal(f->network.interface_count, 2);
}

static void many_links(void **state)
{
	struct fixture *f = *state;

	for (int i = 1; i <= 300; i++) {
		char name[16];

		snprintf(name, sizeof(name), "veth%d", i);
		add_ethernet(f, i, name);
	}
	assert_int_equal(f->network.interface_count, 300);
	assert_string_equal(f->network.interfaces[299].name, "veth300");
	assert_int_equal(f->network.interfaces[150].index, 151);
}

static void addresses(void **state)
{
	struct fixture *f = *state;
	struct nlmsghdr *m;
	struct addr want;

	add_ethernet(f, 2, "eth0");
	add_ethernet(f, 7, "ppp0");
	m = begin_addr(f, 2, AF_INET, 24);
	put_addr(m, IFA_ADDRESS, "192.168.0.1");
	put_addr(m, IFA_LOCAL, "192.168.0.1");
	take(f, m);
	/* point to point: the address is the peer's */
	m = begin_addr(f, 7, AF_INET, 32);
	put_addr(m, IFA_ADDRESS, "10.9.9.2");
	put_addr(m, IFA_LOCAL, "10.9.9.1");
	take(f, m);
	m = begin_addr(f, 2, AF_INET6, 64);
	put_addr(m, IFA_ADDRESS, "2001:db8::1");
	take(f, m);

	assert_int_equal(f->network.addr_count, 3);
	want = ip("192.168.0.1");
	assert_true(addr_equal(&f->network.addrs[0].addr, &want));
	assert_int_equal(f->network.addrs[0].interface, 0);
	assert_int_equal(f->network.addrs[0].prefix_bits, 24);
	want = ip("10.9.9.1");
	assert_true(addr_equal(&f->network.addrs[1].addr, &want));
	assert_int_equal(f->network.addrs[1].interface, 1);
	want = ip("2001:db8::1");
	assert_true(addr_equal(&f->network.addrs[2].addr, &want));
}

static void addresses_not_to_use(void **state)
{
	struct fixture *f = *state;
	struct nlmsghdr *m;

	add_ethernet(f, 2, "eth0");
	m = begin_addr(f, 2, AF_INET6, 64);
	((struct ifaddrmsg *)mnl_nlmsg_get_payload(m))->ifa_flags = IFA_F_TENTATIVE;
	put_addr(m, IFA_ADDRESS, "2001:db8::2");
	take(f, m);
	m = begin_addr(f, 2, AF_INET6, 64);
	put_addr(m, IFA_ADDRESS, "2001:db8::3");
	mnl_attr_put_u32(m, IFA_FLAGS, IFA_F_DADFAILED | 0x100);
	take(f, m);
	/* an interface that came up after the dump of interfaces */
	m = begin_addr(f, 77, AF_INET, 24);
	put_addr(m, IFA_LOCAL, "192.168.7.1");
	take(f, m);
	/* another family; no address at all; an address cut short */
	m = begin_addr(f, 2, AF_PACKET, 24);
	put_addr(m, IFA_LOCAL, "192.168.7.1");
	take(f, m);
	take(f, begin_addr(f, 2, AF_INET, 24));
	m = begin_addr(f, 2, AF_INET, 24);
	mnl_attr_put(m, IFA_LOCAL, 3, "abc");
	take(f, m);
	assert_int_equal(f->network.addr_count, 0);
}

static void routes(void **state)
{
	struct fixture *f = *state;
	const struct route *r;
	struct nlmsghdr *m;
	struct rtmsg *info;
	struct addr want;

	add_ethernet(f, 2, "eth0");
	begin_route(f, NULL, 0, &m);
	put_addr(m, RTA_GATEWAY, "192.168.0.254");
	mnl_attr_put_u32(m, RTA_OIF, 2);
	mnl_attr_put_u32(m, RTA_PRIORITY, 100);
	take(f, m);
	begin_route(f, "192.168.0.0", 24, &m);
	mnl_attr_put_u32(m, RTA_OIF, 2);
	put_addr(m, RTA_PREFSRC, "192.168.0.1");
	take(f, m);
	info = begin_route(f, "192.168.0.1", 32, &m);
	info->rtm_table = RT_TABLE_LOCAL;
	info->rtm_type = RTN_LOCAL;
	mnl_attr_put_u32(m, RTA_OIF, 2);
	take(f, m);
	info = begin_route(f, "192.168.0.255", 32, &m);
	info->rtm_type = RTN_BROADCAST;
	mnl_attr_put_u32(m, RTA_TABLE, RT_TABLE_LOCAL); /* outweighs the header's field */
	mnl_attr_put_u32(m, RTA_OIF, 2);
	take(f, m);
	info = begin_route(f, "10.0.0.0", 8, &m);
	info->rtm_type = RTN_PROHIBIT;
	info->rtm_table = RT_TABLE_DEFAULT;
	take(f, m);

	assert_int_equal(f->network.route_count, 5);
	r = f->network.routes;
	want = ip("192.168.0.254");
	assert_true(addr_equal(&r[0].gateway, &want));
	assert_true(r[0].kind == ROUTE_UNICAST && r[0].prefix_bits == 0 && r[0].prefix.family == 4);
	assert_true(r[0].metric == 100 && r[0].rank == 1 && r[0].interface == 0);
	want = ip("192.168.0.1");
	assert_true(addr_equal(&r[1].source, &want));
	assert_false(addr_is_set(&r[1].gateway));
	assert_true(r[1].prefix_bits == 24 && r[1].metric == 0);
	assert_true(r[2].kind == ROUTE_LOCAL && r[2].rank == 0 && addr_equal(&r[2].prefix, &want));
	assert_true(r[3].kind == ROUTE_BROADCAST && r[3].rank == 0);
	assert_true(r[4].kind == ROUTE_UNREACHABLE && r[4].rank == 2 && r[4].interface == -1);
	assert_int_equal(f->network.skipped_routes, 0);
}

static void routes_not_to_use(void **state)
{
	struct fixture *f = *state;
	struct nlmsghdr *m;

	static const struct {
		uint8_t type, tos, src_len, dst_len;
		uint32_t flags, table, oif;
		size_t skipped;
	} cases[] = {
	        {.type = RTN_UNICAST, .dst_len = 8, .table = 51820, .oif = 2, .skipped = 1}, /* a VPN's own table */
	        {.type = RTN_UNICAST, .dst_len = 8, .table = RT_TABLE_MAIN, .oif = 77},
	        {.type = RTN_UNICAST, .dst_len = 8, .table = RT_TABLE_MAIN, .oif = 2, .tos = 16},
	        {.type = RTN_UNICAST, .dst_len = 8, .table = RT_TABLE_MAIN, .oif = 2, .src_len = 24},
	        {.type = RTN_UNICAST, .dst_len = 8, .table = RT_TABLE_MAIN, .oif = 2, .flags = RTM_F_CLONED},
	        {.type = RTN_UNICAST, .dst_len = 8, .table = RT_TABLE_MAIN, .oif = 2, .flags = RTNH_F_DEAD},
	        {.type = RTN_THROW, .dst_len = 8, .table = RT_TABLE_MAIN},
	        {.type = RTN_MULTICAST, .dst_len = 8, .table = RT_TABLE_LOCAL, .oif = 2},
	        {.type = RTN_UNICAST, .dst_len = 33, .table = RT_TABLE_MAIN, .oif = 2},
	        {.type = 250, .dst_len = 8, .table = RT_TABLE_MAIN, .oif = 2},
	};

	add_ethernet(f, 2, "eth0");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rtmsg *info = begin_route(f, "10.0.0.0", cases[i].dst_len, &m);

		info->rtm_type = cases[i].type;
		info->rtm_tos = cases[i].tos;
		info->rtm_src_len = cases[i].src_len;
		info->rtm_flags = cases[i].flags;
		info->rtm_table = RT_TABLE_UNSPEC;
		mnl_attr_put_u32(m, RTA_TABLE, cases[i].table);
		if (cases[i].oif)
			mnl_attr_put_u32(m, RTA_OIF, cases[i].oif);
		f->network.skipped_routes = 0;
		take(f, m);
		assert_int_equal(f->network.route_count, 0);
		assert_int_equal(f->network.skipped_routes, cases[i].skipped);
	}
	/* asked for IPv6, a kernel without it answers with IPv4 */
	f->reading.route_family = AF_INET6;
	begin_route(f, "10.0.0.0", 8, &m);
	mnl_attr_put_u32(m, RTA_OIF, 2);
	take(f, m);
	assert_int_equal(f->network.route_count, 0);
}

static void put_hop(struct nlmsghdr *m, int ifindex, uint8_t flags, const char *gateway)
{
	struct {
		struct rtnexthop hop;
		struct nlattr attr;
		uint8_t addr[4];
	} bytes = {.hop = {.rtnh_len = sizeof(bytes), .rtnh_flags = flags, .rtnh_ifindex = ifindex},
	           .attr = {.nla_len = sizeof(struct nlattr) + 4, .nla_type = RTA_GATEWAY}};
	struct addr a = ip(gateway);

	memcpy(bytes.addr, a.bytes, 4);
	memcpy((char *)m + m->nlmsg_len, &bytes, sizeof(bytes));
	m->nlmsg_len += sizeof(bytes);
}

static void multipath(void **state)
{
	struct fixture *f = *state;
	struct nlmsghdr *m;
	struct nlattr *nest;
	struct addr want = ip("192.168.1.253");

	add_ethernet(f, 2, "eth0");
	add_ethernet(f, 3, "eth1");
	begin_route(f, NULL, 0, &m);
	nest = mnl_attr_nest_start(m, RTA_MULTIPATH);
	put_hop(m, 2, RTNH_F_DEAD, "192.168.0.254");
	put_hop(m, 3, 0, "192.168.1.253");
	put_hop(m, 2, 0, "192.168.0.252");
	mnl_attr_nest_end(m, nest);
	take(f, m);
	assert_int_equal(f->network.route_count, 1);
	assert_int_equal(f->network.routes[0].interface, 1);
	assert_true(addr_equal(&f->network.routes[0].gateway, &want));

	/* none alive; a next hop that claims more bytes than there are */
	begin_route(f, NULL, 0, &m);
	nest = mnl_attr_nest_start(m, RTA_MULTIPATH);
	put_hop(m, 2, RTNH_F_DEAD, "192.168.0.254");
	mnl_attr_nest_end(m, nest);
	take(f, m);
	begin_route(f, NULL, 0, &m);
	nest = mnl_attr_nest_start(m, RTA_MULTIPATH);
	put_hop(m, 2, 0, "192.168.0.254");
	mnl_attr_nest_end(m, nest);
	((struct rtnexthop *)mnl_attr_get_payload(nest))->rtnh_len = 200;
	take(f, m);
	begin_route(f, NULL, 0, &m);
	mnl_attr_put(m, RTA_MULTIPATH, 0, "");
	take(f, m);
	assert_int_equal(f->network.route_count, 1);
}

static void ipv6_routes(void **state)
{
	struct fixture *f = *state;
	struct nlmsghdr *m;
	struct addr want = ip("fe80::1");
	struct {
		uint16_t family;
		uint8_t addr[16];
	} via = {.family = AF_INET6};

	add_ethernet(f, 2, "eth0");
	f->reading.route_family = AF_INET6;
	begin_route(f, "2001:db8::", 32, &m);
	put_addr(m, RTA_GATEWAY, "fe80::1");
	mnl_attr_put_u32(m, RTA_OIF, 2);
	mnl_attr_put_u32(m, RTA_PRIORITY, 1024);
	take(f, m);
	assert_int_equal(f->network.route_count, 1);
	assert_true(addr_equal(&f->network.routes[0].gateway, &want));
	assert_int_equal(f->network.routes[0].prefix.family, 6);

	/* an IPv4 route through an IPv6 gateway */
	f->reading.route_family = AF_INET;
	memcpy(via.addr, want.bytes, 16);
	begin_route(f, "10.0.0.0", 8, &m);
	mnl_attr_put(m, RTA_VIA, sizeof(via), &via);
	mnl_attr_put_u32(m, RTA_OIF, 2);
	take(f, m);
	assert_int_equal(f->network.route_count, 2);
	assert_int_equal(f->network.routes[1].prefix.family, 4);
	assert_true(addr_equal(&f->network.routes[1].gateway, &want));
	/* cut short, it counts as none */
	begin_route(f, "10.0.0.0", 8, &m);
	mnl_attr_put(m, RTA_VIA, 6, &via);
	mnl_attr_put_u32(m, RTA_OIF, 2);
	take(f, m);
	assert_false(addr_is_set(&f->network.routes[2].gateway));
}

/* Whatever the lengths inside a message say: nothing outside of it is read (the sanitizers watch). */
static void lying_lengths(void **state)
{
	struct fixture *f = *state;
	uint32_t seed = 1;

	add_ethernet(f, 2, "eth0");
	for (int i = 0; i < 20000; i++) {
		struct nlmsghdr *m, *exact;
		struct nlattr *nest;

		begin_route(f, "10.0.0.0", 8, &m);
		mnl_attr_put_u32(m, RTA_OIF, 2);
		nest = mnl_attr_nest_start(m, RTA_MULTIPATH);
		put_hop(m, 2, 0, "192.168.0.254");
		mnl_attr_nest_end(m, nest);
		for (int flips = 0; flips < 3; flips++) {
			seed = seed * 1664525 + 1013904223;
			f->bytes[16 + (seed >> 8) % (m->nlmsg_len - 16)] = (char)(seed >> 24);
		}
		exact = malloc(m->nlmsg_len);
		assert_non_null(exact);
		memcpy(exact, m, m->nlmsg_len);
		take(f, exact);
		free(exact);
	}
	assert_true(f->network.route_count > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(links, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(odd_links, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(many_links, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(addresses, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(addresses_not_to_use, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(routes, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(routes_not_to_use, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(multipath, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(ipv6_routes, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(lying_lengths, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("netlink", tests, NULL, NULL);
}
