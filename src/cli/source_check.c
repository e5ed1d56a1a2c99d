/* source_check.c: the addresses of --source-ips beside those of the interface that leads to the targets. */
#include "source_check.h"

#include <stdio.h>

enum { SUBNETS_TEXT_BYTES = 96 };

/* What an address is to the interface that it shall be used on. */
enum standing {
	STANDING_OWN,       /* the interface has it */
	STANDING_FREE,      /* in a subnet of the interface: may be claimed */
	STANDING_EDGE,      /* the network or broadcast address of a subnet */
	STANDING_ELSEWHERE, /* another interface of this machine has it */
	STANDING_FOREIGN,   /* in no subnet of the interface */
};

static bool is_local(const struct network *network, const struct addr *addr)
{
	for (size_t i = 0; i < network->route_count; i++) {
		const struct route *route = &network->routes[i];

		if (route->kind == ROUTE_LOCAL && addr_in_prefix(addr, &route->prefix, route->prefix_bits))
			return true;
	}
	return false;
}

static enum standing in_subnet(const struct addr *addr, const struct interface_addr *own)
{
	struct addr first = addr_prefix_first(&own->addr, own->prefix_bits);
	struct addr last = addr_prefix_last(&own->addr, own->prefix_bits);

	if (addr_equal(addr, &own->addr))
		return STANDING_OWN;
	if (!addr_in_prefix(addr, &own->addr, own->prefix_bits))
		return STANDING_FOREIGN;
	/* Both addresses of a /31 are hosts (RFC 3021). */
	return own->prefix_bits < 31 && (addr_equal(addr, &first) || addr_equal(addr, &last)) ? STANDING_EDGE
	                                                                                      : STANDING_FREE;
}

static enum standing find_standing(const struct network *network, int interface, const struct addr *addr)
{
	enum standing best = STANDING_FOREIGN;
	bool edge = false;

	/* Whatever this machine has, it has on the loopback. */
	if (network->interfaces[interface].loopback && is_local(network, addr))
		return STANDING_OWN;
	for (size_t i = 0; i < network->addr_count; i++) {
		enum standing here;

		if (network->addrs[i].interface != interface)
			continue;
		here = in_subnet(addr, &network->addrs[i]);
		edge |= here == STANDING_EDGE;
		if (here < best)
			best = here;
	}
	if (best == STANDING_OWN)
		return best;
	if (is_local(network, addr))
		return STANDING_ELSEWHERE;
	return edge ? STANDING_EDGE : best;
}

/* "10.77.0.1/24, 10.78.0.1/16" */
static const char *subnets_of(const struct network *network, int interface, char out[SUBNETS_TEXT_BYTES])
{
	size_t used = 0;

	snprintf(out, SUBNETS_TEXT_BYTES, "it has no IPv4 address");
	for (size_t i = 0; i < network->addr_count && used < SUBNETS_TEXT_BYTES; i++) {
		const struct interface_addr *own = &network->addrs[i];
		char text[ADDR_TEXT_BYTES];
		int n;

		if (own->interface != interface || own->addr.family != 4)
			continue;
		n = snprintf(out + used, SUBNETS_TEXT_BYTES - used, "%s%s/%d", used ? ", " : "",
		             addr_format(&own->addr, text), own->prefix_bits);
		used += n > 0 ? (size_t)n : 0;
	}
	return out;
}

static bool refuse(const struct network *network, int number, const struct addr *addr, enum standing standing,
                   struct err *err)
{
	const struct interface *interface = &network->interfaces[number];
	char text[ADDR_TEXT_BYTES], subnets[SUBNETS_TEXT_BYTES];

	addr_format(addr, text);
	subnets_of(network, number, subnets);
	switch (standing) {
	case STANDING_EDGE:
		return err_set(err, ERR_USAGE,
		               "--source-ips: %s is the network or broadcast address of a subnet of %s (%s); leave it "
		               "out",
		               text, interface->name, subnets);
	case STANDING_ELSEWHERE:
		return err_set(err, ERR_USAGE,
		               "--source-ips: this machine has %s, but not on %s, which leads to the targets; leave it "
		               "out",
		               text, interface->name);
	case STANDING_FREE:
		return err_set(err, ERR_USAGE,
		               "--source-ips: %s does not have %s, and without ARP nothing can be claimed there; leave "
		               "it out",
		               interface->name, text);
	default:
		return err_set(
		        err, ERR_USAGE,
		        "--source-ips: %s is in no subnet of %s (%s): answers would not find their way; leave it "
		        "out",
		        text, interface->name, subnets);
	}
}

bool source_check(const struct network *network, int interface, const struct addr *sources, size_t count,
                  struct addr *to_claim, size_t *claim_count, struct err *err)
{
	const struct interface *on = &network->interfaces[interface];
	bool can_claim = on->kind == LINK_ETHERNET && !on->no_arp;

	*claim_count = 0;
	for (size_t i = 0; i < count; i++) {
		enum standing standing = find_standing(network, interface, &sources[i]);

		if (standing == STANDING_OWN)
			continue;
		if (standing != STANDING_FREE || !can_claim)
			return refuse(network, interface, &sources[i], standing, err);
		to_claim[(*claim_count)++] = sources[i];
	}
	return true;
}
