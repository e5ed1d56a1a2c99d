/* decode.h: bytes from the wire become one typed struct, or "not for us".
 *
 * Never allocates and never trusts a length: every read goes through a bounds-checked cursor. The struct points
 * into the frame and is valid only as long as the frame is. Whether a reply answers a probe of ours is not
 * decided here but in the engine. */
#ifndef NSCAN_DECODE_H
#define NSCAN_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/addr.h"

enum reply_kind {
	REPLY_NONE = 0,
	REPLY_ARP,          /* ARP request or reply, IPv4 over Ethernet */
	REPLY_ECHO_REQUEST, /* ICMP echo request (on loopback: our own) */
	REPLY_ECHO,         /* ICMP echo reply */
	REPLY_TIMESTAMP,    /* ICMP timestamp reply */
	REPLY_UDP,          /* a whole (unfragmented) UDP datagram, its data perhaps cut by the snap length */
	REPLY_ICMP_ERROR,   /* unreachable, time exceeded, parameter problem: see `quote` */
	REPLY_FRAGMENT,     /* part of a larger datagram: not interpreted further */
	REPLY_OTHER,        /* some other packet from `src`: TCP, IGMP, ... */
};

/* The datagram that an ICMP error quotes, read as far as it goes. Zero fields beyond `bytes` are unknown, not zero:
 * test has_ports / has_udp_checksum / has_icmp_id. */
struct quote {
	struct addr src;
	struct addr dst;
	uint8_t protocol;
	uint8_t ttl;
	uint8_t tos;
	bool dont_fragment;
	bool more_fragments;
	uint16_t ip_id;
	uint16_t ip_total_bytes;  /* as the quote claims */
	uint16_t fragment_offset; /* in bytes */
	uint16_t bytes;           /* quoted bytes present, IP header included, extensions excluded (RFC 4884) */
	bool has_ports;
	uint16_t src_port;
	uint16_t dst_port;
	bool has_udp_checksum; /* the 8 bytes after the quoted IP header are all there */
	uint16_t udp_bytes;
	uint16_t udp_checksum;
	bool has_icmp_id;
	uint8_t icmp_type;
	uint16_t icmp_id;
	uint16_t icmp_sequence;
};

struct reply {
	enum reply_kind kind;
	struct addr src; /* IP source; for ARP the sender's protocol address */
	struct addr dst; /* IP destination; for ARP the target's protocol address */
	bool has_mac;
	uint8_t mac[MAC_BYTES]; /* Ethernet source; for ARP the sender's hardware address */
	uint8_t ttl;
	uint8_t tos;
	uint16_t ip_id;
	bool dont_fragment;
	bool checksum_bad; /* ICMP checksum is wrong (UDP's is not judged: offload leaves it unfinished) */
	uint16_t ip_total_bytes;
	bool truncated; /* the capture cut the packet short */

	bool arp_is_reply; /* ARP: operation 2 */

	uint8_t icmp_type;
	uint8_t icmp_code;
	uint16_t icmp_id; /* echo, timestamp */
	uint16_t icmp_sequence;
	uint16_t next_hop_mtu; /* ICMP 3/4 (RFC 1191) */
	struct quote quote;

	uint16_t src_port; /* UDP */
	uint16_t dst_port;
	uint16_t udp_checksum;
	const uint8_t *data; /* UDP payload, echo payload, or the three times of a timestamp; NULL when there is none */
	size_t data_bytes;   /* as captured */
};

/* Link types, by their pcap DLT numbers (https://www.tcpdump.org/linktypes.html). */
enum frame_link {
	FRAME_ETHERNET = 1, /* DLT_EN10MB */
	FRAME_RAW_IP = 12,  /* DLT_RAW: the packet starts with its IP header */
};

/* Reads one captured frame. Returns false (and kind REPLY_NONE) for what is malformed or of no interest. */
bool decode_frame(enum frame_link link, const uint8_t *frame, size_t captured, struct reply *out);

#endif
