/* wire.h: numbers and names of the protocols on the wire, as tables. */
#ifndef NSCAN_WIRE_H
#define NSCAN_WIRE_H

#include <stdint.h>

#include "nscan/addr.h"

enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_ARP_ = 0x0806, ETHERTYPE_IPV6_ = 0x86dd };
enum { ETHERNET_HEADER_BYTES = 14, IPV4_HEADER_BYTES = 20, UDP_HEADER_BYTES = 8, ICMP_HEADER_BYTES = 8 };
enum { IP_PROTO_ICMP = 1, IP_PROTO_TCP = 6, IP_PROTO_UDP = 17, IP_PROTO_ICMPV6 = 58 };
enum {
	ICMP4_ECHO_REPLY = 0,
	ICMP4_UNREACHABLE = 3,
	ICMP4_SOURCE_QUENCH = 4,
	ICMP4_REDIRECT = 5,
	ICMP4_ECHO = 8,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER_PROBLEM = 12,
	ICMP4_TIMESTAMP = 13,
	ICMP4_TIMESTAMP_REPLY = 14,
};
enum { ICMP4_CODE_PORT = 3, ICMP4_CODE_FRAGMENTATION_NEEDED = 4 };

/* What an ICMP error about a UDP probe says, before asking who sent it. */
enum icmp_meaning {
	ICMP_MEANS_NOTHING,     /* not an error, or none that concerns a probe (redirect, source quench) */
	ICMP_MEANS_PORT_CLOSED, /* port unreachable */
	ICMP_MEANS_FILTERED,    /* any other unreachable, time exceeded in transit, parameter problem */
	ICMP_MEANS_TOO_BIG,     /* fragmentation needed / packet too big */
	ICMP_MEANS_REASSEMBLY,  /* fragment reassembly time exceeded */
};

/* One row for each ICMP error type and code (RFC 792, 1122, 1812, 4443). */
struct icmp_row {
	uint8_t family; /* 4 or 6 */
	uint8_t type;
	uint8_t code;
	enum icmp_meaning meaning;
	bool host_gone;   /* says that the host itself cannot be reached (3/0, 3/1, ...) */
	const char *name; /* nmap's word for it where it has one: "port-unreach" */
};

/* The row of that error; NULL when it is no error about a datagram of ours. A code that the table does not
 * know yields the type's generic row ("dest-unreach", "time-exceeded", "param-problem"), never NULL. */
const struct icmp_row *icmp_lookup(uint8_t family, uint8_t type, uint8_t code);

#endif
