/* frame.c: link headers: Ethernet with its tags, Linux cooked, BSD loopback, PPP, or none. */
#include "frame.h"

#include <string.h>

#include "nscan/wire.h"

/* 802.1Q, 802.1ad, and the older QinQ type; two tags at most are looked behind. */
enum { ETHERTYPE_VLAN = 0x8100, ETHERTYPE_QINQ = 0x88a8, ETHERTYPE_QINQ_OLD = 0x9100, MAX_VLAN_TAGS = 2 };
enum { ETHERTYPE_PPPOE = 0x8864, PPPOE_VERSION_TYPE = 0x11, PPPOE_SESSION_DATA = 0 };
/* RFC 1661 2, RFC 1332 3.1, RFC 5072 2; RFC 1662 3.1: address and control of HDLC-like framing. */
enum { PPP_IPV4 = 0x0021, PPP_IPV6 = 0x0057, HDLC_ADDRESS = 0xff, HDLC_CONTROL = 0x03 };
enum { CISCO_UNICAST = 0x0f, CISCO_BROADCAST = 0x8f };
/* Address families in BSD loopback headers: AF_INET is 2 everywhere, AF_INET6 differs between the systems. */
enum { BSD_INET = 2 };
static const uint32_t bsd_inet6[] = {24 /* NetBSD, OpenBSD */, 28 /* FreeBSD */, 30 /* macOS */, 10 /* Linux */};
enum { COOKED_BROADCAST = 1, COOKED_MULTICAST = 2, COOKED_FROM_HERE = 4, ARPHRD_ETHERNET = 1 };

static bool is_vlan_tag(uint16_t ethertype)
{
	return ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ || ethertype == ETHERTYPE_QINQ_OLD;
}

/* An IP packet of the version that the link's header promised. */
static bool read_ip_of(unsigned version, struct cursor c, struct reply *out)
{
	return cursor_left(&c) > 0 && *c.at >> 4 == version && read_ip(c, out);
}

/* The protocol field of PPP, which may be compressed to its low byte (RFC 1661 6.5), and what it announces. */
static bool read_ppp_protocol(struct cursor c, struct reply *out)
{
	uint16_t protocol = cursor_u8(&c);

	if (!(protocol & 1))
		protocol = (uint16_t)(protocol << 8 | cursor_u8(&c));
	if (!c.ok || (protocol != PPP_IPV4 && protocol != PPP_IPV6))
		return false;
	return read_ip_of(protocol == PPP_IPV4 ? 4 : 6, c, out);
}

static bool read_ppp(struct cursor c, struct reply *out)
{
	if (cursor_left(&c) >= 2 && c.at[0] == HDLC_ADDRESS && c.at[1] == HDLC_CONTROL)
		cursor_take(&c, 2);
	return read_ppp_protocol(c, out);
}

/* RFC 2516 4: version and type, code, session, length; then PPP's protocol. */
static bool read_pppoe(struct cursor c, struct reply *out)
{
	uint8_t version_type = cursor_u8(&c), code = cursor_u8(&c);
	uint16_t bytes;

	cursor_u16(&c);
	bytes = cursor_u16(&c);
	if (!c.ok || version_type != PPPOE_VERSION_TYPE || code != PPPOE_SESSION_DATA)
		return false;
	if (cursor_left(&c) > bytes)
		c.end = c.at + bytes; /* Ethernet pads short frames */
	return read_ppp_protocol(c, out);
}

/* What an Ethernet type announces. */
static bool read_ethertype(uint16_t ethertype, struct cursor c, struct reply *out)
{
	for (int i = 0; i < MAX_VLAN_TAGS && is_vlan_tag(ethertype); i++) {
		cursor_u16(&c);
		ethertype = cursor_u16(&c);
	}
	if (!c.ok)
		return false;
	switch (ethertype) {
	case ETHERTYPE_ARP_:
		return read_arp(c, out);
	case ETHERTYPE_IPV4:
	case ETHERTYPE_IPV6_:
		return read_ip_of(ethertype == ETHERTYPE_IPV4 ? 4 : 6, c, out);
	case ETHERTYPE_PPPOE:
		return read_pppoe(c, out);
	default:
		return false;
	}
}

static bool read_ethernet(struct cursor c, struct reply *out)
{
	const uint8_t *destination = cursor_take(&c, MAC_BYTES), *source = cursor_take(&c, MAC_BYTES);
	uint16_t ethertype = cursor_u16(&c);

	if (!destination || !source || !c.ok)
		return false;
	out->has_mac = out->has_dst_mac = true;
	memcpy(out->mac, source, MAC_BYTES);
	memcpy(out->dst_mac, destination, MAC_BYTES);
	out->to_group = destination[0] & 1;
	return read_ethertype(ethertype, c, out);
}

/* Cisco HDLC: address, control, Ethernet type. */
static bool read_cisco_hdlc(struct cursor c, struct reply *out)
{
	cursor_take(&c, 2);
	return read_ethertype(cursor_u16(&c), c, out);
}

static bool read_ppp_hdlc(struct cursor c, struct reply *out)
{
	if (cursor_left(&c) > 0 && (*c.at == CISCO_UNICAST || *c.at == CISCO_BROADCAST))
		return read_cisco_hdlc(c, out);
	return read_ppp(c, out);
}

static bool read_loopback(struct cursor c, struct reply *out)
{
	uint32_t family = cursor_u32(&c);

	if (!c.ok)
		return false;
	if (family > 0xffff) /* the other byte order */
		family = __builtin_bswap32(family);
	if (family == BSD_INET)
		return read_ip_of(4, c, out);
	for (size_t i = 0; i < sizeof(bsd_inet6) / sizeof(bsd_inet6[0]); i++) {
		if (family == bsd_inet6[i])
			return read_ip_of(6, c, out);
	}
	return false;
}

/* What both versions of the cooked header say about the sender. */
static void take_cooked_sender(struct reply *out, unsigned direction, unsigned hardware, unsigned bytes,
                               const uint8_t *address)
{
	out->sent_from_here = direction == COOKED_FROM_HERE;
	out->to_group = direction == COOKED_BROADCAST || direction == COOKED_MULTICAST;
	out->has_mac = address && hardware == ARPHRD_ETHERNET && bytes == MAC_BYTES;
	if (out->has_mac)
		memcpy(out->mac, address, MAC_BYTES);
}

static bool read_cooked(struct cursor c, struct reply *out)
{
	uint16_t direction = cursor_u16(&c), hardware = cursor_u16(&c), bytes = cursor_u16(&c);

	take_cooked_sender(out, direction, hardware, bytes, cursor_take(&c, 8));
	return read_ethertype(cursor_u16(&c), c, out);
}

static bool read_cooked2(struct cursor c, struct reply *out)
{
	uint16_t ethertype = cursor_u16(&c), hardware;
	uint8_t direction, bytes;

	cursor_take(&c, 6); /* reserved, interface index */
	hardware = cursor_u16(&c);
	direction = cursor_u8(&c);
	bytes = cursor_u8(&c);
	take_cooked_sender(out, direction, hardware, bytes, cursor_take(&c, 8));
	return read_ethertype(ethertype, c, out);
}

static bool read_ipv4_link(struct cursor c, struct reply *out)
{
	return read_ip_of(4, c, out);
}

static bool read_ipv6_link(struct cursor c, struct reply *out)
{
	return read_ip_of(6, c, out);
}

static const struct {
	enum frame_link link;
	bool (*read)(struct cursor c, struct reply *out);
} links[] = {
        {FRAME_ETHERNET, read_ethernet}, {FRAME_RAW_IP, read_ip},         {FRAME_COOKED, read_cooked},
        {FRAME_COOKED2, read_cooked2},   {FRAME_RAW_IP_FILE, read_ip},    {FRAME_IPV4, read_ipv4_link},
        {FRAME_IPV6, read_ipv6_link},    {FRAME_NULL, read_loopback},     {FRAME_LOOP, read_loopback},
        {FRAME_PPP, read_ppp},           {FRAME_PPP_HDLC, read_ppp_hdlc}, {FRAME_CISCO_HDLC, read_cisco_hdlc},
        {FRAME_PPPOE, read_pppoe},
};
enum { LINK_COUNT = sizeof(links) / sizeof(links[0]) };

bool frame_link_known(unsigned link)
{
	for (size_t i = 0; i < LINK_COUNT; i++) {
		if (links[i].link == link)
			return true;
	}
	return false;
}

bool read_link(enum frame_link link, struct cursor c, struct reply *out)
{
	for (size_t i = 0; i < LINK_COUNT; i++) {
		if (links[i].link == link)
			return links[i].read(c, out);
	}
	return false;
}
