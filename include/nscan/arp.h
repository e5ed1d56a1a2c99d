/* arp.h: an ARP packet that nscan sends on its own account, not as a probe of a target (IPv4 over Ethernet, RFC 826). */
#ifndef NSCAN_ARP_H
#define NSCAN_ARP_H

#include <stdbool.h>
#include <stdint.h>

#include "nscan/addr.h"

/* The sender's hardware address is that of the interface it leaves by. */
struct arp_packet {
	bool is_reply;
	struct addr sender; /* none: 0.0.0.0, as an ARP probe has it (RFC 5227 1.1) */
	struct addr target;
	uint8_t target_mac[MAC_BYTES]; /* all zero: not known */
	uint8_t to_mac[MAC_BYTES];     /* Ethernet destination */
};

#endif
