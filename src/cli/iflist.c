/* iflist.c: what nscan sees of interfaces and routes, for people. */
#include "iflist.h"

#include <string.h>

static const char *kind_name(const struct interface *interface)
{
	if (interface->loopback)
		return "loopback";
	return interface->kind == LINK_ETHERNET ? "ethernet" : "raw-ip";
}

static bool has_mac(const struct interface *interface)
{
	static const uint8_t none[MAC_BYTES] = {0};

	return interface->kind == LINK_ETHERNET && memcmp(interface->mac, none, MAC_BYTES) != 0;
}

/* One line for each address, the interface's own columns on the first. */
static void print_interface(const struct network *network, int index, FILE *out)
{
	const struct interface *interface = &network->interfaces[index];
	char mac[MAC_TEXT_BYTES] = "-";
	char text[ADDR_TEXT_BYTES];
	bool first = true;

	if (has_mac(interface))
		mac_format(interface->mac, mac);
	fprintf(out, "%-15s %-9s %-5s %6u %-17s ", interface->name, kind_name(interface), interface->up ? "up" : "down",
	        interface->mtu_bytes, mac);
	for (size_t i = 0; i < network->addr_count; i++) {
		const struct interface_addr *addr = &network->addrs[i];

		if (addr->interface != index)
			continue;
		if (!first)
			fprintf(out, "%*s", 57, "");
		fprintf(out, "%s/%d\n", addr_format(&addr->addr, text), addr->prefix_bits);
		first = false;
	}
	if (first)
		fputs("-\n", out);
}

static void print_route(const struct network *network, const struct route *route, FILE *out)
{
	static const char *const kinds[] = {
	        [ROUTE_UNICAST] = "unicast",
	        [ROUTE_LOCAL] = "local",
	        [ROUTE_BROADCAST] = "broadcast",
	        [ROUTE_UNREACHABLE] = "unreachable",
	};
	char prefix[ADDR_TEXT_BYTES], gateway[ADDR_TEXT_BYTES], source[ADDR_TEXT_BYTES];
	char destination[ADDR_TEXT_BYTES + 8];

	snprintf(destination, sizeof(destination), "%s/%d", addr_format(&route->prefix, prefix), route->prefix_bits);
	fprintf(out, "%-22s %-15s %-15s %-15s %6u %s\n", destination,
	        route->interface >= 0 ? network->interfaces[route->interface].name : "-",
	        addr_format(&route->gateway, gateway), addr_format(&route->source, source), route->metric,
	        kinds[route->kind]);
}

void iflist_print(const struct network *network, FILE *out)
{
	fprintf(out, "%-15s %-9s %-5s %6s %-17s %s\n", "INTERFACE", "KIND", "STATE", "MTU", "MAC", "ADDRESS");
	for (size_t i = 0; i < network->interface_count; i++)
		print_interface(network, (int)i, out);
	fprintf(out, "\n%-22s %-15s %-15s %-15s %6s %s\n", "DESTINATION", "INTERFACE", "GATEWAY", "SOURCE", "METRIC",
	        "KIND");
	for (size_t i = 0; i < network->route_count; i++)
		print_route(network, &network->routes[i], out);
}
