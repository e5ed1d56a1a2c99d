/* netlink.c: the kernel's messages about interfaces, addresses and routes (rtnetlink) become a struct network. */
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { ATTRS = 64, LOWER_UP = 1 << 16 /* IFF_LOWER_UP, of linux/if.h, which does not go with net/if.h */ };

/* The attributes of one message by their type; those of higher types are of no interest here. */
struct attrs {
	const struct nlattr *by_type[ATTRS];
};

static int take_attr(const struct nlattr *attr, void *context)
{
	struct attrs *attrs = context;

	if (mnl_attr_get_type(attr) < ATTRS)
		attrs->by_type[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static uint32_t attr_u32(const struct attrs *attrs, int type, uint32_t missing)
{
	const struct nlattr *attr = attrs->by_type[type];

	return attr && mnl_attr_get_payload_len(attr) >= sizeof(uint32_t) ? mnl_attr_get_u32(attr) : missing;
}

/* AF_INET or AF_INET6 as our 4 or 6; 0 for any other. */
static uint8_t family_of(int af)
{
	return af == AF_INET ? 4 : af == AF_INET6 ? 6 : 0;
}

static struct addr attr_addr(const struct attrs *attrs, int type, uint8_t family)
{
	const struct nlattr *attr = attrs->by_type[type];
	size_t bytes = family == 4 ? 4 : 16;

	if (!attr || mnl_attr_get_payload_len(attr) < bytes)
		return (struct addr){0};
	return addr_from_bytes(family, mnl_attr_get_payload(attr));
}

/* Room for one more element; NULL (and out_of_memory) when there is none. */
static void *grow(struct network_reading *reading, void *array, size_t count, size_t *capacity, size_t element_bytes)
{
	size_t wanted = *capacity ? *capacity * 2 : 16;
	void *bigger;

	if (count < *capacity)
		return array;
	bigger = realloc(array, wanted * element_bytes);
	if (!bigger) {
		reading->out_of_memory = true;
		return NULL;
	}
	*capacity = wanted;
	return bigger;
}

#define GROW(reading, array, count, capacity)                                                                          \
	grow(reading, (reading)->network->array, (reading)->network->count, &(reading)->capacity,                      \
	     sizeof(*(reading)->network->array))

/* -1 when the dump of interfaces did not have it (it came up since) */
static int interface_by_index(const struct network *network, int index)
{
	for (size_t i = 0; i < network->interface_count; i++)
		if (network->interfaces[i].index == index)
			return (int)i;
	return -1;
}

static void take_link(const struct nlmsghdr *message, struct network_reading *reading)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct attrs attrs = {{0}};
	struct interface interface = {.index = info->ifi_index, .kind = LINK_RAW_IP};
	const struct nlattr *name, *mac;
	struct interface *all;

	mnl_attr_parse(message, sizeof(*info), take_attr, &attrs);
	name = attrs.by_type[IFLA_IFNAME];
	mac = attrs.by_type[IFLA_ADDRESS];
	if (!name)
		return;
	memcpy(interface.name, mnl_attr_get_payload(name),
	       strnlen(mnl_attr_get_payload(name), mnl_attr_get_payload_len(name) < INTERFACE_NAME_BYTES
	                                                   ? mnl_attr_get_payload_len(name)
	                                                   : INTERFACE_NAME_BYTES - 1));
	if (info->ifi_type == ARPHRD_ETHER && mac && mnl_attr_get_payload_len(mac) == MAC_BYTES) {
		interface.kind = LINK_ETHERNET;
		memcpy(interface.mac, mnl_attr_get_payload(mac), MAC_BYTES);
	}
	/* Not IFF_RUNNING: it may follow the carrier a second late. */
	interface.up = (info->ifi_flags & IFF_UP) && (info->ifi_flags & LOWER_UP);
	interface.loopback = info->ifi_flags & IFF_LOOPBACK;
	interface.no_arp = info->ifi_flags & IFF_NOARP;
	interface.mtu_bytes = attr_u32(&attrs, IFLA_MTU, 0);
	all = GROW(reading, interfaces, interface_count, interface_capacity);
	if (all) {
		reading->network->interfaces = all;
		all[reading->network->interface_count++] = interface;
	}
}

static void take_addr(const struct nlmsghdr *message, struct network_reading *reading)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	uint8_t family = family_of(info->ifa_family);
	struct attrs attrs = {{0}};
	struct interface_addr entry = {.interface = interface_by_index(reading->network, (int)info->ifa_index),
	                               .prefix_bits = info->ifa_prefixlen};
	struct interface_addr *all;

	mnl_attr_parse(message, sizeof(*info), take_attr, &attrs);
	if (!family || entry.interface < 0)
		return;
	/* An IPv6 address that is not, or not yet, known to be ours alone. */
	if (attr_u32(&attrs, IFA_FLAGS, info->ifa_flags) & (IFA_F_TENTATIVE | IFA_F_DADFAILED))
		return;
	/* On a point-to-point link IFA_ADDRESS is the other end. */
	entry.addr = attr_addr(&attrs, attrs.by_type[IFA_LOCAL] ? IFA_LOCAL : IFA_ADDRESS, family);
	if (!addr_is_set(&entry.addr))
		return;
	all = GROW(reading, addrs, addr_count, addr_capacity);
	if (all) {
		reading->network->addrs = all;
		all[reading->network->addr_count++] = entry;
	}
}

/* Tables in the order in which the kernel's default rules ask them. */
static const struct {
	uint32_t table;
	int rank;
} table_ranks[] = {{RT_TABLE_LOCAL, 0}, {RT_TABLE_MAIN, 1}, {RT_TABLE_DEFAULT, 2}};

static int rank_of_table(uint32_t table)
{
	for (size_t i = 0; i < sizeof(table_ranks) / sizeof(table_ranks[0]); i++)
		if (table_ranks[i].table == table)
			return table_ranks[i].rank;
	return -1;
}

/* Types that decide where a datagram to one host goes. Multicast is not for us, "throw" means: go on with the next rule. */
static const struct {
	uint8_t type;
	enum route_kind kind;
} route_kinds[] = {
        {RTN_UNICAST, ROUTE_UNICAST},         {RTN_LOCAL, ROUTE_LOCAL},
        {RTN_ANYCAST, ROUTE_LOCAL},           {RTN_BROADCAST, ROUTE_BROADCAST},
        {RTN_UNREACHABLE, ROUTE_UNREACHABLE}, {RTN_BLACKHOLE, ROUTE_UNREACHABLE},
        {RTN_PROHIBIT, ROUTE_UNREACHABLE},
};

static bool find_route_kind(uint8_t type, enum route_kind *kind)
{
	for (size_t i = 0; i < sizeof(route_kinds) / sizeof(route_kinds[0]); i++) {
		if (route_kinds[i].type == type) {
			*kind = route_kinds[i].kind;
			return true;
		}
	}
	return false;
}

/* The gateway from RTA_GATEWAY, or from RTA_VIA when it is of the other family (RFC 5549). */
static struct addr read_gateway(const struct attrs *attrs, uint8_t family)
{
	const struct nlattr *via = attrs->by_type[RTA_VIA];
	const struct rtvia *rtvia;
	uint8_t via_family;

	if (!via || mnl_attr_get_payload_len(via) < sizeof(*rtvia))
		return attr_addr(attrs, RTA_GATEWAY, family);
	rtvia = mnl_attr_get_payload(via);
	via_family = family_of(rtvia->rtvia_family);
	if (!via_family || mnl_attr_get_payload_len(via) < sizeof(*rtvia) + (via_family == 4 ? 4 : 16))
		return (struct addr){0};
	return addr_from_bytes(via_family, rtvia->rtvia_addr);
}

/* Of several next hops the first that works: which one the kernel would take depends on its own hash. */
static bool read_multipath(const struct nlattr *attr, uint8_t family, int *ifindex, struct addr *gateway)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(attr);
	size_t left = mnl_attr_get_payload_len(attr);

	while (left >= sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) && hop->rtnh_len <= left) {
		size_t step = RTNH_ALIGN(hop->rtnh_len);

		if (!(hop->rtnh_flags & RTNH_F_DEAD)) {
			struct attrs attrs = {{0}};

			mnl_attr_parse_payload((const char *)hop + sizeof(*hop), hop->rtnh_len - sizeof(*hop),
			                       take_attr, &attrs);
			*ifindex = hop->rtnh_ifindex;
			*gateway = read_gateway(&attrs, family);
			return true;
		}
		if (step > left)
			break;
		left -= step;
		hop = (const struct rtnexthop *)(const void *)((const char *)hop + step);
	}
	return false;
}

/* A route for one type of service, or from one source, is not for a probe in general. */
static bool is_special(const struct rtmsg *info)
{
	return info->rtm_tos || info->rtm_src_len || (info->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD));
}

static void take_route(const struct nlmsghdr *message, struct network_reading *reading)
{
	const struct rtmsg *info = mnl_nlmsg_get_payload(message);
	uint8_t family = family_of(info->rtm_family);
	struct attrs attrs = {{0}};
	struct route route = {.prefix_bits = info->rtm_dst_len, .interface = -1};
	struct route *all;
	int ifindex;

	/* A kernel without IPv6 answers that dump with the IPv4 routes. */
	if (!family || info->rtm_family != reading->route_family || is_special(info))
		return;
	mnl_attr_parse(message, sizeof(*info), take_attr, &attrs);
	route.rank = rank_of_table(attr_u32(&attrs, RTA_TABLE, info->rtm_table));
	reading->network->skipped_routes += route.rank < 0;
	if (route.rank < 0 || !find_route_kind(info->rtm_type, &route.kind) ||
	    route.prefix_bits > (family == 4 ? 32 : 128))
		return;
	route.prefix = attr_addr(&attrs, RTA_DST, family);
	route.prefix.family = family; /* the default route has no RTA_DST */
	route.source = attr_addr(&attrs, RTA_PREFSRC, family);
	route.metric = attr_u32(&attrs, RTA_PRIORITY, 0);
	if (route.kind != ROUTE_UNREACHABLE) {
		ifindex = (int)attr_u32(&attrs, RTA_OIF, 0);
		route.gateway = read_gateway(&attrs, family);
		if (attrs.by_type[RTA_MULTIPATH] &&
		    !read_multipath(attrs.by_type[RTA_MULTIPATH], family, &ifindex, &route.gateway))
			return;
		route.interface = interface_by_index(reading->network, ifindex);
		if (route.interface < 0)
			return;
	}
	all = GROW(reading, routes, route_count, route_capacity);
	if (all) {
		reading->network->routes = all;
		all[reading->network->route_count++] = route;
	}
}

static const struct {
	uint16_t type;
	size_t header_bytes;
	void (*take)(const struct nlmsghdr *message, struct network_reading *reading);
} message_types[] = {
        {RTM_NEWLINK, sizeof(struct ifinfomsg), take_link},
        {RTM_NEWADDR, sizeof(struct ifaddrmsg), take_addr},
        {RTM_NEWROUTE, sizeof(struct rtmsg), take_route},
};

int network_reading_take(const struct nlmsghdr *message, void *context)
{
	struct network_reading *reading = context;

	for (size_t i = 0; i < sizeof(message_types) / sizeof(message_types[0]); i++)
		if (message->nlmsg_type == message_types[i].type &&
		    mnl_nlmsg_get_payload_len(message) >= message_types[i].header_bytes)
			message_types[i].take(message, reading);
	return reading->out_of_memory ? MNL_CB_ERROR : MNL_CB_OK;
}
