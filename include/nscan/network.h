/* network.h: what the kernel knows of interfaces and routes, as plain data.
 *
 * src/link fills it from netlink; the simulator and the unit tests fill it by hand. Looking a route up is a pure
 * function: longest prefix, then the smallest table rank and metric. */
#ifndef NSCAN_NETWORK_H
#define NSCAN_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/addr.h"
#include "nscan/err.h"

#define INTERFACE_NAME_BYTES 16

/* How frames leave an interface. */
enum link_kind {
	LINK_ETHERNET, /* own Ethernet header, own ARP */
	LINK_RAW_IP,   /* loopback, tun, ppp: the kernel takes IP packets */
};

struct interface {
	char name[INTERFACE_NAME_BYTES];
	int index; /* the kernel's ifindex */
	enum link_kind kind;
	bool up; /* administratively up and running (carrier) */
	bool loopback;
	bool no_arp;
	uint8_t mac[MAC_BYTES];
	uint32_t mtu_bytes;
};

/* An address configured on an interface. */
struct interface_addr {
	int interface; /* index into network.interfaces */
	struct addr addr;
	int prefix_bits;
};

enum route_kind { ROUTE_UNICAST, ROUTE_LOCAL, ROUTE_BROADCAST, ROUTE_UNREACHABLE };

struct route {
	struct addr prefix;
	int prefix_bits;
	enum route_kind kind;
	struct addr gateway; /* none: the destination is on the link */
	struct addr source;  /* preferred source; none: first address of the interface */
	int interface;       /* index into network.interfaces; -1 for ROUTE_UNREACHABLE */
	int rank;            /* smaller wins at equal prefix length: local table, main, default */
	uint32_t metric;
};

/* Owns its arrays; network_free releases them. */
struct network {
	struct interface *interfaces;
	size_t interface_count;
	struct interface_addr *addrs;
	size_t addr_count;
	struct route *routes;
	size_t route_count;
	size_t skipped_routes; /* in tables that only policy rules lead to (VPNs, VRFs): not consulted */
};

/* Where a datagram to one destination goes. */
struct path {
	int interface; /* index into network.interfaces */
	enum link_kind kind;
	struct addr source;   /* source address to use */
	struct addr next_hop; /* the destination itself when on-link; none on LINK_RAW_IP */
	bool on_link;
	uint32_t mtu_bytes;
};

void network_free(struct network *network);
/* -1 when there is none of that name. */
int network_interface_by_name(const struct network *network, const char *name);
/* The path to dst. only_interface >= 0 restricts to one interface (-e); source overrides the address (-S) when set.
 * With -e and no route that way, the destination counts as on-link there, as other scanners have it.
 * On failure *err says what is missing: no route, prohibited, or no source address. */
bool network_path(const struct network *network, const struct addr *dst, int only_interface, const struct addr *source,
                  struct path *out, struct err *err);

#endif
