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
	REPLY_TIMESTAMP_REQUEST,
	REPLY_NEIGHBOUR,  /* IPv6 neighbour solicitation or advertisement (RFC 4861 4.3, 4.4) */
	REPLY_UDP,        /* a whole (unfragmented) UDP datagram, its data perhaps cut by the snap length */
	REPLY_ICMP_ERROR, /* unreachable, time exceeded, parameter problem: see `quote` */
	REPLY_FRAGMENT,   /* part of a larger datagram: `data` is what it carries; see reassembly.h */
	REPLY_OTHER,      /* some other packet from `src`: TCP (then with ports and flags), IGMP, ... */
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
	struct addr
	        src; /* IP source; for ARP the sender's protocol address, for an advertisement the one it is about */
	struct addr dst; /* IP destination; for ARP and a solicitation the address that is asked for */
	bool has_mac;
	uint8_t mac[MAC_BYTES]; /* Ethernet source; for ARP the sender's hardware address */
	bool has_dst_mac;
	uint8_t dst_mac[MAC_BYTES]; /* Ethernet destination */
	bool to_group;              /* broadcast or multicast, by the link's header or by the IP destination */
	bool sent_from_here;        /* Linux cooked capture: the capturing machine itself sent it */
	uint8_t protocol;           /* what the IP header carries, behind extension headers */
	uint8_t ttl;
	uint8_t tos;
	uint16_t ip_id;
	bool dont_fragment;
	bool checksum_bad; /* ICMP checksum is wrong (UDP's is not judged: offload leaves it unfinished) */
	uint16_t ip_total_bytes;
	bool truncated; /* the capture cut the packet short */

	uint16_t fragment_offset; /* REPLY_FRAGMENT: where its data belongs, in bytes */
	bool more_fragments;
	uint32_t fragment_id; /* ip_id, or the 32 bits of IPv6 */

	bool arp_is_reply; /* ARP: operation 2; neighbour discovery: an advertisement */

	uint8_t icmp_type;
	uint8_t icmp_code;
	uint16_t icmp_id; /* echo, timestamp */
	uint16_t icmp_sequence;
	uint16_t next_hop_mtu; /* ICMP 3/4 (RFC 1191) */
	struct quote quote;

	uint16_t src_port; /* UDP; TCP, if they were captured */
	uint16_t dst_port;
	uint16_t udp_checksum;
	uint8_t tcp_flags; /* TCP_SYN, ...; 0: not TCP, or not captured */
	const uint8_t
	        *data; /* UDP payload, echo payload, the three times of a timestamp, or a fragment's part; NULL: none */
	size_t data_bytes;      /* as captured */
	size_t wire_data_bytes; /* as it was on the wire: more than data_bytes when the capture cut the packet short */
};

/* How long the data was when it came, captured or not. */
static inline size_t reply_came_bytes(const struct reply *reply)
{
	return reply->wire_data_bytes > reply->data_bytes ? reply->wire_data_bytes : reply->data_bytes;
}

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

/* Link types, by the numbers that capture files have for them (https://www.tcpdump.org/linktypes.html). */
enum frame_link {
	FRAME_NULL = 0,          /* BSD loopback: the address family in the byte order of whoever captured */
	FRAME_ETHERNET = 1,      /* 802.1Q, 802.1ad and PPPoE are looked behind */
	FRAME_PPP = 9,           /* with or without HDLC's address and control */
	FRAME_RAW_IP = 12,       /* DLT_RAW: the packet starts with its IP header */
	FRAME_PPP_HDLC = 50,     /* PPP in HDLC-like framing (RFC 1662), or Cisco HDLC */
	FRAME_PPPOE = 51,        /* PPPoE session (RFC 2516) without its Ethernet header */
	FRAME_RAW_IP_FILE = 101, /* LINKTYPE_RAW: what DLT_RAW is called in files */
	FRAME_CISCO_HDLC = 104,
	FRAME_LOOP = 108,   /* OpenBSD loopback: the address family in network order */
	FRAME_COOKED = 113, /* Linux "any" interface (SLL) */
	FRAME_IPV4 = 228,
	FRAME_IPV6 = 229,
	FRAME_COOKED2 = 276, /* the same, version 2 (SLL2) */
};

/* Whether frames of that link type can be read. */
bool frame_link_known(unsigned link);
/* Reads one captured frame. Returns false (and kind REPLY_NONE) for what is malformed or of no interest. */
bool decode_frame(enum frame_link link, const uint8_t *frame, size_t captured, struct reply *out);

#endif
