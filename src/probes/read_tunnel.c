/* read_tunnel.c: tunnels and access: OpenVPN, L2TP (RFC 2661), RADIUS (RFC 2865), GTP, IAX2 (RFC 5456), CAPWAP (RFC 5415). */
#include <stdio.h>

#include "read.h"

enum { OPENVPN_RESET_SERVER_V1 = 2, OPENVPN_RESET_SERVER_V2 = 8, OPENVPN_SESSION_BYTES = 8 };

/* OpenVPN's protocol, "P_CONTROL_HARD_RESET_SERVER_V2": session, acknowledged packets and whose they are, packet number. */
static bool read_openvpn(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint8_t first = cursor_u8(&c), acknowledged;

	cursor_take(&c, OPENVPN_SESSION_BYTES);
	acknowledged = cursor_u8(&c);
	if (!c.ok || (first >> 3 != OPENVPN_RESET_SERVER_V2 && first >> 3 != OPENVPN_RESET_SERVER_V1) ||
	    (first & 7) != 0)
		return false;
	/* Without tls-auth the form is exact: one packet acknowledged, our session's id, packet number 0. */
	if (acknowledged == 1 && n == 26) {
		say(out, "OpenVPN, no tls-auth");
		detail(out, "tls-auth", "no");
		return true;
	}
	if (n < 42 || n > 128)
		return false;
	say(out, "OpenVPN, with tls-auth");
	detail(out, "tls-auth", "yes");
	return true;
}

enum { L2TP_CONTROL = 0xc802, L2TP_RESERVED = 0x37f0, L2TP_MESSAGE = 0, L2TP_SCCRP = 2, L2TP_STOP = 4 };
enum {
	L2TP_RESULT = 1,
	L2TP_FIRMWARE = 6,
	L2TP_HOST_NAME = 7,
	L2TP_VENDOR_NAME = 8,
	AVP_BYTES = 6,
	AVP_LENGTH = 0x03ff
};

/* RFC 2661 3.1, 4.1: attributes of the answer to a request for a control connection. */
static bool read_l2tp(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint16_t flags = cursor_u16(&c), length = cursor_u16(&c), message = 0;

	cursor_take(&c, 8); /* tunnel, session, both sequence numbers */
	if (!c.ok || flags != L2TP_CONTROL || length < 12 || length > n)
		return false;
	while (cursor_left(&c) >= AVP_BYTES) {
		uint16_t bytes = cursor_u16(&c) & AVP_LENGTH, vendor = cursor_u16(&c), type = cursor_u16(&c);
		const uint8_t *value = bytes >= AVP_BYTES ? cursor_take(&c, (size_t)bytes - AVP_BYTES) : NULL;
		size_t size = (size_t)bytes - AVP_BYTES;

		if (!value)
			break;
		if (vendor != 0)
			continue;
		if (type == L2TP_MESSAGE && size == 2)
			message = (uint16_t)(value[0] << 8 | value[1]);
		else if (type == L2TP_HOST_NAME)
			detail_bytes(out, "host-name", value, size);
		else if (type == L2TP_VENDOR_NAME)
			detail_bytes(out, "vendor", value, size);
		else if (type == L2TP_FIRMWARE && size == 2)
			detail(out, "firmware", "0x%02x%02x", value[0], value[1]);
		else if (type == L2TP_RESULT && size > 4)
			detail_bytes(out, "error", value + 4, size - 4);
	}
	if (message != 0 && message != L2TP_SCCRP && message != L2TP_STOP)
		return false;
	if (service_detail(out, "vendor"))
		product_of(out, service_detail(out, "vendor"));
	if (service_detail(out, "host-name"))
		say(out, "%.60s", service_detail(out, "host-name"));
	if (service_detail(out, "vendor"))
		say(out, "%.60s", service_detail(out, "vendor"));
	if (service_detail(out, "error"))
		say(out, "%.60s", service_detail(out, "error"));
	say(out, "%s", message == L2TP_STOP ? "refuses a tunnel" : message == 0 ? "acknowledges" : "offers a tunnel");
	return true;
}

/* RFC 2865 3, RFC 5997: what a Status-Server request is answered; 18: a message to show. */
static bool read_radius(const uint8_t *data, size_t n, struct service_reading *out)
{
	static const struct named_number codes[] = {{2, "Access-Accept"},
	                                            {3, "Access-Reject"},
	                                            {5, "Accounting-Response"},
	                                            {11, "Access-Challenge"},
	                                            {0, NULL}};
	struct cursor c = cursor_of(data, n);
	uint8_t code = cursor_u8(&c);
	uint16_t length;

	cursor_u8(&c); /* identifier */
	length = cursor_u16(&c);
	cursor_take(&c, 16); /* authenticator */
	if (!c.ok || !name_of(codes, code) || length != n || length > 4096)
		return false;
	while (cursor_left(&c) >= 2) {
		uint8_t type = cursor_u8(&c), bytes = cursor_u8(&c);
		const uint8_t *value = bytes >= 2 ? cursor_take(&c, bytes - 2u) : NULL;

		if (!value)
			return false;
		if (type == 18)
			detail_bytes(out, "message", value, bytes - 2u);
	}
	detail(out, "code", "%s", name_of(codes, code));
	say(out, "%s", name_of(codes, code));
	if (service_detail(out, "message"))
		say(out, "%.80s", service_detail(out, "message"));
	return true;
}

/* 3GPP TS 29.060 7.2.2 and TS 29.274 7.1.2: echo response; recovery (14 or 3) counts restarts. */
static bool read_gtp(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint8_t flags = cursor_u8(&c), type = cursor_u8(&c), version = flags >> 5;
	uint16_t length = cursor_u16(&c);

	if (!c.ok || (type != 2 && type != 3) || (version != 1 && version != 2) || (version == 1 && !(flags & 0x10)) ||
	    length > cursor_left(&c))
		return false;
	detail(out, "gtp-version", "%u", version);
	say(out, "GTPv%u, %s", version, type == 2 ? "echo response" : "another version only");
	cursor_take(&c, version == 1 ? (flags & 7 ? 8 : 4) : 4);
	if (version == 1 && cursor_u8(&c) == 14 && c.ok) {
		detail(out, "restarts", "%u", cursor_u8(&c));
	} else if (version == 2 && c.ok && cursor_left(&c) >= 5 && c.at[0] == 3) {
		detail(out, "restarts", "%u", c.at[4]);
	}
	return true;
}

enum { IAX_FULL = 0x8000, IAX_TYPE = 6, IAX_PONG = 3, IAX_ACK = 4, IAX_INVALID = 10, IAX_UNSUPPORTED = 33 };

/* RFC 5456 8.1.1: a full frame of type IAX. */
static bool read_iax(const uint8_t *data, size_t n, struct service_reading *out)
{
	static const struct named_number subclasses[] = {{IAX_PONG, "PONG"},
	                                                 {IAX_ACK, "ACK"},
	                                                 {IAX_INVALID, "INVAL"},
	                                                 {IAX_UNSUPPORTED, "UNSUPPORT"},
	                                                 {0, NULL}};
	struct cursor c = cursor_of(data, n);
	uint16_t source = cursor_u16(&c);
	uint8_t type, subclass;

	cursor_u16(&c); /* destination call */
	cursor_u32(&c); /* time */
	cursor_u16(&c); /* sequence numbers */
	type = cursor_u8(&c);
	subclass = cursor_u8(&c);
	if (!c.ok || !(source & IAX_FULL) || type != IAX_TYPE || !name_of(subclasses, subclass) || n > 128)
		return false;
	say(out, "IAX2, %s", name_of(subclasses, subclass));
	return true;
}

enum { CAPWAP_DISCOVERY_RESPONSE = 2, CAPWAP_AC_NAME = 4, CAPWAP_AC_DESCRIPTOR = 1 };

/* RFC 5415 4.3, 4.5: the header's length is in its second byte; then message type, and elements. */
static bool read_capwap(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint8_t preamble = cursor_u8(&c), header = (uint8_t)((cursor_u8(&c) >> 3) * 4);
	uint32_t message;

	if (preamble != 0 || header < 8)
		return false;
	cursor_take(&c, header - 2u);
	message = cursor_u32(&c);
	cursor_u32(&c); /* sequence, length, flags */
	if (!c.ok || message != CAPWAP_DISCOVERY_RESPONSE)
		return false;
	while (cursor_left(&c) >= 4) {
		uint16_t type = cursor_u16(&c), bytes = cursor_u16(&c);
		const uint8_t *value = cursor_take(&c, bytes);

		if (value && type == CAPWAP_AC_NAME)
			detail_bytes(out, "name", value, bytes);
	}
	say(out, "access controller");
	if (service_detail(out, "name"))
		say(out, "%.80s", service_detail(out, "name"));
	return true;
}

static const struct reader readers[] = {
        {.service = "openvpn", .ports = {1194}, .read = read_openvpn},
        {.service = "l2tp", .ports = {1701}, .read = read_l2tp},
        {.service = "radius", .ports = {1812, 1645}, .read = read_radius},
        {.service = "radius-acct", .ports = {1813, 1646}, .only_there = true, .read = read_radius},
        {.service = "gtp-control", .ports = {2123}, .only_there = true, .read = read_gtp},
        {.service = "gtp-user", .ports = {2152}, .only_there = true, .read = read_gtp},
        {.service = "iax", .ports = {4569}, .read = read_iax},
        {.service = "capwap-control", .ports = {5246}, .only_there = true, .read = read_capwap},
};

READER_FAMILY(readers_tunnel, readers);
