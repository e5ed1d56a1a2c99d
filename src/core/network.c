/* network.c: which way a datagram goes, from interfaces, addresses and routes as plain data. */
#include "nscan/network.h"

#include <stdlib.h>
#include <string.h>

/* Destinations that no host has as its own address. */
struct special_net {
	struct addr prefix;
	int prefix_bits;
	const char *what;
};

/* Longest prefix first, where they overlap (RFC 6890, RFC 5771, RFC 4291). */
static const struct special_net special_nets[] = {
        {{4, {255, 255, 255, 255}}, 32, "the broadcast address, and broadcasts are not scanned"},
        {{4, {0}}, 8, "in 0.0.0.0/8, which is no destination"},
        {{4, {224}}, 4, "a multicast address, and multicast is not scanned"},
        {{4, {240}}, 4, "in 240.0.0.0/4, which is reserved"},
        {{6, {0}}, 128, "the unspecified address, which is no destination"},
        {{6, {0xff}}, 8, "a multicast address, and multicast is not scanned"},
};

void network_free(struct network *network)
{
	free(network->interfaces);
	free(network->addrs);
	free(network->routes);
	*network = (struct network){0};
}

int network_interface_by_name(const struct network *network, const char *name)
{
	for (size_t i = 0; i < network->interface_count; i++) {
		if (strcmp(network->interfaces[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

static bool check_destination(const struct addr *dst, struct err *err)
{
	char text[ADDR_TEXT_BYTES];

	if (!addr_is_set(dst))
		return err_set(err, ERR_USAGE, "no destination address is set");
	for (size_t i = 0; i < sizeof(special_nets) / sizeof(special_nets[0]); i++) {
		const struct special_net *net = &special_nets[i];

		if (addr_in_prefix(dst, &net->prefix, net->prefix_bits))
			return err_set(err, ERR_USAGE, "%s is %s: leave it out with --exclude", addr_format(dst, text),
			               net->what);
	}
	return true;
}

/* Whether -e leaves that route open. Own addresses are reached over the loopback interface, wherever they are set. */
static bool route_is_allowed(const struct network *network, const struct route *route, int only_interface)
{
	if (only_interface < 0)
		return true;
	if (route->kind == ROUTE_LOCAL)
		return network->interfaces[only_interface].loopback;
	return route->interface == only_interface;
}

static bool route_is_better(const struct route *a, const struct route *b)
{
	if (!b || a->prefix_bits != b->prefix_bits)
		return !b || a->prefix_bits > b->prefix_bits;
	return a->rank != b->rank ? a->rank < b->rank : a->metric < b->metric;
}

/* NULL when no route leads there. */
static const struct route *find_route(const struct network *network, const struct addr *dst, int only_interface)
{
	const struct route *best = NULL;

	for (size_t i = 0; i < network->route_count; i++) {
		const struct route *route = &network->routes[i];

		if (route_is_better(route, best) && addr_in_prefix(dst, &route->prefix, route->prefix_bits) &&
		    route_is_allowed(network, route, only_interface))
			best = route;
	}
	return best;
}

static int loopback_interface(const struct network *network)
{
	for (size_t i = 0; i < network->interface_count; i++) {
		if (network->interfaces[i].loopback)
			return (int)i;
	}
	return -1;
}

/* The address that the interface would use towards the next hop: one on its subnet, else the first of that family. */
static bool pick_source(const struct network *network, int interface, const struct addr *dst,
                        const struct addr *next_hop, struct addr *out, struct err *err)
{
	const struct interface_addr *first = NULL;
	char text[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < network->addr_count; i++) {
		const struct interface_addr *own = &network->addrs[i];

		if (own->interface != interface || own->addr.family != dst->family)
			continue;
		if (!first)
			first = own;
		if (addr_in_prefix(next_hop, &own->addr, own->prefix_bits)) {
			*out = own->addr;
			return true;
		}
	}
	if (!first)
		return err_set(err, ERR_SYSTEM,
		               "%s: interface %s has no IPv%d address to send from: give it one, or use -S",
		               addr_format(dst, text), network->interfaces[interface].name, dst->family);
	*out = first->addr;
	return true;
}

/* The interface that the route, or without one -e, leads to; -1 with *err set when nothing can be sent that way. */
static int pick_interface(const struct network *network, const struct addr *dst, const struct route *route,
                          int only_interface, struct err *err)
{
	char text[ADDR_TEXT_BYTES];
	int interface = only_interface;

	addr_format(dst, text);
	if (route && route->kind == ROUTE_UNREACHABLE) {
		err_set(err, ERR_SYSTEM, "no route to %s (the routing table says unreachable)", text);
		return -1;
	}
	if (route && route->kind == ROUTE_BROADCAST) {
		err_set(err, ERR_USAGE,
		        "%s is a broadcast address, and broadcasts are not scanned: leave it out with --exclude", text);
		return -1;
	}
	if (route)
		interface = route->kind == ROUTE_LOCAL ? loopback_interface(network) : route->interface;
	if (interface < 0 || (size_t)interface >= network->interface_count) {
		err_set(err, ERR_SYSTEM, "no route to %s: add one, or name an interface with -e", text);
		return -1;
	}
	if (!network->interfaces[interface].up) {
		err_set(err, ERR_SYSTEM,
		        "interface %s, which leads to %s, is down: bring it up, or name another with -e",
		        network->interfaces[interface].name, text);
		return -1;
	}
	return interface;
}

bool network_path(const struct network *network, const struct addr *dst, int only_interface, const struct addr *source,
                  struct path *out, struct err *err)
{
	const struct route *route = NULL;
	const struct interface *interface = NULL;
	struct addr next_hop = *dst;
	struct path path = {.on_link = true};
	char text[ADDR_TEXT_BYTES];

	if (!check_destination(dst, err))
		return false;
	if (only_interface >= 0 && (size_t)only_interface >= network->interface_count)
		return err_set(err, ERR_SYSTEM, "interface number %d does not exist: see --iflist", only_interface);
	route = find_route(network, dst, only_interface);
	path.interface = pick_interface(network, dst, route, only_interface, err);
	if (path.interface < 0)
		return false;
	interface = &network->interfaces[path.interface];
	path.mtu_bytes = interface->mtu_bytes;
	path.kind = route && route->kind == ROUTE_LOCAL ? LINK_RAW_IP : interface->kind;
	if (route && route->kind == ROUTE_UNICAST && addr_is_set(&route->gateway)) {
		next_hop = route->gateway;
		path.on_link = false;
	}
	if (next_hop.family != dst->family && path.kind == LINK_ETHERNET)
		return err_set(err, ERR_SYSTEM,
		               "the route to %s has a gateway of another IP version, which is not supported",
		               addr_format(dst, text));
	if (path.kind != LINK_RAW_IP)
		path.next_hop = next_hop;

	if (source && addr_is_set(source)) {
		if (source->family != dst->family)
			return err_set(err, ERR_USAGE, "-S is not of the IP version of %s: give one that is",
			               addr_format(dst, text));
		path.source = *source;
	} else if (route && addr_is_set(&route->source)) {
		path.source = route->source;
	} else if (route && route->kind == ROUTE_LOCAL) {
		path.source = *dst;
	} else if (!pick_source(network, path.interface, dst, &next_hop, &path.source, err)) {
		return false;
	}
	*out = path;
	return true;
}
