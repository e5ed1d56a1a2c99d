/* decode.c: frames to typed replies. Checked in this order: version, header length, total length, fragment, checksum. */
#include "nscan/decode.h"

#include "frame.h"
#include "ip.h"
#include "nscan/bytes.h"
#include "nscan/checksum.h"
#include "nscan/wire.h"

enum { ARP_HARDWARE_ETHERNET = 1, ARP_REQUEST = 1, ARP_REPLY = 2 };
enum {
	ICMP6_ERRORS_END = 128,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_TOO_BIG = 2,
	ICMP6_PARAMETER_PROBLEM = 4,
	ICMP6_SOLICITATION = 135,
	ICMP6_ADVERTISEMENT = 136,
};

/* What follows the IP header of a packet. */
struct body {
	struct cursor cursor;
	size_t claimed; /* bytes on the wire; the cursor has fewer when the capture was cut */
	uint8_t protocol;
};

/* The 8 bytes that every ICMP error quotes after the IP header, and no more: what follows proves nothing. */
static void read_quoted_upper(struct cursor *c, struct quote *out)
{
	if (out->fragment_offset != 0)
		return;
	if ((out->protocol == IP_PROTO_UDP || out->protocol == IP_PROTO_TCP) && cursor_left(c) >= 4) {
		out->src_port = cursor_u16(c);
		out->dst_port = cursor_u16(c);
		out->has_ports = true;
		if (out->protocol == IP_PROTO_UDP && cursor_left(c) >= 4) {
			out->udp_bytes = cursor_u16(c);
			out->udp_checksum = cursor_u16(c);
			out->has_udp_checksum = true;
		}
	}
	if ((out->protocol == IP_PROTO_ICMP || out->protocol == IP_PROTO_ICMPV6) &&
	    cursor_left(c) >= ICMP_HEADER_BYTES) {
		out->icmp_type = cursor_u8(c);
		cursor_take(c, 3);
		out->icmp_id = cursor_u16(c);
		out->icmp_sequence = cursor_u16(c);
		out->has_icmp_id = true;
	}
}

/* The quote ends where a length says so: its own IP length (what follows is padding), or the one of RFC 4884. Some stacks
 * garble either (host byte order, header subtracted, a field never set): a length without room for the 8 bytes that
 * every error has to quote is not believed. */
static size_t quote_end(size_t bytes, size_t length, size_t header_bytes)
{
	return length >= header_bytes + 8 && length < bytes ? length : bytes;
}

/* rfc4884_bytes: the length of the quote when extensions follow it, else 0. */
static bool read_quote(struct cursor c, size_t rfc4884_bytes, struct quote *out)
{
	struct ip_header ip;
	size_t bytes = cursor_left(&c);
	const uint8_t *start = c.at;

	if (!ip_header_read(&c, &ip))
		return false;
	bytes = quote_end(bytes, ip.total_bytes, ip.header_bytes);
	bytes = quote_end(bytes, rfc4884_bytes, ip.header_bytes);
	c.end = start + bytes;
	*out = (struct quote){
	        .src = ip.src,
	        .dst = ip.dst,
	        .protocol = ip.protocol,
	        .ttl = ip.ttl,
	        .tos = ip.tos,
	        .dont_fragment = ip.dont_fragment,
	        .more_fragments = ip.more_fragments,
	        .ip_id = ip.id,
	        .ip_total_bytes = (uint16_t)(ip.total_bytes > UINT16_MAX ? UINT16_MAX : ip.total_bytes),
	        .fragment_offset = ip.fragment_offset,
	        .bytes = (uint16_t)(bytes > UINT16_MAX ? UINT16_MAX : bytes),
	};
	read_quoted_upper(&c, out);
	return true;
}

/* An ICMP error: `rest` is the second word of its header, `c` stands at the quote. RFC 4884 4 puts the length of the quote
 * into that word, in units of 4 bytes for IPv4 and of 8 for IPv6. */
static bool read_icmp_error(struct cursor c, uint32_t rest, struct reply *out)
{
	size_t quote_bytes = 0;

	if (out->src.family == 4) {
		quote_bytes = (rest >> 16 & 0xff) * 4;
		if (out->icmp_type == ICMP4_UNREACHABLE && out->icmp_code == ICMP4_CODE_FRAGMENTATION_NEEDED)
			out->next_hop_mtu = (uint16_t)rest;
	} else if (out->icmp_type == ICMP6_TOO_BIG) {
		out->next_hop_mtu = (uint16_t)(rest > UINT16_MAX ? UINT16_MAX : rest);
	} else if (out->icmp_type != ICMP6_PARAMETER_PROBLEM) {
		quote_bytes = (rest >> 24) * 8;
	}
	if (!read_quote(c, quote_bytes, &out->quote) || out->quote.src.family != out->src.family)
		return false;
	out->kind = REPLY_ICMP_ERROR;
	return true;
}

static enum reply_kind icmp_query_kind(uint8_t family, uint8_t type)
{
	if (family == 6)
		return type == ICMP6_ECHO ? REPLY_ECHO_REQUEST : type == ICMP6_ECHO_REPLY ? REPLY_ECHO : REPLY_OTHER;
	switch (type) {
	case ICMP4_ECHO:
		return REPLY_ECHO_REQUEST;
	case ICMP4_ECHO_REPLY:
		return REPLY_ECHO;
	case ICMP4_TIMESTAMP_REPLY:
		return REPLY_TIMESTAMP;
	case ICMP4_TIMESTAMP:
		return REPLY_TIMESTAMP_REQUEST;
	default:
		return REPLY_OTHER;
	}
}

/* wire_bytes: how much there was on the wire, as the headers claim. */
static void take_data(struct cursor *c, size_t wire_bytes, struct reply *out)
{
	out->wire_data_bytes = wire_bytes;
	out->data_bytes = cursor_left(c);
	out->data = out->data_bytes ? c->at : NULL;
}

/* RFC 4861 4.3, 4.4. The sender's link-layer option is not needed: the frame says the same. */
static bool read_neighbour(struct cursor *c, struct reply *out)
{
	const uint8_t *target = cursor_take(c, 16);
	bool is_advertisement = out->icmp_type == ICMP6_ADVERTISEMENT;

	if (!target)
		return false;
	out->kind = REPLY_NEIGHBOUR;
	out->arp_is_reply = is_advertisement;
	*(is_advertisement ? &out->src : &out->dst) = addr_from_bytes(6, target);
	return true;
}

static bool read_icmp(struct body *body, struct reply *out)
{
	struct cursor *c = &body->cursor;
	const struct icmp_row *row;
	uint32_t sum = 0, rest;

	if (!out->truncated) {
		if (out->src.family == 6)
			sum = checksum_pseudo(&out->src, &out->dst, IP_PROTO_ICMPV6, (uint32_t)cursor_left(c));
		out->checksum_bad = checksum_finish(checksum_add(sum, c->at, cursor_left(c))) != 0;
	}
	out->icmp_type = cursor_u8(c);
	out->icmp_code = cursor_u8(c);
	cursor_u16(c); /* the checksum */
	rest = cursor_u32(c);
	if (!c->ok)
		return false;
	row = icmp_lookup(out->src.family, out->icmp_type, out->icmp_code);
	if (row && row->meaning != ICMP_MEANS_NOTHING)
		return read_icmp_error(*c, rest, out);
	if (out->src.family == 6 && (out->icmp_type == ICMP6_SOLICITATION || out->icmp_type == ICMP6_ADVERTISEMENT))
		return read_neighbour(c, out);
	out->kind = icmp_query_kind(out->src.family, out->icmp_type);
	if (out->kind == REPLY_OTHER)
		return true;
	out->icmp_id = (uint16_t)(rest >> 16);
	out->icmp_sequence = (uint16_t)rest;
	take_data(c, body->claimed - ICMP_HEADER_BYTES, out);
	return true;
}

static bool read_udp(struct body *body, struct reply *out)
{
	struct cursor *c = &body->cursor;
	uint16_t udp_bytes;

	out->src_port = cursor_u16(c);
	out->dst_port = cursor_u16(c);
	udp_bytes = cursor_u16(c);
	out->udp_checksum = cursor_u16(c);
	if (!c->ok || udp_bytes < UDP_HEADER_BYTES || udp_bytes > body->claimed)
		return false;
	if (cursor_left(c) > udp_bytes - (size_t)UDP_HEADER_BYTES)
		c->end = c->at + udp_bytes - UDP_HEADER_BYTES;
	out->kind = REPLY_UDP;
	take_data(c, udp_bytes - (size_t)UDP_HEADER_BYTES, out);
	return true;
}

/* RFC 9293 3.1: ports and flags, as far as they were captured. */
static void read_tcp(struct body *body, struct reply *out)
{
	struct cursor c = body->cursor;
	uint16_t src_port = cursor_u16(&c), dst_port = cursor_u16(&c);

	cursor_take(&c, 9);
	out->tcp_flags = cursor_u8(&c);
	if (!c.ok)
		return;
	out->src_port = src_port;
	out->dst_port = dst_port;
}

/* RFC 1112 4, RFC 4291 2.7; 255.255.255.255 and the rest of class E are no host either. */
static bool is_group(const struct addr *dst)
{
	return dst->bytes[0] >= (dst->family == 4 ? 224 : 255);
}

bool read_ip(struct cursor c, struct reply *out)
{
	struct ip_header ip;
	struct body body;
	size_t captured = cursor_left(&c), total;
	const uint8_t *start = c.at;

	if (!ip_header_read(&c, &ip) || ip.checksum_bad)
		return false;
	/* A segmentation-offload capture has no total length yet: then it is all that was captured. */
	total = ip.total_bytes ? ip.total_bytes : captured;
	if (total < ip.header_bytes)
		return false;
	if (total < captured)
		c.end = start + total; /* Ethernet pads short frames */
	out->src = ip.src;
	out->dst = ip.dst;
	out->to_group = out->to_group || is_group(&ip.dst);
	out->ttl = ip.ttl;
	out->tos = ip.tos;
	out->ip_id = ip.id;
	out->dont_fragment = ip.dont_fragment;
	out->ip_total_bytes = (uint16_t)(total > UINT16_MAX ? UINT16_MAX : total);
	out->truncated = total > captured;
	out->protocol = ip.protocol;
	if (ip.more_fragments || ip.fragment_offset != 0) {
		out->kind = REPLY_FRAGMENT;
		out->fragment_offset = ip.fragment_offset;
		out->more_fragments = ip.more_fragments;
		out->fragment_id = ip.fragment_id;
		take_data(&c, total - ip.header_bytes, out);
		return true;
	}
	body = (struct body){.cursor = c, .claimed = total - ip.header_bytes, .protocol = ip.protocol};
	if (body.protocol == IP_PROTO_UDP)
		return read_udp(&body, out);
	if (body.protocol == (ip.src.family == 4 ? IP_PROTO_ICMP : IP_PROTO_ICMPV6))
		return read_icmp(&body, out);
	if (body.protocol == IP_PROTO_TCP)
		read_tcp(&body, out);
	out->kind = REPLY_OTHER;
	return true;
}

/* RFC 826, with the sizes of IPv4 over Ethernet. */
bool read_arp(struct cursor c, struct reply *out)
{
	uint16_t hardware = cursor_u16(&c), protocol = cursor_u16(&c);
	uint8_t hardware_bytes = cursor_u8(&c), protocol_bytes = cursor_u8(&c);
	uint16_t operation = cursor_u16(&c);
	const uint8_t *sender_mac = cursor_take(&c, MAC_BYTES), *sender = cursor_take(&c, 4);
	const uint8_t *target;

	cursor_take(&c, MAC_BYTES);
	target = cursor_take(&c, 4);
	if (!sender_mac || !sender || !target || hardware != ARP_HARDWARE_ETHERNET || protocol != ETHERTYPE_IPV4 ||
	    hardware_bytes != MAC_BYTES || protocol_bytes != 4 || (operation != ARP_REQUEST && operation != ARP_REPLY))
		return false;
	out->kind = REPLY_ARP;
	out->has_mac = true;
	out->arp_is_reply = operation == ARP_REPLY;
	out->src = addr_from_bytes(4, sender);
	out->dst = addr_from_bytes(4, target);
	for (int i = 0; i < MAC_BYTES; i++)
		out->mac[i] = sender_mac[i];
	return true;
}

bool decode_frame(enum frame_link link, const uint8_t *frame, size_t captured, struct reply *out)
{
	struct cursor c = cursor_of(frame, captured);
	bool good;

	*out = (struct reply){0};
	good = read_link(link, c, out);
	if (!good)
		*out = (struct reply){0};
	return good;
}
