/* ip.h: an IPv4 or IPv6 header as one struct, for a packet and for the quote in an ICMP error alike. */
#ifndef NSCAN_WIRE_IP_H
#define NSCAN_WIRE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/addr.h"
#include "nscan/bytes.h"

struct ip_header {
	struct addr src;
	struct addr dst;
	uint8_t protocol; /* of what follows; IPv6: after the extension headers that could be read */
	uint8_t ttl;
	uint8_t tos;
	bool dont_fragment;
	bool more_fragments;
	uint16_t id;
	uint32_t fragment_id;     /* the same; IPv6: all 32 bits, 0 without a fragment header */
	uint16_t fragment_offset; /* in bytes */
	uint16_t header_bytes;    /* options or extension headers included */
	uint32_t total_bytes;     /* as claimed; 0: not told */
	bool checksum_bad;        /* IPv4 header checksum; never for one left at 0 */
};

/* Reads the header and leaves the cursor behind it. The claimed total length is not compared with what is there:
 * that is the caller's, who knows whether the capture or the quote was cut. False when the version or the header
 * length is wrong or the header is not all there. */
bool ip_header_read(struct cursor *c, struct ip_header *out);

#endif
